#!/usr/bin/env python3
"""Writes the default configuration of each family's class in transformers.

    python3 make_class_defaults.py [--out class_defaults.json]

Needs transformers 5.23.0; no network, no weights. A config.json that leaves a key out means the
value written here; tests compare an empty config.json with a full one.
"""
import argparse
import importlib.metadata
import json
from pathlib import Path

from transformers import AutoConfig

HERE = Path(__file__).resolve().parent
# EXAONE 3 has no class in transformers.
TYPES = ("bloom", "cohere", "cohere2", "exaone4", "falcon", "gemma", "gemma2", "gemma3",
         "gemma3_text", "gpt2", "gpt_neox", "gptj", "llama", "mistral", "mixtral", "olmo2", "opt", "phi3", "qwen2",
         "qwen2_moe", "qwen3", "qwen3_moe", "stablelm", "starcoder2")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "class_defaults.json")
    arguments = parser.parse_args()
    report = {"transformers": importlib.metadata.version("transformers"),
              "classes": {kind: AutoConfig.for_model(kind).to_dict() for kind in TYPES}}
    arguments.out.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
