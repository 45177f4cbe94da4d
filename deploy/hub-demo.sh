#!/usr/bin/env bash
# Serves the demo model as a hub on this machine and evaluates it from there: a scheduler that asks the
# hub, and a worker that downloads. Needs what deploy/quickstart.sh built, and koeval-fake-hub, which stands with
# the tests; everything ends with the script.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
BIN=${KOEVAL_BIN:-$root/build/release/bin}
for program in koeval koeval-scheduler koeval-worker koeval-runner koeval-check koeval-fake-hub; do
  [ -x "$BIN/$program" ] && continue
  echo "hub-demo: no $BIN/$program; run: deploy/setup.sh --tests && cmake --preset release && cmake --build --preset release --target $program" >&2
  exit 1
done

run=$(mktemp -d)
pids=()
on_exit() {
  local status=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  if [ "$status" -ne 0 ]; then tail -n 20 "$run"/*.log >&2 || true; fi
  rm -rf "$run"
  exit "$status"
}
trap on_exit EXIT

# Waits until FILE has a line that matches PATTERN.
wait_for() {
  for ((i = 0; i < 300; i++)); do
    grep -q "$2" "$1" 2>/dev/null && return
    sleep 0.1
  done
  echo "hub-demo: no $2 in $1" >&2
  return 1
}

"$BIN/koeval-fake-hub" --model "koeval/demo=$root/configs/demo/model" >"$run/hub.log" 2>&1 &
pids+=($!)
wait_for "$run/hub.log" '^endpoint '
endpoint=$(sed -n 's/^endpoint //p' "$run/hub.log")
echo "hub:     $endpoint serves $(sed -n 's/^model //p' "$run/hub.log")"

cat >"$run/scheduler.yaml" <<YAML
# Configuration of one demonstration.
grpc_address: 127.0.0.1:0
http_address: 127.0.0.1:0
database: $run/koeval.db
state_dir: $run/state
suites_dir: $root/configs/suites
default_suite: demo
hub: {endpoint: "$endpoint"}
YAML
"$BIN/koeval-scheduler" --config "$run/scheduler.yaml" --port-file "$run/ports" >"$run/scheduler.log" 2>&1 &
pids+=($!)
wait_for "$run/ports" '^grpc='
KOEVAL_ADDRESS=$(sed -n 's/^grpc=//p' "$run/ports")
export KOEVAL_ADDRESS
"$BIN/koeval-worker" --scheduler "$KOEVAL_ADDRESS" --worker node-a --slots cpu \
  --hub-endpoint "$endpoint" --hub-cache "$run/cache" >"$run/worker.log" 2>&1 &
pids+=($!)

"$BIN/koeval" submit koeval/demo --wait
"$BIN/koeval" leaderboard
echo "cache:   $(find "$run/cache" -path '*/snapshots/*' -type l | wc -l) files, $(du -shL "$run/cache" | cut -f1)"
