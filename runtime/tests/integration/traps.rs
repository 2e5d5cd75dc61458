//! What other schedulers fell into, each as a test of ours.
//!
//! | trap | known from | test |
//! |---|---|---|
//! | work hidden where nobody can steal it | tokio 4941, 7431 | `work_is_not_hidden_behind_a_worker_that_is_busy` |
//! | a join blocks while it holds private work | | `a_join_that_blocks_hands_its_private_work_over_first` |
//! | a latch touched after it was set | rayon 739 | `a_latch_is_not_touched_after_it_was_set` |
//! | a wake-up missed when the last searcher parks | tokio 4383, 5854 | `no_wake_up_is_missed_when_the_last_searcher_parks` |
//! | the second closure panics while its sibling is queued | chili 0.2.1 | `both_closures_may_panic_whatever_becomes_of_the_sibling` |
//! | a lock's holder steals the task that wants the lock | rayon 592 | `a_lock_holder_that_waits_takes_up_nothing_that_wants_its_lock` |
//! | the stack overflows from nested stealing | rayon 854 | `nested_stealing_stays_within_the_stack` |
//! | a quota of one core hangs | oneTBB 2056 | `one_worker_is_enough_for_everything` |
//! | a racy shutdown | tokio 2119 | `shutdowns_race_with_puts_and_forks_and_lose_nothing` |
//! | an idle pool burns the processor | rayon 642, 394 | in `idling` |
//! | a panic is lost, or aborts the process | rayon 1076, tokio 2002 | in `panics` |
//! | a short sleep takes 70 µs | | in `deadlines` |

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use hivework::{Fork, Scheduler, blocking, par_sort, scope};

use crate::support::{BOUND, builder, eventually, join, scheduler};

/// How often a race is run.
const ROUNDS: usize = if cfg!(miri) { 3 } else { 300 };

#[test]
fn work_is_not_hidden_behind_a_worker_that_is_busy() {
    let scheduler = scheduler(2);
    let inside = scheduler.clone();
    let busy = scheduler.put_work(move || {
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            let ran = Arc::clone(&ran);
            drop(inside.put_work(move || ran.fetch_add(1, Ordering::SeqCst)));
        }
        // It does not say that it waits, so nobody stands in for it.
        eventually("the other worker runs what this one has put", || {
            ran.load(Ordering::SeqCst) == 3
        });
    });
    join(busy).unwrap();
}

#[test]
fn a_join_that_blocks_hands_its_private_work_over_first() {
    let scheduler = scheduler(2);
    let inside = scheduler.clone();
    let (ready, is_ready) = mpsc::channel();
    let (begun, has_begun) = mpsc::channel();
    // Another worker runs it, and it ends only when the half below has run.
    let other = scheduler.put_work(move || {
        begun.send(()).unwrap();
        is_ready.recv_timeout(BOUND).expect("the half is run")
    });
    has_begun.recv_timeout(BOUND).unwrap();
    let waiting = scheduler.put_work(move || {
        inside.fork(|fork| {
            // Not the first fork, which is promoted anyway.
            for _ in 0..3 {
                fork.join(|_| (), |_| ());
            }
            fork.join(|_| other.join().unwrap(), move |_| ready.send(()).unwrap());
        });
    });
    join(waiting).unwrap();
}

#[test]
fn a_latch_is_not_touched_after_it_was_set() {
    // The frames of halves that were stolen are overwritten at once by other ones: a late touch
    // would change a result, and a sanitizer would see it.
    fn overwrite(depth: usize) -> usize {
        let frame = std::hint::black_box([depth; 32]);
        if depth == 0 {
            0
        } else {
            frame[depth % 32] - depth + overwrite(depth - 1)
        }
    }
    let scheduler = scheduler(2);
    for round in 0..ROUNDS {
        let stolen = AtomicBool::new(false);
        let (a, b) = scheduler.join(
            || {
                eventually("the half is stolen", || stolen.load(Ordering::SeqCst));
                round
            },
            || {
                stolen.store(true, Ordering::SeqCst);
                round + 1
            },
        );
        assert_eq!((a, b, overwrite(16)), (round, round + 1, 0));
    }
}

#[test]
fn no_wake_up_is_missed_when_the_last_searcher_parks() {
    let scheduler = scheduler(2);
    for round in 0..10 * ROUNDS {
        // From none to about as long as a search takes, so that puts meet every stage of it.
        for _ in 0..(round % 64) * 8 {
            std::hint::spin_loop();
        }
        assert_eq!(join(scheduler.put_work(move || round)).unwrap(), round);
    }
}

