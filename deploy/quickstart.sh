#!/usr/bin/env bash
# From a fresh clone to scores in one command: set-up, build, a scheduler, two workers, two models.
#
#   deploy/quickstart.sh [--keep] [--no-setup]
#
# Installs what is missing (deploy/setup.sh), builds the release preset, starts a scheduler and two
# workers on free loopback ports, submits the demo model and a broken one, shows the progress, and
# ends with the queue, the leaderboard and the result file. Stops what it started; --keep leaves it
# running and says how to talk to it. Safe to run again: each run has a folder of its own below
# build/quickstart, and the newest ten are kept.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
keep=false
setup=true
for arg in "$@"; do
  case "$arg" in
    --keep) keep=true ;;
    --no-setup) setup=false ;;
    -h|--help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart: unknown option $arg; see --help" >&2; exit 2 ;;
  esac
done

readonly BIN="$root/build/release/bin"
readonly PATIENCE_S=120
started=$SECONDS
run_dir="$root/build/quickstart/$(date -u +%Y%m%dT%H%M%S)-$$"
pids=()

step_started=$SECONDS
step() {
  step_started=$SECONDS
  printf '\n== %s\n' "$1"
}
done_step() { printf '   (%d s)\n' "$((SECONDS - step_started))"; }

stop_all() {
  local pid
  for pid in "${pids[@]:-}"; do [ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null; done
  for pid in "${pids[@]:-}"; do [ -n "$pid" ] && wait "$pid" 2>/dev/null; done
  pids=()
}
on_exit() {
  local status=$?
  if [ "$status" -ne 0 ]; then
    echo "quickstart: failed; the logs are in ${run_dir#"$root"/}" >&2
    tail -n 5 "$run_dir"/*.log 2>/dev/null >&2 || true
    stop_all || true
  fi
  exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT TERM

# Waits until FILE is there, while process PID lives.
wait_for_file() {
  local file=$1 pid=$2 tries
  for ((tries = 0; tries < PATIENCE_S * 10; tries++)); do
    [ -s "$file" ] && return
    kill -0 "$pid" 2>/dev/null || { echo "quickstart: a daemon ended early" >&2; return 1; }
    sleep 0.1
  done
  echo "quickstart: no $file after $PATIENCE_S s" >&2
  return 1
}

wait_for_workers() {
  local tries
  for ((tries = 0; tries < PATIENCE_S * 5; tries++)); do
    [ "$("$BIN/koeval" workers --json | grep -c '"connected": true')" -ge "$1" ] && return
    sleep 0.2
  done
  echo "quickstart: the workers did not connect within $PATIENCE_S s" >&2
  return 1
}

if $setup; then
  step "set-up: packages and libtorch"
  deploy/setup.sh
  done_step
fi

step "build (release)"
mkdir -p build
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
cmake --preset release >build/release.configure.log 2>&1 || { cat build/release.configure.log; exit 1; }
# ninja's [done/total] counter becomes one line that is rewritten on a terminal.
export NINJA_STATUS='[%f/%t] %es, %wETA to go  '
if ! ninja --version >/dev/null 2>&1 || [ "$(printf '1.12\n%s\n' "$(ninja --version)" | sort -V | head -n1)" != 1.12 ]; then
  export NINJA_STATUS='[%f/%t] %e s  '
fi
targets=(koeval koeval-scheduler koeval-worker koeval-runner koeval-check)
cmake --build --preset release --target "${targets[@]}" || exit 1
done_step

step "scheduler and two workers"
mkdir -p "$run_dir"
ls -1dt "$root"/build/quickstart/*/ 2>/dev/null | tail -n +11 | xargs -r rm -rf
cat >"$run_dir/scheduler.yaml" <<YAML
# Configuration of one quickstart run.
grpc_address: 127.0.0.1:0
http_address: 127.0.0.1:0
database: $run_dir/koeval.db
state_dir: $run_dir/state
suites_dir: $root/configs/suites
default_suite: demo
allow_local_models: true
YAML
cat >"$run_dir/worker.yaml" <<YAML
# Two workers share this machine: half of its cores each.
slots: [cpu]
threads_per_slot: $(( ($(nproc) + 1) / 2 ))
YAML
"$BIN/koeval-scheduler" --config "$run_dir/scheduler.yaml" --port-file "$run_dir/ports" \
  >"$run_dir/scheduler.log" 2>&1 &
pids+=($!)
wait_for_file "$run_dir/ports" "${pids[0]}"
KOEVAL_ADDRESS=$(sed -n 's/^grpc=//p' "$run_dir/ports")
http_address=$(sed -n 's/^http=//p' "$run_dir/ports")
export KOEVAL_ADDRESS
for name in node-a node-b; do
  "$BIN/koeval-worker" --scheduler "$KOEVAL_ADDRESS" --worker "$name" --config "$run_dir/worker.yaml" \
    >"$run_dir/$name.log" 2>&1 &
  pids+=($!)
done
wait_for_workers 2
"$BIN/koeval" workers
done_step

step "two submissions: the demo model, and a broken one"
"$BIN/koeval" submit "$root/configs/demo/broken-model" --request-id broken 2>/dev/null
"$BIN/koeval" submit "$root/configs/demo/model" --request-id demo --wait >/dev/null
"$BIN/koeval" status broken --watch >/dev/null || true
done_step

step "the queue"
"$BIN/koeval" status
step "the leaderboard"
"$BIN/koeval" leaderboard
step "the result file"
"$BIN/koeval" results demo --output "$run_dir/results.json"
echo
echo "written to ${run_dir#"$root"/}/results.json"

if $keep; then
  cat <<TEXT

== running on (--keep)
  export KOEVAL_ADDRESS=$KOEVAL_ADDRESS PATH="$BIN:\$PATH"
  koeval status --watch
  koeval submit $root/configs/demo/model --wait
  curl http://$http_address/metrics
  kill ${pids[*]}      # stops everything
TEXT
  disown -a
else
  stop_all
fi
printf '\nfinished after %d s\n' "$((SECONDS - started))"
