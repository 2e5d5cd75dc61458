//! The semaphore, and permits that go back by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hivework_stm::{TVar, abort, atomically, atomically_or, try_atomically};
use proptest::prelude::*;
use stm_ports::{TPermits, TSemaphore};

use crate::model::{config, programs, run};
use crate::support::{AGES, Random, Running, eventually, start, start_asleep, start_held};

fn available(semaphore: &TSemaphore) -> usize {
    atomically(|tx| semaphore.available(tx))
}

fn waiting(semaphore: &TSemaphore) -> usize {
    atomically(|tx| semaphore.waiting(tx))
}

/// A thread that is blocked until it has `n` permits.
fn acquirer(semaphore: &TSemaphore, n: usize) -> Running<()> {
    let semaphore = semaphore.clone();
    start_asleep(move || semaphore.acquire_blocking(n))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_a_number(
        permits in 0_usize..5,
        program in programs((any::<bool>(), 0_usize..4)),
    ) {
        let semaphore = TSemaphore::new(permits);
        let model = run(&program, permits, |tx, model, &(acquires, n)| {
            if acquires {
                let expected = *model >= n;
                if expected {
                    *model -= n;
                }
                assert_eq!(semaphore.try_acquire(tx, n)?, expected);
            } else {
                semaphore.release(tx, n)?;
                *model += n;
            }
            assert_eq!(semaphore.available(tx)?, *model);
            Ok(())
        });
        prop_assert_eq!(available(&semaphore), model);
    }
}

#[test]
fn threads_are_served_in_order_of_arrival_though_those_behind_want_less() {
    let semaphore = TSemaphore::new(0);
    let order = Arc::new(AtomicUsize::new(0));
    let acquirers: Vec<_> = [3, 1, 2, 1]
        .into_iter()
        .map(|n| {
            let (semaphore, order) = (semaphore.clone(), Arc::clone(&order));
            start_asleep(move || {
                semaphore.acquire_blocking(n);
                order.fetch_add(1, Ordering::SeqCst)
            })
        })
        .collect();
    assert_eq!(waiting(&semaphore), 4);
    let mut acquirers = acquirers.into_iter();
    // How many permits come, and how many are served then: nobody goes past the first.
    for (released, served) in [(2, 0), (1, 1), (1, 1), (1, 0), (2, 2)] {
        semaphore.release_now(released);
        for acquirer in acquirers.by_ref().take(served) {
            acquirer.answer();
        }
        assert_eq!(waiting(&semaphore), acquirers.len());
    }
    assert_eq!(
        (available(&semaphore), order.load(Ordering::SeqCst)),
        (0, 4)
    );
}

#[test]
fn nothing_goes_past_a_blocked_thread() {
    let semaphore = TSemaphore::new(1);
    let blocked = acquirer(&semaphore, 2);
    assert!(!semaphore.acquire_now(1));
    assert!(!semaphore.acquire_timeout(1, Duration::from_millis(1)));
    assert_eq!(try_atomically(|tx| semaphore.acquire(tx, 1)), None);
    assert!(atomically(|tx| semaphore.try_hold(tx, 1)).is_none());
    // None at all are always there.
    semaphore.acquire_blocking(0);
    assert!(semaphore.acquire_now(0));
    let beside = {
        let semaphore = semaphore.clone();
        start_asleep(move || atomically(|tx| semaphore.acquire(tx, 1)))
    };
    semaphore.release_now(1);
    blocked.answer();
    assert_eq!(available(&semaphore), 0);
    semaphore.release_now(1);
    beside.answer();
}

#[test]
fn one_that_gives_up_lets_those_behind_have_what_was_too_little_for_it() {
    let semaphore = TSemaphore::new(2);
    let first = {
        let semaphore = semaphore.clone();
        start_held(move || semaphore.acquire_timeout(3, Duration::from_millis(1)))
    };
    let behind = [acquirer(&semaphore, 1), acquirer(&semaphore, 1)];
    assert!(!first.go());
    behind.into_iter().for_each(Running::answer);
    assert_eq!((available(&semaphore), waiting(&semaphore)), (0, 0));
}

/// A transaction that waits beside the line goes on when the line ends by somebody's leaving.
#[test]
fn a_line_that_ends_without_a_release_wakes_who_waits_beside_it() {
    let semaphore = TSemaphore::new(1);
    let first = {
        let semaphore = semaphore.clone();
        start_held(move || semaphore.acquire_timeout(2, Duration::from_millis(1)))
    };
    let beside = {
        let semaphore = semaphore.clone();
        start_asleep(move || atomically(|tx| semaphore.acquire(tx, 1)))
    };
    assert!(!first.go());
    beside.answer();
    assert_eq!(available(&semaphore), 0);
}

