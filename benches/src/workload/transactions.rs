//! Transactions beside the published `stm` crate and plain locks.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::thread;

use hivework_stm::{TVar, atomically, retry};
use parking_lot::Mutex;
use stm_ports::TQueue;

use super::{Contestant, Subject, timed, timed_on};

/// Enough accounts that two transfers seldom meet.
const ACCOUNTS: usize = 1000;

/// All subjects about transactions.
pub fn subjects() -> Vec<Subject> {
    let mut all = vec![increment()];
    all.extend([1, 10, 100].map(read));
    all.extend([increment_one_variable(), increment_far_variables()]);
    all.extend([1, 2].map(transfer));
    all.extend([queue(), hop()]);
    all
}

fn subject(name: impl Into<String>, contestants: Vec<Contestant>) -> Subject {
    Subject {
        name: name.into(),
        contestants,
    }
}

fn ours_increment(var: &TVar<u64>) {
    atomically(|tx| var.modify(tx, |n| n + 1));
}

fn peer_increment(var: &stm::TVar<u64>) {
    stm::atomically(|tx| var.modify(tx, |n| n + 1));
}

fn increment() -> Subject {
    let (ours, update) = (TVar::new(0), TVar::new(0));
    let (peer, lock) = (stm::TVar::new(0), Mutex::new(0));
    subject(
        "increment one variable, 1 thread",
        vec![
            Contestant::new("hivework", move |n| timed(n, |_| ours_increment(&ours))),
            Contestant::new("hivework, TVar::update", move |n| {
                timed(n, |_| update.update(|n: u64| n + 1))
            }),
            Contestant::new("stm", move |n| timed(n, |_| peer_increment(&peer))),
            Contestant::new("mutex", move |n| timed(n, |_| *lock.lock() += 1)),
        ],
    )
}

fn read(count: u64) -> Subject {
    let ours: Vec<TVar<u64>> = (0..count).map(TVar::new).collect();
    let peers: Vec<stm::TVar<u64>> = (0..count).map(stm::TVar::new).collect();
    let locks: Vec<Mutex<u64>> = (0..count).map(Mutex::new).collect();
    subject(
        format!("read {count}, 1 thread"),
        vec![
            Contestant::new("hivework", move |n| {
                timed(n, |_| {
                    black_box(atomically(|tx| {
                        let mut sum = 0;
                        for var in &ours {
                            sum += var.read(tx)?;
                        }
                        Ok(sum)
                    }));
                })
            }),
            Contestant::new("stm", move |n| {
                timed(n, |_| {
                    black_box(stm::atomically(|tx| {
                        let mut sum = 0;
                        for var in &peers {
                            sum += var.read(tx)?;
                        }
                        Ok(sum)
                    }));
                })
            }),
            // All of them held at once: that is what a consistent read costs.
            Contestant::new("mutexes", move |n| {
                let mut held = Vec::with_capacity(locks.len());
                timed(n, |_| {
                    held.extend(locks.iter().map(Mutex::lock));
                    black_box(held.iter().map(|value| **value).sum::<u64>());
                    held.clear();
                })
            }),
        ],
    )
}

fn increment_one_variable() -> Subject {
    let (ours, peer, lock) = (TVar::new(0), stm::TVar::new(0), Mutex::new(0));
    subject(
        "increment one variable, 2 threads",
        vec![
            Contestant::new("hivework", move |n| {
                timed_on(2, n, |_, _| ours_increment(&ours))
            }),
            Contestant::new("stm", move |n| timed_on(2, n, |_, _| peer_increment(&peer))),
            Contestant::new("mutex", move |n| timed_on(2, n, |_, _| *lock.lock() += 1)),
        ],
    )
}

/// A value that shares no cache line with its neighbours.
#[repr(align(128))]
struct Apart<T>(T);

