#!/usr/bin/env bash
# Every protocol under every schedule with few preemptions; the output tells how
# many executions each model took. Twice: companions can strengthen fence-based
# code, so once without them.
#
# LOOM_MAX_PREEMPTIONS=4 looks deeper.
. "$(dirname "$0")/lib.sh"
models=()
for folder in loom-tests/tests/*/; do
    name="$(basename "$folder")"
    [ "$name" = canary ] || models+=(--test "$name")
done
with_loom cargo test --profile loom -p hivework-loom-tests "${models[@]}" -- --nocapture
HIVEWORK_LOOM_PLAIN=1 with_loom cargo test --profile loom -p hivework-loom-tests "${models[@]}" -- --nocapture