#[test]
fn a_release_that_is_rolled_back_serves_nobody() {
    let semaphore = TSemaphore::new(0);
    let blocked = acquirer(&semaphore, 1);
    let refused = atomically_or(|tx| {
        semaphore.release(tx, 1)?;
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(waiting(&semaphore), 1);
    semaphore.release_now(1);
    blocked.answer();
}

#[test]
fn polling_leaves_nothing_behind() {
    let semaphore = TSemaphore::new(0);
    for _ in 0..100 {
        assert!(!semaphore.acquire_timeout(1, Duration::from_micros(1)));
    }
    assert_eq!(waiting(&semaphore), 0);
    semaphore.release_now(1);
    assert!(semaphore.acquire_now(1));
}

/// Holders of every form, some of which give up: at no time do they hold more than there are, and
/// in the end all are there again.
#[test]
fn permits_are_conserved() {
    const PERMITS: usize = 3;
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 1_000 };
    let semaphore = TSemaphore::new(PERMITS);
    let held = Arc::new(AtomicUsize::new(0));
    let holders: Vec<_> = (0..4_u64)
        .map(|form| {
            let (semaphore, held) = (semaphore.clone(), Arc::clone(&held));
            start(move || {
                let mut random = Random::new(form);
                for _ in 0..ROUNDS {
                    let n = 1 + random.below(PERMITS);
                    let permits = match form {
                        0 => Some(semaphore.hold_blocking(n)),
                        1 => semaphore.hold_timeout(n, Duration::from_micros(10)),
                        2 => Some(atomically(|tx| semaphore.hold(tx, n))),
                        _ => semaphore.hold_now(n),
                    };
                    let Some(permits) = permits else { continue };
                    assert_eq!(permits.count(), n);
                    assert!(held.fetch_add(n, Ordering::SeqCst) + n <= PERMITS);
                    std::thread::yield_now();
                    held.fetch_sub(n, Ordering::SeqCst);
                }
            })
        })
        .collect();
    holders.into_iter().for_each(Running::answer);
    assert_eq!((available(&semaphore), waiting(&semaphore)), (PERMITS, 0));
}

#[test]
fn permits_of_an_attempt_that_is_rolled_back_are_not_released() {
    let semaphore = TSemaphore::new(1);
    let mut smuggled = Vec::new();
    let refused = atomically_or(|tx| {
        smuggled.push(semaphore.hold(tx, 1)?);
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(available(&semaphore), 1);
    drop(smuggled);
    assert_eq!(available(&semaphore), 1);
}

#[test]
fn permits_dropped_in_the_transaction_that_acquired_them_go_back_after_it() {
    let semaphore = TSemaphore::new(1);
    atomically(|tx| {
        drop(semaphore.hold(tx, 1)?);
        assert_eq!(semaphore.available(tx)?, 0);
        Ok(())
    });
    assert_eq!(available(&semaphore), 1);
}

#[test]
fn permits_dropped_inside_another_transaction_go_back_when_it_is_over() {
    let semaphore = TSemaphore::new(1);
    let mut permits = Some(semaphore.hold_blocking(1));
    let refused = atomically_or(|tx| {
        drop(permits.take());
        assert_eq!(semaphore.available(tx)?, 0);
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(available(&semaphore), 1);
}

/// The handle leaves the transaction before that commits, and is dropped elsewhere.
#[test]
fn permits_dropped_before_their_transaction_commits_are_released_nevertheless() {
    let semaphore = TSemaphore::new(1);
    let mut attempts = 0;
    atomically(|tx| {
        attempts += 1;
        let permits = semaphore.hold(tx, 1)?;
        if attempts == 1 {
            // That it waits here is a trick of the test's, not an example.
            start(move || drop(permits)).answer();
        }
        Ok(())
    });
    assert_eq!(
        attempts, 2,
        "the drop has changed what the attempt had read"
    );
    eventually("released", || available(&semaphore) == 1);
}

#[test]
fn forgotten_permits_stay_acquired() {
    let semaphore = TSemaphore::new(2);
    let permits: TPermits = semaphore.hold_blocking(1);
    assert!(permits.semaphore().ptr_eq(&semaphore));
    assert_eq!(format!("{permits:?}"), "TPermits { count: 1, .. }");
    permits.forget();
    assert_eq!(format!("{semaphore:?}"), "TSemaphore { permits: 1, .. }");
    assert!(!TSemaphore::default().acquire_now(1));
}

#[test]
fn a_release_beside_other_changes_is_one_step() {
    let (semaphore, done) = (TSemaphore::new(0), TVar::new(0));
    let waits = {
        let (semaphore, done) = (semaphore.clone(), done.clone());
        start_asleep(move || {
            semaphore.acquire_blocking(1);
            done.load()
        })
    };
    atomically(|tx| {
        semaphore.release(tx, 1)?;
        done.write(tx, 7)
    });
    assert_eq!(waits.answer(), 7);
    assert!(!semaphore.acquire_timeout(1, Duration::ZERO));
    semaphore.release_now(1);
    assert!(semaphore.acquire_timeout(1, AGES));
}

#[test]
#[should_panic(expected = "more than it can count")]
fn a_release_beyond_what_can_be_counted_panics() {
    let semaphore = TSemaphore::new(usize::MAX);
    semaphore.release_now(1);
}
