#!/usr/bin/env bash
# The optimised tests and the driven example, over and over, for SOAK_MINUTES.
. "$(dirname "$0")/lib.sh"
run cargo test --release --workspace --no-run
run cargo build --release --example orders
until_second=$((SECONDS + ${SOAK_MINUTES:-10} * 60))
# Once: what the ordinary run leaves out.
run cargo test --release -p hivework-stm --test integration -- --ignored
rounds=0
while [ "$SECONDS" -lt "$until_second" ]; do
    cargo test --release --workspace --quiet
    cargo run --release --quiet -p hivework-orders-e2e -- "${CARGO_TARGET_DIR:-target}/release/examples/orders"
    rounds=$((rounds + 1))
done
echo "$rounds rounds without a failure"
