//! Forks: both halves run, once, whatever becomes of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use hivework::{Fork, Scheduler, atomically, join};

use crate::support::{builder, scheduler};

/// Generous: nothing here takes longer than that unless it hangs.
const BOUND: Duration = Duration::from_secs(60);

/// A small tree, smaller where an interpreter runs the tests, and what it answers.
const SMALL: (u64, u64) = if cfg!(miri) { (6, 8) } else { (15, 610) };

fn fib(fork: &mut Fork<'_>, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (one, two) = fork.join(|fork| fib(fork, n - 1), |fork| fib(fork, n - 2));
    one + two
}

fn free_fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (one, two) = join(|| free_fib(n - 1), || free_fib(n - 2));
    one + two
}

#[test]
fn a_tree_of_forks_answers_as_its_calls_would() {
    let scheduler = scheduler(3);
    let (n, rounds) = if cfg!(miri) { (8, 1) } else { (25, 5) };
    let expected = free_fib(n);
    for _ in 0..rounds {
        assert_eq!(scheduler.fork(|fork| fib(fork, n)), expected);
        assert_eq!(scheduler.install(|| free_fib(n)), expected);
        let inside = scheduler.put_work(move || free_fib(n));
        assert_eq!(inside.join().unwrap(), expected);
    }
}

/// Two closures that can only end together.
fn meet(scheduler: &Scheduler) {
    let (to_b, from_a) = mpsc::channel();
    let (to_a, from_b) = mpsc::channel();
    scheduler.join(
        move || {
            to_b.send(()).unwrap();
            from_b
                .recv_timeout(BOUND)
                .expect("the other half is run by somebody else");
        },
        move || {
            from_a
                .recv_timeout(BOUND)
                .expect("the first half has begun");
            to_a.send(()).unwrap();
        },
    );
}

#[test]
fn one_large_fork_from_outside_is_shared() {
    let scheduler = scheduler(2);
    for _ in 0..3 {
        meet(&scheduler);
    }
}

#[test]
fn one_large_fork_of_a_work_is_shared() {
    let scheduler = scheduler(2);
    let inside = scheduler.clone();
    scheduler.put_work(move || meet(&inside)).join().unwrap();
}

#[test]
fn without_a_pool_both_halves_run_here() {
    let here = std::thread::current().id();
    let ran = join(
        || std::thread::current().id(),
        || std::thread::current().id(),
    );
    assert_eq!(ran, (here, here));
}

#[test]
fn a_stopped_scheduler_leaves_both_halves_to_the_caller() {
    let scheduler = builder().workers(2).build().unwrap();
    let (n, expected) = SMALL;
    assert_eq!(scheduler.fork(|fork| fib(fork, n)), expected);
    scheduler.start().unwrap();
    scheduler.stop().unwrap();
    assert_eq!(scheduler.install(|| free_fib(n)), expected);
}

#[test]
fn forks_in_a_transaction_are_calls_and_sections_are_refused() {
    let scheduler = scheduler(2);
    let here = std::thread::current().id();
    scheduler.fork(|fork| {
        let ran = atomically(|_| {
            Ok(fork.join(
                |_| std::thread::current().id(),
                |_| std::thread::current().id(),
            ))
        });
        assert_eq!(ran, (here, here));
    });
    for refused in [
        catch_unwind(|| atomically(|_| Ok(join(|| (), || ())))).is_err(),
        catch_unwind(AssertUnwindSafe(|| {
            atomically(|_| Ok(scheduler.join(|| (), || ())));
        }))
        .is_err(),
        catch_unwind(AssertUnwindSafe(|| {
            atomically(|_| {
                scheduler.fork(|_| ());
                Ok(())
            });
        }))
        .is_err(),
    ] {
        assert!(refused);
    }
}

