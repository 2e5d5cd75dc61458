#!/usr/bin/env bash
# What the scheduler promises, over every transport but the local one, which
# `tests.sh` runs it over.
. "$(dirname "$0")/lib.sh"
for transport in stm-crate delaying; do
    HIVEWORK_TRANSPORT="$transport" run cargo test -p hivework --test integration
done
