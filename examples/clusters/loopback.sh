#!/usr/bin/env bash
# A build on a running Dask scheduler, here on this machine: ./loopback.sh [OUT] [options of augforge build]
set -euo pipefail

out=${1:-out/on-a-cluster}
shift || true
workers=${WORKERS:-2}
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT

# Workers need no profiler, which takes 8 % of their time, and one thread each: threads wait for each other.
export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False

dask scheduler --host 127.0.0.1 --port 0 --dashboard-address :0 --scheduler-file "$scratch/scheduler.json" \
  >"$scratch/scheduler.log" 2>&1 &
dask worker --scheduler-file "$scratch/scheduler.json" --nworkers "$workers" --nthreads 1 --memory-limit 1GiB \
  --local-directory "$scratch" >"$scratch/workers.log" 2>&1 &

until [ -s "$scratch/scheduler.json" ]; do sleep 0.1; done
# On other machines nothing else changes: --scheduler tcp://HOST:8786 does the same as the file.
augforge build realistic --out "$out" --scheduler-file "$scratch/scheduler.json" "$@"
