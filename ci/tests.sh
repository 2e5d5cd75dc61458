#!/usr/bin/env bash
# The README's test command: unit tests, integration tests, doctests (the
# README's among them), and every model once on ordinary threads.
. "$(dirname "$0")/lib.sh"
run cargo test --workspace
