#!/usr/bin/env python3
"""Checks the text of the source tree: format, first lines, banned calls, sizes, unlisted tests.

    check_source.py [--fix]     --fix lets clang-format rewrite files instead of complaining

Exit status 1, with one line per finding, when anything is wrong.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = {".cc", ".h"}
FIRST_LINE = {".cc": r"// \S", ".h": r"// \S", ".proto": r"// \S", ".cmake": r"# \S", ".yaml": r"# \S",
              ".py": r'"""\S', ".sh": r"# \S", ".service": r"# \S"}
LINES_MAX = 600
COLUMNS_MAX = 100

# Time, sleep and randomness have one door each; every pattern names the files that may use it.
BANNED = [
    (r"(system|steady|high_resolution)_clock::now", r"^common/base/(clock|mutex)\.|^tests/bench/", "use common/base/clock.h"),
    (r"\bsleep_(for|until)\b|\busleep\(|\bnanosleep\(", r"^tests/bench/", "wait on a condition or a poll, not on time"),
    (r"std::random_device|\brand\(\)|\bsrand\(", r"^$", "randomness is injected; seeds come from common/base/random.h"),
    (r"(?<![\w:.>])time\((nullptr|NULL|0|&)", r"^$", "use common/base/clock.h"),
    (r"std::(format|expected|views)\b|std::ranges::views", r"^$", "not in the supported compilers; use fmt and Result"),
    (r"\babsl::Status", r"^$", "use koeval::Status"),
]


def tracked():
    out = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
                         capture_output=True, text=True)
    names = out.stdout.split("\n") if out.returncode == 0 else walk()
    return [Path(n) for n in names if n and (ROOT / n).is_file()]


def walk():
    for folder, dirs, files in os.walk(ROOT):
        dirs[:] = [d for d in dirs if d not in (".git", "build")]
        for name in files:
            yield str((Path(folder) / name).relative_to(ROOT))


def first_line_findings(path, lines):
    pattern = FIRST_LINE.get(path.suffix)
    if path.name == "CMakeLists.txt":
        pattern = r"# \S"
    if not pattern:
        return
    start = 1 if lines and lines[0].startswith("#!") else 0
    if len(lines) <= start or not re.match(pattern, lines[start]):
        yield f"{path}:{start + 1}: the first line must say what the file is"


def code_findings(path, lines):
    for number, line in enumerate(lines, 1):
        for pattern, allowed, remedy in BANNED:
            if re.search(pattern, line.split("//")[0]) and not re.search(allowed, str(path)):
                yield f"{path}:{number}: {re.search(pattern, line).group(0)}: {remedy}"
        if "NOLINT" in line and not re.search(r"NOLINT(NEXTLINE|BEGIN|END)?(\([\w,\-.* ]+\))?: \S", line):
            yield f"{path}:{number}: NOLINT needs ': reason'"
        if len(line) > COLUMNS_MAX and '"' not in line and "http" not in line:
            yield f"{path}:{number}: {len(line)} columns, at most {COLUMNS_MAX}"
    if len(lines) > LINES_MAX:
        yield f"{path}: {len(lines)} lines, at most {LINES_MAX}; split it by concept"


def unlisted_tests(paths):
    for path in paths:
        if path.suffix == ".cc" and path.name.endswith("_test.cc"):
            folder = ROOT / path.parent
            listed = False
            while folder != ROOT and not listed:
                cmake = folder / "CMakeLists.txt"
                listed = cmake.exists() and path.name in cmake.read_text(encoding="utf-8")
                folder = folder.parent
            if not listed:
                yield f"{path}: no CMakeLists.txt names this test, so it never runs"


def format_findings(paths, fix):
    files = [str(ROOT / p) for p in paths if p.suffix in CODE]
    mode = ["-i"] if fix else ["--dry-run", "-Werror"]
    out = subprocess.run(["clang-format-14", *mode, *files], capture_output=True, text=True)
    seen = set()
    for line in out.stderr.splitlines():
        name = line.split(":")[0]
        if "error:" in line and name not in seen:
            seen.add(name)
            yield f"{os.path.relpath(name, ROOT)}: not formatted; run {sys.argv[0]} --fix"


def main():
    paths = tracked()
    findings = list(format_findings(paths, "--fix" in sys.argv[1:]))
    for path in paths:
        if path.suffix in FIRST_LINE or path.name == "CMakeLists.txt":
            lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
            findings += first_line_findings(path, lines)
            if path.suffix in CODE:
                findings += code_findings(path, lines)
    findings += unlisted_tests(paths)
    print("\n".join(findings) if findings else f"{len(paths)} files checked, nothing found")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
