#!/usr/bin/env python3
"""Makes longrope_generation.json: greedy texts that grow past the original length of a longrope model.

    python3 make_longrope_generation.py        needs torch 2.13.0 (CPU), transformers 5.23.0; no network

Up to the original length transformers turns positions by the short factors and beyond it by the long ones, all of a
forward pass alike. When a text reaches one token more, `generate` of Phi3ForCausalLM drops the keys that it has and
runs the whole sequence again with the long factors; every other class keeps them, so that the long factors meet keys
of the short ones, and its texts are not those of whole sequences. Models: phi3_longrope, and llama with a config that
says longrope. A text has the prompt, the ids that `generate` gives, the smallest distance of the two best logits on
the way, the ids by whole sequences without a cache, and those that would come out with the short factors to the end.
"""
import json
import os
import pathlib
import shutil
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")

import torch  # noqa: E402: the environment comes first
from transformers import AutoModelForCausalLM  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 80, "factor": 4.0,
            "short_factor": [1.0, 1.2, 1.4, 1.6, 1.8, 2.0], "long_factor": [6.0, 7.5, 9.0, 10.5, 12.0, 13.5]}
LENGTHS = (40, 60, 70, 76, 79, 80, 81, 100)
NEW_TOKENS = 32
FIRST_ID, LAST_ID = 20, 1000  # no special tokens


def load(folder):
    return AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, attn_implementation="eager").eval()


def llama_folder(scratch):
    """The golden model llama under a config with longrope; its changed keys."""
    folder = pathlib.Path(scratch) / "llama"
    shutil.copytree(HERE / "models" / "llama", folder)
    config = json.loads((folder / "config.json").read_text())
    config.pop("rope_scaling")
    config.pop("rope_theta")
    config["rope_parameters"] = LONGROPE
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def prompts():
    dice = torch.Generator().manual_seed(20261125)
    for length in LENGTHS:
        for _ in range(3):
            yield torch.randint(FIRST_ID, LAST_ID, (length,), generator=dice).tolist()


@torch.no_grad()
def generated(model, prompt):
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0,
                         eos_token_id=None, return_dict_in_generate=True, output_logits=True)
    best = torch.stack(out.logits).topk(2, dim=-1).values[:, 0]
    return out.sequences[0, len(prompt):].tolist(), float((best[:, 0] - best[:, 1]).min())


@torch.no_grad()
def by_whole_sequences(model, prompt):
    """The first maximum of the logits of everything so far, without a cache."""
    ids = list(prompt)
    for _ in range(NEW_TOKENS):
        ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[len(prompt):]


def texts_of(folder, restarts):
    model, kept = load(folder), load(folder)
    original = model.config.rope_parameters["original_max_position_embeddings"]
    for place in (vars(kept.config), kept.config.rope_parameters):  # so that it never leaves the short factors
        if "original_max_position_embeddings" in place:
            place["original_max_position_embeddings"] = 10**6
    out, moved, stale = [], 0, 0
    for prompt in prompts():
        ids, gap = generated(model, prompt)
        whole, short = by_whole_sequences(model, prompt), by_whole_sequences(kept, prompt)
        assert ids == whole or not restarts, "generate and whole sequences differ"
        moved += len(prompt) <= original and ids != short
        stale += ids != whole
        out.append({"prompt": prompt, "ids": ids, "gap": gap, "whole_ids": whole, "short_ids": short})
    assert moved >= 6, f"only {moved} texts show the switch"
    assert restarts or stale >= 6, f"only {stale} texts show the kept keys"
    print(len(out), "texts;", moved, "of those that cross show the switch,", stale, "the kept keys; smallest gap",
          min(text["gap"] for text in out))
    return {"original_length": original, "new_tokens": NEW_TOKENS, "texts": out}


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        models = {"phi3_longrope": texts_of(HERE / "models" / "phi3_longrope", restarts=True),
                  "llama": texts_of(llama_folder(scratch), restarts=False) | {"rope_parameters": LONGROPE}}
    (HERE / "longrope_generation.json").write_text(json.dumps(models) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
