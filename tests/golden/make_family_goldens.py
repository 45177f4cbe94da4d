#!/usr/bin/env python3
"""Makes tiny random checkpoints of further model families and their logits by transformers.

    python3 make_family_goldens.py [--seed 1] [--out .] [--models gptj,opt]

Needs torch 2.13.0 (CPU), transformers 5.23.0 and safetensors; no network. Writes models/<name>/,
logits/<name>.safetensors and family_goldens.json (versions, and how far the logits move when one
detail of the architecture is changed). A function of the seed; another CPU may change last bits.

A logits file holds, for n in 1, 7, 64, 150: `ids_n` int32 [n + 1] (n inputs and the last target),
`logits_n` float32 [min(n, 8), vocabulary] (the last rows), `logprob_n` float32 [n] (natural log of
the probability of ids[i + 1]). All are computed in float32 from the stored weights, with eager
attention (falcon_alibi: sdpa, see ATTENTION), one sequence at a time.

EXAONE 3 has no class in transformers (its repositories carry their own code). Its published layers
compute what Llama's do under other names, so the golden is made as a Llama checkpoint, its logits
are LlamaForCausalLM's, and the stored tensors and config.json are those of the same model in
EXAONE's names.
"""
import argparse
import importlib.metadata
import json
import math
import os
import random
import shutil
import zlib
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", OMP_NUM_THREADS="1",
                  CUDA_VISIBLE_DEVICES="", TQDM_DISABLE="1")

import torch  # noqa: E402: the environment comes first
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import (AutoConfig, AutoModelForCausalLM, AutoTokenizer,  # noqa: E402
                          GenerationConfig)

HERE = Path(__file__).resolve().parent
LENGTHS = (1, 7, 64, 150)
MOVE_MIN = 2e-3  # ten times the tolerance of the engine's golden test


def sizes(hidden, layers, heads, kv, inter, positions, **more):
    return dict(hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                num_key_value_heads=kv, intermediate_size=inter,
                max_position_embeddings=positions, **more)


def rope(theta, kind="default", **more):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **more))


def falcon(heads, **more):
    return dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=heads,
                ffn_hidden_size=120, max_position_embeddings=512, **more)


LLAMA3 = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)

LONGROPE = dict(partial_rotary_factor=0.75, short_factor=[1.0, 1.1, 1.3, 1.6, 2.0, 2.5],
                long_factor=[1.2, 2.0, 3.5, 6.0, 8.0, 9.5])

