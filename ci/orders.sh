#!/usr/bin/env bash
# The example `orders`, driven from outside until its stock runs out; in the form that the
# tests are built in.
. "$(dirname "$0")/lib.sh"
run cargo build --example orders
run cargo run --bin hivework-orders-e2e -- "${CARGO_TARGET_DIR:-target}/debug/examples/orders"
