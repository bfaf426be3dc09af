#!/usr/bin/env bash
# Build on a running Dask scheduler on this machine: ./loopback.sh [OUT] [options of augforge build]
set -euo pipefail

out=${1:-out/on-a-cluster}
shift || true
scratch=$(mktemp -d)
programs=()
clean_up() {
  # Stop workers first: they would wait for the scheduler.
  for program in $(printf '%s\n' "${programs[@]}" | tac); do
    kill "$program" 2>/dev/null && wait "$program" || true
  done
  rm -rf "$scratch"
}
trap clean_up EXIT

# The profiler would take 8 % of the workers' time. One thread each, because threads wait for each other.
export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False

dask scheduler --host 127.0.0.1 --port 0 --dashboard-address :0 --scheduler-file "$scratch/scheduler.json" \
  >"$scratch/scheduler.log" 2>&1 &
programs+=($!)
dask worker --scheduler-file "$scratch/scheduler.json" --nworkers "${WORKERS:-2}" --nthreads 1 \
  --memory-limit 1GiB --local-directory "$scratch" >"$scratch/workers.log" 2>&1 &
programs+=($!)

until [ -s "$scratch/scheduler.json" ]; do sleep 0.1; done
# From other machines, use the file or --scheduler tcp://HOST:8786.
augforge build realistic --out "$out" --scheduler-file "$scratch/scheduler.json" "$@"