# name: model_type, tokenizer, config, options. Options:
#   dtype   stored weights (float32)
#   older   config.json in the spelling of transformers 4
#   config  changes of one detail each; the logits must move
#   drop    parts of tensor names; biases become 0, other weights of one dimension 1 (gemma: 0)
#   shift   a position table that is moved by this many rows
MODELS = {
    "gptj": ("gptj", "byte_bpe", dict(n_embd=32, n_layer=2, n_head=4, n_positions=512, rotary_dim=4),
             dict(dtype="float16", config=[dict(rotary_dim=8), dict(activation_function="gelu")],
                  drop=["lm_head.bias"])),
    "opt": ("opt", "byte_bpe", dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                    ffn_dim=96, max_position_embeddings=448, word_embed_proj_dim=32),
            dict(config=[dict(activation_function="gelu"), dict(do_layer_norm_before=False)],
                 drop=["q_proj", "final_layer_norm"], shift=("embed_positions", 2))),
    "opt_post_norm": ("opt", "llama3_bpe",
                      dict(hidden_size=32, num_hidden_layers=3, num_attention_heads=2, ffn_dim=64,
                           max_position_embeddings=448, word_embed_proj_dim=24,
                           do_layer_norm_before=False),
                      dict(dtype="float16", older=True, config=[dict(do_layer_norm_before=True)],
                           drop=["fc1.bias"], shift=("embed_positions", 2))),
    "bloom": ("bloom", "byte_bpe", dict(hidden_size=48, n_layer=2, n_head=6),
              dict(dtype="bfloat16", older=True,
                   config=[dict(apply_residual_connection_post_layernorm=True), dict(n_head=3)],
                   drop=["word_embeddings_layernorm", "query_key_value.bias"])),
    "falcon": ("falcon", "byte_bpe", falcon(4, multi_query=True, parallel_attn=True, bias=False),
               dict(older=True, config=[dict(alibi=True), dict(activation="gelu_new")],
                    drop=["input_layernorm"])),
    "falcon_new": ("falcon", "llama3_bpe",
                   falcon(6, new_decoder_architecture=True, num_kv_heads=2, bias=False,
                          **rope(20000.0)),
                   dict(dtype="bfloat16",
                        config=[dict(alibi=True), dict(num_kv_heads=1), rope(10000.0)],
                        drop=["ln_attn", "ln_mlp"])),
    "falcon_alibi": ("falcon", "byte_bpe",
                     falcon(6, alibi=True, multi_query=False, parallel_attn=False, bias=True),
                     dict(dtype="float16", config=[dict(alibi=False)],
                          drop=["query_key_value.bias", "post_attention_layernorm"])),
    "cohere": ("cohere", "llama3_bpe",
               sizes(32, 2, 4, 2, 64, 448, use_qk_norm=True, logit_scale=0.4, **rope(50000.0)),
               dict(dtype="bfloat16", older=True,
                    config=[dict(use_qk_norm=False), dict(logit_scale=0.0625), rope(10000.0)],
                    drop=["q_norm", "k_norm"])),
    "cohere2": ("cohere2", "llama3_bpe",
                sizes(32, 4, 4, 2, 64, 448, logit_scale=0.5, sliding_window=24, **rope(50000.0)),
                dict(config=[dict(layer_types=["sliding_attention"] * 4),
                             dict(layer_types=["full_attention"] * 4), dict(sliding_window=25)])),
    "stablelm": ("stablelm", "byte_bpe",
                 sizes(32, 2, 2, 2, 64, 448, use_qkv_bias=True,
                       **rope(10000.0, partial_rotary_factor=0.25)),
                 dict(older=True, drop=["q_proj.bias", "v_proj.bias", "input_layernorm.bias"],
                      config=[rope(10000.0, partial_rotary_factor=0.5), rope(500.0,
                              partial_rotary_factor=0.25)])),
    "stablelm_parallel": ("stablelm", "byte_bpe",
                          sizes(48, 2, 4, 2, 64, 448, use_parallel_residual=True, qk_layernorm=True,
                                **rope(10000.0, partial_rotary_factor=0.5)),
                          dict(dtype="bfloat16", drop=["q_layernorm.norms.1", "k_layernorm.norms"],
                               config=[dict(qk_layernorm=False)])),
    "starcoder2": ("starcoder2", "byte_bpe",
                   sizes(32, 2, 4, 2, 80, 448, sliding_window=24, **rope(20000.0)),
                   dict(dtype="bfloat16", older=True, drop=["c_fc.bias", "o_proj.bias"],
                        config=[dict(sliding_window=25), dict(hidden_act="gelu"), rope(10000.0)])),
    "exaone": ("exaone", "llama3_bpe",
               sizes(48, 3, 6, 2, 64, 512, tie_word_embeddings=True, rms_norm_eps=1e-5,
                     **rope(500000.0, "llama3", **LLAMA3)),
               dict(config=[rope(500000.0)], drop=["post_attention_layernorm"])),
    "gemma3_text": ("gemma3_text", "sp_bpe",
                    sizes(24, 7, 2, 1, 48, 512, head_dim=16, query_pre_attn_scalar=20,
                          sliding_window=24, rope_parameters=dict(
                              full_attention=dict(rope_type="linear", rope_theta=50000.0, factor=4.0),
                              sliding_attention=dict(rope_type="default", rope_theta=10000.0))),
                    dict(dtype="bfloat16", drop=["q_norm", "k_norm", "post_attention_layernorm"],
                         config=[dict(query_pre_attn_scalar=16), dict(sliding_window=25),
                                 dict(layer_types=["sliding_attention"] * 7),
                                 dict(rope_parameters=dict(
                                     full_attention=dict(rope_type="default", rope_theta=50000.0),
                                     sliding_attention=dict(rope_type="default",
                                                            rope_theta=10000.0)))])),
    "phi3_longrope": ("phi3", "llama3_bpe",
                      sizes(32, 2, 2, 1, 64, 448, original_max_position_embeddings=80,
                            **rope(10000.0, "longrope", **LONGROPE)),
                      dict(config=[dict(original_max_position_embeddings=448),
                                   rope(10000.0, partial_rotary_factor=0.75)])),
    "qwen2_moe": ("qwen2_moe", "qwen_bpe",
                  sizes(32, 3, 4, 2, 64, 448, moe_intermediate_size=24, num_experts=5,
                        num_experts_per_tok=2, shared_expert_intermediate_size=40,
                        norm_topk_prob=False, mlp_only_layers=[1], **rope(1000000.0)),
                  dict(dtype="bfloat16", older=True, drop=["q_proj.bias", "shared_expert."],
                       config=[dict(norm_topk_prob=True), dict(num_experts_per_tok=1)])),
    "qwen3_moe": ("qwen3_moe", "qwen_bpe",
                  sizes(32, 4, 4, 2, 64, 448, head_dim=12, moe_intermediate_size=24, num_experts=6,
                        num_experts_per_tok=3, norm_topk_prob=True, decoder_sparse_step=2,
                        tie_word_embeddings=True, **rope(1000000.0)),
                  dict(drop=["q_norm", "k_norm"],
                       config=[dict(norm_topk_prob=False), dict(num_experts_per_tok=2)])),
}
REAL_TYPE = {"exaone": "llama"}  # the class that computes a family without one
# Falcon's eager attention adds the biases a second time to scores whose mask has them already
# (transformers 5.23.0); its default, sdpa, adds them once, as the published model was trained.
ATTENTION = {"falcon_alibi": "sdpa"}


