#!/usr/bin/env bash
# No warnings: in the shipped form, and in the form that the models see.
. "$(dirname "$0")/lib.sh"
run cargo clippy --workspace --all-targets -- -D warnings
with_loom cargo clippy "${LIBRARIES[@]}" --lib -- -D warnings
with_loom cargo clippy -p hivework-loom-tests --all-targets -- -D warnings
