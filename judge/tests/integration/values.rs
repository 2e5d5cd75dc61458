//! Versions and words that do not fit together.

use hivework_judge::{Read, Violation};

use crate::support::{Script, X, Y, read, write};

#[test]
fn two_commits_replace_the_same_version() {
    let script = Script::default()
        .committed(0, 0..1, &[], &[write(X, 0, 1)])
        .committed(1, 2..3, &[], &[write(X, 0, 2)]);
    assert!(matches!(script.judged(), Err(Violation::Fork(_))));
}

#[test]
fn two_commits_with_the_same_version_of_one_variable() {
    let script = Script::default()
        .committed(0, 0..1, &[], &[write(X, 0, 1)])
        .committed(1, 2..3, &[], &[write(X, 1, 1)]);
    assert!(matches!(script.judged(), Err(Violation::Repeated(_))));
}

#[test]
fn two_commits_with_the_same_version_of_different_variables() {
    let script = Script::default()
        .committed(0, 0..1, &[], &[write(X, 0, 1)])
        .committed(1, 2..3, &[], &[write(Y, 0, 1)]);
    assert!(matches!(script.judged(), Err(Violation::Repeated(_))));
}

#[test]
fn a_version_that_nobody_wrote() {
    let script = Script::default()
        .committed(0, 0..1, &[read(X, 0)], &[write(X, 0, 1)])
        .committed(1, 2..3, &[read(X, 5)], &[]);
    assert!(matches!(script.judged(), Err(Violation::Phantom(_))));
}

#[test]
fn a_chain_in_two_pieces() {
    let script = Script::default()
        .committed(0, 0..1, &[], &[write(X, 0, 1)])
        .committed(1, 2..3, &[], &[write(X, 5, 6)]);
    assert!(matches!(script.judged(), Err(Violation::Phantom(_))));
}

#[test]
fn old_data_under_a_new_version() {
    let old = Read {
        word: read(X, 0).word,
        ..read(X, 1)
    };
    let script = Script::default()
        .committed(0, 0..9, &[read(X, 0)], &[write(X, 0, 1)])
        .committed(1, 0..9, &[old], &[]);
    assert!(matches!(script.judged(), Err(Violation::Word(_))));
}

#[test]
fn two_readers_of_a_first_version_with_different_words() {
    let other = Read {
        word: 7,
        ..read(X, 0)
    };
    let script = Script::default()
        .committed(0, 0..9, &[read(X, 0)], &[])
        .aborted(1, 0..9, &[other]);
    assert!(matches!(script.judged(), Err(Violation::Word(_))));
}

#[test]
fn a_write_of_an_attempt_that_did_not_commit() {
    let mut script = Script::default();
    script.history.add(0, 0..9, false, &[], &[write(X, 0, 1)]);
    assert!(matches!(script.judged(), Err(Violation::AbortedWrote(_))));
}
