#!/usr/bin/env python3
"""Writes the vectors of tests/golden/tokenizers with the reference implementation.

    make_tokenizer_vectors.py        in an environment with transformers 5.23.0: the cases of generation 5
                                     in one with transformers 4.36.2: those of generation 4

cases.json says which files, settings and generation each vector file is made with; the strings are our
own. A line holds text, ids (with special tokens), ids_no_special, decoded (of ids_no_special) and decoded_skip
(of ids, without special tokens). The weights-free tokenizers beside it were trained for these tests.
"""
import json
import random
import unicodedata

from tokenizer_cases import ROOT, cases, load

MATERIAL = json.loads((ROOT / "strings.json").read_text(encoding="utf-8"))
SENTENCES, HOSTILE = MATERIAL["sentences"], MATERIAL["hostile"]


def strings():
    """SENTENCES, their NFD forms, HOSTILE, and seeded mixtures of all of them."""
    rng = random.Random(20240607)
    out = SENTENCES + HOSTILE + [unicodedata.normalize("NFD", s) for s in SENTENCES[:22:3]]
    glue = ["", " ", "\n", "\u3000", "  ", "<s>", "<|endoftext|>", "😀", "\u00a0", "'s "]
    for _ in range(40):
        out.append(rng.choice(glue).join(rng.choice(SENTENCES)[:rng.randrange(3, 25)] for _ in range(rng.randrange(1, 4))) + rng.choice(glue))
    alphabet = sorted(set("".join(HOSTILE)))
    for _ in range(40):
        out.append("".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 30))))
    return list(dict.fromkeys(out))


def vector(tok, text):
    ids, bare = tok.encode(text), tok.encode(text, add_special_tokens=False)
    return dict(text=text, ids=ids, ids_no_special=bare, decoded=tok.decode(bare),
                decoded_skip=tok.decode(ids, skip_special_tokens=True))


def main():
    for case in cases():
        if "vectors" not in case:
            continue
        tok = load(case)
        rows = [vector(tok, s) for s in strings()]
        text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
        (ROOT / case["vectors"]).write_text(text, encoding="utf-8")
        print(case["vectors"], len(rows), type(tok).__name__)


if __name__ == "__main__":
    main()
