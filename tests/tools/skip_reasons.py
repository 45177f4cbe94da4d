#!/usr/bin/env python3
"""Prints, for every skipped GoogleTest test in a ctest log, its name and the reason it gave."""
import re
import sys


def main():
    lines = open(sys.argv[1], encoding="utf-8", errors="replace").read().splitlines()
    reason, seen = [], set()
    collecting = False
    for line in lines:
        if re.match(r".*: Skipped$", line):
            reason, collecting = [], True
        elif line.startswith("[  SKIPPED ]"):
            collecting = False
            name = re.sub(r" \(\d+ ms\)$", "", line.removeprefix("[  SKIPPED ]").strip())
            if reason and name not in seen:
                seen.add(name)
                print(f"  {name}: {' '.join(reason)}")
        elif collecting and line.strip():
            reason.append(line.strip())


if __name__ == "__main__":
    main()
