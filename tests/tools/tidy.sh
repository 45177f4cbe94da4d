#!/usr/bin/env bash
# Runs clang-tidy with the tree's .clang-tidy over our own sources of a build folder.
#
#   tests/tools/tidy.sh BUILD_DIR
#
# A file whose text, headers of ours and checks are unchanged since it last passed is not run again.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:?usage: tidy.sh BUILD_DIR}
cache="${XDG_CACHE_HOME:-$HOME/.cache}/koeval-tidy"
mkdir -p "$cache"
cd "$root"
# One key for all headers: a change in any of them runs every file again.
headers=$(cat .clang-tidy $(git ls-files '*.h' '*.proto') | sha256sum | cut -c1-32)
export build cache headers

tidy_one() {
  local key
  key="$cache/$(printf '%s %s' "$headers" "$(sha256sum "$1")" | sha256sum | cut -c1-40)"
  [ -e "$key" ] && return 0
  if clang-tidy-14 --quiet -p "$build" "$1" 2>/dev/null; then touch "$key"; else
    echo "clang-tidy: $1" >&2
    return 1
  fi
}
export -f tidy_one
python3 - "$build/compile_commands.json" <<'EOPY' | xargs -r -P "$(nproc)" -I{} bash -c 'tidy_one {}'
"""Our own sources of a compilation database, tests left out."""
import json, os, sys
for entry in json.load(open(sys.argv[1])):
    name = os.path.relpath(entry["file"], os.getcwd())
    if name.split("/")[0] in ("common", "scheduler", "worker"):
        print(name)
EOPY
echo "clang-tidy: nothing found"
