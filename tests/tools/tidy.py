#!/usr/bin/env python3
"""Runs clang-tidy with the tree's .clang-tidy over the product's sources of a build folder.

    tidy.py BUILD_DIR [--jobs N] [--times] [FILE...]

BUILD_DIR needs a compilation database of clang and the generated headers (target koeval_generated);
FILE (default: every source of common, scheduler and worker that the database has) is relative to the
root of the tree. clang's own warnings, the thread-safety analysis among them, are findings too. A
source that passed is not run again while it, the headers of ours that it includes, its command and
the checks stay as they are: what passed, in any copy of the tree, is remembered in
$KOEVAL_TIDY_CACHE (default ~/.cache/koeval-tidy), the newest ENTRIES_MAX of it. --times prints the
seconds of each run. Exit status 1, with clang-tidy's own words, when anything is found.
"""
import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIDY = "clang-tidy-14"
FOLDERS = ("common", "scheduler", "worker")
ENTRIES_MAX = 20_000
# Beyond the tree's .clang-tidy: Abseil's headers define the names of our annotations again.
LEFT_OUT = "--checks=-clang-diagnostic-macro-redefined"
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


class Headers:
    """What a source includes of this tree, headers of headers too."""

    def __init__(self, generated):
        self.generated = generated
        self.direct = {}

    def find(self, name):
        for folder in (ROOT, self.generated):
            if (folder / name).is_file():
                return folder / name
        return None

    def includes(self, path):
        if path not in self.direct:
            names = INCLUDE.findall(path.read_text(encoding="utf-8"))
            self.direct[path] = [found for found in map(self.find, names) if found]
        return self.direct[path]

    def closure(self, path):
        seen, left = {path}, [path]
        while left:
            for header in self.includes(left.pop()):
                if header not in seen:
                    seen.add(header)
                    left.append(header)
        return sorted(seen)


def key_of(path, command, headers):
    digest = hashlib.sha256()
    for part in (TIDY, command.replace(str(ROOT), "."), (ROOT / ".clang-tidy").read_text(encoding="utf-8")):
        digest.update(part.encode())
    for file in headers.closure(path):
        digest.update(f"\n{os.path.relpath(file, ROOT)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:40]


def open_cache():
    cache = Path(os.environ.get("KOEVAL_TIDY_CACHE") or Path.home() / ".cache/koeval-tidy")
    cache.mkdir(parents=True, exist_ok=True)
    entries = sorted(cache.iterdir(), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in entries[ENTRIES_MAX:]:
        entry.unlink(missing_ok=True)
    return cache


def run_one(name, build):
    started = time.monotonic()
    run = subprocess.run([TIDY, "--quiet", LEFT_OUT, "-p", str(build), name], cwd=ROOT, capture_output=True, text=True)
    text = run.stdout.strip() or ("" if run.returncode == 0 else run.stderr.strip())
    return run.returncode, text, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--times", action="store_true")
    parser.add_argument("files", nargs="*")
    args = parser.parse_intermixed_args()
    build = args.build.resolve()
    database = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    commands = {os.path.relpath(entry["file"], ROOT): entry["command"] for entry in database}
    names = args.files or [name for name in sorted(commands) if name.split("/")[0] in FOLDERS]
    unknown = [name for name in names if name not in commands]
    if unknown:
        sys.exit(f"{sys.argv[0]}: not in the compilation database: {', '.join(unknown)}")
    passed = open_cache()
    headers = Headers(build / "proto/generated")
    keys = {name: key_of(ROOT / name, commands[name], headers) for name in names}
    left = [name for name in names if not (passed / keys[name]).exists()]
    bad = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for name, (status, text, seconds) in zip(left, pool.map(lambda name: run_one(name, build), left)):
            if args.times:
                print(f"{seconds:6.1f} s  {name}")
            if status == 0 and not text:
                (passed / keys[name]).touch()
            else:
                bad += 1
                print(f"{name}:\n{text}", flush=True)
    print(f"clang-tidy: {len(names)} sources, {len(left)} run, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
