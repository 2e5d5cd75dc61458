#!/usr/bin/env bash
# Models that are wrong on purpose must be found out; if not, the models below
# are blind.
. "$(dirname "$0")/lib.sh"
with_loom cargo test --profile loom -p hivework-loom-tests --test canary -- --nocapture
HIVEWORK_LOOM_PLAIN=1 with_loom cargo test --profile loom -p hivework-loom-tests --test canary -- --nocapture
