#!/usr/bin/env python3
"""Writes tests/golden/PARITY.md: koeval against lm-evaluation-harness, model by task by profile.

    python3 tests/golden/make_parity.py --koeval build/release/bin/koeval [--goldens DIR] [--only MODEL,...]
        [--bfloat16 PYTHON] [--bfloat16-tasks TASK__SHOTS,...] [--out tests/golden/PARITY.md]

The demo tasks of this tree come first, for every model that has scores beside this file (parity_demo.py). DIR
holds scores of the harness over tiny checkpoints and public rows (models/, tasks/, lm_eval/, lm_eval_old/): one
JSON line for each document with the contexts, continuations and log-likelihoods or texts. --bfloat16 names a
Python that has lm_eval and torch: the harness then scores the same requests in bfloat16 in the same run, and
koeval's error against float32 is compared with the harness's own; --bfloat16-tasks says for which of DIR's tasks.
The build has a target for it: `parity`.

Exit status 0 when everything is within the bounds that the file states.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import parity_demo
from parity_common import (BFLOAT16_HEAD, BFLOAT16_RATIO, FLOAT32_HEAD, LL_ABSOLUTE, LL_RELATIVE, NEAR_TIE, Pooled, bfloat16_cells,
                           errors, ll_within, metrics_equal, read_lines, responses, run_harness, run_koeval, table, text_of)

# Descriptions that the runs of the old profile put in front.
OLD_DESCRIPTIONS = {"kobest_copa__3": "다음 문장에 이어질 알맞은 말을 고르시오."}
BFLOAT16_TASKS = "kobest_copa__0,kobest_copa__5,kobest_boolq__0,kobest_boolq__2"


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
    samples, results = run_koeval(koeval, golden.root / "models" / golden.model, task_folder(golden, work), [golden.task], work,
                                  "--num-fewshot", golden.shots, "--profile", golden.profile, *extra)
    key = "source_index" if golden.old and not golden.is_text else "doc_id"
    return [samples[golden.task][line[key]] for line in golden.lines], results[golden.task]


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
                ok = ok and ll_within(ll, values[i])
                flags += golden.is_choice and greedy != ref["is_greedy"][i]
        ok = ok and flags == 0
        cells += [f"{worst:.1e}", "equal" if flags == 0 and golden.is_choice else "-" if not golden.is_choice else f"{flags} differ", "-"]
    return cells + ["equal" if not wrong else "; ".join(wrong)], ok


def bfloat16_row(koeval, python, golden, work, pooled):
    """A table row and whether it is within the bounds; the errors are added to `pooled` too."""
    reference = golden.values()
    pairs = [[line["ctx"], cont] for line in golden.lines for cont in line["conts"]]
    flat = run_harness(python, golden.root / "models" / golden.model, pairs, ["bfloat16"], work)["bfloat16"]
    theirs = [[flat.pop(0) for _ in line["conts"]] for line in golden.lines]
    ours = {}
    for logits in ("as_model", "float32"):
        ordered, _ = evaluate(koeval, golden, work, "--dtype", "bfloat16", "--logits-dtype", logits)
        ours[logits] = [[ll for ll, _ in responses(line)] for line in ordered]
    doc_ids = [line["doc_id"] for line in golden.lines]
    return bfloat16_cells(golden.model, golden.task, golden.shots, reference, theirs, ours, doc_ids, pooled)


def find_goldens(root, only):
    for folder in ("lm_eval", "lm_eval_old"):
        for path in sorted((root / folder).glob("*/*__*.jsonl")):
            if not only or path.parent.name in only:
                yield Golden(root, folder, path)


def reference_metrics(golden):
    path = golden.root / ("lm_eval_old" if golden.old else "lm_eval") / golden.model / "results.json"
    return json.loads(path.read_text(encoding="utf-8"))["tasks"].get(golden.stem, {}) if path.exists() else {}


class Tables:
    """The rows so far, and what is outside the bounds."""

    def __init__(self):
        self.float32, self.bfloat16, self.failed = [], [], []

    def add(self, kind, names, make):
        """Adds the row that `make` gives, or why there is none."""
        rows, columns = (self.float32, len(FLOAT32_HEAD)) if kind == "float32" else (self.bfloat16, len(BFLOAT16_HEAD))
        try:
            cells, ok = make()
        except (RuntimeError, ValueError, KeyError, subprocess.CalledProcessError) as error:
            cells, ok = [*names[:3], f"not run: {error}"], False
            cells += [""] * (columns - len(cells))
        rows.append(cells)
        print(*names, kind, "ok" if ok else "NOT WITHIN THE BOUNDS", flush=True)
        if not ok:
            self.failed.append(" ".join([*names, kind]))


def add_goldens(arguments, work, tables, pooled):
    in_bfloat16 = set(arguments.bfloat16_tasks.split(","))
    for golden in find_goldens(arguments.goldens.resolve(), arguments.models):
        names = [golden.model, golden.task, golden.shots, golden.profile]
        tables.add("float32", names, lambda g=golden: float32_row(arguments.koeval, g, work, reference_metrics(g)))
        if arguments.bfloat16 and golden.stem in in_bfloat16 and golden.is_choice and not golden.old:
            tables.add("bfloat16", names, lambda g=golden: bfloat16_row(arguments.koeval, arguments.bfloat16, g, work, pooled))


def noise_floor(root):
    """What the reference itself moves by, from its own measurements."""
    known = root is not None and (root / "checks.json").exists()
    return "1.0e-4 nats (its two attention kernels), 1e-5 (batch 1 against 4)" if known else "not measured"


def page(arguments, tables, pooled):
    outside = {kind: sum(name.endswith(kind) for name in tables.failed) for kind in ("float32", "bfloat16")}
    count = len(tables.float32) + len(tables.bfloat16)
    failed = tables.failed + pooled.outside()
    models = f"; {len(pooled.models) - len(pooled.outside())} of {len(pooled.models)} models over all of their tasks in bfloat16" if pooled.models else ""
    text = f"""# Parity with lm-evaluation-harness

