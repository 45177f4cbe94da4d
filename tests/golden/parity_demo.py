#!/usr/bin/env python3
"""Rows of PARITY.md from this tree alone: demo tasks for every model in demo_scores, texts of the 2023 profile.

float32 is compared with those scores. For bfloat16 the harness scores the prompts of more documents in float32 and in
bfloat16 in the same run; that koeval asks the same prompts is shown by the hashes that float32 compares.
"""
import json
import pathlib

from parity_common import (NEAR_TIE, bfloat16_cells, ll_within, metrics_equal, read_lines, responses, run_harness, run_koeval,
                           text_of)

HERE = pathlib.Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "configs" / "demo"
BFLOAT16_DOCUMENTS = 16
HASHES = ("prompt_hash", "doc_hash", "target_hash")


def model_folder(model):
    return DEMO / "model" if model == "demo" else HERE / "models" / model


def score_folders(only):
    for folder in sorted((HERE / "demo_scores").iterdir()):
        if folder.is_dir() and (not only or folder.name in only):
            yield folder


def with_limit(limit):
    return [] if limit is None else ["--limit", str(limit)]


def float32_row(model, task, shots, golden, samples, ours, reference):
    """A row of FLOAT32_HEAD and whether it is within the bounds."""
    wrong = metrics_equal(reference, ours)
    worst, flags = 0.0, 0
    ok = len(samples) == len(golden)
    for ref in golden:
        line = samples[ref["doc_id"]]
        wrong += [f"document {ref['doc_id']}: {name}" for name in HASHES if line[name] != ref[name]]
        for (ll, greedy), value, wanted in zip(responses(line), ref["ll"], ref["is_greedy"], strict=True):
            worst = max(worst, abs(ll - value))
            ok = ok and ll_within(ll, value)
            flags += greedy != wanted
    cells = [model, task, shots, "lm-eval-0.4", str(len(golden)), f"{worst:.1e}", f"{flags} differ" if flags else "equal", "-",
             "; ".join(wrong) or "equal"]
    return cells, ok and not flags and not wrong


def add_float32(arguments, work, folder, tables):
    report = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    tasks = sorted(report["n-shot"])
    samples, results = run_koeval(arguments.koeval, model_folder(folder.name), DEMO / "tasks", tasks, work, "--dtype", "float32",
                                  *with_limit(report["limit"]))
    for task in tasks:
        shots = str(report["n-shot"][task])
        golden = read_lines(folder / f"{task}.jsonl")
        tables.add("float32", [folder.name, task, shots, "lm-eval-0.4"],
                   lambda t=task, s=shots, g=golden: float32_row(folder.name, t, s, g, samples[t], results[t], report["results"][t]))
    return {task: str(report["n-shot"][task]) for task in tasks}


def add_bfloat16(arguments, work, model, shots, tables, pooled):
    limit = with_limit(arguments.bfloat16_documents)
    runs = {}
    for logits in ("as_model", "float32"):
        runs[logits], _ = run_koeval(arguments.koeval, model_folder(model), DEMO / "tasks", list(shots), work, "--dtype", "bfloat16",
                                     "--logits-dtype", logits, *limit)
    asked = {task: {doc: list(line["arguments"].values()) for doc, line in runs["as_model"][task].items()} for task in shots}
    pairs = [[a["arg_0"], a["arg_1"]] for task in shots for one in asked[task].values() for a in one]
    scored = run_harness(arguments.bfloat16, model_folder(model), pairs, ["float32", "bfloat16"], work)

    def by_document(values, task):
        return [[values.pop(0) for _ in one] for one in asked[task].values()]

    for task in shots:
        reference, theirs = (by_document(scored[dtype], task) for dtype in ("float32", "bfloat16"))
        ours = {logits: [[ll for ll, _ in responses(run[task][doc])] for doc in asked[task]] for logits, run in runs.items()}
        tables.add("bfloat16", [model, task, shots[task], "lm-eval-0.4"],
                   lambda t=task, r=reference, h=theirs, o=ours: bfloat16_cells(model, t, shots[t], r, h, o, list(asked[t]), pooled))


def old_generation_row(koeval, model, task, golden, work):
    """A row of FLOAT32_HEAD about texts of leaderboard-v1, and whether all are equal."""
    samples, _ = run_koeval(koeval, model_folder(model), HERE / "old_generation" / "tasks", [task], work, "--dtype", "float32",
                            "--profile", "leaderboard-v1", "--limit", str(len(golden)))
    lines = samples[task]
    prompts = all(lines[ref["doc_id"]]["arguments"]["gen_args_0"]["arg_0"] == ref["ctx"] for ref in golden)
    different = [ref for ref in golden if text_of(lines[ref["doc_id"]]) != ref["output"]]
    ties = [ref for ref in different if ref["top2_gap"] < NEAR_TIE]
    texts = f"{len(golden) - len(different)}/{len(golden)} equal" + (f", {len(ties)} near ties" if ties else "")
    shots = {"old_ending": "2", "old_long": "9"}[task]
    cells = [model, task, shots, "leaderboard-v1", str(len(golden)), "-", "-", texts, "-" if prompts else "prompts differ"]
    return cells, prompts and len(different) == len(ties)


def add_old_generation(arguments, work, tables):
    for path in sorted((HERE / "old_generation").glob("*/*.jsonl")):
        model, task = path.parent.name, path.stem
        if not arguments.models or model in arguments.models:
            golden = read_lines(path)
            tables.add("float32", [model, task, "-", "leaderboard-v1"],
                       lambda m=model, t=task, g=golden: old_generation_row(arguments.koeval, m, t, g, work))


def add_rows(arguments, work, tables, pooled):
    """Adds the rows of each model of demo_scores, or of those of `arguments.models`."""
    add_old_generation(arguments, work, tables)
    for folder in score_folders(arguments.models):
        shots = add_float32(arguments, work, folder, tables)
        if arguments.bfloat16:
            add_bfloat16(arguments, work, folder.name, shots, tables, pooled)
