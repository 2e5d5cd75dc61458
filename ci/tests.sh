#!/usr/bin/env bash
# The README's test command: unit tests, integration tests, doctests (the README's
# among them), and every model once on ordinary threads. Where there is nextest, the
# tests of all crates run side by side, each in a process of its own.
. "$(dirname "$0")/lib.sh"
if have cargo-nextest; then
    run cargo nextest run --workspace --no-fail-fast --status-level fail
    run cargo test --workspace --doc
else
    run cargo test --workspace
fi
# Each walks through what its forerunner promised, and fails where a line does not hold.
for example in hive_task workstreams priority_slots nested_slots task_semaphore; do
    run cargo run -q --example "$example"
done
