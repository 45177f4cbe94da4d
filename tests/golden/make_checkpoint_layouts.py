#!/usr/bin/env python3
"""Makes checkpoint_layouts.json: how transformers stores models of this folder in its other layouts.

    python3 make_checkpoint_layouts.py        needs torch 2.13.0 (CPU), transformers 5.23.0 and safetensors; no network

Generation 5 keeps the experts of a layer as one tensor each for gate and up, and for down, where it is not told to
write the older names; the text part of a multimodal Gemma 3 lies under other names in either generation. A layout
names the golden model that it is of, its config.json where that differs, and every stored tensor with its shape and the
golden model's tensors whose bytes follow each other in it (none: a part that is not text). That the bytes are so, and
that the logits stay what they were, is checked here.
"""
import json
import os
import pathlib
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")

import torch  # noqa: E402: the environment comes first
from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, Gemma3Config, Gemma3ForConditionalGeneration  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
OTHER_PARTS = ("vision_tower.", "model.vision_tower.", "multi_modal_projector.", "model.multi_modal_projector.")
VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16,
          "patch_size": 8}


def read_tensors(folder):
    out = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            out.update({name: file.get_tensor(name) for name in file.keys()})
    return out


def expert_sources(name, source):
    """Tensors of `source` that lie behind each other in the stacked tensor `name`."""
    prefix, kind = name.rsplit(".experts.", 1)
    parts = {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}[kind]
    older = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}
    if prefix.replace(".mlp", ".block_sparse_moe") + ".gate.weight" in source:
        prefix, parts = prefix.replace(".mlp", ".block_sparse_moe"), tuple(older[part] for part in parts)
    out, expert = [], 0
    while f"{prefix}.experts.{expert}.{parts[0]}.weight" in source:
        out += [f"{prefix}.experts.{expert}.{part}.weight" for part in parts]
        expert += 1
    return out


def sources_of(name, source):
    if name.startswith(OTHER_PARTS):
        return []
    if name.endswith((".experts.gate_up_proj", ".experts.down_proj")):
        return expert_sources(name, source)
    plain = name.replace("model.language_model.", "model.").replace("language_model.", "")
    return [plain if plain in source else plain.replace(".mlp.gate.", ".block_sparse_moe.gate.")]


def layout(golden, stored, config=None):
    source = read_tensors(HERE / "models" / golden)
    tensors, used = {}, set()
    for name, tensor in stored.items():
        sources = sources_of(name, source)
        if sources:
            assert torch.equal(torch.cat([source[s].flatten() for s in sources]), tensor.flatten()), name
        used.update(sources)
        tensors[name] = {"shape": list(tensor.shape), "from": sources}
    assert used == set(source), sorted(set(source) - used)
    return {"golden": golden, "tensors": tensors} | ({"config": config} if config else {})


def check_logits(model, golden):
    wanted = load_file(HERE / "logits" / f"{golden}.safetensors")
    logits = model(wanted["ids_64"][None, :-1].long(), use_cache=False).logits[0, -8:]
    assert (logits - wanted["logits_64"]).abs().max() < 2e-4, golden


def saved(model, **how):
    """(tensors, config.json) of `model` as save_pretrained writes it."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, **how)
        return read_tensors(folder), json.loads((pathlib.Path(folder) / "config.json").read_text())


def stacked_experts(golden):
    model = AutoModelForCausalLM.from_pretrained(str(HERE / "models" / golden), dtype=torch.float32)
    tensors, _ = saved(model, save_original_format=False)
    return layout(golden, tensors)


def gemma3_layouts():
    golden = "gemma3_text"
    text = AutoConfig.from_pretrained(str(HERE / "models" / golden))
    fields = {key: value for key, value in text.to_dict().items() if key != "_name_or_path"} | {"dtype": "float32"}
    config = Gemma3Config(text_config=fields, vision_config=VISION, mm_tokens_per_image=4, image_token_index=5,
                          boi_token_index=6, eoi_token_index=7)
    model = Gemma3ForConditionalGeneration(config).eval()
    plain = AutoModelForCausalLM.from_pretrained(str(HERE / "models" / golden), dtype=torch.float32)
    model.model.language_model.load_state_dict(plain.model.state_dict())
    model.tie_weights()
    check_logits(model, golden)
    for name, how in (("gemma3", {}), ("gemma3_generation5", {"save_original_format": False})):
        tensors, written = saved(model, **how)
        yield name, layout(golden, tensors, written)


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    layouts = {f"{golden}_stacked": stacked_experts(golden) for golden in ("mixtral", "qwen2_moe", "qwen3_moe")}
    layouts.update(gemma3_layouts())
    for name, one in layouts.items():
        print(name, len(one["tensors"]), "tensors, for example", [n for n in one["tensors"] if "layers.1." in n and "vision" not in n][:3])
    (HERE / "checkpoint_layouts.json").write_text(json.dumps(layouts, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
