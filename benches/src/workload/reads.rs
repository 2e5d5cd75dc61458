//! Reading: a few variables, many, and many while somebody writes them.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::sequence::{below, mixed};
use super::{Contestant, Subject, thread_counts, timed_on};
use crate::system::{AsyncStm, FastStm, Hivework, Stm, System};

/// What the long reader reads in one transaction.
const MANY: usize = 1000;
/// When the stream of writers ends while the long reader is not through.
const STREAM: u64 = 10_000;

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        read(1, "read 1, 1 thread", || vec![1]),
        read(10, "read 10, all threads the same", thread_counts),
        read(100, "read 100, 1 thread", || vec![1]),
        long_reader(),
    ]
}

fn sum<S: System>(vars: &[S::Var<u64>]) -> u64 {
    S::atomically(|tx| {
        let mut sum = 0;
        for var in vars {
            sum += S::read(tx, var)?;
        }
        Ok(sum)
    })
}

fn read(count: u64, name: &'static str, threads: fn() -> Vec<u64>) -> Subject {
    fn contestant<S: System>(count: u64, threads: u64) -> Contestant {
        let vars: Vec<_> = (0..count).map(S::var).collect();
        Contestant::threads(S::NAME, threads, move |_, _| {
            black_box(sum::<S>(&vars));
        })
    }
    Subject::new(name, move || {
        let mut all = Vec::new();
        for threads in threads() {
            let locks: Vec<Mutex<u64>> = (0..count).map(Mutex::new).collect();
            all.extend([
                contestant::<Hivework>(count, threads),
                contestant::<Stm>(count, threads),
                contestant::<FastStm>(count, threads),
                contestant::<AsyncStm>(count, threads),
                Contestant::new("mutexes, all held", threads, move |n| {
                    timed_on(threads, n, |_, _| {
                        black_box(sum_held(&locks));
                    })
                }),
            ]);
        }
        all
    })
}

/// All of them held at once: that is what a consistent read costs.
fn sum_held(locks: &[Mutex<u64>]) -> u64 {
    // Held by recursion up to ten at a time, because a vector of guards would
    // put an allocation into the figure of few.
    match locks {
        [] => 0,
        [one] => *one.lock(),
        [one, rest @ ..] if rest.len() < 10 => {
            let held = one.lock();
            *held + sum_held(rest)
        }
        many => {
            let held: Vec<_> = many.iter().map(Mutex::lock).collect();
            held.iter().map(|value| **value).sum()
        }
    }
}

/// One transaction reads many variables while another thread increments one of
/// them after the other. Each read meets a stream of its own, which begins just
/// before it and ends after [`STREAM`] increments, so that a reader who starves
/// comes to an end as well.
fn long_reader() -> Subject {
    fn contestant<S: System>() -> Contestant {
        let vars: Vec<_> = (0..MANY as u64).map(S::var).collect();
        Contestant::new(S::NAME, 1, move |n| {
            beside_writer(
                n,
                || {
                    black_box(sum::<S>(&vars));
                },
                |place| S::atomically(|tx| S::modify(tx, &vars[place], |n| n + 1)),
            )
        })
    }
    Subject::new(
        format!("read {MANY} beside a stream of {STREAM} increments"),
        || {
            let locks: Vec<Mutex<u64>> = (0..MANY as u64).map(Mutex::new).collect();
            vec![
                contestant::<Hivework>(),
                contestant::<Stm>(),
                contestant::<FastStm>(),
                contestant::<AsyncStm>(),
                Contestant::new("mutexes, all held", 1, move |n| {
                    beside_writer(
                        n,
                        || {
                            black_box(sum_held(&locks));
                        },
                        |place| *locks[place].lock() += 1,
                    )
                }),
            ]
        },
    )
}

/// Times `reads` calls of `read`, each beside a stream of calls of `write`.
///
/// The reader opens round `n`, waits until the writer has written in it, reads,
/// and closes it; the writer writes while the round is open, then waits for the
/// next. Only the reading is timed.
fn beside_writer(reads: u64, read: impl Fn(), write: impl Fn(usize) + Sync) -> Duration {
    let (open, begun, closed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let write = &write;
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=reads {
                until(&open, round);
                for n in 0..STREAM {
                    write(below(MANY, mixed(round, n)));
                    // Ordering: these counts order no other data; what is
                    // written and read orders itself.
                    begun.store(round, Ordering::Relaxed);
                    if closed.load(Ordering::Relaxed) >= round {
                        break;
                    }
                }
            }
        });
        let mut took = Duration::ZERO;
        for round in 1..=reads {
            open.store(round, Ordering::Relaxed);
            until(&begun, round);
            let began = Instant::now();
            read();
            took += began.elapsed();
            closed.store(round, Ordering::Relaxed);
        }
        took
    })
}

/// Waits until `count` is at `round`; with one core the other thread needs this one's.
fn until(count: &AtomicU64, round: u64) {
    let mut looks = 0_u32;
    while count.load(Ordering::Relaxed) < round {
        looks += 1;
        if looks % 64 == 0 {
            thread::yield_now();
        } else {
            spin_loop();
        }
    }
}
