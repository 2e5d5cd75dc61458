#!/usr/bin/env bash
# Data races in the integration tests: the subjects in which threads meet, or all with
# SANITIZE_ALL=1. The sanitizer does not understand fences, which is one reason why the
# shipped commit is made of SeqCst accesses.
. "$(dirname "$0")/lib.sh"
. ci/sanitizer.sh
export PROPTEST_CASES="${PROPTEST_CASES:-4}"
subjects=(
    isolation:: rows:: threads:: waiting::
    broadcast:: events:: forking:: parallel:: races:: scope:: spawning:: turns::
)
# The long chain takes a grace period for each link: minutes, here. The leaning tree is
# deeper than the 65 536 calls that the sanitizer bears.
sanitize thread --skip a_chain_of_a_million --skip a_leaning_tree_passes
