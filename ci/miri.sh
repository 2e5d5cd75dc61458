#!/usr/bin/env bash
# Undefined behaviour, data races and weak memory: the engine's unit tests over
# some seeds, its integration tests over one, without those that measure
# progress, which an interpreter makes little of.
#
# Tree borrows, because crossbeam-epoch asks for them; leaks are the address
# sanitizer's business, because what is retired last is never freed.
#
# MIRI_SEEDS=64 tries more of them, on both.
. "$(dirname "$0")/lib.sh"
need_nightly miri rust-src
flags="${MIRIFLAGS:-} -Zmiri-tree-borrows -Zmiri-permissive-provenance -Zmiri-ignore-leaks"
MIRIFLAGS="$flags -Zmiri-many-seeds=0..${MIRI_SEEDS:-8}" \
    run cargo +nightly miri test -p hivework-stm --lib
[ -z "${MIRI_SEEDS:-}" ] || flags="$flags -Zmiri-many-seeds=0..$MIRI_SEEDS"
MIRIFLAGS="$flags" \
    run cargo +nightly miri test -p hivework-stm --test integration -- --skip progress
