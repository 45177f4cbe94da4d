#!/usr/bin/env bash
# Installs what a build needs: Debian packages, and libtorch from the PyPI wheel into build/deps.
#
#   deploy/setup.sh [--tests] [--parquet] [--build-dir DIR]
#
# --tests adds what the tests and the checks of the code need, --parquet what reading Parquet files needs
# (Arrow, from the PyPI wheel of pyarrow; --tests has it too). Safe to run again: what is there stays.
# KOEVAL_LIBTORCH=/path takes the libtorch (or the torch folder of a wheel) there as it is.
# Works on Debian 12 and Ubuntu 22.04/24.04, as root or with sudo. Needs the network unless all is
# there already.
set -euo pipefail

readonly TORCH_VERSION=2.13.0
readonly PYARROW_VERSION=26.0.1
root=$(cd "$(dirname "$0")/.." && pwd)
deps="$root/build/deps"
with_tests=false
with_parquet=false
. "$root/deploy/progress.sh"
# Of a wheel and its files together, about; for the bars.
readonly TORCH_BYTES=900000000 PYARROW_BYTES=230000000

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
  case "$1" in
    --tests) with_tests=true; with_parquet=true ;;
    --parquet) with_parquet=true ;;
    --build-dir) deps="${2:?--build-dir needs a folder}/deps"; shift ;;
    -h|--help) usage; exit 0 ;;
    *) echo "setup: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done

packages=(g++ cmake ninja-build ccache pkg-config ca-certificates unzip openssl
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  libspdlog-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev
  libcpp-httplib-dev prometheus-cpp-dev libssl-dev libonig-dev libpcre2-dev libutf8proc-dev
  libcurl4-openssl-dev libcmark-dev)
if $with_tests; then
  packages+=(libgtest-dev libgmock-dev clang-14 clang-format-14 clang-tidy-14
    libclang-rt-14-dev python3 sqlite3)
fi

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  local missing=()
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    echo "setup: these packages are missing and this user is neither root nor has sudo: ${missing[*]}" >&2
    echo "setup: install them by hand, then run this again" >&2
    exit 1
  fi
  echo "setup: installing ${missing[*]}"
  mkdir -p "$deps"
  local log="$deps/packages.log"
  progress_begin "packages"
  # Its failure shows below, when a package cannot be had either.
  as_root apt-get update -qq >"$log" 2>&1 || true
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o APT::Status-Fd=1 \
      --no-install-recommends "${missing[@]}" 2>>"$log" | apt_progress "$log"; then
    tail -n 5 "$log" >&2
    die "the packages cannot be installed: ${missing[*]}" \
      "check the network, the proxy settings of apt and /etc/apt/sources.list, then run this again; the whole log is $log"
  fi
  progress_end
}

# Reads apt's status lines, "dlstatus:1:42.5:..." then "pmstatus:name:42.5:..."; others go to $1.
apt_progress() {
  local line percent
  while IFS= read -r line; do
    percent=$(cut -d: -f3 <<<"$line")
    case "$line" in
      dlstatus:*:*:*) progress_update "$((${percent%%.*} / 2))" 100 ;;
      pmstatus:*:*:*) progress_update "$((50 + ${percent%%.*} / 2))" 100 ;;
      *) echo "$line" >>"$1" ;;
    esac
  done
}

# die WHAT REMEDY
die() {
  progress_end
  echo "setup: $1" >&2
  echo "setup: $2" >&2
  exit 1
}

