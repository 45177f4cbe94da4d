#!/usr/bin/env python3
"""What the parts of make_parity.py share: runs of koeval and of the harness, bounds, comparisons, tables."""
import json
import os
import pathlib
import subprocess
import tempfile

LL_ABSOLUTE, LL_RELATIVE = 1e-3, 2e-6
NEAR_TIE = 1e-3
BFLOAT16_RATIO = 1.2
FLOAT32_HEAD = ["model", "task", "shots", "profile", "documents", "max Δll", "greedy flags", "texts", "metrics"]
FIGURES = ["harness mean", "harness max", "as_model mean", "as_model max", "float32 mean", "float32 max"]
BFLOAT16_HEAD = ["model", "task", "shots", *FIGURES, "flips (margin)", "harness flips"]

# Scores [context, continuation] pairs by the harness, in each of the types that are named.
HARNESS = r"""
import json, sys, logging
logging.disable(logging.WARNING)
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
model, path, dtypes = sys.argv[1:4]
torch.set_num_threads(1)
pairs = json.load(open(path, encoding="utf-8"))
out = {}
for dtype in dtypes.split(","):
    lm = HFLM(pretrained=model, dtype=dtype, device="cpu", batch_size=1)
    made = [Instance("loglikelihood", {}, tuple(p), 0) for p in pairs]
    out[dtype] = [float(r[0]) for r in lm.loglikelihood(made, disable_tqdm=True)]
json.dump(out, open(path + ".out", "w"))
"""


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def run_koeval(koeval, model, tasks_dir, tasks, work, *extra):
    """{task: sample lines by doc_id} and {task: metrics} of one run of koeval."""
    out = pathlib.Path(tempfile.mkdtemp(dir=work))
    command = [koeval, "eval", "--model", str(model), "--tasks-dir", str(tasks_dir), "--task", ",".join(tasks),
               "--output", str(out), "--log-samples", "--threads", "1", *extra]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
    (results,) = out.rglob("results_*.json")
    samples = {}
    for task in tasks:
        (path,) = out.rglob(f"samples_{task}_*.jsonl")
        samples[task] = {line["doc_id"]: line for line in read_lines(path)}
    return samples, json.loads(results.read_text(encoding="utf-8"))["results"]


def run_harness(python, model, pairs, dtypes, work):
    """{dtype: log-likelihood of each of `pairs`} by the harness."""
    path = pathlib.Path(tempfile.mkdtemp(dir=work)) / "pairs.json"
    path.write_text(json.dumps(pairs), encoding="utf-8")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false",
                   "OMP_NUM_THREADS": "1"}
    subprocess.run([python, "-c", HARNESS, str(model), str(path), ",".join(dtypes)], check=True, env=environment,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return json.loads(pathlib.Path(str(path) + ".out").read_text())


def responses(line):
    """[(log-likelihood, greedy)] of a sample line of log-likelihoods."""
    out = []
    for response in line["resps"]:
        while isinstance(response, list) and response and isinstance(response[0], list):
            response = response[0]
        value, greedy = (response[0], response[1] if len(response) > 1 else None) if isinstance(response, list) else (response, None)
        out.append((float(value), greedy in (True, "True", "true")))
    return out


def text_of(line):
    response = line["resps"][0]
    while isinstance(response, list):
        response = response[0]
    return response


def best(values):
    return max(range(len(values)), key=values.__getitem__)


def metrics_equal(reference, ours):
    """The reference's metrics that differ from ours to the printed precision, by name."""
    wrong = []
    for name, value in reference.items():
        if not isinstance(value, float):
            continue
        mine = ours.get(name)
        close = isinstance(mine, (int, float)) and (abs(mine - value) <= 1e-5 * max(1.0, abs(value)))
        if not close:
            wrong.append(f"{name}: {value} and {mine}")
    return wrong


def errors(values, reference):
    """(mean, maximum) of |difference| over all requests."""
    all_errors = [abs(a - b) for va, vb in zip(values, reference) for a, b in zip(va, vb)]
    return sum(all_errors) / len(all_errors), max(all_errors)


def flips(values, reference, doc_ids):
    """(doc_id, margin of the reference in nats) where another choice wins than in float32."""
    out = []
    for value, ref, doc_id in zip(values, reference, doc_ids):
        if len(ref) > 1 and best(value) != best(ref):
            first, second = sorted(ref, reverse=True)[:2]
            out.append((doc_id, first - second))
    return out


def ll_within(value, reference):
    """Whether a log-likelihood is within the bound of float32."""
    return abs(value - reference) <= LL_ABSOLUTE + LL_RELATIVE * abs(reference)


def compare(theirs, ours, reference):
    """The cells of FIGURES, and whether both of koeval's roundings are within the bound."""
    their_mean, their_max = errors(theirs, reference)
    cells, ok = [f"{their_mean:.2e}", f"{their_max:.2e}"], True
    for logits in ("as_model", "float32"):
        mean, largest = errors(ours[logits], reference)
        ok = ok and mean <= BFLOAT16_RATIO * their_mean and largest <= BFLOAT16_RATIO * their_max
        cells += [f"{mean:.2e} ({mean / their_mean:.2f})", f"{largest:.2e} ({largest / their_max:.2f})"]
    return cells, ok


def bfloat16_cells(model, task, shots, reference, theirs, ours, doc_ids, pooled):
    """A row of BFLOAT16_HEAD and whether it is within the bounds, from log-likelihoods by document; adds them to `pooled`."""
    pooled.add(model, reference, theirs, ours)
    cells, ok = compare(theirs, ours, reference)
    changed = ", ".join(f"{doc} ({margin:.3f})" for doc, margin in flips(ours["as_model"], reference, doc_ids))
    return [model, task, shots, *cells, changed or "none", str(len(flips(theirs, reference, doc_ids)))], ok


class Pooled:
    """Errors of each model in bfloat16 over all of its tasks."""

    def __init__(self):
        self.models = {}

    def add(self, model, reference, theirs, ours):
        mine = self.models.setdefault(model, {"reference": [], "theirs": [], "as_model": [], "float32": []})
        mine["reference"] += reference
        mine["theirs"] += theirs
        for logits, values in ours.items():
            mine[logits] += values

    def rows(self):
        for model, all_of in sorted(self.models.items()):
            cells, ok = compare(all_of["theirs"], all_of, all_of["reference"])
            yield [model, str(sum(map(len, all_of["reference"]))), *cells], ok

    def outside(self):
        return [f"{cells[0]} over all tasks bfloat16" for cells, ok in self.rows() if not ok]

    def table(self):
        return table(["model", "requests", *FIGURES], [cells for cells, _ in self.rows()])


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(r) + " |" for r in rows]) + "\n"
