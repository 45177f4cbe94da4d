#!/usr/bin/env python3
"""Writes tokenizers/components.json: small tokenizer.json files that cover every component and option.

    make_tokenizer_components.py     in an environment with tokenizers 0.23 (that of transformers 5.23.0) and sentencepiece 0.2

The model "bytes" shows what normalizers and pre-tokenizers did: its tokens are bytes, and a "#" stands in front of every
character that continues a word. The other models are trained on strings.json, which does not
give the same vocabulary each time: after a run of this script differential_tokenizers.py has to make the digests anew.
"""
import base64
import io
import itertools
import json
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parent / "tokenizers"
SENTENCES = json.loads((ROOT / "strings.json").read_text(encoding="utf-8"))["sentences"]
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
          r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
             r"\s*[\r\n]+|\s+(?!\S)|\s+")
CJK = r"[一-龥぀-ゟ゠-ヿ]+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return dict(type="Split", pattern={kind: pattern}, behavior=behavior, invert=invert)


def byte_level(add_prefix_space=False, use_regex=True):
    return dict(type="ByteLevel", add_prefix_space=add_prefix_space, trim_offsets=True, use_regex=use_regex)


def sequence(key, *members):
    return {"type": "Sequence", key: list(members)}


def metaspace(scheme, split_, replacement="▁"):
    return dict(type="Metaspace", replacement=replacement, prepend_scheme=scheme, split=split_)


def small_charsmap():
    """The character map of a SentencePiece model with a few rules of its own, which keeps it small."""
    rules = {"\uff21": "A", "e\u0301": "é", "\u1100\u1161": "가", "ﬁ": "fi", "\u3000": " ", "\u00a0": " ", "…": "...", "\u200b": "",
             "\t": " ", "\n": " ", "각": "<gak>", "😀": ":)", "\u212b": "Å", "A\u030a": "Å"}
    path = ROOT / "rules.tsv"
    path.write_text("".join(" ".join(f"{ord(c):04X}" for c in a) + "\t" + " ".join(f"{ord(c):04X}" for c in b) + "\n"
                            for a, b in rules.items()), encoding="utf-8")
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES), model_writer=out, vocab_size=250, minloglevel=2,
                                             normalization_rule_tsv=str(path), hard_vocab_limit=False)
    path.unlink()
    proto = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def train(model, trainer, pre_tokenizer):
    tok = Tokenizer(model)
    tok.pre_tokenizer = pre_tokenizer
    tok.train_from_iterator(SENTENCES, trainer)
    return json.loads(tok.to_str())["model"]


def make_models():
    byte_tokens = {f"<0x{b:02X}>": b for b in range(256)}
    bpe = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False,
               byte_fallback=False, ignore_merges=False)
    white = pre_tokenizers.Whitespace()
    out = {"bytes": bpe | dict(byte_fallback=True, continuing_subword_prefix="#", vocab=byte_tokens, merges=[])}
    characters = dict.fromkeys(c for s in SENTENCES for c in s)
    out["letters"] = bpe | dict(unk_token="<unk>", vocab={t: i for i, t in enumerate(["<unk>", *characters])}, merges=[])
    special = ["<unk>", "<s>", "</s>"]
    trained = train(models.BPE(unk_token="<unk>"), trainers.BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False), white)
    out["bpe"] = trained
    out["bpe_suffix"] = train(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, end_of_word_suffix="</w>", show_progress=False), white)
    out["bpe_prefix"] = train(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"), trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, continuing_subword_prefix="##", show_progress=False), white)
    out["wordpiece"] = train(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20), trainers.WordPieceTrainer(
        vocab_size=400, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False), white)
    out["wordlevel"] = train(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(special_tokens=special, show_progress=False), white)
    unigram = train(models.Unigram(), trainers.UnigramTrainer(vocab_size=450, special_tokens=special, unk_token="<unk>", show_progress=False), white)
    out["unigram"] = unigram
    out["decoded"] = dict(type="WordLevel", unk_token="<unk>", vocab={t: i for i, t in enumerate(
        ["<unk>", "<s>", "</s>", "▁", "▁a", "a▁b", "b", "##c", "##", " d", "e ", "  ", "f</w>", "</w>", "</w>g", "<0x41>", "<0xEA>",
         "<0xB0>", "<0x80>", "<0xF0>", "<0x0a>", "<0xGG>", "Ġh", "Ã", "©", "Ċ", "가", "한글", ".", "?", "!", ",", "'", "n't", "'m", "'s", "'ve",
         "'re", " do", " not", "do not", "|", "<pad>", "i", "i|j", "ii", "😀", "_", "__k", "l_", " ' "])})
    return out