#[test]
fn both_closures_may_panic_whatever_becomes_of_the_sibling() {
    let scheduler = scheduler(2);
    for round in 0..ROUNDS {
        let (first, second) = (round % 2 == 0, round % 3 == 0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            scheduler.join(
                || assert!(!first, "the first"),
                || assert!(!second, "the second"),
            )
        }));
        let said = caught.map_err(|payload| payload.downcast_ref::<&str>().copied());
        match (first, second) {
            (true, _) => assert_eq!(said.unwrap_err(), Some("the first")),
            (false, true) => assert_eq!(said.unwrap_err(), Some("the second")),
            (false, false) => assert!(said.is_ok()),
        }
    }
}

#[test]
fn a_lock_holder_that_waits_takes_up_nothing_that_wants_its_lock() {
    let scheduler = scheduler(2);
    let lock = Arc::new(Mutex::new(0));
    for _ in 0..ROUNDS / 10 + 1 {
        let (inside, theirs) = (scheduler.clone(), Arc::clone(&lock));
        let holder = scheduler.put_work(move || {
            let mut held = theirs.lock().unwrap();
            for _ in 0..8 {
                let theirs = Arc::clone(&theirs);
                drop(inside.put_work(move || *blocking(|| theirs.lock().unwrap()) += 1));
            }
            let stolen = AtomicBool::new(false);
            inside.join(
                || eventually("it is stolen", || stolen.load(Ordering::SeqCst)),
                || stolen.store(true, Ordering::SeqCst),
            );
            scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|_| ());
                }
            });
            inside.put_work(|| ()).join().unwrap();
            *held += 1;
        });
        join(holder).unwrap();
    }
    scheduler.drain(BOUND).unwrap();
    assert_eq!(*lock.lock().unwrap(), 9 * (ROUNDS / 10 + 1));
}

fn fib(fork: &mut Fork<'_>, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (one, two) = fork.join(|fork| fib(fork, n - 1), |fork| fib(fork, n - 2));
    one + two
}

#[test]
fn nested_stealing_stays_within_the_stack() {
    // Much less than a stack has by default, and much more than one computation takes.
    let scheduler = builder().workers(3).stack_size(512 << 10).start().unwrap();
    let n = if cfg!(miri) { 8 } else { 17 };
    let works: Vec<_> = (0..if cfg!(miri) { 4 } else { 64 })
        .map(|_| {
            let inside = scheduler.clone();
            scheduler.put_work(move || {
                inside.scope(|scope| {
                    for _ in 0..16 {
                        scope.spawn(|_| {
                            inside.fork(|fork| fib(fork, n));
                        });
                    }
                });
                inside.fork(|fork| fib(fork, n))
            })
        })
        .collect();
    for work in works {
        assert_eq!(join(work).unwrap(), if cfg!(miri) { 21 } else { 1597 });
    }
}

#[test]
fn one_worker_is_enough_for_everything() {
    let scheduler = scheduler(1);
    let inside = scheduler.clone();
    let work = scheduler.put_work(move || {
        let sum = inside.fork(|fork| fib(fork, 10));
        let first = inside.put_work(|| 1);
        let second = inside.put_work(|| 2);
        let joined = second.join().unwrap() + first.join().unwrap();
        let spawned = AtomicUsize::new(0);
        inside.scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|_| _ = spawned.fetch_add(1, Ordering::SeqCst));
            }
        });
        let here = inside.broadcast(|worker| worker).unwrap();
        let mut numbers: Vec<usize> = (0..1000).rev().collect();
        par_sort(&mut numbers);
        let sorted = numbers.is_sorted();
        (sum, joined, spawned.into_inner(), here, sorted)
    });
    assert_eq!(join(work).unwrap(), (55, 3, 10, vec![0], true));
}

#[test]
fn shutdowns_race_with_puts_and_forks_and_lose_nothing() {
    for round in 0..ROUNDS / 10 + 1 {
        let scheduler: Scheduler = builder().workers(2).start().unwrap();
        let (answered, forked) = std::thread::scope(|threads| {
            let putter = threads.spawn(|| {
                let works: Vec<_> = (0..50).map(|n| scheduler.put_work(move || n)).collect();
                let outcomes: Vec<_> = works.into_iter().map(join).collect();
                outcomes.len()
            });
            let forker = threads.spawn(|| scheduler.fork(|fork| fib(fork, 12)));
            match round % 3 {
                0 => scheduler.stop().unwrap(),
                1 => _ = scheduler.drain(BOUND),
                _ => {}
            }
            scheduler.start().unwrap();
            (putter.join().unwrap(), forker.join().unwrap())
        });
        assert_eq!((answered, forked), (50, 144));
    }
}