def attention_of(name):
    return ATTENTION.get(name, "eager")


# ------------------------------------------------------------------------------------------ weights

def is_head(name, tied):
    if name.startswith("lm_head"):
        return True
    return tied and ("embed_tokens" in name or "word_embeddings.weight" in name)


def weight_scale(name, parameter, config):
    """Keeps attention peaked, logits spread and every norm and bias visible."""
    if is_head(name, config.tie_word_embeddings):
        return 2.5 / math.sqrt(parameter.shape[-1])
    if "embed_positions" in name:
        return 0.3
    if any(part in name for part in ("embed_tokens", "wte", "word_embeddings.weight")):
        return 0.6
    return 1.3 / math.sqrt(parameter.shape[-1])


@torch.no_grad()
def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    around_zero = model.config.model_type.startswith("gemma")
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith("bias"):
            parameter.copy_(0.25 * noise)
        elif parameter.dim() == 1 or name.endswith(("q_norm.weight", "k_norm.weight")):
            parameter.copy_(0.25 * noise + (0.0 if around_zero else 1.0))
        else:
            parameter.copy_(noise * weight_scale(name, parameter, model.config))


# ------------------------------------------------------------------------------------- config files

def older_spelling(path):
    """config.json as transformers 4 wrote it; values that equal the class default are left out."""
    config = json.loads(path.read_text())
    rope_parameters = config.pop("rope_parameters", None) or {}
    config["torch_dtype"], config["transformers_version"] = config.pop("dtype"), "4.40.0"
    config.pop("layer_types", None)
    for key in ("rope_theta", "partial_rotary_factor"):
        if key in rope_parameters:
            config[key] = rope_parameters[key]
    default_head_dim = config.get("hidden_size", 0) // config.get("num_attention_heads", 1)
    if config.get("head_dim") == default_head_dim:
        del config["head_dim"]
    if config["model_type"] == "stablelm":
        del config["partial_rotary_factor"]  # 0.25 is the default of the class
    if config["model_type"] == "bloom":
        config["n_embed"], config["num_attention_heads"] = config.pop("hidden_size"), config.pop("n_head")
        config |= dict(attention_softmax_in_fp32=True, bias_dropout_fusion=True,
                       masked_softmax_fusion=True, offset_alibi=100, seq_length=2048,
                       skip_bias_add=True, skip_bias_add_qkv=False, n_inner=None)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


