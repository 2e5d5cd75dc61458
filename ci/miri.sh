#!/usr/bin/env bash
# Undefined behaviour, data races and weak memory, one schedule a seed.
#
# MIRI_SEEDS=64 tries more of them.
. "$(dirname "$0")/lib.sh"
need_nightly miri rust-src
seeds="${MIRI_SEEDS:-4}"
export MIRIFLAGS="${MIRIFLAGS:-} -Zmiri-tree-borrows -Zmiri-disable-isolation -Zmiri-many-seeds=0..$seeds"
run cargo +nightly miri test -p hivework-stm --lib --test integration