Generated by `tests/golden/make_parity.py` (build target `parity`); do not edit. Reference: lm_eval 0.4.13, transformers 5.23.0,
torch 2.13.0, CPU, batch 1, and the 2023 semantics for `leaderboard-v1`; checkpoints of random weights, and the trained model `demo`. Rows
of `demo_*` are this tree's own, all others are public data sets'.

{count - len(tables.failed)} of {count} rows are within the bounds: {len(tables.float32) - outside["float32"]} of {len(tables.float32)} in float32, {len(tables.bfloat16) - outside["bfloat16"]} of {len(tables.bfloat16)} in bfloat16{models}.{" Outside: " + "; ".join(failed) + "." if failed else ""}

## float32

Bounds: every log-likelihood within {LL_ABSOLUTE:g} + {LL_RELATIVE:g}·|ll| nats; greedy flags and every metric with its standard error
equal; generated texts equal, but for documents whose two best logits are closer than {NEAR_TIE:g} somewhere on the way. Noise of the
reference against itself: {noise_floor(arguments.goldens)}.

{table(FLOAT32_HEAD, tables.float32)}"""
    if not tables.bfloat16:
        return text
    return text + f"""
## bfloat16

Error against the float32 reference, in nats over all requests, beside that of the harness in bfloat16 in the same run; in brackets the
ratio, whose bound is {BFLOAT16_RATIO:g} for mean and maximum. `as_model` rounds log-probabilities as the model's class does, `float32` is koeval's
default.

### Every model over all of its tasks

A maximum is one request: over many requests it says something, over the few of one task chance has a large part in it, and in
models with experts (mixtral, *_moe) a token that goes to another expert moves its request by nats, in either implementation.

{pooled.table()}
### Row by row

Flips: documents where another choice wins than in float32 (as_model), with the margin that float32 had.

{table(BFLOAT16_HEAD, tables.bfloat16)}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--koeval", required=True)
    parser.add_argument("--goldens", type=lambda path: pathlib.Path(path) if path else None)
    parser.add_argument("--only", default="")
    parser.add_argument("--bfloat16", default="")
    parser.add_argument("--bfloat16-tasks", default=BFLOAT16_TASKS)
    parser.add_argument("--bfloat16-documents", type=int, default=parity_demo.BFLOAT16_DOCUMENTS,
                        help="documents of each demo task that bfloat16 is measured over")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent / "PARITY.md")
    arguments = parser.parse_args()
    arguments.models = set(filter(None, arguments.only.split(",")))
    tables, pooled = Tables(), Pooled()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        parity_demo.add_rows(arguments, work, tables, pooled)
        if arguments.goldens is not None:
            add_goldens(arguments, work, tables, pooled)
    arguments.out.write_text(page(arguments, tables, pooled), encoding="utf-8")
    failed = len(tables.failed) + len(pooled.outside())
    print(f"{failed} outside the bounds; written to {arguments.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
