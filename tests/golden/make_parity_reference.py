#!/usr/bin/env python3
"""Measures what bfloat16 costs the reference implementation on the golden models.

    python3 make_parity_reference.py [--out bfloat16_reference.json] [--models gpt2,llama]

Needs torch 2.13.0 (CPU), transformers 5.23.0 and safetensors; no network. For each golden model it
runs transformers in float32 and in bfloat16 over the stored ids (1, 7, 64 and 150 tokens, one
sequence at a time, one thread) and writes the mean, the 99.9 % quantile and the largest of
|bfloat16 - float32| over all logits of all positions: with the attention of the stored logits
(mostly `eager`, which rounds scores to bfloat16) and with the default of the class (mostly `sdpa`,
what an evaluation by the harness runs). The engine's own errors are tested against the first.
"""
import argparse
import importlib.metadata
import json
import math
import shutil
import tempfile
from pathlib import Path

import make_family_goldens as goldens  # sets the environment before torch comes
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
QUANTILE = 0.999


def loadable_folder(name, scratch):
    """The model's folder, or one with the same weights for which transformers has a class."""
    folder = HERE / "models" / name
    if json.loads((folder / "config.json").read_text())["model_type"] != "exaone":
        return folder
    copy = Path(scratch) / name
    shutil.copytree(folder, copy)
    goldens.from_exaone(copy)
    return copy


@torch.no_grad()
def all_logits(model, ids):
    return [model(row[None, :-1].long(), use_cache=False).logits[0].float() for row in ids]


def errors(exact, rounded):
    distances = torch.cat([(a - b).abs().flatten() for a, b in zip(exact, rounded)])
    assert torch.isfinite(distances).all()
    rank = math.ceil(QUANTILE * distances.numel())
    figures = {"mean": distances.mean(), "p999": distances.kthvalue(rank).values,
               "max": distances.max()}
    return {key: float(f"{value.item():.5g}") for key, value in figures.items()}


def measure(name, scratch):
    stored = load_file(HERE / "logits" / f"{name}.safetensors")
    ids = [stored[f"ids_{n}"] for n in goldens.LENGTHS]
    folder = loadable_folder(name, scratch)
    golden = goldens.attention_of(name)
    exact = all_logits(goldens.load(folder, torch.float32, golden), ids)
    for n, logits in zip(goldens.LENGTHS, exact):
        assert (logits[-8:] - stored[f"logits_{n}"]).abs().max() < 2e-4, f"{name}: n {n}"
    default = AutoModelForCausalLM.from_pretrained(str(folder)).config._attn_implementation
    report = {"golden_attention": golden}
    for attention in dict.fromkeys((golden, default)):
        rounded = all_logits(goldens.load(folder, torch.bfloat16, attention), ids)
        report[attention] = errors(exact, rounded)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "bfloat16_reference.json")
    parser.add_argument("--models", default="", help="comma separated names; default all")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    stored = sorted(file.stem for file in (HERE / "logits").glob("*.safetensors"))
    names = [name for name in arguments.models.split(",") if name] or stored
    report = {"models": {}}
    if arguments.models and arguments.out.exists():
        report = json.loads(arguments.out.read_text())
    report["versions"] = {package: importlib.metadata.version(package)
                          for package in ("torch", "transformers")}
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            report["models"][name] = measure(name, scratch)
            print(name, report["models"][name], flush=True)
    report["models"] = dict(sorted(report["models"].items()))
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
