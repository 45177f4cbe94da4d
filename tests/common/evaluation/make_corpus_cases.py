#!/usr/bin/env python3
"""Makes cases/corpus_metrics.json: bleu, chrf, chrf++ and ter as lm-evaluation-harness 0.4.13 has them, by sacrebleu 2.6.0.

    make_corpus_cases.py        needs lm_eval 0.4.13, sacrebleu 2.6.0 and Python 3.11

A case is a corpus of [right, generated] texts with the score of each metric, and for small corpora the standard
error that the harness's bootstrap finds with 100 and with 1000 resamples. The texts are of this tree's demo tasks, or
made here; what is generated is the right text with words left out, doubled, moved and replaced.
"""
import json
import pathlib
import random

from lm_eval.api import metrics

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[2] / "configs" / "demo" / "tasks" / "data" / "demo_completion.test.jsonl"
NAMES = {"bleu": metrics.bleu, "chrf": metrics.chrf, "chrf++": metrics.chrfpp, "ter": metrics.ter}
ODD = [
    "The price rose 3,000.5 points (about 12.5%), she said - \"really?\" & left.",
    "It's the U.S.-based firm's 1-2 result; see a/b, c_d, {x} [y] <z> ~ e-mail@site.org!",
    "a..b ,, 1.,2 .5 5. -3 3- 4-5 ...",
    "&quot;R&amp;D&quot; &lt;skipped> <skipped> &gt; end-\nof line\nnext",
    "tab\there\u3000wide\u00a0space  two  spaces ",
    "중국어(漢字)와 日本語, 그리고 é ü ß Σ.",
    "3.14 그리고 2,718입니다. “따옴표”와 '작은따옴표'…",
    "(hi) 'word' \"quoted\" x ! ?? a, b. (both)",
    "one", "", " ", ".", "A a A a a", "ABC Def gHI jkl",
]


def sentences():
    for line in DATA.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["ctx"] + " " + row["endings"][row["label"]]


def change(text, dice, words):
    """`text` with a few edits, or another text altogether."""
    parts = text.split(" ")
    for _ in range(dice.choice([0, 1, 1, 2, 3, 5])):
        at = dice.randrange(len(parts)) if parts else 0
        kind = dice.choice(["drop", "double", "swap", "move", "case", "cut"])
        if not parts or kind == "swap":
            parts.insert(at, dice.choice(words))
        elif kind == "drop":
            parts.pop(at)
        elif kind == "double":
            parts.insert(at, parts[at])
        elif kind == "move":
            size = dice.randrange(1, 4)
            run = parts[at:at + size]
            del parts[at:at + size]
            to = dice.randrange(len(parts) + 1)
            parts[to:to] = run
        elif kind == "case":
            parts[at] = parts[at].upper()
        elif kind == "cut":
            parts[at] = parts[at][:-1]
    return " ".join(parts)


def corpora():
    dice = random.Random(20261124)
    texts = list(sentences())
    words = sorted({word for text in texts + ODD for word in text.split()})
    for size in (1, 2, 3, 8, 30):
        for _ in range(4):
            some = [dice.choice(texts + ODD) for _ in range(size)]
            yield [[text, change(text, dice, words)] for text in some]
    for text in ODD:
        yield [[text, text]]
        yield [[text, change(text, dice, words)], [dice.choice(ODD), text]]
    # No n-gram of a higher order is right, nothing at all is, or one side says nothing.
    yield [["a b c d e", "a c e b d"]]
    yield [["a b c d", "x y z"], ["p q", "r"]]
    yield [["a b c d", ""], ["", "a b"]]
    yield [["", ""]]
    # Texts of many words, and of lengths far apart: beams, limits of shifts and of candidates.
    many = [dice.choice(words) for _ in range(160)]
    yield [[" ".join(many), " ".join(many[80:] + many[:80])]]
    yield [[" ".join(many), " ".join(dice.sample(many, len(many)))]]
    yield [[" ".join(many[:6]), " ".join(many)], [" ".join(many), " ".join(many[:2])]]
    few = [dice.choice("abcd") for _ in range(70)]
    yield [[" ".join(few), " ".join(dice.sample(few, len(few)))]]
    yield [[" ".join(many * 2), many[7]], [many[3], " ".join(many)]]


def case(corpus):
    items = [tuple(pair) for pair in corpus]
    out = {"corpus": corpus, "scores": {name: metric(items) for name, metric in NAMES.items()}}
    if 2 <= len(corpus) <= 8 and all(len(right) < 200 for right, _ in corpus):
        out["errors"] = {name: [metrics._bootstrap_internal_no_mp(metric, items, iters) for iters in (100, 1000)]
                         for name, metric in NAMES.items()}
        out["errors"] = {name: [metrics.sample_stddev(found) for found in both] for name, both in out["errors"].items()}
    return out


if __name__ == "__main__":
    lines = [json.dumps(case(corpus), ensure_ascii=True) for corpus in corpora()]
    (HERE / "cases" / "corpus_metrics.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="ascii")
    print(len(lines), "cases")
