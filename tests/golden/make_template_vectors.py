#!/usr/bin/env python3
"""Writes the vectors of tests/golden/templates with Jinja2 and transformers.

    python3 make_template_vectors.py

Needs transformers 5.24 and jinja2 3.1.6; no network. The *.jinja files beside the vectors are ours, in the
style of known model families. vectors.jsonl: one line for each (template, conversation, mode) with the text, or
with "error": "template" where Jinja raises a TemplateError and "other" for any other exception.
expressions.jsonl: the same for small expressions over row.json, ours and random ones from a seed.
conversations.json and row.json are what both are rendered with. The clock stands at NOW.
"""
import datetime
import json
import random
from pathlib import Path

import jinja2
from transformers.utils import chat_template_utils

ROOT = Path(__file__).resolve().parent / "templates"
NOW = 1732406400  # 2024-11-24 00:00:00 UTC
SEED = 20240924
RANDOM_EXPRESSIONS = 700

TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "날씨를 알려 준다.\nIt's <b>quick</b> & \"sure\".",
        "parameters": {"type": "object", "required": ["city"], "properties": {
            "unit": {"type": "string", "enum": ["C", "F"]}, "city": {"type": "string", "description": "도시"},
            "days": {"type": ["integer", "number"]}}}, "return": {"type": "string"}}},
    {"type": "function", "function": {
        "name": "add", "description": "Adds.", "parameters": {
            "type": "object", "required": [], "properties": {
                "xs": {"type": "array", "items": {"type": "number"}},
                "more": {"type": "object", "additionalProperties": {"type": "boolean"}}, "any": {}}}}},
]


