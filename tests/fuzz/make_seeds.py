#!/usr/bin/env python3
"""Writes the first seeds of the fuzzers: small inputs made of the tree's own models and tasks.

    make_seeds.py [FOLDER]      default: corpus/ beside this file; other files there are kept

What fuzzing adds to them is merged by run.sh --merge.
"""
import base64
import json
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
SEPARATOR = "\n====\n"
TOKENS_KEPT = 24  # of a vocabulary, besides those that its merges need
MERGES_KEPT = 6


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def safetensors_seeds():
    header = {"__metadata__": {"format": "pt"},
              "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
              "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
              "empty": {"dtype": "I64", "shape": [0, 5], "data_offsets": [32, 32]}}
    yield "several", f"32\n{compact(header)}"
    yield "none", "0\n{}"
    for dtype, bits in [("F4", 4), ("BOOL", 8), ("F8_E5M2", 8), ("F16", 16), ("F64", 64), ("C64", 64)]:
        one = {"w": {"dtype": dtype, "shape": [2], "data_offsets": [0, bits // 4]}}
        yield dtype.lower(), f"{bits // 4}\n{compact(one)}"
    text = compact({"w": {"dtype": "U8", "shape": [], "data_offsets": [0, 1]}}).encode()
    yield "whole_file", len(text).to_bytes(8, "little") + text + b"x"


def model_config_seeds():
    for folder in sorted((GOLDEN / "models").iterdir()) + [ROOT / "configs/demo/model"]:
        config = json.loads((folder / "config.json").read_text())
        yield folder.name if folder.name != "model" else "demo", compact(config)


def small_tokenizer(path):
    """The first tokens, the first merges with what they need, and every added token."""
    tokenizer = json.loads(path.read_text())
    model = tokenizer["model"]
    if isinstance(model["vocab"], list):
        model["vocab"] = model["vocab"][:TOKENS_KEPT]
        return tokenizer
    merges = model.get("merges", [])[:MERGES_KEPT]
    needed = {text for left, right in merges for text in (left, right, left + right)}
    needed |= {token["content"] for token in tokenizer["added_tokens"]}
    names = [token for i, token in enumerate(model["vocab"]) if i < TOKENS_KEPT or token in needed]
    model["vocab"] = {token: i for i, token in enumerate(names)}
    if "merges" in model:
        model["merges"] = merges
    at = len(names)
    for token in tokenizer["added_tokens"]:
        if token["content"] not in model["vocab"]:
            model["vocab"][token["content"]] = at
            at += 1
        token["id"] = model["vocab"][token["content"]]
    fix_ids(tokenizer["post_processor"], model["vocab"])
    return tokenizer


def fix_ids(part, vocab):
    """Token ids inside a post-processor, after the vocabulary shrank."""
    if isinstance(part, dict):
        for key in ("sep", "cls"):
            if key in part:
                part[key][1] = vocab[part[key][0]]
        if isinstance(part.get("ids"), list):
            part["ids"] = [vocab[token] for token in part["tokens"]]
        part = list(part.values())
    for child in part if isinstance(part, list) else []:
        fix_ids(child, vocab)


def word_tokenizer(model, **parts):
    return {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
            "post_processor": None, "decoder": None, "model": model, **parts}


CLASS_OPTIONS = {"word_piece": ["5 bert", "4 bert"], "t5_unigram": ["5 t5", "4 t5"], "xglm_unigram": ["5 xglm"],
                 "byte_bpe": ["5 roberta"], "sp_bpe": ["5 code_llama"]}


def tokenizer_seeds():
    text = "ab 한국어 <s>!\n 12"
    for folder in sorted((GOLDEN / "tokenizers").iterdir()):
        if not (folder / "tokenizer.json").is_file():
            continue
        config = (folder / "tokenizer_config.json").read_text().strip()
        small = compact(small_tokenizer(folder / "tokenizer.json"))
        for options in ("5", "4", "5 llama", "5 qwen2", "5 gemma", "5 gpt_neox", *CLASS_OPTIONS.get(folder.name, [])):
            yield f"{folder.name}_{options.replace(' ', '_')}", SEPARATOR.join([small, config, options, text])
    words = {"[UNK]": 0, "ab": 1, "##c": 2, "a": 3}
    added = [{"id": 4, "content": "<x>", "single_word": True, "lstrip": True, "rstrip": True,
              "normalized": True, "special": False}]
    bert = word_tokenizer(
        {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
         "max_input_chars_per_word": 100, "vocab": words},
        added_tokens=added,
        normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                    "strip_accents": None, "lowercase": True},
        pre_tokenizer={"type": "BertPreTokenizer"},
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
        post_processor={"type": "BertProcessing", "sep": ["a", 3], "cls": ["ab", 1]})
    yield "word_piece", SEPARATOR.join([compact(bert), "{}", "5", "ab abc <x>"])
    level = word_tokenizer({"type": "WordLevel", "unk_token": "[UNK]", "vocab": words},
                           pre_tokenizer={"type": "Whitespace"},
                           normalizer={"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"},
                                                                           {"type": "Lowercase"}]})
    yield "word_level", SEPARATOR.join([compact(level), '{"unk_token":"[UNK]"}', "5", "ab é a"])
    for index, part in enumerate([
            {"type": "Split", "pattern": {"Regex": "\\s+|\\p{L}+"}, "behavior": "MergedWithPrevious", "invert": True},
            {"type": "Punctuation", "behavior": "Contiguous"}, {"type": "Digits", "individual_digits": True},
            {"type": "CharDelimiterSplit", "delimiter": "b"}, {"type": "UnicodeScripts"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}]):
        level["pre_tokenizer"] = part
        yield f"pre_tokenizer_{index}", SEPARATOR.join([compact(level), "{}", "5", "ab a12 가"])


