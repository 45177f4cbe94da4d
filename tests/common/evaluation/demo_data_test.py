#!/usr/bin/env python3
"""Checks the demo's rows and what its model was trained on. Exit status 0 when all of it holds.

The rows are what the script in the tree writes; the splits are disjoint; the training text is the
one whose digest the model records; no dev or test row occurs in it. Standard library only.
"""
import hashlib
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
DEMO = Path(os.environ["KOEVAL_SOURCE_DIR"]) / "configs" / "demo"
sys.path.insert(0, str(DEMO))

import make_demo_data  # noqa: E402: found through the path above
import training_text  # noqa: E402: same

DATA = DEMO / "tasks" / "data"
MODEL_BYTES_MAX = 2_000_000
BROKEN_BYTES_MAX = 100_000


def rows_of(task, split):
    text = (DATA / f"{task}.{split}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


TASKS = sorted(path.name.removesuffix(".test.jsonl") for path in DATA.glob("*.test.jsonl"))


class Rows(unittest.TestCase):
    def test_script_in_the_tree_writes_them(self):
        made = make_demo_data.all_rows()
        self.assertEqual(sorted(made), TASKS)
        for task, splits in made.items():
            for split, rows in splits.items():
                self.assertEqual(rows, rows_of(task, split), f"{task} {split}")

    def test_there_are_five_kinds_with_60_to_200_documents(self):
        self.assertEqual(len({task.split("_")[1] for task in TASKS}), 5)
        for task in TASKS:
            self.assertTrue(60 <= len(rows_of(task, "test")) <= 200, task)
            self.assertTrue(rows_of(task, "train") and rows_of(task, "dev"), task)

    def test_answers_are_among_the_options(self):
        for task in TASKS:
            for split in make_demo_data.SPLITS:
                for row in rows_of(task, split):
                    answers = training_text.right_answers(task, row)
                    self.assertTrue(answers and all(answers), f"{task} {split}")

    def test_options_of_a_row_differ(self):
        for task in TASKS:
            for row in rows_of(task, "test"):
                if task == "demo_reasoning":
                    options = row["choices"]["text"]
                elif task == "demo_completion":
                    options = row["endings"]
                elif task == "demo_truthful":
                    options = row["mc2_targets"]["choices"]
                elif task == "demo_commonsense":
                    options = [row[f"sentence{i}"] for i in range(1, 5)]
                else:
                    options = row["choices"]
                self.assertEqual(len(options), len(set(options)), task)

    def test_no_question_is_in_two_splits(self):
        for task in TASKS:
            seen = {}
            for split in make_demo_data.SPLITS:
                for row in rows_of(task, split):
                    question = training_text.question(task, row)
                    self.assertEqual(seen.setdefault(question, split), split, task)


class TrainingText(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sequences = ["".join(text for text, _ in parts)
                         for _, parts in training_text.sequences(DATA)]
        cls.text = "\0".join(cls.sequences)

    def test_it_is_the_text_that_the_model_records(self):
        sha = hashlib.sha256()
        for sequence in self.sequences:
            sha.update(sequence.encode() + b"\0")
        facts = json.loads((DEMO / "model" / "training.json").read_text(encoding="utf-8"))
        self.assertEqual(sha.hexdigest(), facts["training_text_sha256"])
        self.assertEqual(len(self.sequences), facts["sequences"])

    def test_train_rows_occur_in_it(self):
        """The search below would find a row that was there."""
        for task in TASKS:
            found = sum(training_text.question(task, row) in self.text
                        for row in rows_of(task, "train")[:20])
            self.assertGreater(found, 0, task)

    def test_no_dev_or_test_row_occurs_in_it(self):
        for task in TASKS:
            for split in ("dev", "test"):
                for row in rows_of(task, split):
                    for piece in private_pieces(task, row):
                        self.assertFalse(piece in self.text, f"{task} {split}: {piece}")


def private_pieces(task, row):
    """The texts by which a row would be known: its prompt, and what it asks for by itself."""
    pieces = [training_text.question(task, row)]
    if task == "demo_completion":
        pieces.append(row["ctx"])
    elif task == "demo_commonsense":
        pieces.append(row[f"sentence{row['gold']}"])
    else:
        pieces.append(row["question"])
    return pieces


class Model(unittest.TestCase):
    def test_it_is_small(self):
        for name, most in (("model", MODEL_BYTES_MAX), ("broken-model", BROKEN_BYTES_MAX)):
            size = sum(path.stat().st_size for path in (DEMO / name).iterdir())
            self.assertLess(size, most, name)

    def test_rows_can_be_made_elsewhere(self):
        with tempfile.TemporaryDirectory() as folder:
            sys.argv = ["make_demo_data.py", "--out", folder]
            make_demo_data.main()
            for path in sorted(DATA.iterdir()):
                self.assertEqual((Path(folder) / path.name).read_bytes(), path.read_bytes(), path)


if __name__ == "__main__":
    unittest.main()