# pip_install NAME BYTES FOLDER REMEDY ARGUMENTS...: pip install into FOLDER, with a bar over the BYTES that
# it will have written.
pip_install() {
  local name=$1 expected=$2 fresh=$3 remedy=$4 log="$deps/pip.log" status=0 bytes most=0
  shift 4
  rm -rf "$deps/tmp"
  mkdir -p "$fresh" "$deps/tmp"
  progress_begin "$name"
  TMPDIR="$deps/tmp" python3 -m pip install -q --no-compile --root-user-action=ignore \
    --disable-pip-version-check --target "$fresh" "$@" >"$log" 2>&1 &
  pip_pid=$!
  trap 'kill "$pip_pid" 2>/dev/null || true' EXIT
  while kill -0 "$pip_pid" 2>/dev/null; do
    # Files come and go meanwhile.
    bytes=$({ du -sb "$fresh" "$deps/tmp" 2>/dev/null || true; } | awk '{ n += $1 } END { print n + 0 }')
    [ "$bytes" -le "$most" ] || most=$bytes
    progress_update "$most" "$expected"
    sleep 1
  done
  wait "$pip_pid" || status=$?
  trap - EXIT
  rm -rf "$deps/tmp"
  if [ "$status" -ne 0 ]; then
    tail -n 3 "$log" >&2
    die "$name cannot be installed" \
      "check the network and pip's index and proxy settings, then run this again; or $remedy. The whole log is $log"
  fi
  progress_end
}

# The torch wheel without Python packages when it is a CPU build; with them (the CUDA libraries) when
# its metadata asks for them.
install_libtorch() {
  if [ -n "${KOEVAL_LIBTORCH:-}" ]; then
    if [ ! -e "$KOEVAL_LIBTORCH/lib/libtorch.so" ]; then
      echo "setup: KOEVAL_LIBTORCH=$KOEVAL_LIBTORCH has no lib/libtorch.so; point it to the folder that holds include/ and lib/" >&2
      exit 1
    fi
    echo "setup: libtorch from $KOEVAL_LIBTORCH"
    return
  fi
  if [ -e "$deps/torch/.complete-$TORCH_VERSION" ]; then return; fi
  python3 -m pip --version >/dev/null 2>&1 || install_packages python3 python3-pip
  echo "setup: installing libtorch $TORCH_VERSION into $deps/torch"
  local fresh="$deps/torch.new"
  local remedy="set KOEVAL_LIBTORCH to the folder of a libtorch that is there (with include/ and lib/)"
  rm -rf "$fresh" "$deps/torch"
  pip_install libtorch "$TORCH_BYTES" "$fresh" "$remedy" --no-deps "torch==$TORCH_VERSION"
  if grep -qiE '^Requires-Dist: *(nvidia|cuda|triton)' "$fresh"/torch-*.dist-info/METADATA; then
    echo "setup: this is a CUDA build; installing the libraries that it depends on"
    rm -rf "$fresh"
    pip_install libtorch "$TORCH_BYTES" "$fresh" "$remedy" "torch==$TORCH_VERSION"
  fi
  touch "$fresh/.complete-$TORCH_VERSION"
  mv "$fresh" "$deps/torch"
}

# Arrow's libraries and headers, without what only Python needs of the wheel.
install_arrow() {
  if [ -e "$deps/arrow/.complete-$PYARROW_VERSION" ]; then return; fi
  python3 -m pip --version >/dev/null 2>&1 || install_packages python3 python3-pip
  echo "setup: installing Arrow $PYARROW_VERSION into $deps/arrow"
  local fresh="$deps/arrow.new"
  rm -rf "$fresh" "$deps/arrow"
  pip_install Arrow "$PYARROW_BYTES" "$fresh" "go without Parquet (leave out --parquet)" \
    --no-deps --only-binary :all: "pyarrow==$PYARROW_VERSION"
  find "$fresh/pyarrow" -mindepth 1 -maxdepth 1 ! -name include ! -name 'libarrow.so.*' \
    ! -name 'libparquet.so.*' ! -name 'LICENSE*' ! -name 'NOTICE*' -exec rm -rf {} +
  touch "$fresh/.complete-$PYARROW_VERSION"
  mv "$fresh" "$deps/arrow"
}

if ! command -v apt-get >/dev/null; then
  echo "setup: this script knows Debian and Ubuntu only; install by hand: ${packages[*]}" >&2
  exit 1
fi
install_packages "${packages[@]}"
install_libtorch
if $with_parquet; then install_arrow; fi
