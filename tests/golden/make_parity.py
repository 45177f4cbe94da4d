#!/usr/bin/env python3
"""Writes tests/golden/PARITY.md: koeval against lm-evaluation-harness, model by task by profile.

    python3 tests/golden/make_parity.py --koeval build/release/bin/koeval --goldens DIR [--only MODEL,...]
        [--bfloat16 PYTHON] [--bfloat16-tasks TASK__SHOTS,...] [--out tests/golden/PARITY.md]

DIR holds scores of the harness over tiny checkpoints (models/, tasks/, lm_eval/, lm_eval_old/): one JSON line
for each document with the contexts, continuations and log-likelihoods or texts. --bfloat16 names a Python that
has lm_eval and torch: the harness then scores the same requests in bfloat16 in the same run, and koeval's error
against float32 is compared with the harness's own; every model has the task that it is done for unless others are
named, since the harness is slow in bfloat16 on a CPU. The build has a target for it: `parity`.

Exit status 0 when everything is within the bounds that the file states.
"""
import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LL_ABSOLUTE, LL_RELATIVE = 1e-3, 2e-6
NEAR_TIE = 1e-3
BFLOAT16_RATIO = 1.2
# Descriptions that the runs of the old profile put in front.
OLD_DESCRIPTIONS = {"kobest_copa__3": "다음 문장에 이어질 알맞은 말을 고르시오."}

HARNESS = r"""
import json, sys, logging
logging.disable(logging.WARNING)
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
model, path = sys.argv[1:3]
lm = HFLM(pretrained=model, dtype="bfloat16", device="cpu", batch_size=1)
pairs = json.load(open(path, encoding="utf-8"))
made = [Instance("loglikelihood", {}, tuple(p), 0) for p in pairs]
json.dump([float(r[0]) for r in lm.loglikelihood(made, disable_tqdm=True)], open(path + ".out", "w"))
"""


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


class Golden:
    """One file of reference scores."""

    def __init__(self, root, folder, path):
        self.model = path.parent.name
        self.stem = path.stem
        self.task, self.shots = path.stem.rsplit("__", 1)
        self.old = folder == "lm_eval_old"
        self.profile = "leaderboard-v1" if self.old else "lm-eval-0.4"
        self.lines = read_lines(path)
        self.is_text = "output" in self.lines[0]
        self.is_choice = "conts" in self.lines[0]
        self.root = root

    def values(self):
        """Reference log-likelihoods by document, a list each."""
        return [line["ll"] if isinstance(line["ll"], list) else [line["ll"]] for line in self.lines]


def task_folder(golden, work):
    """A folder with the one task in a form that needs no Python."""
    root = golden.root
    text = (root / "tasks" / f"{golden.task}.yaml").read_text(encoding="utf-8")
    text = re.sub(r"!function '?utils\.(\w+)'?", r"\1", text).replace("tasks/data/", f"{root}/tasks/data/")
    if golden.old and golden.stem in OLD_DESCRIPTIONS:
        text += f"description: {json.dumps(OLD_DESCRIPTIONS[golden.stem], ensure_ascii=False)}\n"
    folder = work / f"{golden.profile}_{golden.stem}"
    folder.mkdir(exist_ok=True)
    (folder / f"{golden.task}.yaml").write_text(text, encoding="utf-8")
    return folder


def evaluate(koeval, golden, work, *extra):
    """(sample lines in golden order, metrics) of koeval."""
    out = pathlib.Path(tempfile.mkdtemp(dir=work))
    command = [koeval, "eval", "--model", str(golden.root / "models" / golden.model), "--tasks-dir",
               str(task_folder(golden, work)), "--task", golden.task, "--num-fewshot", golden.shots, "--profile",
               golden.profile, "--output", str(out), "--log-samples", *extra]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
    (samples,) = out.rglob("samples_*.jsonl")
    (results,) = out.rglob("results_*.json")
    lines = {line["doc_id"]: line for line in read_lines(samples)}
    key = "source_index" if golden.old else "doc_id"
    ordered = [lines[line[key]] for line in golden.lines]
    return ordered, json.loads(results.read_text(encoding="utf-8"))["results"][golden.task]


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