fn increment_far_variables() -> Subject {
    let ours = [0, 0].map(|n| Apart(TVar::new(n)));
    let peers = [0, 0].map(|n| Apart(stm::TVar::new(n)));
    let locks = [0, 0].map(|n| Apart(Mutex::new(n)));
    subject(
        "increment a variable each, 2 threads",
        vec![
            Contestant::new("hivework", move |n| {
                timed_on(2, n, |thread, _| ours_increment(&ours[thread as usize].0))
            }),
            Contestant::new("stm", move |n| {
                timed_on(2, n, |thread, _| peer_increment(&peers[thread as usize].0))
            }),
            Contestant::new("mutexes", move |n| {
                timed_on(2, n, |thread, _| *locks[thread as usize].0.lock() += 1)
            }),
        ],
    )
}

/// Two different accounts, spread evenly: the same sequence for every system.
fn pair(thread: u64, n: u64) -> (usize, usize) {
    // A multiplicative hash of the count, one sequence a thread.
    let mixed = (n << 8 | thread).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let from = (mixed >> 32) as usize % ACCOUNTS;
    let step = 1 + (mixed >> 12) as usize % (ACCOUNTS - 1);
    (from, (from + step) % ACCOUNTS)
}

fn transfer(threads: u64) -> Subject {
    let ours: Vec<TVar<u64>> = (0..ACCOUNTS).map(|_| TVar::new(1 << 40)).collect();
    let peers: Vec<stm::TVar<u64>> = (0..ACCOUNTS).map(|_| stm::TVar::new(1 << 40)).collect();
    let locks: Vec<Mutex<u64>> = (0..ACCOUNTS).map(|_| Mutex::new(1 << 40)).collect();
    subject(
        format!("transfer among {ACCOUNTS}, {threads} thread(s)"),
        vec![
            Contestant::new("hivework", move |n| {
                timed_on(threads, n, |thread, n| {
                    let (from, to) = pair(thread, n);
                    atomically(|tx| {
                        ours[from].modify(tx, |left| left.wrapping_sub(1))?;
                        ours[to].modify(tx, |left| left.wrapping_add(1))
                    });
                })
            }),
            Contestant::new("stm", move |n| {
                timed_on(threads, n, |thread, n| {
                    let (from, to) = pair(thread, n);
                    stm::atomically(|tx| {
                        peers[from].modify(tx, |left| left.wrapping_sub(1))?;
                        peers[to].modify(tx, |left| left.wrapping_add(1))
                    });
                })
            }),
            Contestant::new("mutexes, ordered by hand", move |n| {
                timed_on(threads, n, |thread, n| {
                    let (from, to) = pair(thread, n);
                    let mut low = locks[from.min(to)].lock();
                    let mut high = locks[from.max(to)].lock();
                    let (from, to) = if from < to {
                        (&mut low, &mut high)
                    } else {
                        (&mut high, &mut low)
                    };
                    **from = from.wrapping_sub(1);
                    **to = to.wrapping_add(1);
                })
            }),
        ],
    )
}

fn queue() -> Subject {
    let ours = TQueue::new();
    let lock = Mutex::new(VecDeque::new());
    subject(
        "queue: put, then take, 1 thread",
        vec![
            Contestant::new("hivework, 2 transactions", move |n| {
                timed(n, |n| {
                    atomically(|tx| ours.put(tx, n));
                    black_box(atomically(|tx| ours.take(tx)));
                })
            }),
            Contestant::new("mutex over a VecDeque, locked twice", move |n| {
                timed(n, |n| {
                    lock.lock().push_back(n);
                    black_box(lock.lock().pop_front());
                })
            }),
        ],
    )
}

/// A ball that goes to and fro between two threads: one operation is one hop.
fn hop() -> Subject {
    subject(
        "hop to another OS thread by waiting",
        vec![
            Contestant::new("hivework", |n| {
                let ball = TVar::new(0);
                timed_on(2, n, |me, _| {
                    atomically(|tx| {
                        if ball.read(tx)? == me {
                            ball.write(tx, 1 - me)
                        } else {
                            retry()
                        }
                    });
                })
            }),
            Contestant::new("stm", |n| {
                let ball = stm::TVar::new(0);
                timed_on(2, n, |me, _| {
                    stm::atomically(|tx| {
                        if ball.read(tx)? == me {
                            ball.write(tx, 1 - me)
                        } else {
                            stm::retry()
                        }
                    });
                })
            }),
            Contestant::new("sync_channel", |n| {
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
            }),
        ],
    )
}
