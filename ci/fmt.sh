#!/usr/bin/env bash
# Is everything formatted?
. "$(dirname "$0")/lib.sh"
run cargo fmt --all -- --check