def normalizer_cases():
    for name in ["NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "StripAccents", "ByteLevel"]:
        yield name, dict(type=name)
    for left, right in itertools.product([True, False], repeat=2):
        yield f"strip {left} {right}", dict(type="Strip", strip_left=left, strip_right=right)
    for clean, chinese, accents, lower in itertools.product([True, False], [True, False], [True, False, None], [True, False]):
        yield f"bert {clean} {chinese} {accents} {lower}", dict(type="BertNormalizer", clean_text=clean, handle_chinese_chars=chinese,
                                                                strip_accents=accents, lowercase=lower)
    yield "prepend", dict(type="Prepend", prepend="▁x")
    yield "replace string", dict(type="Replace", pattern=dict(String=" "), content="▁")
    yield "replace regex", dict(type="Replace", pattern=dict(Regex=r"\s{2,}|\p{N}+"), content=" ")
    yield "replace nothing", dict(type="Replace", pattern=dict(Regex=r"x*"), content="-")
    yield "remove regex", dict(type="Replace", pattern=dict(Regex=r"^\s+|[\r\n]"), content="")
    yield "precompiled", dict(type="Precompiled", precompiled_charsmap=small_charsmap())
    yield "sequence", sequence("normalizers", dict(type="NFD"), dict(type="StripAccents"), dict(type="Lowercase"),
                               dict(type="Strip", strip_left=True, strip_right=False))
    yield "sequence none", sequence("normalizers")


def pre_tokenizer_cases():
    for prefix, regex in itertools.product([True, False], repeat=2):
        yield f"bytelevel {prefix} {regex}", byte_level(prefix, regex)
    for scheme, split_ in itertools.product(["always", "first", "never"], [True, False]):
        yield f"metaspace {scheme} {split_}", metaspace(scheme, split_)
    yield "metaspace underscore", metaspace("always", True, "_")
    for behavior, invert in itertools.product(BEHAVIORS, [False, True]):
        yield f"split string {behavior} {invert}", split(" ", behavior, invert, "String")
        yield f"split regex {behavior} {invert}", split(r"\s+|\p{N}", behavior, invert)
    for name, pattern in dict(gpt4o=GPT4O, tekken=TEKKEN, qwen35=QWEN35, llama3=LLAMA3, bloom=BLOOM, deepseek=DEEPSEEK3).items():
        yield f"split {name}", split(pattern)
    yield "split empty", split("")
    for behavior in BEHAVIORS:
        yield f"punctuation {behavior}", dict(type="Punctuation", behavior=behavior)
    for name in ["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts"]:
        yield name, dict(type=name)
    for individual in [True, False]:
        yield f"digits {individual}", dict(type="Digits", individual_digits=individual)
    yield "delimiter", dict(type="CharDelimiterSplit", delimiter="a")
    for length in [1, 3, 7]:
        yield f"fixed length {length}", dict(type="FixedLength", length=length)
    yield "deepseek", sequence("pretokenizers", split(r"\p{N}{1,3}"), split(CJK), split(DEEPSEEK3), byte_level(use_regex=False))
    yield "falcon", sequence("pretokenizers", dict(type="Punctuation", behavior="Contiguous"), byte_level(), dict(
        type="Digits", individual_digits=False), split("[0-9][0-9][0-9]"))
    yield "starcoder", sequence("pretokenizers", dict(type="Digits", individual_digits=True), byte_level())
    yield "metaspace after split", sequence("pretokenizers", dict(type="WhitespaceSplit"), metaspace("first", True))
    yield "sequence none", sequence("pretokenizers")


def decoder_cases():
    yield "none", None
    for name in ["ByteFallback", "Fuse"]:
        yield name, dict(type=name)
    yield "bytelevel", byte_level(True)
    for prefix, cleanup in itertools.product(["##", ""], [True, False]):
        yield f"wordpiece '{prefix}' {cleanup}", dict(type="WordPiece", prefix=prefix, cleanup=cleanup)
    for start, stop in [(1, 0), (0, 2), (2, 0)]:
        yield f"strip {start} {stop}", dict(type="Strip", content=" ", start=start, stop=stop)
    for scheme in ["always", "first", "never"]:
        yield f"metaspace {scheme}", metaspace(scheme, True)
    for suffix in ["</w>", ""]:
        yield f"bpe '{suffix}'", dict(type="BPEDecoder", suffix=suffix)
    for cleanup in [True, False]:
        yield f"ctc {cleanup}", dict(type="CTC", pad_token="<pad>", word_delimiter_token="|", cleanup=cleanup)
    yield "ctc empty", dict(type="CTC", pad_token="", word_delimiter_token="", cleanup=True)
    yield "replace string", dict(type="Replace", pattern=dict(String="▁"), content=" ")
    yield "replace regex", dict(type="Replace", pattern=dict(Regex="[a-f]+"), content="<>")
    yield "llama", sequence("decoders", dict(type="Replace", pattern=dict(String="▁"), content=" "), dict(type="ByteFallback"),
                            dict(type="Fuse"), dict(type="Strip", content=" ", start=1, stop=0))
    yield "sequence none", sequence("decoders")


def model_cases(models_):
    white, bpe = dict(type="Whitespace"), models_["bpe"]
    yield "bpe", bpe, white
    yield "bpe fuse_unk", bpe | dict(fuse_unk=True), white
    yield "bpe without unk", bpe | dict(unk_token=None), white
    yield "bpe dropout 0", bpe | dict(dropout=0.0), white
    yield "bpe ignore_merges", bpe | dict(ignore_merges=True), white
    yield "bpe whole text", bpe | dict(fuse_unk=True), None
    yield "bpe some bytes", bpe | dict(byte_fallback=True, vocab=bpe["vocab"] | {f"<0x{b:02X}>": 400 + i for i, b in enumerate(range(0x20, 0xF0))}), white
    yield "bpe_suffix", models_["bpe_suffix"], white
    yield "bpe_suffix ignore_merges", models_["bpe_suffix"] | dict(ignore_merges=True), white
    yield "bpe_prefix", models_["bpe_prefix"], white
    yield "wordpiece", models_["wordpiece"], white
    yield "wordpiece plain prefix", models_["wordpiece"] | dict(continuing_subword_prefix=""), white
    yield "wordlevel", models_["wordlevel"], white
    unigram = models_["unigram"]
    yield "unigram", unigram, white
    yield "unigram whole text", unigram, None
    yield "unigram bytes", unigram | dict(byte_fallback=True, vocab=unigram["vocab"] + [[f"<0x{b:02X}>", -9.0] for b in range(256)]), white
    yield "unigram some bytes", unigram | dict(byte_fallback=True, vocab=unigram["vocab"] + [[f"<0x{b:02X}>", -9.0] for b in range(200)]), None


def token(id_, content, **flags):
    return dict(id=id_, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=False) | flags


def added_cases():
    contents = ["<s>", "</s>", "ab", "<x>", "   ", "질문:", "가", "é", "<|extra|>", "a"]
    for single, left, right, normalized, special in itertools.product([False, True], repeat=5):
        flags = dict(single_word=single, lstrip=left, rstrip=right, normalized=normalized, special=special)
        yield "added " + " ".join(k for k, v in flags.items() if v), [
            token(256 + i, c, **flags) for i, c in enumerate(contents) if not ((right or normalized) and c.isspace())]  # the reference panics there
    contents.remove("   ")
    mixed = [token(256 + i, c, lstrip=i % 2 == 0, rstrip=i % 3 == 0, normalized=i % 4 < 2, special=i % 5 < 2) for i, c in enumerate(contents)]
    yield "added mixed", mixed
    yield "added twice", mixed[:3] + [token(256, "<s>", normalized=True, rstrip=True)] + mixed[3:]


def post_cases():
    special = {t: dict(id=t, ids=[i], tokens=[t]) for i, t in enumerate(["<unk>", "<s>", "</s>"])}
    piece = lambda t: dict(SpecialToken=dict(id=t, type_id=0))  # noqa: E731
    text = dict(Sequence=dict(id="A", type_id=0))
    pair = [text, dict(Sequence=dict(id="B", type_id=1))]
    both = dict(type="TemplateProcessing", single=[piece("<s>"), text, piece("</s>")], pair=pair, special_tokens=special)
    yield "template", both
    yield "template many", both | dict(single=[piece("<s>"), piece("<s>"), text, piece("</s>"), piece("<unk>")],
                                       special_tokens=special | {"<s>": dict(id="<s>", ids=[1, 2], tokens=["<s>", "</s>"])})
    yield "bert", dict(type="BertProcessing", sep=["</s>", 2], cls=["<s>", 1])
    yield "roberta", dict(type="RobertaProcessing", sep=["</s>", 2], cls=["<s>", 1], trim_offsets=True, add_prefix_space=True)
    yield "bytelevel", byte_level(True)
    yield "sequence", sequence("processors", byte_level(), both, dict(type="BertProcessing", sep=["</s>", 2], cls=["<s>", 1]))


def make_cases(models_):
    out = [dict(name="normalizer " + n, model="bytes", normalizer=c) for n, c in normalizer_cases()]
    out += [dict(name="pre_tokenizer " + n, model="bytes", pre_tokenizer=c) for n, c in pre_tokenizer_cases()]
    out += [dict(name="model " + n, model=m, pre_tokenizer=p) for n, m, p in model_cases(models_)]
    out += [dict(name="post_processor " + n, model="bpe", post_processor=c) for n, c in post_cases()]
    out += [dict(name="decoder " + n, model="decoded", decoder=c, decodes=True, added_tokens=[token(1, "<s>", special=True)])
            for n, c in decoder_cases()]
    lower = sequence("normalizers", dict(type="NFC"), dict(type="Lowercase"), dict(type="Strip", strip_left=True, strip_right=True))
    for name, added in added_cases():
        out.append(dict(name=name, model="bytes", normalizer=lower, pre_tokenizer=metaspace("first", False), added_tokens=added))
    out.append(dict(name="added, prepended after each", model="bytes", normalizer=dict(type="Prepend", prepend="▁"),
                    added_tokens=[token(256, "<s>"), token(257, "<x>", normalized=True)]))
    return out


def main():
    models_ = make_models()
    cases = make_cases(models_)
    for case in cases:  # a model that is a variation of a named one is stored as its differences
        if isinstance(case["model"], dict):
            case["model"] = min(({"of": n} | {k: v for k, v in case["model"].items() if m.get(k) != v} for n, m in models_.items()
                                 if m["type"] == case["model"]["type"]), key=lambda d: len(json.dumps(d)))
    used = {c["model"] if isinstance(c["model"], str) else c["model"]["of"] for c in cases}
    rows = ",\n".join("  " + json.dumps(c, ensure_ascii=False) for c in cases)
    shared = ",\n".join(f"  {json.dumps(n)}: {json.dumps(m, ensure_ascii=False)}" for n, m in models_.items() if n in used)
    (ROOT / "components.json").write_text(f'{{\n "models": {{\n{shared}\n }},\n "cases": [\n{rows}\n ]\n}}\n', encoding="utf-8")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
