#!/usr/bin/env python3
"""Scores golden models and the demo model over the demo tasks with lm-evaluation-harness.

    python3 make_demo_goldens.py [--out demo_scores] [--models gptj,opt]

Needs lm_eval 0.4.13, transformers 5.23.0, torch 2.13.0 (CPU) and datasets; no network. Writes, for
each model, <task>.jsonl with one line a document and results.json with what the harness reports.
float32, one request at a time, one thread; the golden models see the first documents of a task, the
demo model all of them.
"""
import argparse
import importlib.metadata
import json
import os
import tempfile
from pathlib import Path

SCRATCH = tempfile.mkdtemp(prefix="demo-goldens-")
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HOME=SCRATCH,
                  HF_DATASETS_CACHE=SCRATCH + "/datasets", TOKENIZERS_PARALLELISM="false",
                  OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", TQDM_DISABLE="1",
                  HF_DATASETS_DISABLE_PROGRESS_BARS="1", DISABLE_MULTIPROC="1")

import lm_eval  # noqa: E402: the environment comes first
import torch  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "configs" / "demo"
GOLDEN_MODELS = ("gpt2", "gpt_neox", "llama", "llama3_gqa", "mistral", "qwen2")
LIMIT = 12  # documents of a task for each of these
# One or more of every further family that transformers has a class for.
FAMILY_MODELS = ("bloom", "cohere", "cohere2", "exaone4", "falcon", "falcon_alibi", "falcon_new",
                 "gemma", "gemma2", "gemma3_text", "gptj", "mixtral", "olmo2", "opt",
                 "opt_post_norm", "phi3", "qwen2_moe", "qwen3", "qwen3_moe", "stablelm",
                 "stablelm_parallel")
FAMILY_LIMIT = 3

# The harness's own way to say what `process_results: mc2` says.
UTILS = '''import numpy as np


def mc2(doc, results):
    shares = np.exp(np.array([value for value, _ in results]))
    shares = shares / np.sum(shares)
    return {"mc2": np.sum(shares[np.array(doc["mc2_targets"]["labels"]) == 1])}
'''


def harness_tasks(folder):
    """Copies the demo tasks to `folder` in the harness's spelling; returns their names."""
    (folder / "utils.py").write_text(UTILS, encoding="utf-8")
    names = []
    for path in sorted((DEMO / "tasks").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        text = text.replace(" data/", f" {DEMO}/tasks/data/")
        text = text.replace("process_results: mc2", "process_results: !function utils.mc2")
        (folder / path.name).write_text(text, encoding="utf-8")
        names.append(path.stem)
    return names


def sample_line(sample):
    """What a test needs of one logged sample; prompts are kept as hashes."""
    answers = [response[0] for response in sample["resps"]]
    line = {"doc_id": sample["doc_id"], "ll": [float(value) for value, _ in answers],
            "is_greedy": [bool(greedy) for _, greedy in answers],
            "prompt_hash": sample["prompt_hash"], "doc_hash": sample["doc_hash"],
            "target_hash": sample["target_hash"]}
    line.update({metric: float(sample[metric]) for metric in sample["metrics"]})
    return line


def score(name, path, tasks, manager, limit, out):
    model = HFLM(pretrained=str(path), dtype="float32", batch_size=1, device="cpu")
    results = lm_eval.simple_evaluate(model=model, tasks=tasks, task_manager=manager, limit=limit,
                                      log_samples=True, bootstrap_iters=100000)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        lines = [json.dumps(sample_line(sample)) + "\n" for sample in results["samples"][task]]
        (folder / f"{task}.jsonl").write_text("".join(lines), encoding="utf-8")
    versions = {package: importlib.metadata.version(package)
                for package in ("lm_eval", "transformers", "torch", "numpy")}
    report = {"versions": versions, "limit": limit, "max_length": model.max_length,
              "prefix_token_id": model.prefix_token_id, "n-shot": results["n-shot"],
              "results": results["results"]}
    text = json.dumps(report, indent=1, ensure_ascii=False, default=float)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    print(name, {task: {key: value for key, value in results["results"][task].items()
                        if key.endswith(",none") and "stderr" not in key} for task in tasks},
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "demo_scores")
    parser.add_argument("--models", default="", help="comma separated names; default all")
    arguments = parser.parse_args()
    out = arguments.out
    limits = dict.fromkeys(GOLDEN_MODELS, LIMIT) | dict.fromkeys(FAMILY_MODELS, FAMILY_LIMIT)
    chosen = [name for name in arguments.models.split(",") if name] or [*limits, "demo"]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        tasks = harness_tasks(Path(folder))
        manager = TaskManager(include_path=folder, include_defaults=False)
        for name in chosen:
            models = ROOT / "tests" / "golden" / "models"
            path = DEMO / "model" if name == "demo" else models / name
            score(name, path, tasks, manager, limits.get(name), out)


if __name__ == "__main__":
    main()