def proto_varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def proto_field(number, value):
    """A field of a message: bytes, text or a message, a float, or a number."""
    if isinstance(value, float):
        return proto_varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return proto_varint(number << 3) + proto_varint(value & (1 << 64) - 1)
    data = value if isinstance(value, bytes) else value.encode()
    return proto_varint(number << 3 | 2) + proto_varint(len(data)) + data


def sentencepiece_model(pieces, trainer, charsmap=b""):
    """A tokenizer.model of (text, score, type) and of fields of its trainer_spec."""
    out = b"".join(proto_field(1, proto_field(1, text) + proto_field(2, score) + proto_field(3, kind)) for text, score, kind in pieces)
    out += proto_field(2, b"".join(proto_field(number, value) for number, value in trainer))
    return out + proto_field(3, proto_field(2, charsmap) if charsmap else b"")


def sentencepiece_seeds():
    special = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    words = [("▁", -1.0, 1), ("a", -2.0, 1), ("b", -2.5, 1), ("ab", -3.0, 1), ("▁ab", -3.5, 1), ("한", -4.0, 1), ("<x>", 0.0, 4)]
    some_bytes = [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    text = "ab 한국 <x> a\n"
    for name, options, trainer, pieces in [
            ("bpe_llama", "5 llama", [(3, 2)], special + words),
            ("bpe_bytes_llama", "5 llama", [(3, 2), (35, 1)], special + some_bytes + words),
            ("bpe_llama_4", "4 llama", [(3, 2)], special + words),
            ("unigram_llama_4", "4 llama", [(3, 1)], special + words),
            ("unigram_mistral", "5 mistral", [(3, 1), (40, 0), (41, 1), (42, 2)], special + words),
            ("bpe_mistral", "5 mistral", [(3, 2), (45, "<unk>"), (46, "<s>"), (47, "</s>")], special + words),
            ("unigram_bytes", "5 mistral", [(3, 1), (35, 1)], special + some_bytes + words),
            ("no_bos", "5 mistral", [(3, 1), (41, -1), (42, -1)], special[:1] + words),
            ("char", "5 mistral", [(3, 4)], special + words)]:
        model = sentencepiece_model(pieces, trainer)
        yield name, SEPARATOR.join([options, "{}", text, ""]).encode() + model
    cases = json.loads((GOLDEN / "tokenizers/components.json").read_text())["cases"]
    charsmap, = [c["normalizer"]["precompiled_charsmap"] for c in cases if c["name"] == "normalizer precompiled"]
    model = sentencepiece_model(special + words, [(3, 2)], base64.b64decode(charsmap))
    yield "charsmap", SEPARATOR.join(["5 mistral", "{}", "ＡＢ ﬁ ab", ""]).encode() + model
    model = sentencepiece_model(special + words, [(3, 2)])
    config = compact({"tokenizer_class": "GemmaTokenizer", "add_bos_token": True, "add_eos_token": True})
    yield "gemma", SEPARATOR.join(["5 gemma", config, text, ""]).encode() + model


def vocab_merges_seeds():
    vocab = {token: i for i, token in enumerate(["<|endoftext|>", "a", "b", "Ġ", "ab", "Ġab", "í", "ķ", "ľ", "Ċ"])}
    merges = "#version: 0.2\na b\nĠ ab\n"
    config = compact({"add_prefix_space": True, "add_bos_token": True, "bos_token": "<|endoftext|>"})
    for name, options in [("gpt2", "5 gpt2"), ("gpt2_4", "4 gpt2"), ("gpt_neox", "5 gpt_neox"), ("qwen2", "5 qwen2")]:
        yield name, SEPARATOR.join([compact(vocab), merges, "{}", options, "ab 한a\n<|endoftext|>"])
    yield "gpt2_bos", SEPARATOR.join([compact(vocab), merges, config, "5 gpt2", "ab"])
    yield "crlf", SEPARATOR.join([compact(vocab), merges.replace("\n", "\r\n"), "{}", "5 gpt2", "ab"])
    yield "no_version", SEPARATOR.join([compact(vocab), "a b", "{}", "5 gpt2", "ab"])


def task_seeds():
    for path in sorted((ROOT / "configs/demo/tasks").glob("*.yaml")):
        task = path.read_text()
        lines = [line for line in task.splitlines()
                 if not line.strip().startswith(("#", "train:", "dev:", "training_split", "validation_split"))]
        text = "\n".join(lines).replace("fewshot_split: train", "fewshot_split: test")
        text = text.replace("fewshot_split: dev", "fewshot_split: test")
        name = f"data/{path.stem}.test.jsonl"
        rows = (path.parent / name).read_text().splitlines()[:2]
        yield path.stem, SEPARATOR.join([text.replace(name, "rows.jsonl"), "", "\n".join(rows)])
    base = "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: c\ndoc_to_target: g\n"
    yield "include", ("include: other.yaml\ntask: toy\ndataset_path: json\ndataset_kwargs: {data_files: rows.jsonl}\n"
                      "test_split: train\nnum_fewshot: 1" + SEPARATOR + base)
    yield "loglikelihood", ("task: toy\noutput_type: loglikelihood\ndataset_path: json\n"
                            "dataset_kwargs:\n  data_files: {test: rows.jsonl}\ntest_split: test\n"
                            "doc_to_text: ''\ndoc_to_target: \"{{q}}\"\nmetadata: {version: 0x1f}\n"
                            "profile_overrides: {shuffle_documents: false}")
    yield "samples", ("task: toy\ndataset_path: json\ndataset_kwargs:\n  data_files: {test: [rows.jsonl, rows.jsonl]}\n"
                      "test_split: test\nfewshot_config:\n  sampler: first_n\n  samples:\n"
                      "    - {q: eins, c: [n, y], g: 1}\n  doc_to_text: '{{q|upper}}'\n" + base)
    yield "hellaswag", ("task: toy\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\n"
                        "process_docs: !function utils.hellaswag\ntest_split: test\ndoc_to_text: query\n"
                        "output_type: multiple_choice\ndoc_to_choice: choices\ndoc_to_target: gold"
                        + SEPARATOR + SEPARATOR
                        + '{"ctx_a":"Ein Tag [x]","ctx_b":"er geht","activity_label":"Gang","endings":["a [title] b","c"],"label":"1"}')
    yield "values", ("task: &a toy\ntask_alias: *a\ndataset_path: csv\ndataset_kwargs:\n  data_files: {test: rows.jsonl}\n"
                     "  column_names: [q, c]\n  sep: ';'\n  quoting: 3\n  skiprows: 1\n  dtype: str\ntest_split: test\n"
                     "output_type: multiple_choice\ndoc_to_text: \"{{q}}\"\ndoc_to_choice: [1:30, .5, ~, yes]\n"
                     "doc_to_target: 0\nmetric_list:\n  - {metric: acc, aggregation: mean, higher_is_better: on}"
                     + SEPARATOR + SEPARATOR + "q;c\n\"a;b\n1;2\n")


TEMPLATES = [
    "{{q}}\nA. {{choices.text[0]}}\n답:", "{{choices.label.index(answer)}}", "{{q.strip()|upper}}",
    "{% if label == 0 %}x{% elif score > .2 and not none %}y{% else %}z{% endif %}",
    "{% for t in choices.text %}{{loop.index}}. {{t}}{% if not loop.last %}, {% endif %}{% else %}-{% endfor %}",
    "{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i ** 2 %}{% endfor %}{{ns.n}}",
    "{{'a' if yes else 'b'}}{{list[::-1]}}{{q[1:-1]}}", "{%- raw %}{{ x }}{% endraw -%} {# c #}",
    "{{ {'a': 1, 'b': [none, 2.5e3]}|tojson }}{{(1,)}}", "{{list|sum}}{{list|join('-')}}{{choices.text|length}}",
    "{{q.replace(' ', '').split('은')|first}}", "{{missing|default('d')}}{{missing is defined}}",
    "{{'a1b22'|regex_replace('[0-9]+', '#')}}", "{{7 // 2}}{{-7 % 3}}{{2 ~ 'x'}}{{7 / 2}}",
    "{{3 is divisibleby 3}}{{'a' in q}}{{'a' not in q}}", "{% set b %}<{{label}}>{% endset %}{{b}}",
    "{{2.345|round(2)}}{{'0x1A'|int(0, 16)}}{{'2.5'|float}}", "{{choices.items()|list}}",
    "{{'%s-%d'|format('a', 3)}}{{'{}'.format(1)}}", "{{['b','a']|sort|reverse|list}}{{list|unique|list}}",
    "{{q|trim|title|capitalize|lower|wordcount}}", "{{list|map('string')|join}}{{list|select('odd')|list}}",
]

CHAT_TEMPLATES = [
    "{{bos_token}}{% for m in messages %}<|{{m['role']}}|>{{m['content']|trim}}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "{% macro turn(m, end='x') %}[{{m.role}}]{{m.content}}{{end}}{% endmacro %}"
    "{%- for m in messages[1:] -%}{{turn(m)}}{% if loop.last %}{% break %}{% endif %}{%- endfor -%}",
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0].content %}{% else %}{% set system %}none"
    "{% endset %}{% endif %}{{ raise_exception('no system') if not system }}{{system|tojson(indent=2)}}",
    "{% set ns = namespace(last=-1) %}{% for m in messages|reverse %}{% if m.role == 'user' and ns.last < 0 %}"
    "{% set ns.last = loop.index0 %}{% continue %}{% endif %}{% endfor %}{{ns.last}}{{strftime_now('%Y')}}",
    "{% with a = 1, b = messages|length %}{{a + b}}{% endwith %}{% filter upper %}x{{bos_token}}{% endfilter %}"
    "{% call(x) turn() %}{{x}}{% endcall %}",
    "{% generation %}{{messages|map(attribute='content')|join('|')}}{% endgeneration %}"
    "{% for m in messages recursive %}{{m.role}}{% endfor %}{{tools is none}}{{documents is defined}}",
]

