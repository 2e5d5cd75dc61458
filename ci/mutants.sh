#!/usr/bin/env bash
# Do the models notice when the code is wrong? Weakens each ordering and drops or
# swaps each step in turn, in a copy of the tree, and demands a failing model.
# Takes hours; writes `loom-tests/MUTANTS.md`.
. "$(dirname "$0")/lib.sh"
run cargo run --release -p hivework-loom-tests --bin mutants
