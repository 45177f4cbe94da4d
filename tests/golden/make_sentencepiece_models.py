#!/usr/bin/env python3
"""Trains the SentencePiece models of tokenizers/sp_model_* on strings.json, and writes byte_bpe's vocabulary as older files.

    make_sentencepiece_models.py     in an environment with sentencepiece 0.2
"""
import io
import json
from pathlib import Path

import sentencepiece

ROOT = Path(__file__).resolve().parent / "tokenizers"
SENTENCES = json.loads((ROOT / "strings.json").read_text(encoding="utf-8"))["sentences"]
RULES = {"\uff21": "A", "e\u0301": "\u00e9", "\u1100\u1161": "\uac00", "\ufb01": "fi", "\u3000": " ", "\u00a0": " ", "\u2026": "...",
         "\u200b": "", "\t": " ", "\n": " ", "\u212b": "\u00c5"}


def train(name, config, **options):
    folder = ROOT / name
    folder.mkdir(exist_ok=True)
    rules = folder / "rules.tsv"
    rules.write_text("".join(" ".join(f"{ord(c):04X}" for c in a) + "\t" + " ".join(f"{ord(c):04X}" for c in b) + "\n"
                             for a, b in RULES.items()), encoding="utf-8")
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES * 3), model_writer=out, minloglevel=2, num_threads=1,
                                             hard_vocab_limit=False, normalization_rule_tsv=str(rules), character_coverage=0.98, **options)
    rules.unlink()
    (folder / "tokenizer.model").write_bytes(out.getvalue())
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def main():
    llama = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    symbols = dict(control_symbols=["<|im_start|>", "<|im_end|>"], user_defined_symbols=["<x>", "   ", "질문:"])
    train("sp_model_bpe", llama, model_type="bpe", vocab_size=700, byte_fallback=True, **symbols)
    train("sp_model_unigram", llama, model_type="unigram", vocab_size=450, byte_fallback=False, **symbols)
    train("sp_model_gemma", dict(bos_token="<bos>", eos_token="<eos>", unk_token="<unk>", pad_token="<pad>"), model_type="bpe", vocab_size=700,
          byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", bos_piece="<bos>", eos_piece="<eos>",
          user_defined_symbols=["<mask>", "<start_of_turn>", "<end_of_turn>"])
    model = json.loads((ROOT / "byte_bpe" / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    folder = ROOT / "byte_bpe"
    (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False) + "\n", encoding="utf-8")
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
