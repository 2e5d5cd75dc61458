#!/usr/bin/env bash
# Undefined behaviour, data races and weak memory. Bounded: the engine's unit tests on one
# core and on four, the subjects of its integration tests that are quick to interpret, and
# of the runtime's tests those that come through each piece of its unsafe code. With
# MIRI_SEEDS=16, over so many seeds: all subjects of the engine but for those that measure
# progress, which an interpreter makes little of, and all of the runtime's that have to do
# with its unsafe code.
. "$(dirname "$0")/lib.sh"
need_nightly miri rust-src
# parking_lot makes pointers of integers; the timer's thread never ends.
flags="${MIRIFLAGS:-} -Zmiri-permissive-provenance -Zmiri-ignore-leaks -Zmiri-disable-isolation"
# crossbeam-epoch, beneath the runtime's deques, goes from a field to what it is in, which
# only this model of aliasing allows.
tree="$flags -Zmiri-tree-borrows"
seeds="${MIRI_SEEDS:+-Zmiri-many-seeds=0..$MIRI_SEEDS}"

# miri FLAGS TEST-ARGUMENTS…: interprets tests.
miri() {
    local flags="$1"
    shift
    MIRIFLAGS="$flags $seeds" run cargo +nightly miri test "$@"
}

engine() {
    for cores in 1 4; do
        miri "$flags -Zmiri-num-cpus=$cores" -p hivework-stm --lib
    done
    if [ -n "$seeds" ]; then
        miri "$tree" -p hivework-stm --test integration -- --skip progress --skip oracle
    else
        miri "$flags" -p hivework-stm --test integration -- basics:: branches:: drops:: threads::
    fi
}

# Forks, scopes, broadcasts, turns, the items' outcomes and their memory; and the collecting and
# sorting of loops that are divided wherever they can be.
runtime() {
    if [ -n "$seeds" ]; then
        miri "$tree" -p hivework --lib
        miri "$tree" -p hivework --test integration -- \
            broadcast:: cancelling:: forking:: panics:: parallel:: putting:: scope:: spawning:: turns::
        return
    fi
    miri "$tree" -p hivework --test integration -- \
        broadcast::a_broadcast_borrows \
        forking::a_panic_in_either_half forking::a_work_that_blocks forking::many_threads_fork \
        scope::a_closure_panics_while scope::a_destructor_spawns scope::nothing_is_lost \
        spawning::a_cancelled_future turns::a_cancelled_one_is_dropped
    miri "$tree" -p hivework --lib -- \
        memory::shelves a_comparison_that_panics a_panic_in_a_map a_panic_in_a_reduction
}

# The interpreter has one thread: the two side by side.
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
(runtime) >"$log" 2>&1 &
runtime_runs=$!
(engine) &
engine_runs=$!
ended=0
wait "$engine_runs" || ended=$?
wait "$runtime_runs" || ended=$?
cat "$log"
exit "$ended"
