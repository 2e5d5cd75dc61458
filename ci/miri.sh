#!/usr/bin/env bash
# Undefined behaviour, data races and weak memory in the engine. Bounded: its unit
# tests over some seeds, on one core and on four, and of its integration tests the
# subjects that are quick to interpret. With MIRI_SEEDS=16, all subjects over so many seeds, but for those that
# measure progress, which an interpreter makes little of.
. "$(dirname "$0")/lib.sh"
need_nightly miri rust-src
# parking_lot makes pointers of integers; the timer's thread never ends.
flags="${MIRIFLAGS:-} -Zmiri-permissive-provenance -Zmiri-ignore-leaks -Zmiri-disable-isolation"
for cores in 1 4; do
    MIRIFLAGS="$flags -Zmiri-num-cpus=$cores -Zmiri-many-seeds=0..${MIRI_SEEDS:-2}" \
        run cargo +nightly miri test -p hivework-stm --lib
done
if [ -n "${MIRI_SEEDS:-}" ]; then
    MIRIFLAGS="$flags -Zmiri-tree-borrows -Zmiri-many-seeds=0..$MIRI_SEEDS" \
        run cargo +nightly miri test -p hivework-stm --test integration -- --skip progress --skip oracle
else
    MIRIFLAGS="$flags" run cargo +nightly miri test -p hivework-stm --test integration -- \
        basics branches drops rows threads
fi
