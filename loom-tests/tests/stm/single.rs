//! `load` and `store`: transactions of one variable, without the machinery.

use hivework_loom_tests::model;
use hivework_stm::{TVar, atomically};

use crate::support::thread;

#[test]
fn a_store_against_a_transaction() {
    model("stm: store against a transaction", || {
        let x = TVar::new(0);
        let other = thread(&[&x], |v| v[0].store(5));
        atomically(|tx| x.modify(tx, |n| n + 1));
        other.join().unwrap();
        let last = x.load();
        assert!(last == 5 || last == 6, "{last}");
    });
}

#[test]
fn stores_to_two_variables_are_seen_in_their_order() {
    model("stm: stores in order", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&x, &y], |v| {
            v[0].store(1);
            v[1].store(1);
        });
        let seen_y = y.load();
        let seen_x = x.load();
        assert!(seen_x >= seen_y, "the later without the earlier");
        other.join().unwrap();
    });
}

#[test]
fn load_never_sees_half_a_commit() {
    model("stm: load against a commit", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&x, &y], |v| {
            atomically(|tx| {
                v[0].write(tx, 1)?;
                v[1].write(tx, 1)
            });
        });
        // What is locked later is unlocked later: look at both orders.
        let (seen_x, seen_y) = (x.load(), y.load());
        assert!(seen_y >= seen_x, "y is older than x");
        other.join().unwrap();
        let (x2, y2) = (x.load(), y.load());
        assert_eq!((x2, y2), (1, 1));
    });
}

#[test]
fn load_of_the_second_variable_first() {
    model("stm: load against a commit, backwards", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&x, &y], |v| {
            atomically(|tx| {
                v[0].write(tx, 1)?;
                v[1].write(tx, 1)
            });
        });
        let (seen_y, seen_x) = (y.load(), x.load());
        assert!(seen_x >= seen_y, "x is older than y");
        other.join().unwrap();
    });
}

#[test]
fn load_answers_what_was_committed_and_never_goes_back() {
    model("stm: loads never go back", || {
        let x = TVar::new(0);
        let other = thread(&[&x], |v| {
            v[0].store(1);
            atomically(|tx| v[0].modify(tx, |n| n + 1));
        });
        let (first, second) = (x.load(), x.load());
        assert!(first <= second, "goes back in time");
        other.join().unwrap();
        assert_eq!(x.load(), 2);
    });
}

#[test]
fn a_load_sees_what_an_attempt_that_gave_up_did_not_do() {
    model("stm: load against an attempt that gives up", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&x, &y], |v| {
            atomically(|tx| {
                let n = v[1].read(tx)?;
                v[0].write(tx, n + 1)
            });
        });
        y.store(1);
        let seen = x.load();
        other.join().unwrap();
        assert!(seen <= x.load() && x.load() >= 1);
    });
}
