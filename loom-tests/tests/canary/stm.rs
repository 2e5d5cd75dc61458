//! Does the facade of `hivework-stm` reach loom, and does the engine reach the facade?

use hivework_loom_tests::{canary, model};
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::thread;
use hivework_stm::{TVar, atomically};

/// Message passing: who sees the flag must see the data. Answers whether not.
fn flag_without_its_data(publish: Ordering) -> bool {
    let data = Arc::new(AtomicUsize::new(0));
    let flag = Arc::new(AtomicUsize::new(0));
    let sender = {
        let (data, flag) = (Arc::clone(&data), Arc::clone(&flag));
        thread::spawn(move || {
            data.store(1, Ordering::Relaxed);
            // Ordering: where it is Release, pairs with the Acquire load below.
            flag.store(1, publish);
        })
    };
    // Ordering: pairs with the store to `flag` above.
    let violated = flag.load(Ordering::Acquire) == 1 && data.load(Ordering::Relaxed) == 0;
    sender.join().unwrap();
    violated
}

#[test]
fn message_passing_holds_with_release() {
    model("canary: message passing, Release", || {
        assert!(!flag_without_its_data(Ordering::Release));
    });
}

#[test]
fn message_passing_weakened_to_relaxed_is_found_out() {
    canary("message passing, Relaxed", || {
        flag_without_its_data(Ordering::Relaxed)
    });
}

/// Two transactions where one is needed: another's commit fits between them.
fn add_one(counter: &TVar<u64>, torn: bool) {
    if torn {
        let seen = counter.load();
        counter.store(seen + 1);
    } else {
        atomically(|tx| counter.modify(tx, |n| n + 1));
    }
}

/// Two threads add one each. Answers whether one was lost.
fn lost_update(torn: bool) -> bool {
    let counter = TVar::new(0);
    let other = {
        let counter = counter.clone();
        thread::spawn(move || add_one(&counter, torn))
    };
    add_one(&counter, torn);
    other.join().unwrap();
    counter.load() != 2
}

#[test]
fn increments_in_one_transaction_each_are_kept() {
    model("canary: increments in one transaction", || {
        assert!(!lost_update(false));
    });
}

#[test]
fn an_increment_torn_into_two_transactions_is_found_out() {
    canary("increment torn into two transactions", || lost_update(true));
}
