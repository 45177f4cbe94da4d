#!/usr/bin/env python3
"""Writes broken-model/: the demo model with most of its weights cut off, as after a broken upload.

    python3 make_broken_model.py

config.json and the tokenizer are whole; model.safetensors keeps its header, which promises tensors
far beyond the end of the file. The submission check must refuse it with a reason.
"""
import shutil
import struct
from pathlib import Path

DATA_KEPT = 1024  # bytes of tensor data


def main():
    here = Path(__file__).parent
    source, out = here / "model", here / "broken-model"
    out.mkdir(exist_ok=True)
    for name in ("config.json", "generation_config.json", "tokenizer.json",
                 "tokenizer_config.json"):
        shutil.copyfile(source / name, out / name)
    weights = (source / "model.safetensors").read_bytes()
    (header,) = struct.unpack_from("<Q", weights)
    (out / "model.safetensors").write_bytes(weights[:8 + header + DATA_KEPT])


if __name__ == "__main__":
    main()
