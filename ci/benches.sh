#!/usr/bin/env bash
# Every bench runs once, small and short: criterion's form of one subject of each kind,
# and all that the report measures. No figures, only that they work; so in the form that
# the tests are built in.
. "$(dirname "$0")/lib.sh"
run cargo test -p hivework-benches --bench subjects -- --test 'increment one|put, then take|round trip'
run cargo run -p hivework-benches --bin report -- --smoke
run cargo run -p hivework-benches --bin tuning -- --smoke
