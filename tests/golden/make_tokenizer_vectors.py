#!/usr/bin/env python3
"""Writes the vectors of tests/golden/tokenizers with the reference implementation.

    make_tokenizer_vectors.py        in an environment with transformers 5.23.0: the cases of generation 5
                                     in one with transformers 4.36.2: those of generation 4

cases.json says which files, settings and generation each vector file is made with; the strings below are our
own. A line holds text, ids (with special tokens), ids_no_special, decoded (of ids_no_special) and decoded_skip
(of ids, without special tokens). The weights-free tokenizers beside it were trained for these tests.
"""
import json
import os
import random
import shutil
import tempfile
import unicodedata
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import transformers  # noqa: E402  (after the switch to offline)

ROOT = Path(__file__).resolve().parent / "tokenizers"

SENTENCES = [
    "오늘은 하늘이 맑아서 강가를 따라 한참을 걸었다.", "어제 산 사과가 아직도 아삭아삭하다.",
    "회의는 오후 세 시에 시작하니 늦지 말아 주세요.", "그는 문을 열자마자 우산을 찾기 시작했다.",
    "고양이가 창틀 위에서 꾸벅꾸벅 졸고 있어요.", "버스가 늦게 와서 결국 택시를 탔습니다.",
    "책상 위에 놓인 편지에는 아무 말도 적혀 있지 않았다.", "비가 그치자 아이들이 운동장으로 뛰어나갔다!",
    "이 문제의 답은 무엇일까요? 천천히 생각해 보세요.", "할머니께서 끓여 주신 된장국이 가장 맛있다.",
    "기차는 정확히 7시 45분에 부산역에 도착한다.", "값이 싸다고 해서 늘 좋은 것은 아니다.",
    "읽고, 쓰고, 셈하고, 다시 읽었다.", "뷁", "훈민정음 해례본을 본 적이 있니?", "ㄱㄴㄷ ㅏㅑㅓ ㅋㅋㅋ ㅠㅠ",
    "왜냐하면 길이 막혔기 때문이다.", "예문: 나는 학교에 간다. 질문: 어디에 가나? 답: 학교",
    "질문:무엇인가", "참고문헌 (2021), 34-56쪽", "서울특별시 종로구 세종대로 175", "전화는 02-123-4567로 주세요.",
    "The lamp on the desk flickered twice and went out.", "We're sure they'll come; it's what he'd do, isn't it?",
    "SHE'LL SAY IT'S FINE, I'M TOLD", "A gram of salt, 3.5 cups of flour and 12 eggs", "Rain fell . Then it stopped !",
    "do n't stop , please ?", "return x ** 2 + y[0] != None", "snake_case, camelCase, kebab-case", "C:\\temp\\a.txt",
    "https://example.org/a/b?c=d&e=%20#f", "mail me at nobody@example.org", "<b>bold</b> &amp; plain", "a|b||c",
]
HOSTILE = [
    "", " ", "  ", "   ", "    ", "\n", "\n\n\n", "\t", "\r\n", " \n ", "\n \n", " \t\r\n ", "a", " a", "a ", " a ", "a  b   c    d",
    "\u3000", "\u3000가", "가\u3000나", "\u00a0", "a\u00a0b", "\u0085", "a\u0085\u0085b", "\u2003 \u2003x", "\u200b", "a\u200bb",
    "\u200d\u200c", "\ufeff", "\ufeff가", "\u2028x\u2029", "\u2060", "\x00", "a\x00b", "\x01\x1f\x7f", "\x0b\x0c", "\ufffd", "\ue000",
    "\U0010ffff", "\U000e0041", "\u0378", "'s", "'S", "'\u017f", "'\u017fx", "I'\u017f", "''s", "'ll'LL'lL", "'re've'm'd't", "'RE'Ve",
    "don\u2019t", "'l", "'r", "'", "' ", " '", " 's", "x's y't", "0", "00", "000", "0000", "12345678", "1 2 3", "3.14", "1,234.5",
    "\u0661\u0662\u0663\u0664", "\u2160\u2161", "\u00bd\u00b2\u2460", "\uff11\uff12", "e\u0301", "\u00e9", "e\u0301\u0301", "\u0301", " \u0301",
    "A\u030a \u00c5 \u212b", "\ufb01\ufb02", "\u01c6\u01c5", "\u0130\u0131", "\u00df\u1e9e", "\u03a3\u03c3\u03c2", "\u212a\u2126",
    "\u1112\u1161\u11ab", "\u1112\u1161", "\u1112", "\u1161", "\u11ab", "하\u11ab", "\u1112\u1161\u11ab\u1100\u1173\u11af", "각\u0301",
    "\uac00\u11a7", "\uffa1\uffc2", "漢字と仮名", "汉字", "\uf900", "\u2f800", "ｶﾞ", "สวัสดี", "नमस्ते", "مرحبا ١٢", "שלום", "Привет мир",
    "😀", "😀😀", "👩‍👩‍👦", "👍🏿", "🇰🇷🇯🇵", "❤️", "가😀나", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "▁", "▁▁", " ▁", "▁가", "a▁b", "▁ ▁", "Ġ", "ĠĠa", "Ċ", "Ã©",
    "<s>", "</s>", "<unk>", "<s>가", "가<s>", " <s> ", "<s> 가 </s> 나", "</s></s>", "<s", "s>", "<0x41>", "<0x0A>", "<|endoftext|>",
    "가<|endoftext|>나", " <|endoftext|> ", "<|endoftext|><|endoftext|>", "<|padding|>", "<|unused0|>x", "<|begin_of_text|>",
    "<|begin_of_text|>가", "<|eot_id|>\n", "<|im_start|>user\n가<|im_end|>", "<|extra|>", "<|EXTRA|>", "<pad>", "<bos>",
    "x   y", "x    y", "   x", "      ", "질문: 답", "질문 : 답", "a" * 300, "가" * 200, "ab" * 200, " " * 100, "\n" * 50, "-" * 90,
    "1" * 100, "가나" * 90, "!?" * 60, "\u0301" * 40, "😀" * 30, "a b " * 60, "ㅋ" * 80, "(((((", ")]}>", "...", "…", "——", "“따옴표” ‘작은’",
    "「낫표」", "#태그 @이름", "100%·5℃", "₩1,000", "x=y+z;", "if(a){b();}", "\tindent\n\t\tmore\n", "줄\n바꿈\r\n두\n\n번", "끝 ", "끝\n", "끝\u3000",
]


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


