//! Round trips: one work is put, and its result waited for.

use std::hint::black_box;
use std::sync::Arc;

use crossbeam_channel::bounded;
use hivework::Scheduler;
use rayon::ThreadPool as Rayon;
use threadpool::ThreadPool;
use tokio::runtime::Runtime as Tokio;

use super::super::{Contestant, Subject, timed};
use super::pools::{CROSSBEAM_POOL, CrossbeamPool, Pool};

/// The subject.
pub const ROUND_TRIP: &str = "round trip: put one work, wait for its result, 2 workers";
/// Ours.
pub const OURS_JOINED: &str = "hivework, join";

pub(super) fn subjects() -> Vec<Subject> {
    vec![Subject::new(ROUND_TRIP, || {
        let contestants = all().into_iter().map(|mut way| {
            Contestant::new(way.name, 1, move |trips| {
                timed(trips, |n| {
                    black_box((way.trip)(n));
                })
            })
        });
        contestants.collect()
    })]
}

/// One way there and back.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// Has a worker answer the number.
    pub(crate) trip: Box<dyn FnMut(u64) -> u64>,
}

impl Way {
    fn new(name: &'static str, trip: impl FnMut(u64) -> u64 + 'static) -> Self {
        Way {
            name,
            trip: Box::new(trip),
        }
    }

    /// With a channel for the answers, for a pool that has no handle to wait on.
    fn answered<P: Pool>(name: &'static str) -> Self {
        let pool = P::make();
        let (sender, answers) = bounded(1);
        Way::new(name, move |n| {
            let sender = sender.clone();
            // The receiver waits for exactly this.
            pool.put(move || {
                let _ = sender.send(n);
            });
            answers.recv().expect("the work sends")
        })
    }
}

/// Ours and each peer's, with two workers each.
pub(crate) fn all() -> Vec<Way> {
    let (ours, rayon, tokio) = (
        Scheduler::make(),
        <Arc<Rayon>>::make(),
        <Arc<Tokio>>::make(),
    );
    vec![
        Way::new(OURS_JOINED, move |n| {
            let result = ours.put_work(move || n).join();
            result.expect("the work returns")
        }),
        Way::new("rayon, install", move |n| rayon.install(|| n)),
        Way::answered::<Arc<Rayon>>("rayon, spawn and a channel"),
        Way::new("tokio, spawn and block_on", move |n| {
            let result = tokio.block_on(tokio.spawn(async move { n }));
            result.expect("the task returns")
        }),
        Way::answered::<ThreadPool>("threadpool and a channel"),
        Way::answered::<CrossbeamPool>(CROSSBEAM_POOL),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_comes_back() {
        for mut way in all() {
            for n in 0..10 {
                assert_eq!((way.trip)(n), n, "{}", way.name);
            }
        }
    }
}
