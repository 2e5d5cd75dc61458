#!/usr/bin/env bash
# Runs rounds of concurrent transactions on the engine as it ships, in calm and in
# chaos, and judges every one: is there an order that explains what was seen? Two
# million attempts, or JUDGE_ATTEMPTS; JUDGE_SEED plays the same rounds again.
. "$(dirname "$0")/lib.sh"
with_probe cargo test --release --quiet -p hivework-stm --lib probe
with_probe cargo build --release -p hivework-judge
run "$PROBE_TARGET/release/judge" --chaos both \
    --attempts "${JUDGE_ATTEMPTS:-2000000}" ${JUDGE_SEED:+--seed "$JUDGE_SEED"}
