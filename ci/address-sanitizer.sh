#!/usr/bin/env bash
# Memory errors and leaks in the integration tests: the subjects whose code has unsafe
# blocks, or all with SANITIZE_ALL=1.
. "$(dirname "$0")/lib.sh"
. ci/sanitizer.sh
subjects=(
    basics:: branches:: drops:: foreign:: hooks:: rows:: threads::
    broadcast:: cancelling:: forking:: futures:: panics:: parallel:: scope:: spawning::
)
# With every work item an allocation of its own, which the sanitizer can watch.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg hivework_checked"
sanitize address
