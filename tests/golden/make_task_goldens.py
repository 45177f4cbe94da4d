#!/usr/bin/env python3
"""Makes tests/golden/tasks: rows in the form of each public dataset, and the requests that
lm-evaluation-harness makes of them with its own task definitions.

    pip install lm_eval==0.4.13
    python3 tests/golden/make_task_goldens.py --out tests/golden/tasks

The rows are invented here from a seeded word list; nothing comes from the datasets. What is written:
datasets/<dataset_path>/[<dataset_name>/]<split>.jsonl, and requests.jsonl with one line for each
(task, shots): SHA-256 of [context, continuation] or [context, until, max_gen_toks] of every request
in the harness's order, as json.dumps gives it. tests/common/evaluation/shipped_tasks_test.cc reads
both.
"""
import argparse
import hashlib
import json
import pathlib
import random

SEED = 20261124
KOREAN = "바다 구름 나무 돌담 편지 저녁 골목 우산 바람 그릇 시장 다리 노래 겨울 마당 언덕 등불 기차 물결 창문".split()
ENGLISH = "river stone lantern meadow copper window harbor ladder winter violin basket engine mirror garden".split()

KMMLU_SUBJECTS = ["law", "gas_technology_and_engineering"]
MMLU_SUBJECTS = ["anatomy", "high_school_us_history"]