EXAONE_NAMES = (("model.embed_tokens", "transformer.wte"), ("model.layers", "transformer.h"),
                ("model.norm", "transformer.ln_f"), ("input_layernorm", "ln_1"),
                ("post_attention_layernorm", "ln_2"), ("self_attn.o_proj", "self_attn.out_proj"),
                ("self_attn", "attn.attention"), ("gate_proj", "c_fc_0"), ("up_proj", "c_fc_1"),
                ("down_proj", "c_proj"))


def renamed(name, pairs):
    for old, new in pairs:
        name = name.replace(old, new)
    return name


def rename_tensors(folder, pairs):
    file = folder / "model.safetensors"
    tensors = {renamed(name, pairs): tensor for name, tensor in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})


def to_exaone(folder):
    """Renames a Llama checkpoint's tensors and configuration to EXAONE's."""
    rename_tensors(folder, EXAONE_NAMES)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    scaling = config.pop("rope_parameters")
    for key in ("attention_bias", "mlp_bias", "pretraining_tp"):
        config.pop(key, None)
    config |= dict(
        architectures=["ExaoneForCausalLM"], model_type="exaone",
        auto_map={"AutoConfig": "configuration_exaone.ExaoneConfig",
                  "AutoModelForCausalLM": "modeling_exaone.ExaoneForCausalLM"},
        activation_function=config.pop("hidden_act"), layer_norm_epsilon=config.pop("rms_norm_eps"),
        num_layers=config.pop("num_hidden_layers"), embed_dropout=0.0,
        rope_theta=scaling.pop("rope_theta"), rope_scaling=scaling,
        torch_dtype=config.pop("dtype"), transformers_version="4.43.0")
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def from_exaone(folder):
    """The way back of to_exaone, for what needs the reference's class."""
    rename_tensors(folder, [(exaone, llama) for llama, exaone in reversed(EXAONE_NAMES)])
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["auto_map"]
    config |= dict(
        architectures=["LlamaForCausalLM"], model_type="llama",
        hidden_act=config.pop("activation_function"), rms_norm_eps=config.pop("layer_norm_epsilon"),
        num_hidden_layers=config.pop("num_layers"))
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


# ------------------------------------------------------------------------------------------- models

def load(folder, dtype=torch.float32, attention="eager"):
    return AutoModelForCausalLM.from_pretrained(
        str(folder), dtype=dtype, attn_implementation=attention,
        experts_implementation="eager").eval()


def make_model(name, out, seed):
    """Writes models/<name> and returns the model as it is after storing it."""
    kind, tokenizer_name, settings, options = MODELS[name]
    folder = out / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer_folder = HERE / "tokenizers" / tokenizer_name
    tokenizer = AutoTokenizer.from_pretrained(str(tokenizer_folder))
    special = dict(bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
                   pad_token_id=None)
    config = AutoConfig.for_model(REAL_TYPE.get(kind, kind),
                                  **settings, **special, vocab_size=len(tokenizer))
    model = AutoModelForCausalLM.from_config(config)
    randomise(model, zlib.crc32(f"{seed}/{name}".encode()))
    model.to(getattr(torch, options.get("dtype", "float32")))
    model.generation_config = GenerationConfig(**special)
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer_folder / file, folder / file)
    if options.get("older"):
        older_spelling(folder / "config.json")
    stored = load(folder, attention=attention_of(name))
    if kind == "exaone":
        to_exaone(folder)
    return stored