/// Counts its drops.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Forks in which one half waits until the other has begun, or not, and either panics: every closure and
/// every result is dropped once, and the panic arrives.
#[test]
fn a_panic_in_either_half_loses_and_doubles_nothing() {
    let scheduler = scheduler(2);
    for stolen in [false, true] {
        for (first, second) in [(true, false), (false, true), (true, true)] {
            let made = AtomicUsize::new(0);
            let dropped = AtomicUsize::new(0);
            let new = || {
                made.fetch_add(1, Ordering::Relaxed);
                Counted(&dropped)
            };
            let (began, has_begun) = mpsc::channel();
            let (in_a, in_b) = (new(), new());
            let caught = catch_unwind(AssertUnwindSafe(|| {
                scheduler.join(
                    || {
                        let _in_a = &in_a;
                        if stolen {
                            has_begun.recv_timeout(BOUND).expect("it is stolen");
                        }
                        assert!(!first, "the first half");
                        new()
                    },
                    || {
                        let _in_b = &in_b;
                        let _ = began.send(());
                        assert!(!second, "the second half");
                        new()
                    },
                )
            }));
            let payload = caught.map(drop).expect_err("a half panicked");
            let said = payload.downcast_ref::<&str>().copied();
            let expected = if first {
                "the first half"
            } else {
                "the second half"
            };
            assert_eq!(said, Some(expected));
            drop((in_a, in_b));
            assert_eq!(made.into_inner(), dropped.load(Ordering::Relaxed));
        }
    }
}

#[test]
fn a_half_that_panics_deep_down_unwinds_all_joins_above() {
    fn sink(fork: &mut Fork<'_>, depth: u32) {
        if depth == 0 {
            panic!("at the bottom");
        }
        fork.join(|fork| sink(fork, depth - 1), |_| ());
    }
    let scheduler = scheduler(2);
    let depth = if cfg!(miri) { 10 } else { 200 };
    let caught = catch_unwind(AssertUnwindSafe(|| {
        scheduler.fork(|fork| sink(fork, depth))
    }));
    assert!(caught.is_err());
    let (n, expected) = SMALL;
    assert_eq!(scheduler.fork(|fork| fib(fork, n)), expected);
}

/// The newest fork's second half is the large one, thousands deep.
fn lean(fork: &mut Fork<'_>, depth: u64) -> u64 {
    if depth == 0 {
        return 0;
    }
    let (one, rest) = fork.join(|_| 1, |fork| lean(fork, depth - 1));
    one + rest
}

/// The other way round.
fn lean_back(fork: &mut Fork<'_>, depth: u64) -> u64 {
    if depth == 0 {
        return 0;
    }
    let (rest, one) = fork.join(|fork| lean_back(fork, depth - 1), |_| 1);
    one + rest
}

#[test]
fn a_leaning_tree_passes_with_stack_enough() {
    let depth = if cfg!(miri) { 30 } else { 100_000 };
    let scheduler = builder().workers(2).stack_size(256 << 20).start().unwrap();
    let inside = scheduler.clone();
    let work = scheduler.put_work(move || {
        (
            inside.fork(|fork| lean(fork, depth)),
            inside.fork(|fork| lean_back(fork, depth)),
        )
    });
    assert_eq!(work.join().unwrap(), (depth, depth));
}

#[test]
fn a_work_that_blocks_gives_its_halves_away() {
    let scheduler = scheduler(2);
    let inside = scheduler.clone();
    let (to_a, from_b) = mpsc::channel();
    let work = scheduler.put_work(move || {
        inside.fork(|fork| {
            // Not the first fork, which is promoted anyway.
            for _ in 0..3 {
                fork.join(|_| (), |_| ());
            }
            fork.join(
                |_| hivework::blocking(|| from_b.recv_timeout(BOUND)).expect("somebody runs b"),
                move |_| to_a.send(()).unwrap(),
            );
        });
    });
    work.join().unwrap();
}

#[test]
fn many_threads_fork_at_once() {
    let scheduler = scheduler(2);
    let (n, rounds) = if cfg!(miri) { (5, 2) } else { (18, 10) };
    let expected = free_fib(n);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..rounds {
                    assert_eq!(scheduler.fork(|fork| fib(fork, n)), expected);
                }
            });
        }
    });
}

#[test]
fn a_section_on_one_scheduler_inside_one_on_another() {
    let (one, two) = (scheduler(1), scheduler(1));
    let sum = one.fork(|fork| {
        let (a, b) = fork.join(
            |fork| {
                let inner = two.install(|| join(|| free_fib(7), || one.install(|| free_fib(6))));
                fib(fork, 5) + inner.0 + inner.1
            },
            |fork| fib(fork, 7),
        );
        a + b
    });
    assert_eq!(sum, 5 + 13 + 8 + 13);
}

#[test]
fn a_scheduler_that_goes_while_a_section_runs_waits_for_nobody() {
    let scheduler = scheduler(2);
    let sum = scheduler.install(|| {
        scheduler.stop().unwrap();
        free_fib(SMALL.0)
    });
    assert_eq!(sum, SMALL.1);
}
