#!/usr/bin/env bash
# Installs what a build needs: Debian packages, and libtorch from the PyPI wheel into build/deps.
#
#   deploy/setup.sh [--tests] [--build-dir DIR]
#
# --tests adds what the tests and the checks of the code need. Safe to run again: what is there stays.
# KOEVAL_LIBTORCH=/path takes the libtorch (or the torch folder of a wheel) there as it is.
# Works on Debian 12 and Ubuntu 22.04/24.04, as root or with sudo.
set -euo pipefail

readonly TORCH_VERSION=2.13.0
root=$(cd "$(dirname "$0")/.." && pwd)
deps="$root/build/deps"
with_tests=false

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
  case "$1" in
    --tests) with_tests=true ;;
    --build-dir) deps="${2:?--build-dir needs a folder}/deps"; shift ;;
    -h|--help) usage; exit 0 ;;
    *) echo "setup: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done

packages=(g++ cmake ninja-build ccache pkg-config ca-certificates unzip openssl
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  libspdlog-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev
  libcpp-httplib-dev prometheus-cpp-dev libssl-dev libonig-dev libpcre2-dev libutf8proc-dev)
if $with_tests; then
  packages+=(libgtest-dev libgmock-dev librapidcheck-dev clang-14 clang-format-14 clang-tidy-14
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
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
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
  rm -rf "$fresh" "$deps/torch"
  mkdir -p "$fresh"
  python3 -m pip install -q --no-deps --no-compile --root-user-action=ignore \
    --target "$fresh" "torch==$TORCH_VERSION"
  if grep -qiE '^Requires-Dist: *(nvidia|cuda|triton)' "$fresh"/torch-*.dist-info/METADATA; then
    echo "setup: this is a CUDA build; installing the libraries that it depends on"
    rm -rf "$fresh" && mkdir -p "$fresh"
    python3 -m pip install -q --no-compile --root-user-action=ignore \
      --target "$fresh" "torch==$TORCH_VERSION"
  fi
  touch "$fresh/.complete-$TORCH_VERSION"
  mv "$fresh" "$deps/torch"
}

if ! command -v apt-get >/dev/null; then
  echo "setup: this script knows Debian and Ubuntu only; install by hand: ${packages[*]}" >&2
  exit 1
fi
install_packages "${packages[@]}"
install_libtorch