def write_old_format(path):
    """Rewrites tokenizer.json so that the tokenizers library of generation 4 reads it."""
    doc = json.loads(path.read_text(encoding="utf-8"))
    if "merges" in doc["model"]:
        doc["model"]["merges"] = [" ".join(m) for m in doc["model"]["merges"]]
    for key in ("pre_tokenizer", "decoder"):
        if doc[key] and doc[key]["type"] == "Metaspace":
            doc[key] = dict(type="Metaspace", replacement="▁", add_prefix_space=True, prepend_scheme="always")
    path.write_text(json.dumps(doc), encoding="utf-8")


def load(case, folder):
    source = ROOT / case["tokenizer"]
    shutil.copy(source / "tokenizer.json", folder)
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8")) | case["config"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(dict(model_type=case["model_type"])), encoding="utf-8")
    if case["generation"] == 4:
        write_old_format(folder / "tokenizer.json")
    return transformers.AutoTokenizer.from_pretrained(str(folder))


def vector(tok, text):
    ids, bare = tok.encode(text), tok.encode(text, add_special_tokens=False)
    return dict(text=text, ids=ids, ids_no_special=bare, decoded=tok.decode(bare),
                decoded_skip=tok.decode(ids, skip_special_tokens=True))


def main():
    generation = int(transformers.__version__.split(".")[0])
    for case in json.loads((ROOT / "cases.json").read_text(encoding="utf-8")):
        if case["generation"] != generation:
            continue
        with tempfile.TemporaryDirectory() as folder:
            tok = load(case, Path(folder))
            rows = [vector(tok, s) for s in strings()]
        text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
        (ROOT / case["vectors"]).write_text(text, encoding="utf-8")
        print(case["vectors"], len(rows), type(tok).__name__)


if __name__ == "__main__":
    main()
