//! Putting work beside a rayon pool and the `threadpool` crate.
//!
//! Every pool has two workers, and an operation is over when its work is: a
//! put is counted once the work has run, so that none looks fast by being late.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use hivework::Scheduler;
use rayon::ThreadPool as Rayon;
use threadpool::ThreadPool;

use super::{Contestant, Subject, timed};

const WORKERS: usize = 2;

/// All subjects about scheduling.
pub fn subjects() -> Vec<Subject> {
    vec![
        Subject::new("work put from outside and run, 2 workers", put_from_outside),
        Subject::new(
            "work put from a worker and run, 2 workers",
            put_from_a_worker,
        ),
        Subject::new(
            "round trip: put one work, wait for its result, 2 workers",
            round_trip,
        ),
    ]
}

fn ours() -> Scheduler {
    Scheduler::builder()
        .workers(WORKERS)
        .start()
        .expect("two workers can be started")
}

fn rayon() -> Arc<Rayon> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build();
    Arc::new(pool.expect("two workers can be started"))
}

/// Counts works down and unparks the thread that waits for the last one.
struct Countdown {
    left: AtomicU64,
    waiter: Thread,
}

impl Countdown {
    fn new(works: u64) -> Arc<Self> {
        Arc::new(Countdown {
            left: AtomicU64::new(works),
            waiter: thread::current(),
        })
    }

    fn one_done(&self) {
        // Ordering: the last decrement is seen by the load in `wait`.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiter.unpark();
        }
    }

    fn wait(&self) {
        // Ordering: pairs with the decrements.
        while self.left.load(Ordering::Acquire) > 0 {
            thread::park();
        }
    }
}

/// Times `start`, which is to see to it that `works` works count down, until all have.
fn until_done(works: u64, start: impl FnOnce(Arc<Countdown>)) -> Duration {
    let countdown = Countdown::new(works);
    let began = Instant::now();
    start(Arc::clone(&countdown));
    countdown.wait();
    began.elapsed()
}

fn put_from_outside() -> Vec<Contestant> {
    let (hivework, rayon, pool) = (ours(), rayon(), ThreadPool::new(WORKERS));
    vec![
        Contestant::new("hivework", 1, move |works| {
            until_done(works, |countdown| {
                for _ in 0..works {
                    let countdown = Arc::clone(&countdown);
                    hivework.put_work(move || countdown.one_done());
                }
            })
        }),
        Contestant::new("rayon", 1, move |works| {
            until_done(works, |countdown| {
                for _ in 0..works {
                    let countdown = Arc::clone(&countdown);
                    rayon.spawn(move || countdown.one_done());
                }
            })
        }),
        Contestant::new("threadpool", 1, move |works| {
            until_done(works, |countdown| {
                for _ in 0..works {
                    let countdown = Arc::clone(&countdown);
                    pool.execute(move || countdown.one_done());
                }
            })
        }),
    ]
}

fn put_from_a_worker() -> Vec<Contestant> {
    let (hivework, rayon, pool) = (ours(), rayon(), ThreadPool::new(WORKERS));
    vec![
        Contestant::new("hivework", 1, move |works| {
            until_done(works, |countdown| {
                let inside = hivework.clone();
                hivework.put_work(move || {
                    for _ in 0..works {
                        let countdown = Arc::clone(&countdown);
                        inside.put_work(move || countdown.one_done());
                    }
                });
            })
        }),
        Contestant::new("rayon", 1, move |works| {
            until_done(works, |countdown| {
                rayon.spawn(move || {
                    for _ in 0..works {
                        let countdown = Arc::clone(&countdown);
                        rayon::spawn(move || countdown.one_done());
                    }
                });
            })
        }),
        Contestant::new("threadpool", 1, move |works| {
            until_done(works, |countdown| {
                let inside = pool.clone();
                pool.execute(move || {
                    for _ in 0..works {
                        let countdown = Arc::clone(&countdown);
                        inside.execute(move || countdown.one_done());
                    }
                });
            })
        }),
    ]
}

fn round_trip() -> Vec<Contestant> {
    let (hivework, rayon, pool) = (ours(), rayon(), ThreadPool::new(WORKERS));
    vec![
        Contestant::new("hivework, join", 1, move |trips| {
            timed(trips, |n| {
                let result = hivework.put_work(move || n).join();
                black_box(result.expect("the work returns"));
            })
        }),
        Contestant::new("rayon, install", 1, move |trips| {
            timed(trips, |n| {
                black_box(rayon.install(|| n));
            })
        }),
        Contestant::new("threadpool and a channel", 1, move |trips| {
            let (sender, results) = channel();
            timed(trips, |n| {
                let sender = sender.clone();
                pool.execute(move || {
                    // The receiver waits for exactly this.
                    let _ = sender.send(n);
                });
                black_box(results.recv().expect("the work sends"));
            })
        }),
    ]
}