class Rows:
    """Sentences and rows from one seeded stream."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def words(self, source, low, high):
        return " ".join(self.random.choice(source) for _ in range(self.random.randint(low, high)))

    def ko(self, low=2, high=6):
        return self.words(KOREAN, low, high)

    def en(self, low=2, high=6):
        return self.words(ENGLISH, low, high)

    def distinct(self, make, count):
        out = []
        while len(out) < count:
            text = make()
            if text not in out:
                out.append(text)
        return out


def kobest(rows, name):
    r = rows.random
    return {
        "boolq": lambda: {"paragraph": rows.ko(8, 14) + ".", "question": rows.ko() + "?", "label": r.randrange(2)},
        "copa": lambda: dict(zip(("premise", "question", "alternative_1", "alternative_2", "label"),
                                 (rows.ko() + ".", r.choice(["원인", "결과", "결과 "]), *rows.distinct(rows.ko, 2),
                                  r.randrange(2)))),
        "hellaswag": lambda: {"context": rows.ko(6, 10) + ".",
                              **{f"ending_{i + 1}": t for i, t in enumerate(rows.distinct(rows.ko, 4))},
                              "label": r.randrange(4)},
        "sentineg": lambda: {"sentence": rows.ko() + "!", "label": r.randrange(2)},
        "wic": lambda: {"word": rows.ko(1, 1), "context_1": rows.ko(), "context_2": rows.ko(), "label": r.randrange(2)},
    }[name]


def kmmlu(rows):
    return {"question": rows.random.choice(["", " "]) + rows.ko(5, 9) + "? ", "answer": rows.random.randint(1, 4),
            **dict(zip("ABCD", rows.distinct(rows.ko, 4))), "Category": rows.ko(1, 1)}


def haerae(rows):
    return {"query": rows.ko(6, 12) + "\n정답:", "answer": f"({rows.random.choice('ABCDE')})"}


def csatqa(rows):
    return {"test_number": rows.random.randrange(50), "context": rows.ko(8, 12), "question": rows.ko() + "?",
            **{f"option#{i}": rows.ko() for i in range(1, 6)}, "gold": rows.random.randint(1, 5)}


CLICK_IDS = ["KIIP_economy_3", "KIIP_geography_1", "KHB_20_3", "TK_history_1", "Kedu_law_1", "PSAT_3", "KIIP_Politics_9",
             "KIIP_popular_2", "KIIP_society_4", "KIIP_tradition_8", "CSAT_korean_22_5", "CSAT_korean_23_34",
             "CSAT_korean_23_35", "TK_88_4", "TK_88_5", "CSAT_korean_20_11", "CSAT_korean_20_10", "Kedu_1_7", "Kedu_16_2",
             "Kedu_16_3", "PSE_korean_4", "KIIP_ECONOMY_5", "TK_9_17", "CSAT_korean_12_36"]


def click(rows, at):
    choices = rows.distinct(rows.ko, 5 if "CSAT" in CLICK_IDS[at] else 4)
    question = rows.ko() + rows.random.choice(["의 대화?", "의 발화?", "?", "?"])
    return {"id": CLICK_IDS[at], "paragraph": rows.random.choice(["", rows.ko(8, 12)]), "question": question,
            "choices": choices, "answer": rows.random.choice(choices)}


def arc(rows):
    labels = rows.random.choice(["ABCD", "1234", "ABCDE"])
    return {"id": rows.en(1, 1), "question": rows.en(5, 9) + "?",
            "choices": {"text": rows.distinct(rows.en, len(labels)), "label": list(labels)},
            "answerKey": rows.random.choice(labels)}


def hellaswag(rows):
    return {"ind": rows.random.randrange(1000), "activity_label": rows.en(1, 2).title(),
            "ctx_a": rows.en(5, 8).capitalize() + ".", "ctx_b": rows.random.choice(["", rows.en(2, 3), "THE " + rows.en(1, 2)]),
            "ctx": "", "endings": rows.distinct(lambda: rows.en() + rows.random.choice([" [title] ", " [step] ", "  "]) + rows.en(), 4),
            "label": str(rows.random.randrange(4))}


def mmlu(rows):
    return {"question": " " + rows.en(5, 9) + "?\n", "subject": "", "choices": rows.distinct(rows.en, 4),
            "answer": rows.random.randrange(4)}


def truthfulqa(rows):
    def targets(true):
        count = rows.random.randint(true + 1, 9)
        return {"choices": rows.distinct(rows.en, count), "labels": [1] * true + [0] * (count - true)}
    return {"question": rows.en(4, 8) + "?", "mc1_targets": targets(1), "mc2_targets": targets(rows.random.randint(1, 4))}


def gsm8k(rows):
    return {"question": rows.en(8, 12) + "?", "answer": f"{rows.en(4, 6)} <<2*3=6>>\n#### {rows.random.randrange(9999):,}"}


def winogrande(rows):
    a, b = rows.distinct(lambda: rows.en(1, 1).capitalize(), 2)
    return {"sentence": f"{a} met {b} because _ liked the {rows.en(2, 4)}, not the _ one.", "option1": a, "option2": b,
            "answer": rows.random.choice("12")}


def openbookqa(rows):
    return {"id": rows.en(1, 1), "question_stem": rows.en(5, 9),
            "choices": {"text": rows.distinct(rows.en, 4), "label": list("ABCD")},
            "answerKey": rows.random.choice("ABCD") + rows.random.choice(["", ""])}


def hyphenated(subject):
    return "-".join(w if w == "and" else w.capitalize() for w in subject.split("_"))


def all_sets(rows):
    """Yields (dataset_path, dataset_name, {split: rows})."""
    def splits(make, *names, count=7):
        return {name: [make() for _ in range(count)] for name in names}
    for name in ("boolq", "copa", "hellaswag", "sentineg", "wic"):
        yield "skt/kobest_v1", name, splits(kobest(rows, name), "train", "validation", "test")
    for subject in KMMLU_SUBJECTS:
        yield "HAERAE-HUB/KMMLU", hyphenated(subject), splits(lambda: kmmlu(rows), "dev", "test")
        yield "HAERAE-HUB/KMMLU-HARD", subject, splits(lambda: kmmlu(rows), "dev", "test")
    for name in ("general_knowledge", "history", "loan_words", "rare_words", "standard_nomenclature"):
        yield "HAERAE-HUB/HAE_RAE_BENCH", name, splits(lambda: haerae(rows), "test")
    for name in ("GR", "LI", "RCH", "RCS", "RCSS", "WR"):
        yield "HAERAE-HUB/csatqa", name, splits(lambda: csatqa(rows), "test", count=3)
    yield "EunsuKim/CLIcK", None, {"train": [click(rows, at) for at in range(len(CLICK_IDS))]}
    for name in ("ARC-Easy", "ARC-Challenge"):
        yield "allenai/ai2_arc", name, splits(lambda: arc(rows), "train", "validation", "test")
    yield "Rowan/hellaswag", None, splits(lambda: hellaswag(rows), "train", "validation")
    for subject in MMLU_SUBJECTS:
        yield "cais/mmlu", subject, splits(lambda: mmlu(rows), "dev", "test")
    yield "truthfulqa/truthful_qa", "multiple_choice", splits(lambda: truthfulqa(rows), "validation")
    yield "openai/gsm8k", "main", splits(lambda: gsm8k(rows), "train", "test")
    yield "allenai/winogrande", "winogrande_xl", splits(lambda: winogrande(rows), "train", "validation")
    yield "allenai/openbookqa", "main", splits(lambda: openbookqa(rows), "train", "validation", "test")


def all_tasks():
    """Yields (task, shots)."""
    names = [f"kobest_{n}" for n in ("boolq", "copa", "hellaswag", "sentineg", "wic")]
    names += [f"{p}_{s}" for p in ("kmmlu", "kmmlu_hard", "kmmlu_direct", "kmmlu_direct_hard") for s in KMMLU_SUBJECTS]
    names += [f"haerae_{n}" for n in ("general_knowledge", "history", "loan_word", "rare_word", "standard_nomenclature")]
    names += [f"csatqa_{n}" for n in ("gr", "li", "rch", "rcs", "rcss", "wr")]
    names += ["arc_easy", "arc_challenge", "hellaswag", *(f"mmlu_{s}" for s in MMLU_SUBJECTS), "gsm8k", "winogrande",
              "openbookqa"]
    for name in names:
        for shots in (0, 2):
            yield name, shots
    for name in ("economy", "geography", "history", "kpop", "law", "politics", "society", "tradition"):
        yield f"click_cul_{name}", 0
    for name in ("function", "grammar", "text"):
        yield f"click_lang_{name}", 0
    yield "truthfulqa_mc1", 0
    yield "truthfulqa_mc2", 0


def write_rows(out):
    for path, name, splits in all_sets(Rows(SEED)):
        folder = out / "datasets" / path / (name or "")
        folder.mkdir(parents=True, exist_ok=True)
        for split, rows in splits.items():
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")


def load_from(out):
    import datasets

    def load(path, name=None, **_):
        folder = out / "datasets" / path / (name or "")
        return datasets.DatasetDict({
            file.stem: datasets.Dataset.from_list([json.loads(line) for line in file.read_text("utf-8").splitlines()])
            for file in sorted(folder.glob("*.jsonl"))})
    return load


def request_of(instance):
    context, second = instance.args
    if instance.request_type == "generate_until":
        return [context, second["until"], second.get("max_gen_toks", 256)]
    return [context, second]


def requests(task_name, shots, manager):
    from lm_eval.tasks import get_task_dict
    (task,) = get_task_dict([task_name], manager).values()
    if task.get_config("num_fewshot") != 0:
        task.set_config(key="num_fewshot", value=shots)
    task.set_fewshot_seed(seed=1234)
    task.build_all_requests(limit=None, rank=0, world_size=1)
    return [hashlib.sha256(json.dumps(request_of(i)).encode()).hexdigest()[:24] for i in task.instances]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    write_rows(out)
    import datasets
    datasets.load_dataset = load_from(out)
    from lm_eval.tasks import TaskManager
    manager = TaskManager()
    with open(out / "requests.jsonl", "w", encoding="utf-8") as file:
        for task, shots in all_tasks():
            made = requests(task, shots, manager)
            file.write(json.dumps({"task": task, "num_fewshot": shots, "requests": made}) + "\n")


if __name__ == "__main__":
    main()
