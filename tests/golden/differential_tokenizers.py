#!/usr/bin/env python3
"""Runs the reference implementation over generated strings and stores digests of what it gives.

    differential_tokenizers.py [--only REGEX] [--count 100000] [--compare KOEVAL [--first 0]]

In an environment with transformers 5.23.0 the cases of generation 5 (tokenizers/cases.json) and the single components
(tokenizers/components.json, on the tokenizers library alone); in one with transformers 4.36.2 the cases of generation 4.
The digests go to differential_digests.json; tests/common/tokenizer/differential_test.cc computes them from this project's
tokenizer. --compare runs `KOEVAL tokenize` over the same strings instead, --count of them from --first on, and prints
the first ones that differ.

A digest is SHA-256 over, for each string, the number of ids, the ids, and the decoded text with its length in front;
numbers are 8 little-endian bytes. Special tokens are added always, and skipped in decoding for every second string. A
string that the reference refuses counts as -1 ids. Digests are stored by the number of strings; for a case there are
also "blocks", the first 16 digits for each 1,000 strings, which say where a difference is. "sweep" goes over the code
points instead, in 804 strings; it and "sweep16", over every 16th of these strings, are made for components that do not
only decode.
"""
import argparse
import hashlib
import json
import re
import subprocess
import tempfile
from pathlib import Path

from generated_strings import Generator
from tokenizer_cases import GENERATION, ROOT, cases, fill, load
from tokenizers import Tokenizer

DIGESTS = ROOT.parent / "differential_digests.json"
SEED = 20260601
BLOCK = 1_000  # strings; the default run takes some blocks, the nightly run all
DIGITS = 16  # of a block's digest
CASE_COUNT = 100_000
COMPONENT_COUNTS = (300, 3_000)
SWEEP = 0x32400 // 256  # strings; above are only the tags and private use
SHOWN = 5


def number(value):
    return value.to_bytes(8, "little", signed=True)


