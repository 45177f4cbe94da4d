#!/usr/bin/env python3
"""Makes old_generation/<model>/<task>.jsonl: texts as the harness of June 2023 (b281b09) generates them.

    python3 make_old_generation.py        needs torch 2.13.0 (CPU) and transformers 5.23.0; no network

That harness is not to be had as a package (lm_eval 0.3.0 is older and generates otherwise), so this is its greedy_until
written down: documents in the order of Random(42).shuffle, shots drawn from the same generator, parts joined by blank
lines, no special tokens; the last max_length - 256 tokens of the context; at most the request's number of new tokens,
256 without one; the end when a stop string, or the text of EOS, occurs in the text of the last tokens, as many as the
stop string has by itself; the text without special tokens, cut before each stop string in turn. One line a document.
"""
import json
import os
import pathlib
import random

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1",
                  TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402: the environment comes first
import yaml  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MODELS = ("gpt_neox", "llama", "qwen2")
DOCUMENTS = {"old_ending": 20, "old_long": 4}
MAX_GEN_TOKS = 256


def read_task(name):
    path = HERE / "old_generation" / "tasks" / f"{name}.yaml"
    task = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "include" in task:
        task = yaml.safe_load((path.parent / task["include"]).read_text(encoding="utf-8")) | task
    files = task["dataset_kwargs"]["data_files"]
    rows = {split: [json.loads(line) for line in (path.parent / file).read_text(encoding="utf-8").splitlines()]
            for split, file in files.items()}
    return task, rows


def question(row):
    return row["activity_label"] + ": " + row["ctx"]


def answer(row):
    return " " + row["endings"][row["label"]]


def contexts(task, rows):
    """(row, context) in the order of evaluation."""
    dice = random.Random()
    dice.seed(42)
    order = list(range(len(rows["test"])))
    dice.shuffle(order)
    head = task["description"] + "\n\n" if task["description"] else ""
    for index in order:
        shots = dice.sample(rows["train"], task["num_fewshot"])
        yield index, head + "\n\n".join(question(shot) + answer(shot) for shot in shots) + "\n\n" + question(rows["test"][index])


class Stop(StoppingCriteria):
    def __init__(self, text, tokenizer, start):
        self.text, self.tokenizer, self.start = text, tokenizer, start
        self.tokens = len(tokenizer.encode(text, add_special_tokens=False))

    def __call__(self, input_ids, scores, **_):
        new = input_ids[0, self.start:][-self.tokens:]
        return torch.tensor([self.text in self.tokenizer.decode(new)])


@torch.no_grad()
def generate(model, tokenizer, context, until, new_tokens):
    ids = tokenizer.encode(context, add_special_tokens=False)
    room = model.config.max_position_embeddings - MAX_GEN_TOKS
    prompt = torch.tensor([ids[-room:]])
    stops = until + [tokenizer.decode([tokenizer.eos_token_id])]
    out = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=new_tokens, do_sample=False, pad_token_id=0,
                         stopping_criteria=[Stop(stop, tokenizer, prompt.shape[1]) for stop in stops],
                         return_dict_in_generate=True, output_logits=True)
    new = out.sequences[0, prompt.shape[1]:].tolist()
    best = torch.stack(out.logits).topk(2, dim=-1).values[:, 0]
    text = tokenizer.decode(new, skip_special_tokens=True)
    for stop in stops:
        text = text.split(stop)[0]
    return {"ctx_len": len(ids), "truncated": len(ids) > room, "output_ids": new, "output": text,
            "top2_gap": float((best[:, 0] - best[:, 1]).min())}


def main():
    torch.set_num_threads(1)
    for name in MODELS:
        tokenizer = AutoTokenizer.from_pretrained(str(HERE / "models" / name))
        model = AutoModelForCausalLM.from_pretrained(str(HERE / "models" / name), dtype=torch.float32).eval()
        for task_name, count in DOCUMENTS.items():
            task, rows = read_task(task_name)
            kwargs = task["generation_kwargs"]
            lines = []
            for position, (index, context) in enumerate(contexts(task, rows)):
                if position == count:
                    break
                line = {"doc_id": index, "ctx": context}
                line |= generate(model, tokenizer, context, kwargs["until"], kwargs.get("max_gen_toks", MAX_GEN_TOKS))
                lines.append(line)
            folder = HERE / "old_generation" / name
            folder.mkdir(exist_ok=True)
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            (folder / f"{task_name}.jsonl").write_text(text, encoding="utf-8")
            print(name, task_name, "tokens", sorted({len(line["output_ids"]) for line in lines}), "truncated",
                  sum(line["truncated"] for line in lines), "smallest gap", min(line["top2_gap"] for line in lines), flush=True)


if __name__ == "__main__":
    main()
