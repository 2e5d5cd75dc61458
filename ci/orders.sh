#!/usr/bin/env bash
# The example `orders`, driven from outside until its stock runs out.
. "$(dirname "$0")/lib.sh"
run cargo build --release --example orders
run cargo run --release -p hivework-orders-e2e -- "${CARGO_TARGET_DIR:-target}/release/examples/orders"
