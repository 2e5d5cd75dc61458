//! Anomalies, each a cycle.

use hivework_judge::Why;

use crate::support::{Script, X, Y, Z, read, write};

#[test]
fn write_skew() {
    let script = Script::default()
        .committed(0, 0..9, &[read(X, 0), read(Y, 0)], &[write(X, 0, 1)])
        .committed(1, 0..9, &[read(X, 0), read(Y, 0)], &[write(Y, 0, 2)]);
    let (attempts, reasons) = script.cycle();
    assert_eq!(attempts, [0, 1]);
    assert!(
        reasons
            .iter()
            .all(|why| matches!(why, Why::ReadBefore { .. }))
    );
}

#[test]
fn write_skew_of_three() {
    let script = Script::default()
        .committed(0, 0..9, &[read(X, 0)], &[write(Y, 0, 1)])
        .committed(1, 0..9, &[read(Y, 0)], &[write(Z, 0, 2)])
        .committed(2, 0..9, &[read(Z, 0)], &[write(X, 0, 3)]);
    assert_eq!(script.cycle().0, [0, 1, 2]);
}

#[test]
fn lost_update() {
    let script = Script::default()
        .committed(0, 0..9, &[read(X, 0)], &[write(X, 0, 1)])
        .committed(1, 0..9, &[read(X, 0)], &[write(X, 1, 2)]);
    assert_eq!(script.cycle().0, [0, 1]);
}

#[test]
fn zombie() {
    // Aborted, and yet it must not have seen half of a commit.
    let script = Script::default()
        .committed(0, 0..9, &[], &[write(X, 0, 1), write(Y, 0, 1)])
        .aborted(1, 0..9, &[read(X, 0), read(Y, 1)]);
    let (attempts, reasons) = script.cycle();
    assert_eq!(attempts, [0, 1]);
    assert!(
        reasons
            .iter()
            .any(|why| matches!(why, Why::ReadFrom { variable: Y, .. }))
    );
    assert!(
        reasons
            .iter()
            .any(|why| matches!(why, Why::ReadBefore { variable: X, .. }))
    );
}

#[test]
fn read_skew_of_a_committed_reader() {
    let script = Script::default()
        .committed(0, 0..9, &[], &[write(X, 0, 1), write(Y, 0, 1)])
        .committed(1, 0..9, &[read(X, 1), read(Y, 0)], &[]);
    assert_eq!(script.cycle().0, [0, 1]);
}

#[test]
fn one_variable_read_twice_with_a_commit_in_between() {
    let script = Script::default()
        .committed(0, 0..9, &[], &[write(X, 0, 1)])
        .aborted(1, 0..9, &[read(X, 0), read(X, 1)]);
    assert_eq!(script.cycle().0, [0, 1]);
}

#[test]
fn stale_read_after_the_writer_was_over() {
    let script = Script::default()
        .committed(0, 0..1, &[read(X, 0)], &[write(X, 0, 1)])
        .committed(1, 2..3, &[read(X, 0)], &[]);
    let (attempts, reasons) = script.cycle();
    assert_eq!(attempts, [0, 1]);
    assert!(reasons.contains(&Why::RealTime));
}

#[test]
fn stale_read_of_a_thread_that_had_seen_better() {
    let script = Script::default()
        .committed(0, 0..9, &[], &[write(X, 0, 1)])
        .committed(1, 0..1, &[read(X, 1)], &[])
        .aborted(1, 1..2, &[read(X, 0)]);
    let (attempts, reasons) = script.cycle();
    assert_eq!(attempts, [0, 1, 2]);
    assert!(reasons.contains(&Why::Program));
}

#[test]
fn read_from_the_future() {
    let script = Script::default()
        .committed(0, 0..1, &[read(X, 1)], &[])
        .committed(1, 2..3, &[], &[write(X, 0, 1)]);
    assert_eq!(script.cycle().0, [0, 1]);
}

#[test]
fn opposite_orders_of_two_readers() {
    // Independent reads of independent writes.
    let script = Script::default()
        .committed(0, 0..9, &[], &[write(X, 0, 1)])
        .committed(1, 0..9, &[], &[write(Y, 0, 2)])
        .committed(2, 0..9, &[read(X, 1), read(Y, 0)], &[])
        .aborted(3, 0..9, &[read(X, 0), read(Y, 2)]);
    assert_eq!(script.cycle().0, [0, 1, 2, 3]);
}

#[test]
fn long_fork() {
    let script = Script::default()
        .committed(0, 0..9, &[read(X, 0)], &[write(X, 0, 1)])
        .committed(1, 0..9, &[read(Y, 0)], &[write(Y, 0, 2)])
        .committed(0, 9..20, &[read(X, 1), read(Y, 0)], &[write(X, 1, 3)])
        .committed(1, 9..20, &[read(X, 0), read(Y, 2)], &[write(Y, 2, 4)]);
    script.cycle();
}

#[test]
fn a_reader_that_saw_the_second_of_two_writes_and_not_the_first() {
    let script = Script::default()
        .committed(0, 0..1, &[], &[write(X, 0, 1)])
        .committed(0, 2..3, &[], &[write(Y, 0, 2)])
        .committed(1, 0..9, &[read(X, 0), read(Y, 2)], &[]);
    assert_eq!(script.cycle().0, [0, 1, 2]);
}

#[test]
fn real_time_over_many_attempts_in_between() {
    let mut script = Script::default().committed(0, 0..1, &[], &[write(X, 0, 1)]);
    for turn in 0..50 {
        script = script.committed(2, 2 + 2 * turn..3 + 2 * turn, &[read(Z, 0)], &[]);
    }
    script = script.committed(1, 200..201, &[read(X, 0)], &[]);
    let (attempts, reasons) = script.cycle();
    assert_eq!(attempts, [0, 51]);
    assert!(reasons.contains(&Why::RealTime));
}

#[test]
fn versions_in_a_ring() {
    let script = Script::default()
        .committed(0, 0..9, &[], &[write(X, 2, 1)])
        .committed(1, 0..9, &[], &[write(X, 1, 2)]);
    assert_eq!(script.cycle().0, [0, 1]);
}

#[test]
fn an_attempt_that_read_its_own_commit() {
    let script = Script::default().committed(0, 0..9, &[read(X, 1)], &[write(X, 0, 1)]);
    assert_eq!(script.cycle().0, [0]);
}

#[test]
fn a_cycle_is_told_with_what_everyone_did() {
    let script = Script::default()
        .committed(0, 0..1, &[read(X, 0)], &[write(X, 0, 1)])
        .aborted(1, 2..3, &[read(X, 0)]);
    let told = script.judged().map_err(|violation| violation.to_string());
    let told = told.err().unwrap_or_default();
    for part in [
        "attempt 0 of thread 0",
        "attempt 1 of thread 1",
        "not committed",
        "0x40",
        "in time",
    ] {
        assert!(told.contains(part), "{part} is missing from: {told}");
    }
}
