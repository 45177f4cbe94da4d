#!/usr/bin/env bash
# Builds the fuzzers and runs them one after the other; exit status 1 when one finds something.
#
#   tests/fuzz/run.sh [--seconds N] [--no-build] [--merge] [TARGET...]
#
# Each TARGET (default: all) runs N seconds (default 60) with a limit on memory and on the time of
# one input, from the seeds in corpus/, the inputs that once failed and what earlier runs of this
# build folder found. A finding is left in build/fuzz/findings; fix it, then keep it under
# regressions/TARGET by a name that says what was wrong.
# --merge does not fuzz: it adds to corpus/ what earlier runs found and covers new code, the
# smallest KEPT_FILES inputs of each target.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
readonly KEPT_FILES=100  # of one target, besides the seeds
readonly INPUT_BYTES=8192
readonly MEMORY_MB=2048
readonly INPUT_SECONDS=60
seconds=60
build=true
merge=false
targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?--seconds needs a number}; shift ;;
    --no-build) build=false ;;
    --merge) merge=true ;;
    -h|--help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "run.sh: unknown option $1; see --help" >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done
if [ ${#targets[@]} -eq 0 ]; then
  for folder in tests/fuzz/corpus/*/; do targets+=("$(basename "$folder")"); done
fi
for target in "${targets[@]}"; do
  [ -d "tests/fuzz/corpus/$target" ] || { echo "run.sh: no target $target" >&2; exit 2; }
done

out=build/fuzz
mkdir -p "$out/findings"
if $build; then
  cmake --preset fuzz >"$out.configure.log" 2>&1 || { cat "$out.configure.log"; exit 1; }
  cmake --build --preset fuzz -j "$(nproc)" --target "${targets[@]/#/fuzz_}" >"$out.build.log" 2>&1 ||
    { tail -n 60 "$out.build.log"; exit 1; }
fi

# Targets that read files write them here, in memory where there is such a place.
scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/koeval-fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch

# Bounds of nesting fit the stack of a release build; the sanitizers' frames are many times as large.
ulimit -s 65536 2>/dev/null || echo "run.sh: cannot raise the stack limit; deep inputs may overflow it" >&2

fuzz() {
  local target=$1 work="$out/work/$1" log="$out/$1.log" status=0 inputs=()
  mkdir -p "$work"
  for folder in "tests/fuzz/corpus/$target" "tests/fuzz/regressions/$target"; do
    if [ -d "$folder" ]; then inputs+=("$folder"); fi
  done
  if [ -f "tests/fuzz/dictionaries/$target.dict" ]; then
    inputs+=("-dict=tests/fuzz/dictionaries/$target.dict")
  fi
  "$out/bin/fuzz_$target" "$work" "${inputs[@]}" -max_total_time="$seconds" \
    -timeout="$INPUT_SECONDS" -rss_limit_mb="$MEMORY_MB" -max_len="$INPUT_BYTES" \
    -artifact_prefix="$out/findings/$target-" -print_final_stats=1 -reload=0 >"$log" 2>&1 || status=$?
  local executed state
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  state=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -1 || true)
  echo "$target: ${executed:-0} executions in $seconds s, ${state:-no coverage}, exit $status"
  if [ "$status" -ne 0 ]; then
    tail -n 60 "$log"
    return 1
  fi
}

# Seeds have names of their own; what was found is named by its digest.
found_files() {
  find "tests/fuzz/corpus/$1" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' \
    -printf '%s %p\n' | sort -n
}

merge_found() {
  local target=$1
  "$out/bin/fuzz_$target" -set_cover_merge=1 -use_counters=0 -max_len="$INPUT_BYTES" \
    -timeout="$INPUT_SECONDS" "tests/fuzz/corpus/$target" "$out/work/$target" \
    >"$out/$target.merge.log" 2>&1 || { tail -n 20 "$out/$target.merge.log"; return 1; }
  found_files "$target" | tail -n "+$((KEPT_FILES + 1))" | cut -d' ' -f2- | xargs -r rm
  echo "$target: $(find "tests/fuzz/corpus/$target" -type f | wc -l) seeds"
}

failed=false
for target in "${targets[@]}"; do
  if $merge; then merge_found "$target" || failed=true; else fuzz "$target" || failed=true; fi
done
if $failed; then
  echo "Findings lie in $out/findings; run $out/bin/fuzz_TARGET FILE to see one again." >&2
  exit 1
fi