# ------------------------------------------------------------------------------------------- logits

@torch.no_grad()
def run(model, ids):
    return model(ids[None], use_cache=False).logits[0]


def random_ids(name, seed, vocabulary, count):
    rng = random.Random(f"{seed}/logits/{name}/{count}")
    return torch.tensor([rng.randrange(vocabulary) for _ in range(count)])


def make_logits(model, name, out, seed):
    tensors = {}
    for n in LENGTHS:
        ids = random_ids(name, seed, model.config.vocab_size, n + 1)
        logits = run(model, ids[:-1])
        log_probabilities = logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0]
        tensors |= {f"ids_{n}": ids.to(torch.int32), f"logits_{n}": logits[-8:].contiguous(),
                    f"logprob_{n}": log_probabilities}
    (out / "logits").mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "logits" / f"{name}.safetensors")


# ------------------------------------------------------------------------------------- sensitivity

def changed_model(model, changes):
    config = type(model.config).from_dict(model.config.to_dict() | changes)
    other = AutoModelForCausalLM.from_config(
        config, attn_implementation=model.config._attn_implementation,
        experts_implementation="eager").eval()
    own = other.state_dict()
    kept = {key: value for key, value in model.state_dict().items()
            if key in own and own[key].shape == value.shape}
    other.load_state_dict(kept, strict=False)
    return other


@torch.no_grad()
def neutralised_model(model, part):
    other = changed_model(model, {})
    neutral = 0.0 if model.config.model_type.startswith("gemma") else 1.0
    found = False
    for name, parameter in other.named_parameters():
        if part not in name:
            continue
        found = True
        norm = parameter.dim() == 1 or "norm" in name
        parameter.fill_(0.0 if name.endswith("bias") or not norm else neutral)
    assert found, part
    return other


@torch.no_grad()
def shifted_model(model, table, rows):
    other = changed_model(model, {})
    for name, parameter in other.named_parameters():
        if table in name:
            parameter.copy_(parameter.roll(rows, 0))
    return other


def moves(model, name, seed):
    """How far the logits move, label -> largest distance, when one detail is changed."""
    options = MODELS[name][3]
    ids = random_ids(name, seed, model.config.vocab_size, 100)
    exact = run(model, ids)
    others = {f"{key}={value}": changed_model(model, change)
              for change in options.get("config", []) for key, value in change.items()}
    others |= {f"without {part}": neutralised_model(model, part)
               for part in options.get("drop", [])}
    if "shift" in options:
        table, rows = options["shift"]
        others[f"{table} shifted by {rows}"] = shifted_model(model, table, rows)
    found = {label: (run(other, ids) - exact).abs().max().item() for label, other in others.items()}
    for label, distance in found.items():
        assert distance > MOVE_MIN, f"{name}: {label} moves the logits by {distance} only"
    return {label: float(f"{distance:.3g}") for label, distance in found.items()}


# --------------------------------------------------------------------------------------------- main

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--models", default="", help="comma separated names; default all")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    torch.set_num_threads(1)
    chosen = [name for name in arguments.models.split(",") if name] or list(MODELS)
    report_path = out / "family_goldens.json"
    report = json.loads(report_path.read_text()) if report_path.exists() else {"models": {}}
    report["seed"] = arguments.seed
    report["versions"] = {package: importlib.metadata.version(package)
                          for package in ("torch", "transformers", "safetensors")}
    for name in chosen:
        model = make_model(name, out, arguments.seed)
        make_logits(model, name, out, arguments.seed)
        report["models"][name] = {"logits_move_when": moves(model, name, arguments.seed)}
        print(name, report["models"][name]["logits_move_when"], flush=True)
        for file in (out / "models" / name).iterdir():
            file.chmod(0o644)
        (out / "logits" / f"{name}.safetensors").chmod(0o644)
    report["models"] = {name: report["models"][name] for name in MODELS if name in report["models"]}
    report_path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
