#!/usr/bin/env python3
"""Trains the demo model: a tiny Llama-type checkpoint that knows the demo tasks and nothing else.

    python3 train_demo_model.py [--out model] [--threads 1]

Needs torch, transformers, tokenizers and safetensors. Reads the train splits alone, by way of
training_text.py. About four minutes on one core; another machine may give other last bits.
"""
import argparse
import json
import math
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM

import training_text

SEED = 11
VOCABULARY = 2048
POSITIONS = 512
PEAK_RATE = 4e-3
WARM_UP = 60
PROMPT_WEIGHT = 0.1  # of a prompt token's loss, next to 1 for an answer token
BOS, EOS = "<s>", "</s>"


def make_tokenizer(data):
    """Byte-level BPE of the train rows; encode() puts BOS in front."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[BOS, EOS], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    texts = [training_text.description(task) + training_text.question(task, row) +
             "".join(" " + answer for answer in training_text.right_answers(task, row)) + "\n\n"
             for task, rows in training_text.train_rows(data).items() for row in rows]
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, 0)])
    return tokenizer


def encode_parts(tokenizer, parts):
    """Token ids of a sequence and the loss weight of each id, for one that may be a target."""
    text = "".join(part for part, _ in parts)
    encoding = tokenizer.encode(text)
    ends, answers, position = [], [], 0
    for part, is_answer in parts:
        position += len(part)
        ends.append(position)
        answers.append(is_answer)
    weights, part = [], 0
    for (begin, _), token in zip(encoding.offsets, encoding.ids):
        while part + 1 < len(ends) and begin >= ends[part]:
            part += 1
        weights.append(1.0 if answers[part] and token > 1 else PROMPT_WEIGHT)
    return encoding.ids, weights


def batches(tokenizer, data):
    """Yields (ids, weights) tensors of training_text.BATCH rows, padded on the right."""
    ids, weights = [], []
    for _, parts in training_text.sequences(data):
        row, row_weights = encode_parts(tokenizer, parts)
        ids.append(row[:POSITIONS])
        weights.append(row_weights[:POSITIONS])
        if len(ids) == training_text.BATCH:
            longest = max(map(len, ids))
            yield (torch.tensor([r + [0] * (longest - len(r)) for r in ids]),
                   torch.tensor([w + [0.0] * (longest - len(w)) for w in weights]))
            ids, weights = [], []


def make_model(vocabulary):
    torch.manual_seed(SEED)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=vocabulary, hidden_size=96, intermediate_size=256, num_hidden_layers=3,
        num_attention_heads=6, num_key_value_heads=3, head_dim=16,
        max_position_embeddings=POSITIONS, tie_word_embeddings=True, rms_norm_eps=1e-5,
        bos_token_id=0, eos_token_id=1, attention_bias=False))


def train(model, tokenizer, data):
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98),
                                  weight_decay=0.05)
    recent = {}
    for step, (ids, weights) in enumerate(batches(tokenizer, data)):
        share = step / training_text.BATCHES
        rate = PEAK_RATE * min(1, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate
        logits = model(ids[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        mass = weights[:, 1:].flatten()
        (loss * mass).sum().div(mass.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        answer = mass == 1.0
        task = training_text.MIX[step % len(training_text.MIX)]
        recent[task] = loss.detach()[answer].mean().item()
        if step % 200 == 199 or step + 1 == training_text.BATCHES:
            print(step + 1, {name: round(value, 3) for name, value in sorted(recent.items())},
                  flush=True)


def save(model, tokenizer, data, out):
    out.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    settings = {"bos_token": BOS, "eos_token": EOS, "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": POSITIONS, "clean_up_tokenization_spaces": False}
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    facts = {"training_text_sha256": training_text.digest(data),
             "sequences": training_text.BATCH * training_text.BATCHES, "seed": SEED,
             "parameters": sum(p.numel() for p in model.parameters()),
             "torch": torch.__version__}
    (out / "training.json").write_text(json.dumps(facts, indent=2) + "\n")


def main():
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=here / "tasks" / "data")
    parser.add_argument("--out", type=Path, default=here / "model")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    tokenizer = make_tokenizer(arguments.data)
    model = make_model(tokenizer.get_vocab_size())
    print("parameters", sum(p.numel() for p in model.parameters()), flush=True)
    train(model, tokenizer, arguments.data)
    save(model, tokenizer, arguments.data, arguments.out)


if __name__ == "__main__":
    main()
