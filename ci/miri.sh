#!/usr/bin/env bash
# Undefined behaviour, data races and weak memory in the engine. Bounded: its unit
# tests over some seeds, and of its integration tests the subjects that are quick to
# interpret. With MIRI_SEEDS=16, all subjects over so many seeds, but for those that
# measure progress, which an interpreter makes little of.
#
# Tree borrows, because crossbeam-epoch asks for them; leaks are the address
# sanitizer's business, because what is retired last is never freed.
. "$(dirname "$0")/lib.sh"
need_nightly miri rust-src
flags="${MIRIFLAGS:-} -Zmiri-tree-borrows -Zmiri-permissive-provenance -Zmiri-ignore-leaks"
flags+=" -Zmiri-disable-isolation"
MIRIFLAGS="$flags -Zmiri-many-seeds=0..${MIRI_SEEDS:-4}" \
    run cargo +nightly miri test -p hivework-stm --lib
if [ -n "${MIRI_SEEDS:-}" ]; then
    MIRIFLAGS="$flags -Zmiri-many-seeds=0..$MIRI_SEEDS" \
        run cargo +nightly miri test -p hivework-stm --test integration -- --skip progress
else
    MIRIFLAGS="$flags" run cargo +nightly miri test -p hivework-stm --test integration -- basics branches
fi
