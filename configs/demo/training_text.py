#!/usr/bin/env python3
"""The exact text that the demo model is trained on: prompts of the demo tasks made of train rows alone.

    python3 training_text.py > text.txt        # the sequences, one after the other, parted by a NUL
    python3 training_text.py --digest          # their SHA-256, which model/training.json records

A sequence is what the evaluation would show for a train row: description, shots drawn from the
train split, the row's question, and its right answer.
"""
import argparse
import hashlib
import json
import random
import sys
from pathlib import Path

SEED = 7
BATCH = 16       # sequences of one task in a row, so that a batch has one length
BATCHES = 1050
SUBJECTS = {"geography": "지리", "nature": "자연", "language": "국어", "living": "생활"}
KNOWLEDGE = [f"demo_knowledge_{subject}" for subject in SUBJECTS]
# How often each task comes round.
MIX = ["demo_reasoning", *KNOWLEDGE, "demo_commonsense", "demo_completion", *KNOWLEDGE,
       "demo_commonsense", "demo_truthful"]
SHOTS = {"demo_reasoning": 3, "demo_completion": 3, "demo_truthful": 0, "demo_commonsense": 2,
         **{task: 2 for task in KNOWLEDGE}}


def description(task):
    if task in KNOWLEDGE:
        subject = SUBJECTS[task.removeprefix("demo_knowledge_")]
        return f"다음은 {subject}에 관한 객관식 문제입니다.\n\n"
    return {"demo_truthful": "다음 질문에 사실대로 답하십시오.\n\n",
            "demo_commonsense": "다음 개념을 모두 써서 상식에 맞게 만든 문장을 고르십시오.\n\n"}.get(task, "")


def question(task, row):
    if task in KNOWLEDGE:
        options = "".join(f"{letter}. {text}\n" for letter, text in zip("ABCD", row["choices"]))
        return f"{row['question']}\n{options}정답:"
    if task == "demo_completion":
        return f"{row['activity_label']}: {row['ctx']}"
    if task == "demo_commonsense":
        options = "".join(f"{i}. {row[f'sentence{i}']}\n" for i in range(1, 5))
        return f"개념 집합: {{{row['concept_set'].replace('#', ', ')}}}\n{options}정답:"
    return f"질문: {row['question']}\n답변:"


def right_answers(task, row):
    if task in KNOWLEDGE:
        return [row["choices"][row["answer"]]]
    if task == "demo_reasoning":
        return [row["choices"]["text"][row["choices"]["label"].index(row["answerKey"])]]
    if task == "demo_completion":
        return [row["endings"][row["label"]]]
    if task == "demo_commonsense":
        return [f"{row['gold']}. {row[f'''sentence{row['gold']}''']}"]
    targets = row["mc2_targets"]
    return [text for text, label in zip(targets["choices"], targets["labels"]) if label == 1]


def train_rows(data):
    return {task: [json.loads(line) for line in
                   (data / f"{task}.train.jsonl").read_text(encoding="utf-8").splitlines()]
            for task in sorted(set(MIX))}


def sequences(data):
    """Yields (task, parts); a part is (text, whether it is an answer). A sequence is its texts."""
    rows, rng = train_rows(data), random.Random(SEED)
    for batch in range(BATCHES):
        task = MIX[batch % len(MIX)]
        for _ in range(BATCH):
            drawn = rng.sample(rows[task], SHOTS[task] + 1)
            parts = [(description(task), False)] if description(task) else []
            for row in drawn:
                parts.append((question(task, row), False))
                parts.append((" " + rng.choice(right_answers(task, row)), True))
                parts.append(("\n\n", False))
            yield task, parts


def digest(data):
    sha = hashlib.sha256()
    for _, parts in sequences(data):
        sha.update("".join(text for text, _ in parts).encode() + b"\0")
    return sha.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "tasks" / "data")
    parser.add_argument("--digest", action="store_true", help="print the SHA-256 only")
    arguments = parser.parse_args()
    if arguments.digest:
        print(digest(arguments.data))
        return
    for _, parts in sequences(arguments.data):
        sys.stdout.buffer.write("".join(text for text, _ in parts).encode() + b"\0")


if __name__ == "__main__":
    main()