def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "서울", "days": 2}}}]}
RESULT = {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefghi", "content": "맑음, 21.5°C"}

CONVERSATIONS = {
    "one": {"messages": turns(("user", "안녕?"))},
    "system": {"messages": turns(("system", "친절하게 답하세요.\n"), ("user", " 1 + 1 = ? \n"))},
    "many": {"messages": turns(("user", "질문 하나: 하늘은?"), ("assistant", "파랗다."), ("user", "질문 둘:\n\n- a\n- b"),
                               ("assistant", " 😀 \"b\" 'c' <d> & e\\f "), ("user", "끝.\u3000"))},
    "system_many": {"messages": turns(("system", "You are exact."), ("user", "Q1"), ("assistant", "A1"), ("user", "Q2"),
                                      ("assistant", "A2"), ("user", "Q3"))},
    "ends_in_assistant": {"messages": turns(("system", "시스템"), ("user", "써 줘"), ("assistant", "정답:"))},
    "ends_in_blank": {"messages": turns(("user", "Q"), ("assistant", "The answer is "))},
    "thought": {"messages": turns(("user", "왜?"), ("assistant", "<think>\n곰곰\n\n</think>\n\n그래서."), ("user", "또?"),
                                  ("assistant", "<think>\nhm\n</think>\n\n응."))},
    "two_users": {"messages": turns(("user", "a"), ("user", "b"))},
    "late_system": {"messages": turns(("user", "a"), ("system", "b"), ("assistant", "c"))},
    "empty_texts": {"messages": turns(("system", ""), ("user", ""), ("assistant", ""), ("user", "x"))},
    "unknown_role": {"messages": turns(("user", "a"), ("critic", "b"))},
    "tools": {"messages": turns(("system", "도구를 쓰세요."), ("user", "서울 날씨?")), "tools": TOOLS},
    "tool_call": {"messages": turns(("user", "서울 날씨?")) + [CALL, RESULT, RESULT] + turns(("assistant", "맑아요.")),
                  "tools": TOOLS},
    "tool_open": {"messages": turns(("user", "서울 날씨?")) + [CALL, RESULT], "tools": TOOLS},
    "thinking_off": {"messages": turns(("user", "빨리")), "enable_thinking": False},
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": " 보이나? "}, {"type": "image"}]}]},
}
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<unk>"}

ROW = {
    "messages": turns(("system", "S 시스템"), ("user", "  Hello <b>World</b>\n"), ("assistant", "응답 'q' \"dq\"")),
    "text": "Hello big World", "ko": "한국어 문장입니다", "empty": "", "none": None, "yes": True, "no": False,
    "n": 7, "zero": 0, "x": 2.5, "list": [3, 1, 2], "words": ["one", "Two", "three", "two"],
    "d": {"b": 1, "a": "<한'&>", "items": [1, {"c": None}]}, "nested": {"a": {"b": [{"c": "deep"}]}},
    "pairs": [{"n": "x", "v": 2}, {"n": "y", "v": 5}, {"n": "X", "v": 2}], "bos_token": "<s>",
}

EXPRESSIONS = r"""
{{ missing }}|{{ (missing.x is defined) if false }}|{{ none }}
{{ missing is defined }} {{ missing is undefined }} {{ missing is none }} {{ missing is string }} {{ missing is iterable }} {{ missing is sequence }} {{ missing is mapping }} {{ missing is number }}
{{ missing == missing2 }} {{ missing == none }} {{ missing != 'a' }} {{ missing in list }} {{ 1 in missing }} {{ missing not in words }}
{{ missing.attribute }}
{{ missing['item'] }}
{{ missing() }}
{{ missing + 'a' }}
{{ missing ~ 'a' ~ none ~ 1 ~ 2.0 ~ true }}
{{ missing > 1 }}
{{ missing | length }} {{ missing | join }} {{ missing | list }} {{ missing | upper }} {{ missing | trim }} {{ missing | default('d') }} {{ missing | first }}
{{ missing | tojson }}
{{ missing | int }}
{{ missing or 'or' }} {{ missing and 'and' }} {{ not missing }} {{ 'yes' if missing else 'no' }} {{ 'only' if missing }}
{{ (missing or {}).x }} {{ d.missing }} {{ d['missing'] }} {{ none.x }} {{ text.nothing }} {{ list[9] }} {{ list['a'] }}
{{ d.missing.more }}
{{ list.append(4) }}
{{ d.update({'z': 1}) }}
{{ d | tojson }} {{ d | tojson(indent=2) }} {{ words | tojson(ensure_ascii=true) }} {{ ko | tojson(ensure_ascii=True) }} {{ d | tojson(separators=(',', ':')) }} {{ d | tojson(sort_keys=true) }} {{ d | tojson(indent=4, separators=[', ', ' : ']) }}
{{ [] | tojson(indent=2) }} {{ {} | tojson(indent=2) }} {{ [[], {}] | tojson(indent=1) }} {{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ (1, 'a') | tojson }} {{ "\n\t\"\\/\u2028\x7f" | tojson }}
{{ pairs | selectattr('v', 'eq', 2) | map(attribute='n') | list }} {{ pairs | rejectattr('v', 'gt', 3) | list | length }} {{ messages | selectattr('role', 'in', ['user', 'system']) | map(attribute='role') | join('+') }}
{{ words | map('upper') | join(',') }} {{ words | select('in', ['one']) | list }} {{ words | reject('equalto', 'one') | list }} {{ list | map('string') | list }} {{ pairs | map(attribute='zzz', default='-') | list }}
{{ words | sort }} {{ words | sort(reverse=true) }} {{ words | sort(case_sensitive=true) }} {{ list | sort }} {{ pairs | sort(attribute='v') | map(attribute='n') | list }} {{ pairs | sort(attribute='v,n', reverse=true) | map(attribute='n') | list }}
{{ words | unique | list }} {{ words | unique(true) | list }} {{ [1, 1.0, true, 2] | unique | list }} {{ pairs | unique(attribute='n') | list | length }} {{ list | min }} {{ list | max }} {{ words | max }} {{ [] | min }}
{{ d | dictsort }} {{ {'B': 2, 'a': 3, 'C': 1} | dictsort }} {{ {'B': 2, 'a': 3} | dictsort(true) }} {{ {'x': 2, 'y': 1} | dictsort(by='value') }} {{ {'x': 2, 'y': 1} | dictsort(reverse=true) }}
{{ [1,2,3,4,5] | batch(2) | list }} {{ [1,2,3] | batch(2, 'f') | list }} {{ 'abc' | list }} {{ d | items | list }} {{ d.items() | list }} {{ d | list }} {{ d.keys() | list }} {{ d.values() | list | length }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb\n' | indent(1, blank=true) }}|{{ 'a\nb' | indent('> ', first=True) }}|{{ '' | indent }}
{{ words | first }} {{ words | last }} {{ 'abc' | first }} {{ 'abc' | last }} {{ [] | first }}|{{ list | sum }} {{ pairs | sum(attribute='v') }} {{ list | reverse | list }} {{ 'abc' | reverse }}
{{ words | map('upper') | length }}
{{ words | map('upper') | string | length > 0 if false else 'k' }}
{{ 'truthy' if [] | map('upper') else 'falsy' }} {{ 'truthy' if [] | selectattr('x') | list else 'falsy' }} {{ (words | map('length')) is iterable }} {{ (words | map('length')) is sequence }}
{{ text[1:4] }} {{ text[::-1] }} {{ text[-3:] }} {{ ko[::2] }} {{ list[::-1] }} {{ list[:-1] }} {{ messages[1:][0].role }} {{ messages[-1]['role'] }} 
{{ d[1:] }}
{{ missing[1:] }}
{{ missing[missing2] }}
{{ text.nomethod() }}
{{ d.nomethod() }}
{{ list.sort() }}
{{ text.split() }} {{ 'a,b'.split(',')[-1] }} {{ ' x '.strip() }}| {{ 'xxa'.lstrip('x') }} {{ text.startswith('He') }} {{ text.endswith(('x', 'ld')) }} {{ text.replace('l', 'L', 1) }} {{ text.title() }} {{ '-'.join(words) }} {{ '{} {}'.format('a', 1) }} {{ 'a' in text }} {{ text.find('big') }}
{{ text.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ n is odd }} {{ n is divisibleby 7 }} {{ 3 is not none }} {{ n not in list }} {{ not n == 7 }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 }} {{ 7 / 2 }} {{ n * x }}
{{ true is true }} {{ 1 is true }} {{ yes is boolean }} {{ n is integer }} {{ x is float }} {{ none is none }} {{ d is mapping }} {{ text is mapping }} {{ text is string }} {{ list is sequence }} {{ n is iterable }} {{ n is number }} {{ true is number }} {{ 'ABC' is upper }} {{ 'abc' is lower }} {{ 1 is sameas 1 }} {{ 1 is eq 1.0 }} {{ 'a' is ne 'b' }} {{ 2 is lt 3 }} {{ 2 is ge 3 }} {{ no is false }}
{{ raise_exception('stop') }}
{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d') }} {{ strftime_now('%B %-d, %A') }} {{ strftime_now('') }}
{% set ns = namespace(a=1, b=[]) %}{% for i in list %}{% set ns.a = ns.a + i %}{% set ns.b = ns.b + [i] %}{% endfor %}{{ ns.a }} {{ ns.b }} {{ ns.c }}|
{% set x = 1 %}{% for i in list %}{{ x }}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
{% for i in list %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% else %}none{% endfor %} {% for i in list %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% endfor %} {% for i in [] %}x{% else %}empty{% endfor %}
{% for i in range(5) if i is odd %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ i }} {% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in ko[:2] %}{{ c }}.{% endfor %}{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}
{% for m in missing %}x{% else %}nothing{% endfor %}{% for m in none %}x{% endfor %}
{% macro f(a, b='B', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ f(1) }}{{ f(1, 2) }}{{ f(1, c=3) }}{{ f() }}{{ f(b=2, a=1) | upper | length }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(q=2) }}
{% macro outer() %}<{{ caller(1) }}{{ caller(2) }}>{% endmacro %}{% call(n) outer() %}{{ n }}{{ text[:2] }}{% endcall %}
{% macro f() %}{{ y }}{% endmacro %}{% set y = 'late' %}{{ f() }}{% for i in [1] %}{% set y = 'inner' %}{{ f() }}{% endfor %}
{% macro fact(n) %}{{ n * fact(n - 1) | int if n > 1 else 1 }}{% endmacro %}{{ fact(6) }}
{% set block %}a{{ n }}{% endset %}{{ block }}{{ block | length }}{% set up | upper %}x{% endset %}{{ up }}{% filter replace('a', 'b') %}aaa{% endfilter %}{% with q = 1, r = 2 %}{{ q + r }}{% endwith %}{{ q }}
{%- for m in messages -%} {{ m.role }} {%- if not loop.last %}, {% endif -%} {%- endfor %}
{% if list %}yes{% elif empty %}no{% else %}other{% endif %}{% if empty %}{% elif zero %}{% else %}else{% endif %}
{{ 'a' 'b' }} {{ "q'q" }} {{ 'é\n\x41\u00e9' }} {{ [1, 'a', none, true, 1.5, {'k': 'v'}, (1,), []] }} {{ {'a': 1}.a }} {{ {'a': 1}['a'] }} {{ () }} {{ (1, 2) }}
{{ messages[0] }} {{ d }}
{{ dict(a=1) }} {{ dict(d, b=5)['b'] }} {{ dict(messages[0], content='new').content }} {{ namespace(a=1).a }}
{{ 'x' | default('y') }} {{ empty | default('y') }}| {{ empty | default('y', true) }} {{ none | default('y') }} {{ none | d('y', boolean=true) }}
{{ '12' | int }} {{ '1.5' | float }} {{ 'x' | int(5) }} {{ 3.9 | int }} {{ 2.5 | round }} {{ 2.567 | round(1) }} {{ -3 | abs }} {{ 5 | string + '!' }} {{ true | string }} {{ text | capitalize }} {{ 'aB cD' | title }} {{ text | replace('big', 'small') }}
{{ loop }}|{{ loop is defined }}
{{ "%s" }} {{ '{{' }} {{ '%}' }} {# comment {{ x }} #}{% raw %}{{ raw }}{% endraw %}
{{ 1 if yes else missing.x }} {{ yes and no or 'z' }} {{ (1 if no) is defined }} {{ [1 if no] }}
{{ words | join(', ') | upper }} {{ words | map('replace', 'o', '0') | list }} {{ words | map('first') | join }} {{ pairs | map(attribute='n') | map('lower') | unique | join }}
{{ nested.a.b[0].c }} {{ nested['a'].b.0.c }} {{ (nested.a.x.y is defined) if false else 'k' }} {{ 'a.b' in nested }}
{{ text | nosuchfilter }}
{{ text is nosuchtest }}
{% include 'x' %}
{% import 'x' as y %}
{% break %}
{{ 'a' + 1 }}
{{ 1 / 0 }}
{{ ''.__class__ }}|{{ text.__class__.__mro__ }}
{{ 10 is in [10] }} {{ 'x' is in 'xyz' }} {{ n is not in list }} {{ n is in list or true }}
{{ -1 | abs }} {{ -n }} {{ +n }} {{ 2 - -1 }} {{ not true == false }} {{ 'a' ~ 1 + 2 }} {{ 1 + 2 ~ 'a' }}
""".strip("\n").split("\n")


class Frozen(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, datetime.timezone.utc)


def outcome(render):
    try:
        return {"text": render()}
    except jinja2.exceptions.TemplateError:
        return {"error": "template"}
    except Exception:  # noqa: BLE001: whatever Python says about a bad template
        return {"error": "other"}


def conversation_lines():
    for path in sorted(ROOT.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        for name, given in CONVERSATIONS.items():
            modes = ["prompt", "plain"]
            last = given["messages"][-1]
            if last["role"] == "assistant" and last["content"]:
                modes.append("continue")
            for mode in modes:
                given = json.loads(json.dumps(given))
                rest = {key: value for key, value in given.items() if key not in ("messages", "tools")}

                def render():
                    rendered, _ = chat_template_utils.render_jinja_template(
                        [given["messages"]], tools=given.get("tools"), chat_template=source,
                        add_generation_prompt=mode == "prompt", continue_final_message=mode == "continue",
                        **SPECIAL, **rest)
                    return rendered[0]

                yield {"template": path.stem, "conversation": name, "mode": mode, **outcome(render)}


class Expressions:
    """Random expressions: typed loosely, so that some of them are errors."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *options):
        return self.random.choice(options)

    def text(self, depth):
        if depth == 0:
            return self.pick("text", "ko", "empty", "'a b'", "\"it's\"", "words[0]", "messages[1].content", "d.a", "missing")
        inner = self.text(depth - 1)
        return self.pick(
            f"{inner} | trim", f"{inner} | upper", f"({inner}) | lower", f"({inner} ~ {self.any(depth - 1)})",
            f"({inner} + {self.text(depth - 1)})", f"({inner})[{self.slice()}]", f"({inner}) | replace('a', {self.text(0)})",
            f"({inner}).strip()", f"({inner}).split(' ')[0]", f"({inner}) | title", f"({inner}) | capitalize",
            f"({self.items(depth - 1)}) | join('-')", f"({self.any(depth - 1)}) | string", f"({self.any(depth - 1)}) | tojson",
            f"({inner} if {self.truth(depth - 1)} else {self.text(depth - 1)})", f"({inner}) | default({self.text(0)}, true)",
            f"({inner}) | indent(2)", f"({self.number(depth - 1)}) | string")

    def slice(self):
        return self.pick("1:", ":-1", "::-1", "::2", "-2:", "1:3", "0", "-1", "5:2", ":100")

    def number(self, depth):
        if depth == 0:
            return self.pick("n", "zero", "x", "1", "-2", "3.5", "list[0]", "true", "missing")
        return self.pick(
            f"({self.number(depth - 1)} + {self.number(depth - 1)})", f"({self.number(depth - 1)} * {self.number(depth - 1)})",
            f"({self.number(depth - 1)} - {self.number(depth - 1)})", f"({self.number(depth - 1)}) | int",
            f"({self.number(depth - 1)} // 2)", f"({self.number(depth - 1)} % 3)", f"({self.items(depth - 1)}) | length",
            f"({self.text(depth - 1)}) | length", f"(({self.number(depth - 1)}) | round(1))", f"({self.text(0)}) | int(4)",
            f"({self.items(0)} | list | length)")

    def items(self, depth):
        if depth == 0:
            return self.pick("list", "words", "[1, 'a', none]", "messages", "pairs", "d", "(1, 2)", "[]", "missing", "(range(3) | list)")
        inner = self.items(depth - 1)
        return self.pick(
            f"({inner})[{self.slice()}]", f"({inner} + {self.items(depth - 1)})", f"{inner} | list", f"{inner} | sort | list",
            f"{inner} | unique | list", f"{inner} | map('string') | list", f"{inner} | reverse | list",
            f"{inner} | selectattr('role', 'equalto', 'user') | list", f"{inner} | map(attribute='role') | list",
            f"{inner} | select | list", f"{inner} | reject('none') | list", f"{inner} | batch(2) | list",
            f"({self.text(depth - 1)}).split()", f"[{self.any(depth - 1)}, {self.any(depth - 1)}]")

    def truth(self, depth):
        if depth == 0:
            return self.pick("yes", "no", "missing", "none", "text", "empty", "n", "zero", "list")
        a, b = self.any(depth - 1), self.any(depth - 1)
        return self.pick(
            f"({a} == {b})", f"({a} != {b})", f"({self.text(depth - 1)} in {self.text(depth - 1)})",
            f"({a} in {self.items(depth - 1)})", f"(not {a})", f"({a} and {b})", f"({a} or {b})", f"({a} is defined)",
            f"({a} is not none)", f"({a} is string)", f"({a} is mapping)", f"({a} is iterable)", f"({a} is sequence)",
            f"({a} is number)", f"({self.number(depth - 1)} < {self.number(depth - 1)})", f"({a} is true)", f"({a} is not false)",
            f"({self.number(depth - 1)} <= n < {self.number(depth - 1)})", f"({a} is eq {b})")

    def any(self, depth):
        return self.pick(self.text, self.text, self.number, self.items, self.truth)(depth)

    def template(self):
        depth = self.pick(1, 2, 2, 3)
        output = "{{ " + self.any(depth) + " }}"
        if self.random.random() < 0.75:
            return output
        start, end = self.pick(("{%", "%}"), ("{%-", "%}"), ("{%", "-%}"), ("{%-", "-%}"), ("{%+", "%}"))
        space = self.pick("", " ", "\n", "\n  ", " \n", "\t")
        return self.pick(
            f"a{space}{start} if {self.truth(depth)} {end}{space}{output}{space}{start} else {end}b{space}{start} endif {end}{space}c",
            f"a{space}{start} for i in {self.items(1)} {end}{space}{{{{ i }}}}{space}{start} endfor {end}{space}c{space}",
            f"{start} set q = {self.any(depth)} {end}{space}{{{{ q }}}}{space}{{# c #}}{space}{output}\n",
            f"{start} set q {end}{space}{output}{space}{start} endset {end}{space}{{{{ q | tojson }}}}")


def expression_lines():
    row = json.loads(json.dumps(ROW))
    source = Expressions(SEED)
    known = list(EXPRESSIONS)
    while len(known) < len(EXPRESSIONS) + RANDOM_EXPRESSIONS:
        candidate = source.template()
        if candidate not in known:
            known.append(candidate)
    for text in known:
        def render():
            return chat_template_utils._compile_jinja_template(text).render(**row)
        yield {"source": text, **outcome(render)}


def write(name, lines):
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (ROOT / name).write_text(text, encoding="utf-8")
    print(name, text.count("\n"))


def main():
    chat_template_utils.datetime = Frozen
    shared = {"now": NOW, "special_tokens": SPECIAL, "conversations": CONVERSATIONS}
    (ROOT / "conversations.json").write_text(json.dumps(shared, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (ROOT / "row.json").write_text(json.dumps(ROW, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    write("vectors.jsonl", conversation_lines())
    write("expressions.jsonl", expression_lines())


if __name__ == "__main__":
    main()
