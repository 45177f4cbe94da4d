// Templates: what Jinja2 3.1 renders for the same row, bounds, and errors without text of the row.
#include "common/evaluation/template.h"

#include <gtest/gtest.h>

namespace koeval::evaluation {
namespace {

const char* const kRow =
    R"~({"question": "  Why is it so?\n", "choices": {"text": ["a", "b'c", "d\"e'"], "label": ["A", "B", "C"]}, "answerKey": "B", "label": 1, "gold": 3, "score": 0.5, "big": 1e+22, "none": null, "yes": true, "list": [3, 1, 2], "words": ["one", "two", "three"], "ko": "한국어 문장", "text": "Hello big World", "concept_set": "만들다#세종#한글", "nested": {"a": {"b": [{"c": "deep"}]}}, "empty": "", "items_list": [{"n": "x", "v": 2}, {"n": "y", "v": 5}], "tab": "a\tb\\c", "zero": 0})~";

struct Case {
  const char* source;
  const char* wanted;
};

// Expected texts are what Jinja2 3.1.6 gave with StrictUndefined and keep_trailing_newline.
const Case kCases[] = {
    {"plain text", "plain text"},
    {"{{ question }}|", "  Why is it so?\n|"},
    {"{{ question.strip() }}|{{ question.lstrip() }}|{{ question.rstrip() }}|",
     "Why is it so?|Why is it so?\n|  Why is it so?|"},
    {"{{choices.text}} {{choices.label.index(answerKey)}}", "['a', \"b'c\", 'd\"e\\''] 1"},
    {"{{gold - 1}} {{gold + 1.0}} {{gold * 2}} {{7 // 2}} {{-7 // 2}} {{7 % 3}} {{-7 % 3}} {{7 / "
     "2}} {{2 ** 10}} {{-2 ** 2}} {{2 ** -1}} {{7.5 // 2}} {{-7.5 % 2}}",
     "2 4.0 6 33 11 3.5 10244 0.5 3.01.5"},
    {"{{ yes }} {{ none }} {{ score }} {{ big }} {{ 1e-5 }} {{ 1.0 }} {{ list }} {{ (1,) }} {{ (1, "
     "'a') }} {{ {'a': 1, 'b': [none, True]} }}",
     "True None 0.5 1e+22 1e-05 1.0 [3, 1, 2] (1,) (1, 'a') {'a': 1, 'b': [None, True]}"},
    {"{{ 'a' if label == 1 else 'b' }} {{ 'a' if label == 0 else 'b' }}", "a b"},
    {"{{ \"'\" ~ 1 ~ 2.5 ~ none ~ \"x\" }}", "'12.5Nonex"},
    {"{{ ko[0] }} {{ ko[-1] }} {{ ko[1:3] }} {{ ko[::-1] }} {{ list[1:] }} {{ list[:-1] }} {{ "
     "list[::2] }} {{ words[0][1:] }}",
     "한 장 국어 장문 어국한 [1, 2] [3, 1] [3, 2] ne"},
    {"{{ '{' + concept_set.replace('#', ', ') + '}' }}", "{만들다, 세종, 한글}"},
    {"{% if label == 0 %}zero{% elif label == 1 %}one{% else %}other{% endif %}", "one"},
    {"{% for w in words %}{{ loop.index }}. {{ w }}{% if not loop.last %}, {% endif %}{% endfor %}",
     "1. one, 2. two, 3. three"},
    {"{% for k, v in choices.items() %}{{k}}={{v|length}};{% endfor %}", "text=3;label=3;"},
    {"{% for i in range(3) %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{% else %}none{% "
     "endfor %}{% for i in [] %}x{% else %}empty{% endfor %}",
     "03True12False21Falseempty"},
    {"{% set x = 5 %}{{ x }}{% for i in [1,2] %}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "5125"},
    {"{% set ns = namespace(total=0) %}{% for i in list %}{% set ns.total = ns.total + i %}{% "
     "endfor %}{{ ns.total }}",
     "6"},
    {"{% set block %}<{{ label }}>{% endset %}{{ block }}{{ block|length }}", "<1>3"},
    {"a  {%- if true %} b {% endif -%}  c", "a b c"},
    {"a  {{- ' x ' -}}  b {#- gone -#}  c {# kept #} d", "a x bc  d"},
    {"{% raw %}{{ not }} {% if %}{% endraw %} after", "{{ not }} {% if %} after"},
    {"{{ text|upper }} {{ text|lower }} {{ 'hELLO wORLD'|capitalize }} {{ \"they're bill's "
     "friends-from the (uk) [x]\"|title }} {{ \"they're bill's\"|string }}",
     "HELLO BIG WORLD hello big world Hello world They're Bill's Friends-From The (Uk) [X] they're "
     "bill's"},
    {"{{ \"they're bill's fRIENDS\".title() }} {{ '\303\237tra\303\237e'.upper() }} {{ "
     "'\307\206abc'.capitalize() }} {{ '\316\221\316\243 \316\221\316\243\316\221 "
     "\316\243'.lower() }} {{ '\304\260X'.lower()|length }}",
     "They'Re Bill'S Friends SSTRASSE \307\205abc \316\261\317\202 \316\261\317\203\316\261 "
     "\317\203 3"},
    {"{{ words|join(', ') }} {{ words|first }} {{ words|last }} {{ list|sum }} {{ words|length }} "
     "{{ 'abc'|list }} {{ 'abc'|reverse }}",
     "one, two, three one three 6 3 ['a', 'b', 'c'] cba"},
    {"{{ '42'|int + 1 }} {{ '4.7'|int }} {{ 'x'|int(9) }} {{ '2.5'|float }} {{ 'x'|float }} {{ "
     "3.7|int }} {{ '0x1A'|int(0, 16) }} {{ 5|float }}",
     "43 4 9 2.5 0.0 3 26 5.0"},
    {"{{ missing|default('d') }} {{ empty|default('e', true) }}{{ empty|default('e') }} {{ "
     "none|default('x') }} {{ missing|d }}",
     "d e None "},
    {"{{ missing is defined }} {{ text is defined }} {{ none is none }} {{ text is string }} {{ 3 "
     "is number }} {{ 3 is odd }} {{ 3 is even }} {{ 6 is divisibleby 3 }} {{ 3 is not none }} {{ "
     "list is iterable }} {{ choices is mapping }} {{ 2 is in [1,2] }}",
     "False True True True True True False True True True True True"},
    {"{{ 2.5|round }} {{ 2.345|round(2) }} {{ 2.1|round(0, 'ceil') }} {{ 7|round }} {{ (-3)|abs }} "
     "{{ -3|abs }} {{ 0.5|round }} {{ 1.5|round }}",
     "2.0 2.35 3.0 7 3 3 0.0 2.0"},
    {"{{ {'b': 1, 'a': \"<한'&>\"} | tojson }} {{ [1, 2.0, none, true]|tojson }}",
     "{\"a\": \"\\u003c\\ud55c\\u0027\\u0026\\u003e\", \"b\": 1} [1, 2.0, null, true]"},
    {"{{ 'a1b22'|regex_replace('[0-9]+', '#') }} {{ 'John Smith'|regex_replace('(\\w+) (\\w+)', "
     "'\\\\2 \\\\1') }} {{ 'aaa'|regex_replace('a', 'b', 2) }} {{ 'abc'|regex_replace('', '-') }} "
     "{{ 'x [title] y'|regex_replace('\\[.*?\\]', '') }}",
     "a#b# Smith John bba -a-b-c- x  y"},
    {"{{ items_list|map(attribute='n')|join('+') }} {{ list|map('string')|join }} {{ "
     "list|select('odd')|list }} {{ list|reject('odd')|list }} {{ items_list|selectattr('v', 'gt', "
     "3)|map(attribute='n')|list }}",
     "x+y 312 [3, 1] [2] ['y']"},
    {"{{ 'a,b,,c'.split(',') }} {{ 'a b  c'.split() }} {{ 'a,b,c'.split(',', 1) }} {{ "
     "'a,b,c'.rsplit(',', 1) }} {{ ' a  b '.split(' ') }} {{ 'a\\nb\\r\\nc'.splitlines() }} {{ ' x "
     "y z '.split(none, 1) }}",
     "['a', 'b', '', 'c'] ['a', 'b', 'c'] ['a', 'b,c'] ['a,b', 'c'] ['', 'a', '', 'b', ''] ['a', "
     "'b', 'c'] ['x', 'y z ']"},
    {"{{ ', '.join(words) }} {{ text.find('big') }} {{ text.find('zzz') }} {{ ko.find('문') }} {{ "
     "ko.index('국') }} {{ text.count('l') }} {{ text.rfind('l') }}",
     "one, two, three 6 -1 4 1 3 13"},
    {"{{ text.startswith('Hello') }} {{ text.endswith(('x', 'World')) }} {{ 'abc'.isdigit() }} {{ "
     "'12'.isdigit() }} {{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a=b=c'.partition('=') }} {{ "
     "'a=b=c'.rpartition('=') }}",
     "True True False True 007 -007 ('a', '=', 'b=c') ('a=b', '=', 'c')"},
    {"{{ 'xxabcxx'.strip('x') }} {{ 'xyabc'.lstrip('yx') }} {{ 'abcab'.rstrip('ab') }} {{ "
     "'unhappy'.removeprefix('un') }} {{ 'a.txt'.removesuffix('.txt') }} {{ 'aBc'.swapcase() }} {{ "
     "'AB'.isupper() }} {{ 'a1'.islower() }}",
     "abc abc abc happy a AbC True True"},
    {"{{ '{} and {1} {name} {{}}'.format('a', 'b', name='c') if false else '{0}-{1}'.format('a', "
     "'b') }} {{ '{}/{}'.format(1, none) }}",
     "a-b 1/None"},
    {"{{ list.index(2) }} {{ list.count(1) }} {{ choices.get('zzz') }} {{ choices.get('zzz', 4) }} "
     "{{ choices.keys()|list }} {{ nested.a.b[0].c }} {{ nested['a']['b'][0]['c'] }}",
     "2 1 None 4 ['text', 'label'] deep deep"},
    {"{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 'a' in 'abc' }} {{ 'z' not in words }} {{ 'text' in "
     "choices }} {{ not true }} {{ 1 == 1.0 }} {{ [1] == [1.0] }} {{ (1,) == [1] }} {{ 'a' < 'b' "
     "}} {{ true + 1 }}",
     "True False True True True False True True False True 2"},
    {"{{ '' or 'x' }} {{ 'a' and 'b' }} {{ 0 or none }} {{ not '' and 1 }} {{ none or [] or 'end' "
     "}}",
     "x b None 1 end"},
    {"{{ 'a' * 3 }} {{ [0] * 2 }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ 'ab' 'cd' }} {{ 'x' + "
     "'y'|upper }} {{ ('x' + 'y')|upper }}",
     "aaa [0, 0] [1, 2] (1, 2) abcd xY XY"},
    {"{{ \"quote ' and \\\" \\t tab \\u00e9 \\x41 \\\\ back\" }} {{ [\"it's\", 'say \"hi\"', 'both "
     "\\' \"', 'nl\\n', '\\u200b', '\\x7f', '한', '\\U0001f600', '\\u3000'] }}",
     "quote ' and \" \t tab \303\251 A \\ back [\"it's\", 'say \"hi\"', 'both \\' \"', 'nl\\n', "
     "'\\u200b', '\\x7f', '한', '\360\237\230\200', '\\u3000']"},
    {"{{ tab }} {{ [tab] }} {{ {'k': tab} }}", "a\tb\\c ['a\\tb\\\\c'] {'k': 'a\\tb\\\\c'}"},
    {"{{ 0x1f }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 1.5e3 }} {{ 10000000000000000.0 }} {{ 1e16 "
     "}} {{ 123456789.123 }}",
     "31 5 15 1000 1500.0 1e+16 1e+16 123456789.123"},
    {"{% for a, b in [(1, 2), (3, 4)] %}{{ a * b }} {% endfor %}{% for w in words if 't' in w %}{{ "
     "w }}{{ loop.length }} {% endfor %}",
     "2 12 two2 three2 "},
    {"{% set a, b = 1, 2 %}{{ a }}{{ b }}{{ a, b }}", "12(1, 2)"},
    {"{{ '%s' if false else 'n' }} {{ 5 if zero else 6 }} {{ loop is defined }} {{ [1,2,3][1] }} "
     "{{ words.1 }}",
     "n 6 False 2 two"},
    {"{{ {'x': {'y': 1}}.x.y }} {{ {} }} {{ [] }} {{ () }} {{ none }} {{ [none, true, 1.5] }}",
     "1 {} [] () None [None, True, 1.5]"},
    {"{{ text|replace('l', 'L') }} {{ text|replace('l', 'L', 1) }} {{ text|trim }} {{ "
     "'--x--'|trim('-') }} {{ 12|string + '!' }} {{ words|map('upper')|list }}",
     "HeLLo big WorLd HeLlo big World Hello big World x 12! ['ONE', 'TWO', 'THREE']"},
    {"line one\\nline two", "line one\\nline two"},
    {"{{ range(5)|list }} {{ range(2, 8, 3)|list }} {{ range(3, 0, -1)|list }} {{ dict(a=1)['a'] "
     "}}",
     "[0, 1, 2, 3, 4] [2, 5] [3, 2, 1] 1"},
    {"{{ '\357\274\221\357\274\222'.isdigit() }} {{ '\302\262'.isdigit() }} {{ "
     "'\357\254\201x'.upper() }} {{ '\305\211'.upper()|length }} {{ 'a' ~ ('b' if yes else 'c') ~ "
     "'d' }}",
     "True True FIX 2 abd"},
    {"{%- for l, t in [['A', 'x'], ['B', 'y']] -%}\n{{ l }}: {{ t }}\n{% endfor %}",
     "A: x\nB: y\n"},
};

Json Row() {
  const auto row = ParseJson(kRow);
  EXPECT_TRUE(row.ok()) << row.status().ToString();
  return row.ok() ? *row : Json::object();
}

Result<std::string> Render(const std::string& source, const Json& row) {
  ASSIGN_OR_RETURN(const Template parsed, Template::Parse(source));
  return parsed.Render(row);
}

std::string ErrorOf(const std::string& source) {
  const auto text = Render(source, Row());
  EXPECT_FALSE(text.ok()) << source << " gave " << (text.ok() ? *text : "");
  return text.ok() ? "" : text.status().message();
}

TEST(TemplateTest, RendersWhatJinjaRenders) {
  const Json row = Row();
  for (const Case& item : kCases) {
    const auto text = Render(item.source, row);
    ASSERT_TRUE(text.ok()) << item.source << "\n" << text.status().ToString();
    EXPECT_EQ(*text, item.wanted) << item.source;
  }
}

TEST(TemplateTest, LineEndsBecomeNewlinesAndTheLastOneStays) {
  EXPECT_EQ(*Render("a\r\nb\rc\n", Json::object()), "a\nb\nc\n");
}

TEST(TemplateTest, UndefinedNamesAreErrorsWithTheirPlace) {
  EXPECT_EQ(ErrorOf("line one\n  {{ nothing }}"),
            "template line 2, column 6: 'nothing' is undefined");
  for (const char* source : {"{% if nothing %}x{% endif %}", "{{ nothing + 1 }}",
                             "{{ choices.nothing }}", "{{ list[9] }}", "{{ nothing == 1 }}",
                             "{{ nothing|upper }}", "{% for x in nothing %}{% endfor %}",
                             "{{ 'a' if zero }}", "{{ [nothing] }}", "{{ not nothing }}"}) {
    EXPECT_NE(ErrorOf(source).find("template line 1"), std::string::npos) << source;
  }
}

TEST(TemplateTest, ErrorsNeverContainTextOfTheRow) {
  for (const char* source :
       {"{{ text.index('zzz') }}", "{{ text + 1 }}", "{{ text.nothing }}", "{{ choices[text] }}",
        "{{ text is divisibleby 2 }}", "{{ list.index(text) }}", "{{ text.split('') }}"}) {
    const std::string error = ErrorOf(source);
    EXPECT_EQ(error.find("Hello"), std::string::npos) << error;
  }
}

TEST(TemplateTest, SyntaxErrorsAndUnsupportedTagsNameTheirPlace) {
  for (const char* source : {"{{",
                             "{{ }}",
                             "{% if x %}",
                             "{% endif %}",
                             "{{ 'a }}",
                             "{{ (1 }}",
                             "{{ 1 +* 2 }}",
                             "{% macro f() %}{% endmacro %}",
                             "{# no end",
                             "{% raw %}",
                             "{{ a b }}",
                             "{% for %}",
                             "{{ x|nofilter }}",
                             "{{ 1 is notest }}",
                             "{{ f(1) }}",
                             "{{ ''.encode() }}",
                             "{{ 99999999999999999999 }}",
                             "{% set %}",
                             "{{ '\\N{DASH}' }}",
                             "{{ $ }}"}) {
    EXPECT_NE(ErrorOf(source).find("template line 1"), std::string::npos) << source;
  }
  EXPECT_NE(ErrorOf("{% import 'x' %}").find("'import'"), std::string::npos);
}

TEST(TemplateTest, AMethodNameIsNotMistakenForAMember) {
  EXPECT_NE(ErrorOf("{{ choices.items }}").find("method"), std::string::npos);
  EXPECT_EQ(*Render("{{ d['items'] }}", Json{{"d", {{"items", 3}}}}), "3");
}

TEST(TemplateTest, HostileTemplatesEndWithAnError) {
  const std::string doubling =
      "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}"
      "{% endfor %}{{ ns.x }}";
  const std::string nesting =
      "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}"
      "{% endfor %}{{ ns.x }}";
  const std::string deep =
      "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}"
      "{% endfor %}{{ ns.x }}";
  const std::string slow =
      "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
  std::string chain = "{{ 1";
  for (int i = 0; i < 5000; ++i) chain += "+1";
  for (const std::string& source :
       {doubling, nesting, deep, slow, chain + "}}", "{{ " + std::string(5000, '(') + " }}",
        "{{ " + std::string(5000, '-') + "1 }}", "{{ " + std::string(5000, '[') + " }}",
        std::string("{{ 'ab' * 99999999999 }}"), std::string("{{ [1] * 99999999999 }}"),
        std::string("{{ range(10**9)|length }}"), std::string("{{ 9223372036854775807 + 1 }}"),
        std::string("{{ 10 ** 40 }}"),
        std::string("{% set ns = namespace(x=1) %}{% set ns.x = [ns] %}"),
        std::string("{{ ('a' * 9999999).replace('a', 'bbbb') }}"),
        std::string("{{ ('a' * 40 + 'b')|regex_replace('(a|aa)+$', '') }}")}) {
    const auto text = Render(source, Row());
    EXPECT_FALSE(text.ok()) << source.substr(0, 80);
  }
}

TEST(TemplateTest, OversizedSourceIsRefused) {
  EXPECT_FALSE(Template::Parse(std::string(300 * 1024, 'x')).ok());
}

}  // namespace
}  // namespace koeval::evaluation