class Case:
    """One tokenizer and the strings or ids that go into it."""

    def __init__(self, name, tokenizer, counts, write, decodes=False, in_blocks=False):
        self.name, self.tokenizer, self.counts, self.write = name, tokenizer, counts, write
        self.decodes, self.in_blocks = decodes, in_blocks
        self.sweep_from = max(counts)
        self.sweeps = not decodes and isinstance(tokenizer, Tokenizer)
        self.generator = Generator(SEED)
        library = getattr(tokenizer, "backend_tokenizer", tokenizer)
        self.size = library.get_vocab_size(True)

    def given(self, index):
        """A string or ids; in a comparison the strings of the sweep follow the generated ones."""
        if self.sweeps and index >= self.sweep_from:
            return Generator.sweep(index - self.sweep_from)
        return self.generator.ids(index, self.size) if self.decodes else self.generator.string(index)

    def ids(self, index):
        if self.decodes:
            return self.given(index)
        try:
            encoded = self.tokenizer.encode(self.given(index))
        except Exception:  # the reference refuses the string
            return None
        return encoded if isinstance(encoded, list) else encoded.ids

    def decoded(self, index, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=index % 2 == 1)

    def record(self, index, ids):
        """What string `index` adds to a digest."""
        if ids is None:
            return number(-1)
        text = self.decoded(index, ids).encode()
        return b"".join([number(len(ids)), *map(number, ids), number(len(text)), text])

    def digests(self):
        out, blocks = {}, []
        total = hashlib.sha256()
        for index in range(max(self.counts)):
            record = self.record(index, self.ids(index))
            total.update(record)
            if index % BLOCK == 0:
                blocks.append(hashlib.sha256())
            blocks[-1].update(record)
            if index + 1 in self.counts:
                out[str(index + 1)] = total.hexdigest()
        if self.in_blocks:
            out["blocks"] = [block.hexdigest()[:DIGITS] for block in blocks]
        if self.sweeps:
            every, some = hashlib.sha256(), hashlib.sha256()
            for index in range(SWEEP):
                record = self.record(index, self.tokenizer.encode(Generator.sweep(index)).ids)
                every.update(record)
                if index % 16 == 0:
                    some.update(record)
            out |= dict(sweep=every.hexdigest(), sweep16=some.hexdigest())
        return out

    def compare(self, binary, first, count):
        self.sweep_from = min(max(self.counts), first + count)
        indices = range(first, self.sweep_from + (SWEEP if self.sweeps else 0))
        profile = "leaderboard-v1" if GENERATION == 4 else "lm-eval-0.4"
        with tempfile.TemporaryDirectory() as folder:
            self.write(Path(folder))

            def run(lines, *flags):
                done = subprocess.run([binary, "tokenize", "--model", folder, "--profile", profile, *flags], text=True,
                                      input="".join(json.dumps(x) + "\n" for x in lines), capture_output=True, check=False)
                if done.returncode != 0:
                    print(self.name, done.stderr.strip()[-500:])
                return [json.loads(line) for line in done.stdout.split("\n") if line]

            wanted = {i: self.ids(i) for i in indices}
            given = [i for i in indices if wanted[i] is not None]
            found = [wanted[i] for i in given] if self.decodes else run([self.given(i) for i in given])
            different = [(self.given(i), wanted[i], f) for i, f in zip(given, found, strict=False) if f != wanted[i]]
            for skips in (0, 1):
                some = [i for i in given if i % 2 == skips]
                texts = run([wanted[i] for i in some], "--decode", *(["--skip-special-tokens"] if skips else []))
                different += [(wanted[i], self.decoded(i, wanted[i]), t) for i, t in zip(some, texts, strict=False)
                              if t != self.decoded(i, wanted[i])]
        print(f"{self.name}: {len(different)} of {len(given)} differ" if different else f"{self.name}: equal")
        for text, wanted_, found_ in sorted(different, key=lambda d: len(d[0]))[:SHOWN]:
            print("  given", json.dumps(text), "\n  wanted", json.dumps(wanted_), "\n  found ", json.dumps(found_))


def component_json(case, models):
    model = case["model"]
    if isinstance(model, str):
        model = models[model]
    else:
        model = models[model["of"]] | {k: v for k, v in model.items() if k != "of"}
    return dict(version="1.0", truncation=None, padding=None, added_tokens=case.get("added_tokens", []), normalizer=case.get("normalizer"),
                pre_tokenizer=case.get("pre_tokenizer"), post_processor=case.get("post_processor"), decoder=case.get("decoder"), model=model)


def components():
    doc = json.loads((ROOT / "components.json").read_text(encoding="utf-8"))
    for case in doc["cases"]:
        text = json.dumps(component_json(case, doc["models"]))
        yield Case(case["name"], Tokenizer.from_str(text), COMPONENT_COUNTS,
                   lambda folder, text=text: (folder / "tokenizer.json").write_text(text, encoding="utf-8"), case.get("decodes", False))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--compare")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=CASE_COUNT)
    flags = parser.parse_args()
    stored = json.loads(DIGESTS.read_text(encoding="utf-8")) if DIGESTS.exists() else {"seed": SEED, "cases": {}}
    wanted = [lambda c=c: Case(c["name"], load(c), (flags.count,), lambda folder: fill(c, folder), in_blocks=True) for c in cases() if re.search(flags.only, c["name"])]
    todo = [make() for make in wanted] + ([c for c in components() if re.search(flags.only, c.name)] if GENERATION == 5 else [])
    for case in todo:
        if flags.compare:
            case.compare(flags.compare, flags.first, flags.count)
            continue
        stored["cases"][case.name] = case.digests()
        stored["cases"] = dict(sorted(stored["cases"].items()))
        DIGESTS.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(case.name, flush=True)


if __name__ == "__main__":
    main()
