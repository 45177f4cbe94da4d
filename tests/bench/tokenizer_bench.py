#!/usr/bin/env python3
"""Encodes Korean text with tokenizer_bench and with Hugging Face tokenizers, side by side, one thread each.

    tokenizer_bench.py BINARY [DIR...] [--megabytes 4]

DIRs default to the golden tokenizers. The text is sentences made of the demo tasks' words, a tenth of them followed by a
word of random syllables, so that not every word has been seen. Needs the tokenizers library of transformers 5. Both
sides report MB of UTF-8 a second of processor time, the best of three passes with a fresh tokenizer; of the library's
two ways to encode a batch, the faster one, which leaves offsets out, counts. The number of ids must agree.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402  (after the settings for one thread)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "configs" / "demo"))
import demo_words  # noqa: E402

SEED = 7
PASSES = 3
BATCH = 256


def texts_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from texts_of(pair)
    elif isinstance(value, (list, tuple)):
        for member in value:
            yield from texts_of(member)


def make_text(size):
    rng = random.Random(SEED)
    words = sorted({w for name in dir(demo_words) if name.isupper() for t in texts_of(getattr(demo_words, name)) for w in t.split() if "{" not in w})
    lines, total = [], 0
    while total < size:
        line = []
        for _ in range(rng.randrange(5, 120)):
            line.append(rng.choice(words))
            if rng.random() < 0.1:
                line.append("".join(chr(rng.randrange(0xAC00, 0xD7A4)) for _ in range(rng.randrange(1, 4))))
            if rng.random() < 0.05:
                line.append(rng.choice(["(2024)", "3.5", "the answer", "km", "A:", "1,234"]))
        lines.append(" ".join(line))
        total += len(lines[-1].encode()) + 1
    return lines


def reference(folder, lines, size):
    best, ids = float("inf"), 0
    for _ in range(PASSES):
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        spent, ids = 0.0, 0
        for at in range(0, len(lines), BATCH):
            begin = time.process_time()
            encoded = tokenizer.encode_batch_fast(lines[at:at + BATCH], add_special_tokens=False)
            spent += time.process_time() - begin
            ids += sum(map(len, encoded))
        best = min(best, spent)
    return size / 1e6 / best, ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--megabytes", type=float, default=4)
    flags = parser.parse_args()
    goldens = sorted(p.parent for p in (ROOT / "tests" / "golden" / "tokenizers").glob("*/tokenizer.json"))
    lines = make_text(int(flags.megabytes * 1e6))
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(("\n".join(lines) + "\n").encode())
        file.flush()
        size = os.path.getsize(file.name)
        for folder in flags.folders or goldens:
            out = subprocess.run([flags.binary, file.name, str(folder)], check=True, capture_output=True, text=True).stdout
            _, ours, our_ids = out.split("\t")
            theirs, their_ids = reference(folder, lines, size)
            note = "" if int(our_ids) == their_ids else f"  ids differ: {our_ids.strip()} and {their_ids}"
            print(f"{folder.name:16} {float(ours):8.1f} MB/s, reference {theirs:6.1f} MB/s, ratio {float(ours) / theirs:5.1f}{note}", flush=True)


if __name__ == "__main__":
    main()