def float32_row(koeval, golden, work, reference):
    """A table row and whether it is within the bounds."""
    ordered, ours = evaluate(koeval, golden, work, "--dtype", "float32")
    wrong = metrics_equal(reference, ours)
    ok = not wrong
    cells = [golden.model, golden.task, golden.shots, golden.profile, str(len(golden.lines))]
    if golden.is_text:
        different = [ref for ref, line in zip(golden.lines, ordered) if text_of(line) != ref["output"]]
        ties = [ref for ref in different if ref["top2_gap"] < NEAR_TIE]
        ok = ok and len(different) == len(ties)
        texts = f"{len(golden.lines) - len(different)}/{len(golden.lines)} equal" + (f", {len(ties)} near ties" if ties else "")
        cells += ["-", "-", texts]
    else:
        worst, flags = 0.0, 0
        for ref, values, line in zip(golden.lines, golden.values(), ordered):
            for i, (ll, greedy) in enumerate(responses(line)):
                worst = max(worst, abs(ll - values[i]))
                ok = ok and abs(ll - values[i]) <= LL_ABSOLUTE + LL_RELATIVE * abs(values[i])
                flags += golden.is_choice and greedy != ref["is_greedy"][i]
        ok = ok and flags == 0
        cells += [f"{worst:.1e}", "equal" if flags == 0 and golden.is_choice else "-" if not golden.is_choice else f"{flags} differ", "-"]
    return cells + ["equal" if not wrong else "; ".join(wrong)], ok


def harness_bfloat16(python, golden, work):
    pairs = [[line["ctx"], cont] for line in golden.lines for cont in line["conts"]]
    path = work / f"{golden.model}_{golden.stem}.json"
    path.write_text(json.dumps(pairs), encoding="utf-8")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    subprocess.run([python, "-c", HARNESS, str(golden.root / "models" / golden.model), str(path)], check=True,
                   env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    flat = json.loads(pathlib.Path(str(path) + ".out").read_text())
    return [[flat.pop(0) for _ in line["conts"]] for line in golden.lines]


def errors(values, reference):
    """(mean, maximum) of |difference| over all requests."""
    all_errors = [abs(a - b) for va, vb in zip(values, reference) for a, b in zip(va, vb)]
    return sum(all_errors) / len(all_errors), max(all_errors)


def flips(values, reference, lines):
    """(doc_id, margin of the reference in nats) where another choice wins than in float32."""
    out = []
    for value, ref, line in zip(values, reference, lines):
        if len(ref) > 1 and best(value) != best(ref):
            first, second = sorted(ref, reverse=True)[:2]
            out.append((line["doc_id"], first - second))
    return out


def bfloat16_row(koeval, python, golden, work):
    reference = golden.values()
    theirs = harness_bfloat16(python, golden, work)
    cells = [golden.model, golden.task, golden.shots]
    ok = True
    their_mean, their_max = errors(theirs, reference)
    cells += [f"{their_mean:.2e}", f"{their_max:.2e}"]
    for logits in ("as_model", "float32"):
        ordered, _ = evaluate(koeval, golden, work, "--dtype", "bfloat16", "--logits-dtype", logits)
        ours = [[ll for ll, _ in responses(line)] for line in ordered]
        mean, largest = errors(ours, reference)
        ok = ok and mean <= BFLOAT16_RATIO * their_mean and largest <= BFLOAT16_RATIO * their_max
        cells.append(f"{mean:.2e} ({mean / their_mean:.2f})")
        cells.append(f"{largest:.2e} ({largest / their_max:.2f})")
        if logits == "as_model":
            changed = flips(ours, reference, golden.lines)
    cells.append(", ".join(f"{doc} ({margin:.3f})" for doc, margin in changed) or "none")
    cells.append(str(len(flips(theirs, reference, golden.lines))))
    return cells, ok


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(r) + " |" for r in rows]) + "\n"


