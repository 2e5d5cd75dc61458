#!/usr/bin/env bash
# Every bench runs once, and the report's measurements once and short: no figures,
# only that they work.
. "$(dirname "$0")/lib.sh"
run cargo bench -p hivework-benches -- --test
run cargo run --release -p hivework-benches --bin report -- --smoke
