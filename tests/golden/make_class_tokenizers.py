#!/usr/bin/env python3
"""Trains the tokenizers of tokenizers/word_piece, t5_unigram and xglm_unigram on strings.json.

    make_class_tokenizers.py     in an environment with transformers 5.23.0, for its tokenizers library

They have the vocabularies that the classes for BERT, T5 and XGLM expect: the special tokens by their ids. The components
around are not those of the classes, so that it shows whether a class builds them anew.
"""
import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = Path(__file__).resolve().parent / "tokenizers"
SENTENCES = json.loads((ROOT / "strings.json").read_text(encoding="utf-8"))["sentences"]


def save(name, tokenizer, config, charsmap=None):
    folder = ROOT / name
    folder.mkdir(exist_ok=True)
    doc = json.loads(tokenizer.to_str())
    if charsmap is not None:
        doc["normalizer"] = dict(type="Sequence", normalizers=[charsmap, doc["normalizer"]])
    (folder / "tokenizer.json").write_text(json.dumps(doc, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def word_piece():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(SENTENCES * 3, trainers.WordPieceTrainer(vocab_size=700, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    save("word_piece", tokenizer, dict(unk_token="[UNK]"))


def unigram(name, special, unk, config):
    cases = json.loads((ROOT / "components.json").read_text(encoding="utf-8"))["cases"]
    charsmap, = [c["normalizer"] for c in cases if c["name"] == "normalizer precompiled"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=500, special_tokens=special, unk_token=unk, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    save(name, tokenizer, config, charsmap)


def main():
    word_piece()
    unigram("t5_unigram", ["<pad>", "</s>", "<unk>"], "<unk>", dict(eos_token="</s>", unk_token="<unk>", pad_token="<pad>", extra_ids=10))
    unigram("xglm_unigram", ["<s>", "<pad>", "</s>", "<unk>"], "<unk>", dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>"))


if __name__ == "__main__":
    main()
