#!/usr/bin/env python3
"""Writes the requests that lm-evaluation-harness builds for the demo tasks with chat templates.

    python3 make_chat_goldens.py [--out chat_prompts]

Needs lm_eval 0.4.13, transformers 5.24, torch (CPU) and datasets; no network. The harness builds the
requests itself, with its own HFLM.apply_chat_template over a golden tokenizer and templates of
tests/golden/templates. One file for each case of CASES: its options in the first line, then one line for each
document with its requests. tasks/*.yaml beside them
are tasks over the demo data: with gen_prefix, with several inputs, and without choices.
"""
import argparse
import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

SCRATCH = tempfile.mkdtemp(prefix="chat-goldens-")
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HOME=SCRATCH, HF_DATASETS_CACHE=SCRATCH + "/datasets",
                  TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="", TQDM_DISABLE="1",
                  HF_DATASETS_DISABLE_PROGRESS_BARS="1")

from lm_eval.models.huggingface import HFLM  # noqa: E402: the environment comes first
from lm_eval.models.utils import configure_pad_token  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

GOLDEN = Path(__file__).resolve().parent
DEMO = GOLDEN.parents[1] / "configs" / "demo"
LIMIT = 3  # documents of a task
PLAIN = ("demo_commonsense", "demo_completion", "demo_knowledge_nature", "demo_reasoning")
OWN = ("chat_prefix_word", "chat_prefix_blank", "chat_prefix_column", "chat_prefix_shots", "chat_inputs", "chat_cloze",
       "chat_generate")

# name: (template or None, multiturn, system instruction, shots or None for the task's own)
CASES = {
    "chatml_multiturn": ("chatml", True, None, None),
    "chatml_single": ("chatml", False, None, None),
    "chatml_system": ("chatml", True, "한 번만 답하세요.", None),
    "chatml_system_blank": ("chatml_default_system", False, "Answer once.\n", 1),
    "llama3": ("llama3", True, "Be exact.", 2),
    "mistral_drops_system": ("mistral", True, "Be exact.", 1),
    "gemma_drops_system": ("gemma", False, "Be exact.", 0),
    "qwen3": ("qwen3", True, None, 3),
    "zephyr": ("zephyr", True, None, 1),
    "plain_system": (None, False, "지시: 정답만.", 2),
}


def harness_tasks(folder):
    """Copies the demo tasks and our own to `folder`, their data by full path."""
    for path in [DEMO / "tasks" / f"{name}.yaml" for name in PLAIN] + sorted((GOLDEN / "chat_prompts" / "tasks").glob("*.yaml")):
        text = path.read_text(encoding="utf-8").replace(" ../../../../configs/demo/tasks/data/", " data/")
        text = text.replace(" data/", f" {DEMO}/tasks/data/")
        (folder / path.name).write_text(text, encoding="utf-8")


def requests_of(task):
    """(context, continuation) pairs of each document, in order."""
    documents = {}
    for instance in task.instances:
        context, continuation = instance.args[0], instance.args[1] if len(instance.args) > 1 else ""
        line = documents.setdefault(instance.doc_id, {"task": task.config.task, "doc_id": instance.doc_id, "requests": []})
        line["requests"].append([context, continuation if isinstance(continuation, str) else ""])
    return list(documents.values())


def lines_of(manager, names, tokenizer, case):
    template, multiturn, system, shots = case
    model = SimpleNamespace(tokenizer=tokenizer, chat_template_args={})
    if template:
        tokenizer.chat_template = (GOLDEN / "templates" / f"{template}.jinja").read_text(encoding="utf-8")
    yield {"chat_template": template, "fewshot_as_multiturn": multiturn, "system_instruction": system, "num_fewshot": shots,
           "limit": LIMIT, "special_tokens": tokenizer.special_tokens_map}
    for name, task in manager.load(list(names))["tasks"].items():
        if shots is not None and task.get_config("num_fewshot") != 0:
            task.set_config(key="num_fewshot", value=shots)
        task.set_fewshot_seed(seed=1234)
        task.build_all_requests(
            limit=LIMIT, system_instruction=system, apply_chat_template=bool(template), fewshot_as_multiturn=multiturn,
            chat_template=(lambda history, add_generation_prompt=True:
                           HFLM.apply_chat_template(model, history, add_generation_prompt)) if template else None)
        yield from requests_of(task)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=GOLDEN / "chat_prompts")
    out = parser.parse_args().out
    tokenizer = configure_pad_token(AutoTokenizer.from_pretrained(GOLDEN / "tokenizers" / "sp_bpe"))
    with tempfile.TemporaryDirectory() as folder:
        harness_tasks(Path(folder))
        for name, case in CASES.items():
            manager = TaskManager(include_path=folder, include_defaults=False)
            lines = [json.dumps(line, ensure_ascii=False) for line in lines_of(manager, PLAIN + OWN, tokenizer, case)]
            (out / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
            print(name, len(lines) - 1, flush=True)


if __name__ == "__main__":
    main()
