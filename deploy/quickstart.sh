#!/usr/bin/env bash
# From a fresh clone to scores in one command: set-up, build, a scheduler, two workers, two models.
#
#   deploy/quickstart.sh [--keep] [--no-setup]
#
# Installs what is missing (deploy/setup.sh), builds the release preset, starts a scheduler and two
# workers on free loopback ports, submits the demo model and a broken one, shows the progress, and
# ends with the queue, the leaderboard and the result file. Stops what it started; --keep leaves it
# running and says how to talk to it. Safe to run again, after a kill too: each run has a folder of
# its own below build/quickstart, the newest ten are kept, and daemons that a killed run left behind
# are stopped. --no-setup leaves out the installation.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. "$root/deploy/progress.sh"
keep=false
setup=true
for arg in "$@"; do
  case "$arg" in
    --keep) keep=true ;;
    --no-setup) setup=false ;;
    -h|--help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart: unknown option $arg; see --help" >&2; exit 2 ;;
  esac
done

readonly BIN="$root/build/release/bin"
readonly RUNS="$root/build/quickstart"
readonly PATIENCE_S=120
readonly RUNS_KEPT=10
readonly LOCK_WAIT_S=600
started=$SECONDS
run_dir="$RUNS/$(date -u +%Y%m%dT%H%M%S)-$$"
pids=()

step_started=$SECONDS
step() {
  step_started=$SECONDS
  printf '\n== %s\n' "$1"
}
done_step() { printf '   done in %s\n' "$(progress_time "$((SECONDS - step_started))")"; }

stop_all() {
  local pid
  for pid in "${pids[@]:-}"; do [ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null; done
  for pid in "${pids[@]:-}"; do [ -n "$pid" ] && wait "$pid" 2>/dev/null; done
  pids=()
  rm -f "$run_dir/pids"
}
on_exit() {
  local status=$?
  progress_end
  if [ "$status" -ne 0 ]; then
    echo "quickstart: failed" >&2
    if ls "$run_dir"/*.log >/dev/null 2>&1; then
      echo "quickstart: the logs are in ${run_dir#"$root"/}" >&2
      tail -n 5 "$run_dir"/*.log >&2 || true
    fi
    stop_all || true
  fi
  exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT TERM

mkdir -p "$RUNS"
exec 9>"$RUNS/lock"
# Held by what is started here too, but the daemons and the client: a build goes on after a kill.
if ! flock -n 9; then
  echo "quickstart: another one runs in this tree, or the build of one that was killed; waiting for it" >&2
  if ! flock -w "$LOCK_WAIT_S" 9; then
    echo "quickstart: it still runs after $LOCK_WAIT_S s; see who holds $RUNS/lock (fuser) and stop it" >&2
    exit 1
  fi
fi

# Stops the daemons of runs that were killed: those whose program is still ours.
stop_left_over() {
  local file pid
  for file in "$RUNS"/*/pids; do
    [ -e "$file" ] || continue
    [ ! -e "$(dirname "$file")/kept" ] || continue
    while read -r pid; do
      case "$(readlink "/proc/$pid/exe" 2>/dev/null)" in
        "$BIN"/koeval-*)
          echo "quickstart: stopping $pid, left over from a run that was killed"
          kill -TERM "$pid" 2>/dev/null || true
          ;;
      esac
    done <"$file"
    rm -f "$file"
  done
}
stop_left_over

koeval() { "$BIN/koeval" "$@" 9>&-; }

# Starts a daemon whose output goes to the log $1.
start_daemon() {
  local log=$1
  shift
  "$@" >"$run_dir/$log" 2>&1 9>&- &
  pids+=($!)
  echo "$!" >>"$run_dir/pids"
}

# ninja's "[done/total]" lines as a bar; everything goes to the log.
build_progress() {
  local line
  progress_begin "build"
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$1"
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
      progress_update "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    fi
  done
  progress_end
}

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
    [ "$(koeval workers --json | grep -c '"connected": true')" -ge "$1" ] && return
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
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1 NINJA_STATUS='[%f/%t] '
if ! cmake --preset release >build/release.configure.log 2>&1; then
  tail -n 20 build/release.configure.log >&2
  echo "quickstart: cmake cannot configure the build; run deploy/setup.sh, see build/release.configure.log" >&2
  exit 1
fi
targets=(koeval koeval-scheduler koeval-worker koeval-runner koeval-check)
build_log=build/quickstart-build.log
: >"$build_log"
if ! cmake --build --preset release --target "${targets[@]}" 2>&1 | build_progress "$build_log"; then
  grep -E -A 10 '^FAILED|error:|out of memory|Killed' "$build_log" | head -n 40 >&2 || tail -n 20 "$build_log" >&2
  echo "quickstart: the build failed; the whole log is $build_log. With little memory: cmake --build --preset release -j 1" >&2
  exit 1
fi
done_step

step "scheduler and two workers"
mkdir -p "$run_dir"
ls -1dt "$RUNS"/*/ 2>/dev/null | tail -n +$((RUNS_KEPT + 1)) | while read -r old; do
  [ -e "$old/kept" ] || rm -rf "$old"
done
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
start_daemon scheduler.log \
  "$BIN/koeval-scheduler" --config "$run_dir/scheduler.yaml" --port-file "$run_dir/ports"
wait_for_file "$run_dir/ports" "${pids[0]}"
KOEVAL_ADDRESS=$(sed -n 's/^grpc=//p' "$run_dir/ports")
http_address=$(sed -n 's/^http=//p' "$run_dir/ports")
export KOEVAL_ADDRESS
for name in node-a node-b; do
  start_daemon "$name.log" \
    "$BIN/koeval-worker" --scheduler "$KOEVAL_ADDRESS" --worker "$name" --config "$run_dir/worker.yaml"
done
wait_for_workers 2
koeval workers
done_step

step "evaluation: the demo model, and a broken one that must fail"
koeval submit "$root/configs/demo/broken-model" --request-id broken 2>/dev/null
koeval submit "$root/configs/demo/model" --request-id demo --wait >/dev/null
koeval status broken --watch >/dev/null || true
done_step

step "the queue"
koeval status
step "the leaderboard"
koeval leaderboard
step "the result file"
koeval results demo --output "$run_dir/results.json"
echo
echo "written to ${run_dir#"$root"/}/results.json"

if $keep; then
  touch "$run_dir/kept"
  cat <<TEXT

== running on (--keep)
  export KOEVAL_ADDRESS=$KOEVAL_ADDRESS PATH="$BIN:\$PATH"
  koeval status --watch
  koeval submit $root/configs/demo/model --wait
  http://$http_address/                  # the leaderboard and the queue in a browser
  curl http://$http_address/metrics
  kill ${pids[*]}; rm $run_dir/kept      # stops everything
TEXT
  disown -a
else
  stop_all
fi
printf '\nfinished in %s\n' "$(progress_time "$((SECONDS - started))")"