DATASETS = {
    "lines": 'j\n{"q":"하나","n":1}\n\n{"q":"둘","n":[1.5,null,true]}\n', "list": 'j\n[{"a":1},{"a":2}]',
    "field": 'jf\n{"version":1,"data":[{"a":"x"}]}', "csv": 'c\nq,n,f\n"a, ""b""",1,2.5\r\n가,-3,\n',
    "csv_names": "cnk\nskip,me\n1,2\n", "tsv": "t\na\tb\n1\t\"x\"\n", "tsv_plain": "tqs\na\tb\n1\tit\"s\n",
    "semicolon": "c;\na;b\n+1;1e5\n\"x\ny\";2\n", "mark": "c\n\ufeffa,b\n1,\n,2\n",
}

FRAMES = [
    '{"type":"load","model_dir":"/m","precision":"bfloat16","logits_dtype":"float32","device":"cuda:1","threads":2,'
    '"profile":"lm-eval-0.4","engine":"plan"}',
    '{"type":"task","job":"r1","index":0,"total":2,"task":{"rows":[1,2],"name":"한"},"num_fewshot":5,"limit":null,"seed":-7}',
    '{"type":"plan","job":"r1"}', '{"type":"run","job":"r1","lease":9,"begin":2,"end":5,"plan_digest":"abc","time_left_ms":10000}',
    '{"type":"stop","lease":9}', '{"type":"extend","lease":9,"time_left_ms":5000}', '{"type":"forget","job":"r1"}',
    '{"type":"quit"}', '{"type":"ready","protocol":1,"pid":42,"version":"0.1.0"}',
    '{"type":"loaded","architecture":"LlamaForCausalLM","model_type":"llama","parameters":7,"max_length":2048,'
    '"dtype":"float32","hardware_class":"cpu","tokenizer_digest":"ff","bos_id":1,"eos_id":null}',
    '{"type":"planned","job":"r1","digest":"d","tasks":[{"task":"copa","batches":3,"requests":8,"documents":4,'
    '"truncated":1,"naive_tokens":100,"unique_tokens":50}]}',
    '{"type":"batch","job":"r1","lease":9,"batch":2,"results":{"task":"copa","results":[[0,-1.5,true],[1,"-inf",false]]},"run_ms":3}',
    '{"type":"lease_done","lease":9}', '{"type":"lease_stopped","lease":9,"next":4}', '{"type":"lease_expired","lease":9,"next":4}',
    '{"type":"failed","lease":9,"job":"r1","ending":"OUT_OF_MEMORY","message":"m\\n","remedy":"r"}', '{"type":"alive"}',
]

JSON_TEXTS = ['{"a":[1,-2.5e-3,true,null,"\\u00e9\\ud83d\\ude00\\n"],"":{}}', "[]", '"한"', "1e308", "-0.0",
              "18446744073709551615", "-9223372036854775808", "[[[[[[1]]]]]]", ' {"b" : 1 , "a" : "\\u001f"} ']


def numbered(texts):
    return ((f"{index:02}", text) for index, text in enumerate(texts))


SEEDS = {"safetensors": safetensors_seeds, "model_config": model_config_seeds, "tokenizer": tokenizer_seeds,
         "sentencepiece": sentencepiece_seeds, "vocab_merges": vocab_merges_seeds,
         "chat_template": lambda: numbered(CHAT_TEMPLATES), "task": task_seeds, "template": lambda: numbered(TEMPLATES), "dataset": lambda: DATASETS.items(),
         "runner_frames": lambda: numbered(FRAMES), "json": lambda: numbered(JSON_TEXTS)}


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "corpus"
    for target, seeds in SEEDS.items():
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds():
            (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


if __name__ == "__main__":
    main()
