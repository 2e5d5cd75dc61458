//! What a correct engine does.

use hivework_judge::Judge;
use hivework_judge::graph::SLACK;

use crate::support::{Script, X, Y, Z, read, write};

#[test]
fn no_attempt_at_all() {
    assert_eq!(Script::default().judged(), Ok(()));
}

#[test]
fn one_after_the_other() {
    let script = Script::default()
        .committed(0, 0..1, &[read(X, 0)], &[write(X, 0, 1)])
        .committed(1, 2..3, &[read(X, 1)], &[write(X, 1, 2)])
        .committed(0, 4..5, &[read(X, 2)], &[]);
    assert_eq!(script.judged(), Ok(()));
}

#[test]
fn a_reader_before_a_writer_that_was_faster() {
    let script = Script::default()
        .committed(0, 0..9, &[read(X, 0), read(Y, 0)], &[])
        .committed(1, 2..3, &[read(X, 0)], &[write(X, 0, 1), write(Y, 0, 1)]);
    assert_eq!(script.judged(), Ok(()));
}

#[test]
fn aborted_attempts_with_consistent_reads() {
    let script = Script::default()
        .aborted(0, 0..9, &[read(X, 0), read(Y, 0)])
        .committed(1, 1..2, &[], &[write(X, 0, 1), write(Y, 0, 1)])
        .aborted(0, 10..12, &[read(X, 1), read(Y, 1)])
        .committed(1, 11..13, &[read(Y, 1)], &[write(Y, 1, 2)]);
    assert_eq!(script.judged(), Ok(()));
}

#[test]
fn writers_that_do_not_read_in_either_order_of_their_threads() {
    let script = Script::default()
        .committed(0, 0..9, &[], &[write(X, 2, 1)])
        .committed(1, 0..9, &[], &[write(X, 0, 2)])
        .committed(2, 0..9, &[read(X, 2)], &[write(Z, 0, 3)]);
    assert_eq!(script.judged(), Ok(()));
}

#[test]
fn one_that_saw_half_of_what_two_independent_writers_did() {
    let script = Script::default()
        .committed(0, 0..9, &[], &[write(X, 0, 1)])
        .committed(1, 0..9, &[], &[write(Y, 0, 2)])
        .committed(2, 0..9, &[read(X, 1), read(Y, 0)], &[])
        .committed(3, 0..9, &[read(X, 1), read(Y, 2)], &[]);
    assert_eq!(script.judged(), Ok(()));
}

#[test]
fn a_first_version_that_is_not_zero() {
    let script = Script::default()
        .committed(0, 0..1, &[read(X, 70)], &[write(X, 70, 71)])
        .committed(1, 2..3, &[read(X, 71), read(Y, 40)], &[]);
    assert_eq!(script.judged(), Ok(()));
}

#[test]
fn a_reader_that_began_within_the_slack_of_the_writers_end() {
    let mut script = Script::default();
    let history = &mut script.history;
    history.add(0, 0..100, true, &[], &[write(X, 0, 1)]);
    history.add(1, 100 + SLACK..200 + SLACK, true, &[read(X, 0)], &[]);
    assert_eq!(script.judged(), Ok(()));
}

#[test]
fn one_history_after_another_in_the_same_memory() {
    let mut judge = Judge::default();
    let long = Script::default()
        .committed(0, 0..1, &[read(X, 0)], &[write(X, 0, 1)])
        .committed(1, 2..3, &[read(X, 1)], &[write(X, 1, 2)]);
    let wrong = Script::default()
        .committed(0, 0..9, &[read(X, 5)], &[write(Y, 5, 6)])
        .committed(1, 0..9, &[read(Y, 5)], &[write(X, 5, 7)]);
    let short = Script::default().committed(0, 0..1, &[read(X, 2)], &[write(X, 2, 9)]);
    assert_eq!(judge.judge(&long.history), Ok(()));
    assert!(judge.judge(&wrong.history).is_err());
    assert_eq!(judge.judge(&short.history), Ok(()));
    assert_eq!(judge.judge(&long.history), Ok(()));
}
