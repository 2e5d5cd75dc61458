#!/usr/bin/env bash
# What the scheduler promises, over every transport but the local one, which
# `tests.sh` runs it over. Without what nothing is carried for: forks and loops, what lies
# in the timers, figures.
. "$(dirname "$0")/lib.sh"
left_out=(parallel:: forking:: scope:: timers:: books::)
for transport in stm-crate delaying; do
    export HIVEWORK_TRANSPORT="$transport"
    if have cargo-nextest; then
        # Of the whole workspace, so that what `tests.sh` has built serves here.
        filter="binary_id(hivework::integration)"
        for name in "${left_out[@]}"; do filter+=" - test(/^$name/)"; done
        run cargo nextest run --workspace --no-fail-fast --status-level fail -E "$filter"
    else
        run cargo test -p hivework --test integration -- "${left_out[@]/#/--skip=}"
    fi
done
