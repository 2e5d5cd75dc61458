#!/usr/bin/env bash
# What the scheduler promises, over every transport but the local one, which
# `tests.sh` runs it over. Without what nothing is carried for: forks and loops, what lies
# in the timers, figures.
. "$(dirname "$0")/lib.sh"
for transport in stm-crate delaying; do
    HIVEWORK_TRANSPORT="$transport" run cargo test -p hivework --test integration -- \
        --skip parallel:: --skip forking:: --skip scope:: --skip timers:: --skip books::
done
