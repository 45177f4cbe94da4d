#!/usr/bin/env bash
# Installs, builds and runs every test and check; ends with ctest's summary.
#
#   tests/run.sh [--nightly] [--quick]
#
# Lanes, in order: checks of the source text, clang's thread-safety analysis with clang-tidy,
# ThreadSanitizer, AddressSanitizer with UndefinedBehaviorSanitizer, and the release build with all
# tests. --quick runs the release lane alone; --nightly adds the fuzzers (KOEVAL_FUZZ_SECONDS each,
# default 300), the browser tests and the long modes (more simulator seeds, more kill points).
# KOEVAL_TEST_DATA=/folder lets the tests that need real datasets run; else they say that they skip.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
nightly=false
quick=false
for arg in "$@"; do
  case "$arg" in
    --nightly) nightly=true ;;
    --quick) quick=true ;;
    -h|--help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown option $arg; see --help" >&2; exit 2 ;;
  esac
done
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
if $nightly; then export KOEVAL_NIGHTLY=1; fi
jobs=$(nproc)
started=$SECONDS

step() { printf '\n== %s (after %d s)\n' "$1" "$((SECONDS - started))"; }

# build PRESET [cmake --build arguments]: with its tests, or it says what they lack.
build() {
  local preset=$1 tests=()
  shift
  [ "$preset" = clang-tsa ] || tests=(-DKOEVAL_BUILD_TESTS=ON)
  cmake --preset "$preset" "${tests[@]}" >"build/$preset.configure.log" 2>&1 ||
    { cat "build/$preset.configure.log"; exit 1; }
  cmake --build --preset "$preset" -j "$jobs" "$@" >"build/$preset.build.log" 2>&1 ||
    { tail -n 60 "build/$preset.build.log"; exit 1; }
}

# Reasons of skipped tests, then ctest's own summary as the last lines.
run_tests() {
  local preset=$1 log="build/$1.ctest.log" status=0
  shift
  (cd "build/$preset" && ctest -j "$jobs" --no-tests=error --output-on-failure "$@") >"$log" 2>&1 || status=$?
  local shown='^ *([0-9]+/[0-9]+ Test.*Passed|Start +[0-9]+: )'
  grep -vE "$shown" "$log" | sed '/tests passed,/,$d' || true
  if grep -q 'Skipped' "$log"; then
    echo "Reasons of skipped tests:"
    python3 tests/tools/skip_reasons.py "build/$preset/Testing/Temporary/LastTest.log"
  fi
  sed -n '/tests passed,/,$p' "$log"
  return "$status"
}

step "set-up"
deploy/setup.sh --tests
mkdir -p build

if ! $quick; then
  step "checks of the source text"
  python3 tests/tools/check_source.py

  step "clang's warnings, its thread-safety analysis and clang-tidy"
  build clang-tsa --target koeval_generated
  tests/tools/tidy.py build/clang-tsa

  step "ThreadSanitizer"
  build tsan --target tsan_tests
  run_tests tsan -L tsan

  step "AddressSanitizer and UndefinedBehaviorSanitizer"
  build asan
  if $nightly; then run_tests asan; else run_tests asan -LE long; fi

  if $nightly; then
    step "fuzzers"
    tests/fuzz/run.sh --seconds "${KOEVAL_FUZZ_SECONDS:-300}"
  fi
fi

step "release build"
build release
step "all tests"
run_tests release
if $nightly; then
  step "browser tests"
  tests/web/run.sh build/release || [ $? -eq 77 ]
fi
