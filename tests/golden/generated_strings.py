"""Seeded strings for differential tests of tokenizers; tests/common/tokenizer/generated_strings.cc makes the same ones.

The material is tokenizers/strings.json: sentences and hostile strings (both our own), tokens that look like added ones,
separators, and ranges of code points. The random numbers are SplitMix64's; a choice among n is the next number modulo n.
"""
import json
from pathlib import Path

MASK = (1 << 64) - 1
STRINGS = Path(__file__).resolve().parent / "tokenizers" / "strings.json"


class Random:
    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n

    def pick(self, items):
        return items[self.below(len(items))]


class Generator:
    def __init__(self, seed):
        material = json.loads(STRINGS.read_text(encoding="utf-8"))
        self.seed = seed
        self.sentences, self.hostile = material["sentences"], material["hostile"]
        self.tokens, self.separators, self.ranges = material["tokens"], material["separators"], material["ranges"]
        self.words = [w for s in self.sentences for w in s.split(" ")]

    def string(self, index):
        rng = Random(self.seed + index * 0xD1342543DE82EF95)
        kind = rng.below(8)
        if kind <= 1:
            return "".join(rng.pick(self.words) + rng.pick(self.separators) for _ in range(1 + rng.below(12)))
        if kind == 2:
            return "".join(rng.pick(self.sentences) + rng.pick(self.separators) for _ in range(1 + rng.below(3)))
        if kind <= 4:
            return "".join(rng.pick(self.hostile) for _ in range(1 + rng.below(8)))
        if kind == 5:
            return "".join(self._code_point(rng) for _ in range(1 + rng.below(24)))
        if kind == 6:
            return self._run(rng, 200)
        return "".join(self._piece(rng) for _ in range(1 + rng.below(10)))

    @staticmethod
    def sweep(block):
        """Every code point of a block of 256, once between letters and once before a digit."""
        return "".join(f"a{c}b {c}1" for c in map(chr, range(256 * block, 256 * block + 256)) if not 0xD800 <= ord(c) <= 0xDFFF)

    def ids(self, index, count):
        """1 to 12 ids below `count`."""
        rng = Random(self.seed + index * 0xD1342543DE82EF95)
        return [rng.below(count) for _ in range(1 + rng.below(12))]

    def _code_point(self, rng):
        first, last = rng.pick(self.ranges)
        c = first + rng.below(last - first + 1)
        return "\ufffd" if 0xD800 <= c <= 0xDFFF else chr(c)

    def _run(self, rng, most):
        kind = rng.below(4)
        text = rng.pick(self.hostile) if kind == 0 else rng.pick(self.words) if kind == 1 else self._code_point(rng)
        return text * (1 + rng.below(most)) if len(text) <= 4 else text

    def _piece(self, rng):
        kind = rng.below(5)
        if kind == 0:
            return rng.pick(self.words)
        if kind == 1:
            return rng.pick(self.hostile)
        if kind == 2:
            return self._code_point(rng)
        if kind == 3:
            return rng.pick(self.tokens)
        return self._run(rng, 20)
