#!/usr/bin/env bash
# No warnings: in the shipped form, and in those that the models and the judge see.
. "$(dirname "$0")/lib.sh"
run cargo clippy --workspace --all-targets -- -D warnings
# Under the cfg a pin is a stand-in without Drop, a table may have one place, and
# a wait may look no times before it sleeps.
stand_ins=(-A clippy::absurd_extreme_comparisons -A clippy::drop_non_drop -A clippy::modulo_one -A clippy::reversed_empty_ranges)
with_loom cargo clippy "${LIBRARIES[@]}" --lib -- -D warnings "${stand_ins[@]}"
with_loom cargo clippy -p hivework-loom-tests --all-targets -- -D warnings "${stand_ins[@]}"
with_probe cargo clippy -p hivework-stm -p hivework-judge --all-targets -- -D warnings
