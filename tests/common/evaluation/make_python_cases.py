#!/usr/bin/env python3
"""Makes cases/*.json: what Python's re and the filters of lm-evaluation-harness 0.4.13 give.

    make_python_cases.py re        cases/python_regex.json; needs Python 3.11 alone
    make_python_cases.py filters   cases/filters.json; needs lm_eval 0.4.13
"""
import json
import pathlib
import re
import sys

CASES = pathlib.Path(__file__).parent / "cases"

TEXTS = [
    "The answer is (B).\nAnswer: C",
    "정답은 (A)입니다. 그리고 3,000원",
    "#### -1,234.5\n#### 7",
    "a\u00a0b\u1680c\u180ed\x1ce\u200bf",
    "١٢ x²Ⅷ_é 中 -٣",
    "",
    "aaa bab\n",
    "ab12\r\nAB\u2028x",
    "$5.00 and 12 or -3",
    "‿⁀_字[a-c]&&",
]
PATTERNS = [
    r"#### (\-?[0-9\.\,]+)",
    r"(-?[$0-9.,]{2,})|(-?[0-9]+)",
    r"(?<=정답은)\s*[(]?(A|B|C|D)[)]?.*(?=입니다.)",
    r"\s",
    r"\S+",
    r"\w+",
    r"\W",
    r"[\W_]+",
    r"\d+",
    r"[^\d\s]+",
    r"\D",
    r"\b",
    r"\bA",
    r"\B",
    r"a*",
    r"a*?",
    r"(a)|b",
    r"(a)(b)?",
    r"^.*$",
    r"(?m)^.*$",
    r"(?s).*",
    r".",
    r"a{,2}",
    r"x{,}",
    r"{a",
    r"[[a]",
    r"[]\-a]",
    r"[a\]^-]",
    r"[\w-]+",
    r"\x41|\u0042|\101",
    r"(?P<q>a)(?P=q)",
    r"(a)\1",
    r"\Z",
    r"a$",
    r"\Aa",
    r"(?i)answer",
    r"(?i:a)B",
    r"(?:a|b)+?",
    r"\v|\f|\t|\r",
    r"[\b]",
    r"\$\d+(?:\.\d+)?",
    r"(?=(a))",
    r"(?!a)b",
    r"a(?#note)b",
    r"[[:alpha:]]",
    r"[&&]",
    r"[\s\d]+",
    r"[\S]",
    r"[^\W\d]+",
    r"\.$",
    r"(?<![0-9])[0-9]",
    r"é|중",
    r"\é",
    r"(?u)\w",
    r"a|",
    r"(|a)+",
]


def regex_cases():
    """[pattern, text, findall as lists of groups, sub with "<>"]."""
    for pattern in PATTERNS:
        regex = re.compile(pattern)
        for text in TEXTS:
            found = [list(m) if isinstance(m, tuple) else [m] for m in regex.findall(text)]
            yield [pattern, text, found, regex.sub("<>", text)]


FIRST = {"function": "take_first"}
CHOICES = {"choices": ["Guilty", "Guilty of Romance", "서울, 특별시"]}


def step(function, **arguments):
    return {"function": function, **arguments}


FILTERS = [
    ([step("regex"), FIRST],["a #### 12\n#### 1,3"]),
    ([step("regex", group_select=-1,regex_pattern=r"(-?[$0-9.,]{2,})|(-?[0-9]+)"), FIRST],["cost 5 then $12.50 or 7"]),
    ([step("regex", regex_pattern=r"(?<=정답은)\s*[(]?(A|B|C|D)[)]?.*(?=입니다.)"), FIRST],["정답은 (B) 입니다."]),
    ([step("regex", regex_pattern=r"(x)|(y)",fallback=" none "), FIRST],["abc"]),
    ([step("regex", regex_pattern=r"(x*)(y*)",fallback=" none "), FIRST],["abc"]),
    ([step("regex", regex_pattern=r"(x*)"), FIRST],["abc"]),
    ([step("regex", regex_pattern=r" b.* "), FIRST],["a b c  "]),
    ([step("remove_whitespace"), FIRST],["\u3000 a b\n"]),
    ([step("lowercase"),step("regex", regex_pattern="[a-z]+"), FIRST],["ABC def"]),
    ([step("uppercase"), FIRST],["straße"]),
    ([step("majority_vote"), FIRST],["b","a","a","b","c"]),
    ([step("take_first_k",k=3),step("regex", regex_pattern=r"\d"),step("majority_vote"), FIRST],["1","x2","y2","1"]),
    ([step("take_first_k",k=2)],["1","2","3"]),
    ([step("regex", regex_pattern="[A-E]"), FIRST, step("map",mapping_dict={"A":"0","B":"1"},default_value="-1"), FIRST],["so B"]),
    ([step("regex", regex_pattern="[A-E]"), FIRST, step("map",mapping_dict={"A":"0","B":"1"},default_value="-1"), FIRST],["so E"]),
    ([FIRST, step("regex", regex_pattern="."), FIRST],["가나"]),
    ([step("map",mapping_dict={"a":1},default_value=None)],["a","b"]),
    ([step("multi_choice_regex", regex_pattern=r"(\([A-Z]\))",group_select=-1,ignore_case=True,ignore_punctuation=True), FIRST],["I say (A) or (B)"], CHOICES),
    ([step("multi_choice_regex", regex_pattern=r"(\([A-Z]\))",group_select=-1,ignore_case=True,ignore_punctuation=True), FIRST],["it is GUILTY OF romance!"], CHOICES),
    ([step("multi_choice_regex", regex_pattern=r"(\([A-Z]\))",ignore_punctuation=True), FIRST],["수도는 서울 특별시."], CHOICES),
    ([step("multi_choice_regex", regex_pattern=r"(\([A-Z]\))"), FIRST],["Answer:   C"], CHOICES),
    ([step("multi_choice_regex", regex_pattern=r"(\([A-Z]\))",fallback="none"), FIRST],["no idea"], CHOICES),
    ([step("multi_choice_regex", regex_pattern=r"(\([A-Z]\))",regexes_to_ignore=[r"\bof\b "]), FIRST],["Guilty Romance"], CHOICES),
    ([step("format_span"), FIRST],["Person: Kim, Lee $$ places: None\nDATE : 1919; Company:ACME $$"]),
    ([step("format_span"), FIRST],["persons: a$$organization:b, none$$"]),
]


class Instance:
    def __init__(self, resps, doc):
        self.resps, self.doc, self.filtered_resps = resps, doc, {}


def filter_cases():
    from lm_eval.filters import build_filter_ensemble

    for steps, answers, *doc in FILTERS:
        doc = doc[0] if doc else {}
        pipeline = [[s["function"], {k: v for k, v in s.items() if k != "function"}] for s in steps]
        instance = Instance(answers, doc)
        build_filter_ensemble("x", pipeline).apply([instance])
        wanted = instance.filtered_resps["x"]
        if not isinstance(wanted, (str, int, list)):
            wanted = list(wanted)
        yield {"steps": steps, "answers": answers, "doc": doc, "wanted": wanted}


def write(name, cases):
    lines = [json.dumps(case, ensure_ascii=True) for case in cases]
    (CASES / name).write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="ascii")


if sys.argv[1:] == ["re"]:
    write("python_regex.json", regex_cases())
elif sys.argv[1:] == ["filters"]:
    write("filters.json", filter_cases())
else:
    sys.exit(__doc__)
