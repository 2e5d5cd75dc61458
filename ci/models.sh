#!/usr/bin/env bash
# Every protocol under every schedule with few preemptions; the output tells how
# many executions each model took. Twice: companions can strengthen fence-based
# code, so once without them, less deep unless something else is asked for.
#
# HIVEWORK_LOOM_DEEPER=1 gives each model one preemption more, and 0 all of them their own
# bound. Without it, the large ones, of more than ten seconds, have one less.
. "$(dirname "$0")/lib.sh"
large=(
    bell::two_puts_reach_it
    clocks::a_commit_on_the_shared_clock_has_seen_those_before_it
    clocks::the_shared_clock_vouches_for_earlier_commits_of_others
    completion::no_outcome_yet_is_never_answered_beside_what_was_done_about_it
    deep::it_reaches_both_of_two_joins
    forking::two_halves_are_settled_in_order
    grace::the_barrier_of_another_serves_as_well_as_ones_own
    idle::a_searcher_that_leaves_work_behind_wakes_the_next
    idle::one_put_wakes_one_worker_at_most
    idle::the_end_of_a_run_reaches_every_worker
    idle::two_puts_reach_one_worker
    isolation::a_snapshot_moves_on_as_a_whole
    isolation::a_snapshot_that_covers_all_clocks_covers_their_data
    isolation::a_version_that_is_given_back_comes_with_its_data
    isolation::read_write_causality
    isolation::what_is_written_together_is_read_together
    pump::a_message_crosses_the_wire_and_the_disconnection_comes_after_it
    reclamation::a_barrier_serves_only_who_had_sealed_before_it
    reclamation::a_barrier_that_had_started_before_is_no_use
    task::a_cancel_against_a_wake_up_leaves_one_end
    waiting::two_variables_one_committer
)
models=()
for folder in loom-tests/tests/*/; do
    name="$(basename "$folder")"
    [ "$name" = canary ] || models+=(--test "$name")
done

# Those that the arguments choose, as the harness of tests has it.
explore() {
    with_loom cargo test --profile loom -p hivework-loom-tests "${models[@]}" -- --nocapture --exact "$@"
}

if [ -n "${HIVEWORK_LOOM_DEEPER:-}" ]; then
    explore
else
    skipped=()
    for name in "${large[@]}"; do skipped+=(--skip "$name"); done
    explore "${skipped[@]}"
    HIVEWORK_LOOM_DEEPER=-1 explore "${large[@]}"
fi
export HIVEWORK_LOOM_PLAIN=1 HIVEWORK_LOOM_DEEPER="${HIVEWORK_LOOM_DEEPER:--2}"
explore
