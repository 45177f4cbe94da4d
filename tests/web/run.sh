#!/usr/bin/env bash
# Browser tests of the pages: a scheduler with a filled board, Chromium, screenshots.
#
#   tests/web/run.sh [BUILD_DIR]     (default build/release)
#
# Needs web_demo_server of the build, Chromium ($KOEVAL_CHROMIUM, default /usr/bin/chromium), node and
# npm; says what is missing and exits 77 where one is. Screenshots: BUILD_DIR/screenshots.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$root/build/release}")
server="$build/tests/web_demo_server"
skip() { echo "skipped: $1"; exit 77; }
[ -x "${KOEVAL_CHROMIUM:-/usr/bin/chromium}" ] || skip "no Chromium is installed"
command -v node >/dev/null && command -v npm >/dev/null || skip "no node and npm are installed"
[ -x "$server" ] || skip "$server is not built"

cd "$root/tests/web"
[ -d node_modules/playwright-core ] || npm ci --no-audit --no-fund >/dev/null || skip "npm cannot fetch the test tools"
# Signs of model types are emoji: a font for them without installing one.
fonts="$PWD/node_modules/.fonts"
if ! fc-list | grep -qi emoji && [ ! -d "$fonts" ]; then
  mkdir "$fonts.new" && (cd "$fonts.new" && apt-get download fonts-noto-color-emoji && dpkg-deb -x ./*.deb .) >/dev/null 2>&1 &&
    mv "$fonts.new" "$fonts" || { rm -rf "$fonts.new"; echo "note: no emoji font; signs show as boxes"; }
fi
export KOEVAL_FONTS="$fonts"
shots="$build/screenshots"
mkdir -p "$shots"
rm -f "$shots/url"
"$server" --models 2000 >"$shots/url" 2>"$shots/server.log" &
server_pid=$!
trap 'kill "$server_pid" 2>/dev/null || true' EXIT
for ((tries = 0; tries < 600; tries++)); do
  [ -s "$shots/url" ] && break
  kill -0 "$server_pid" 2>/dev/null || { cat "$shots/server.log" >&2; exit 1; }
  sleep 0.1
done
read -r url <"$shots/url"
node browser_test.mjs "$url" "$shots"
