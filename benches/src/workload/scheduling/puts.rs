//! Putting work, from outside and from a worker, until all of it has run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hivework::Scheduler;
use rayon::ThreadPool as Rayon;
use threadpool::ThreadPool;
use tokio::runtime::Runtime as Tokio;

use super::super::{Contestant, Subject};
use super::Tally;
use super::pools::{CrossbeamPool, Pool};

/// The subject.
pub const FROM_OUTSIDE: &str = "work put from outside and run, 2 workers";
/// The subject.
pub const FROM_A_WORKER: &str = "work put from a worker and run, 2 workers";
/// rayon's way to put much from a worker.
pub const RAYON_SCOPE: &str = "rayon::scope";

/// How many are put together, where that can be.
const BATCH: u64 = 256;

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject::new(FROM_OUTSIDE, || {
            vec![
                from_outside::<Scheduler>(),
                batches_from_outside(),
                from_outside::<Arc<Rayon>>(),
                from_outside::<Arc<Tokio>>(),
                from_outside::<ThreadPool>(),
                from_outside::<CrossbeamPool>(),
            ]
        }),
        Subject::new(FROM_A_WORKER, || {
            vec![
                from_a_worker::<Scheduler>("hivework"),
                hivework_scope(),
                rayon_scope(),
                from_a_worker::<Arc<Rayon>>("rayon::spawn"),
                from_a_worker::<Arc<Tokio>>("tokio::spawn"),
                from_a_worker::<ThreadPool>(ThreadPool::NAME),
                from_a_worker::<CrossbeamPool>(CrossbeamPool::NAME),
            ]
        }),
    ]
}

/// Times `start`, which is to see to it that `works` more works count, until all have.
pub(crate) fn until_counted(tally: &Tally, works: u64, start: impl FnOnce()) -> Duration {
    let total = tally.total() + works;
    let began = Instant::now();
    start();
    tally.wait_for(total);
    began.elapsed()
}

fn from_outside<P: Pool>() -> Contestant {
    let (pool, tally) = (P::make(), Tally::for_good());
    Contestant::new(P::NAME, 1, move |works| {
        until_counted(tally, works, || {
            for _ in 0..works {
                pool.put(|| tally.count());
            }
        })
    })
}

fn batches_from_outside() -> Contestant {
    let (scheduler, tally) = (Scheduler::make(), Tally::for_good());
    Contestant::new("hivework, put_batch of 256", 1, move |works| {
        until_counted(tally, works, || {
            let mut left = works;
            while left > 0 {
                let batch = left.min(BATCH);
                drop(scheduler.put_batch((0..batch).map(|_| || tally.count())));
                left -= batch;
            }
        })
    })
}

fn from_a_worker<P: Pool>(name: &'static str) -> Contestant {
    let (pool, tally) = (P::make(), Tally::for_good());
    Contestant::new(name, 1, move |works| {
        until_counted(tally, works, || {
            let inside = pool.clone();
            pool.put(move || {
                for _ in 0..works {
                    inside.put_from_worker(|| tally.count());
                }
            });
        })
    })
}

fn hivework_scope() -> Contestant {
    let (scheduler, tally) = (Scheduler::make(), Tally::for_good());
    Contestant::new("hivework::scope", 1, move |works| {
        until_counted(tally, works, || {
            drop(scheduler.put_work(move || {
                hivework::scope(|scope| {
                    for _ in 0..works {
                        scope.spawn(|_| tally.count());
                    }
                });
            }));
        })
    })
}

fn rayon_scope() -> Contestant {
    let (rayon, tally) = (<Arc<Rayon>>::make(), Tally::for_good());
    Contestant::new(RAYON_SCOPE, 1, move |works| {
        until_counted(tally, works, || {
            rayon.install(|| {
                rayon::scope(|scope| {
                    for _ in 0..works {
                        scope.spawn(|_| tally.count());
                    }
                });
            });
        })
    })
}
