#!/usr/bin/env bash
# The documentation builds without warnings, private items included: that is
# where the protocols are told.
. "$(dirname "$0")/lib.sh"
export RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings"
run cargo doc --no-deps --all-features "${LIBRARIES[@]}"
run cargo doc --no-deps --all-features --document-private-items "${LIBRARIES[@]}"
