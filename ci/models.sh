#!/usr/bin/env bash
# Every protocol under every schedule with few preemptions; the output tells how
# many executions each model took. Twice: companions can strengthen fence-based
# code, so once without them, less deep unless something else is asked for.
#
# HIVEWORK_LOOM_DEEPER=1 gives each model one preemption more.
. "$(dirname "$0")/lib.sh"
models=()
for folder in loom-tests/tests/*/; do
    name="$(basename "$folder")"
    [ "$name" = canary ] || models+=(--test "$name")
done
with_loom cargo test --profile loom -p hivework-loom-tests "${models[@]}" -- --nocapture
export HIVEWORK_LOOM_PLAIN=1 HIVEWORK_LOOM_DEEPER="${HIVEWORK_LOOM_DEEPER:--2}"
with_loom cargo test --profile loom -p hivework-loom-tests "${models[@]}" -- --nocapture
