//! Handing over by waiting: to another thread, to another task.

mod tasks;

use std::future::Future;
use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use hivework_stm::{TVar, atomically_async, retry};

use super::{Contestant, Subject, timed, timed_on};
use crate::system::{AsyncStm, FastStm, Hivework, Stm, System};

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject::new("hop to another OS thread by waiting", thread_hop),
        Subject::new("hop to another task of one thread by waiting", task_hop),
    ]
}

/// A ball that goes to and fro between two threads: one operation is one hop.
fn thread_hop() -> Vec<Contestant> {
    fn contestant<S: System>() -> Contestant {
        Contestant::new(S::NAME, 2, |n| {
            let ball = S::var(0);
            timed_on(2, n, |me, _| {
                S::atomically(|tx| {
                    if S::read(tx, &ball)? == me {
                        S::write(tx, &ball, 1 - me)
                    } else {
                        S::retry()
                    }
                });
            })
        })
    }
    let channel = |n: u64| {
        let rounds = n.div_ceil(2);
        let (to, there) = sync_channel(0);
        let (back, here) = sync_channel(0);
        let other = thread::spawn(move || {
            for ball in there {
                if back.send(ball).is_err() {
                    break;
                }
            }
        });
        let took = timed(rounds, |n| {
            to.send(n).expect("the other thread receives");
            black_box(here.recv().expect("the other thread sends"));
        });
        drop(to);
        other.join().expect("a workload does not panic");
        took
    };
    vec![
        contestant::<Hivework>(),
        contestant::<Stm>(),
        contestant::<FastStm>(),
        contestant::<AsyncStm>(),
        Contestant::new("sync_channel", 2, channel),
    ]
}

/// The same between two tasks that share a thread, so that no hop needs the
/// operating system. Only systems whose transactions are futures can.
fn task_hop() -> Vec<Contestant> {
    async fn ours(ball: &TVar<u64>, me: u64, hops: u64) {
        for _ in 0..hops {
            atomically_async(|tx| {
                if ball.read(tx)? == me {
                    ball.write(tx, 1 - me)
                } else {
                    retry()
                }
            })
            .await;
        }
    }
    async fn others(ball: &async_stm::TVar<u64>, me: u64, hops: u64) {
        for _ in 0..hops {
            async_stm::atomically(|| {
                if *ball.read()? == me {
                    ball.write(1 - me)
                } else {
                    async_stm::retry()
                }
            })
            .await;
        }
    }
    fn timed_pair(left: impl Future<Output = ()>, right: impl Future<Output = ()>) -> Duration {
        let began = Instant::now();
        tasks::run_both(left, right);
        began.elapsed()
    }
    vec![
        Contestant::new("hivework, atomically_async", 1, |n| {
            let (ball, each) = (TVar::new(0), n.div_ceil(2));
            timed_pair(ours(&ball, 0, each), ours(&ball, 1, each))
        }),
        Contestant::new("async-stm", 1, |n| {
            let (ball, each) = (async_stm::TVar::new(0), n.div_ceil(2));
            timed_pair(others(&ball, 0, each), others(&ball, 1, each))
        }),
    ]
}