def find_goldens(root, only):
    for folder in ("lm_eval", "lm_eval_old"):
        for path in sorted((root / folder).glob("*/*__*.jsonl")):
            if not only or path.parent.name in only:
                yield Golden(root, folder, path)


def reference_metrics(golden):
    path = golden.root / ("lm_eval_old" if golden.old else "lm_eval") / golden.model / "results.json"
    return json.loads(path.read_text(encoding="utf-8"))["tasks"].get(golden.stem, {}) if path.exists() else {}


def noise_floor(root):
    """What the reference itself moves by, from its own measurements."""
    path = root / "checks.json"
    return "1.0e-4 nats (its two attention kernels), 1e-5 (batch 1 against 4)" if path.exists() else "not measured"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--koeval", required=True)
    parser.add_argument("--goldens", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--bfloat16", default="")
    parser.add_argument("--bfloat16-tasks", default="kobest_copa__0")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent / "PARITY.md")
    arguments = parser.parse_args()
    only = set(filter(None, arguments.only.split(",")))
    in_bfloat16 = set(arguments.bfloat16_tasks.split(","))
    goldens = list(find_goldens(arguments.goldens.resolve(), only))
    float32, bfloat16, failed = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for golden in goldens:
            steps = [("float32", lambda g=golden: float32_row(arguments.koeval, g, work, reference_metrics(g)), float32, 9)]
            if arguments.bfloat16 and golden.stem in in_bfloat16 and golden.is_choice and not golden.old:
                steps.append(("bfloat16", lambda g=golden: bfloat16_row(arguments.koeval, arguments.bfloat16, g, work), bfloat16, 11))
            for name, run, rows, columns in steps:
                try:
                    cells, ok = run()
                except (RuntimeError, ValueError, KeyError, subprocess.CalledProcessError) as error:
                    cells, ok = [golden.model, golden.task, golden.shots, f"not run: {error}"], False
                    cells += [""] * (columns - len(cells))
                rows.append(cells)
                print(golden.model, golden.stem, golden.profile, name, "ok" if ok else "NOT WITHIN THE BOUNDS", flush=True)
                if not ok:
                    failed.append(f"{golden.model} {golden.stem} {golden.profile} {name}")
    count = len(float32) + len(bfloat16)
    text = f"""# Parity with lm-evaluation-harness

Generated by `tests/golden/make_parity.py` (build target `parity`); do not edit. Reference: lm_eval 0.4.13, transformers 5.23.0,
torch 2.13.0, CPU, batch 1, and the 2023 semantics for `leaderboard-v1`; checkpoints of random weights, real public rows.

{count - len(failed)} of {count} rows are within the bounds.{" Outside: " + "; ".join(failed) + "." if failed else ""}

## float32

Bounds: every log-likelihood within {LL_ABSOLUTE:g} + {LL_RELATIVE:g}·|ll| nats; greedy flags and every metric with its standard error
equal; generated texts equal, but for documents whose two best logits are closer than {NEAR_TIE:g} somewhere on the way. Noise of the
reference against itself: {noise_floor(arguments.goldens)}.

{table(["model", "task", "shots", "profile", "documents", "max Δll", "greedy flags", "texts", "metrics"], float32)}"""
    if bfloat16:
        text += f"""
## bfloat16

Error against the float32 reference, in nats over all requests, beside that of the harness in bfloat16 in the same run; in brackets the
ratio, whose bound is {BFLOAT16_RATIO:g} for mean and maximum. `as_model` rounds log-probabilities as the model's class does, `float32` is koeval's
default. Flips: documents where another choice wins than in float32 (as_model), with the margin that float32 had.

{table(["model", "task", "shots", "harness mean", "harness max", "as_model mean", "as_model max", "float32 mean", "float32 max", "flips (margin)", "harness flips"], bfloat16)}"""
    arguments.out.write_text(text, encoding="utf-8")
    print(f"{count - len(failed)} of {count} within the bounds; written to {arguments.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
