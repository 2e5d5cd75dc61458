//! The semaphore: releases against those who wait, leaving, and permits dropped beside their commit.

use std::time::Duration;

use hivework_loom_tests::model_within;
use hivework_stm::atomically;
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread;
use stm_ports::TSemaphore;

const LIMIT: Duration = Duration::from_secs(1);

fn available(semaphore: &TSemaphore) -> usize {
    atomically(|tx| semaphore.available(tx))
}

#[test]
fn a_release_serves_who_is_blocked() {
    model_within(2, "semaphore: release against an acquisition", || {
        let semaphore = TSemaphore::new(1);
        let other = {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.release_now(1))
        };
        semaphore.acquire_blocking(2);
        other.join().unwrap();
        assert_eq!(available(&semaphore), 0);
    });
}

#[test]
fn two_take_turns() {
    model_within(2, "semaphore: two holders of one permit", || {
        let semaphore = TSemaphore::new(1);
        let other = {
            let semaphore = semaphore.clone();
            thread::spawn(move || drop(semaphore.hold_blocking(1)))
        };
        drop(semaphore.hold_blocking(1));
        other.join().unwrap();
        assert_eq!(available(&semaphore), 1);
    });
}

#[test]
fn permits_are_neither_lost_nor_doubled_when_the_time_runs_out() {
    model_within(
        1,
        "semaphore: release against an acquisition within a limit",
        || {
            let semaphore = TSemaphore::new(0);
            let other = {
                let semaphore = semaphore.clone();
                thread::spawn(move || semaphore.release_now(1))
            };
            let acquired = semaphore.acquire_timeout(1, LIMIT);
            other.join().unwrap();
            assert_eq!(available(&semaphore), usize::from(!acquired));
        },
    );
}

/// At no instant does anybody have what somebody waits for.
#[test]
fn nobody_goes_past_who_is_blocked() {
    model_within(1, "semaphore: trying against one that is blocked", || {
        let semaphore = TSemaphore::new(1);
        let other = {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.acquire_blocking(2))
        };
        let (blocked, acquired) = atomically(|tx| {
            let blocked = semaphore.waiting(tx)? > 0;
            Ok((blocked, semaphore.try_acquire(tx, 1)?))
        });
        assert!(blocked != acquired);
        semaphore.release_now(if acquired { 2 } else { 1 });
        other.join().unwrap();
        assert_eq!(available(&semaphore), 0);
    });
}

/// There is enough for the one behind; only the one before it stands in its way, and leaves.
#[test]
fn who_leaves_lets_the_next_go_on() {
    model_within(1, "semaphore: leaving against the next in line", || {
        let semaphore = TSemaphore::new(1);
        let leaver = {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.acquire_timeout(2, LIMIT))
        };
        semaphore.acquire_blocking(1);
        assert!(!leaver.join().unwrap());
        assert_eq!(available(&semaphore), 0);
    });
}

/// As above, for a transaction that waits beside the line.
#[test]
fn who_leaves_lets_a_transaction_go_on() {
    model_within(
        2,
        "semaphore: leaving against a retrying acquisition",
        || {
            let semaphore = TSemaphore::new(1);
            let leaver = {
                let semaphore = semaphore.clone();
                thread::spawn(move || semaphore.acquire_timeout(2, LIMIT))
            };
            atomically(|tx| semaphore.acquire(tx, 1));
            assert!(!leaver.join().unwrap());
            assert_eq!(available(&semaphore), 0);
        },
    );
}

/// The permits get out of the transaction that acquires them, and another thread drops them:
/// before the commit or after it.
#[test]
fn permits_dropped_beside_their_commit_go_back_once() {
    model_within(
        3,
        "semaphore: drop against the commit of the holding",
        || {
            let semaphore = TSemaphore::new(1);
            let handed = Arc::new(Mutex::new(None));
            let dropper = {
                let handed = Arc::clone(&handed);
                thread::spawn(move || {
                    let permits = handed.lock().take();
                    drop(permits);
                })
            };
            atomically(|tx| {
                let permits = semaphore.hold(tx, 1)?;
                let earlier = handed.lock().replace(permits);
                drop(earlier);
                Ok(())
            });
            dropper.join().unwrap();
            let left = handed.lock().take();
            drop(left);
            assert_eq!(available(&semaphore), 1);
        },
    );
}
