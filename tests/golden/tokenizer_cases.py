"""The cases of tokenizers/cases.json, loaded with the transformers of this environment."""
import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import transformers  # noqa: E402  (after the switch to offline)

ROOT = Path(__file__).resolve().parent / "tokenizers"
GENERATION = int(transformers.__version__.split(".")[0])


def cases():
    """Those of this generation."""
    return [c for c in json.loads((ROOT / "cases.json").read_text(encoding="utf-8")) if c["generation"] == GENERATION]


def _write_old_format(path):
    """Rewrites tokenizer.json so that the tokenizers library of generation 4 reads it."""
    doc = json.loads(path.read_text(encoding="utf-8"))
    if "merges" in doc["model"]:
        doc["model"]["merges"] = [m if isinstance(m, str) else " ".join(m) for m in doc["model"]["merges"]]
    for key in ("pre_tokenizer", "decoder"):
        if doc[key] and doc[key]["type"] == "Metaspace":
            doc[key] = dict(type="Metaspace", replacement="▁", add_prefix_space=True, prepend_scheme="always")
    path.write_text(json.dumps(doc), encoding="utf-8")


def fill(case, folder):
    """Writes the case's repository: `files` of its tokenizer (tokenizer.json unless said), the settings of `config`, and
    tokenizer.json with the members of `patch`."""
    source = ROOT / case["tokenizer"]
    for name in case.get("files", ["tokenizer.json"]):
        shutil.copy(source / name, folder)
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8")) | case["config"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(dict(model_type=case["model_type"])), encoding="utf-8")
    if "patch" in case:
        doc = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")) | case["patch"]
        (folder / "tokenizer.json").write_text(json.dumps(doc), encoding="utf-8")


def load(case):
    with tempfile.TemporaryDirectory() as folder:
        fill(case, Path(folder))
        if GENERATION == 4 and (Path(folder) / "tokenizer.json").exists():
            _write_old_format(Path(folder) / "tokenizer.json")
        return transformers.AutoTokenizer.from_pretrained(folder)
