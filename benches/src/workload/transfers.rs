//! Transfers between two accounts: two variables read and written.

use std::sync::Arc;

use parking_lot::Mutex;

use super::sequence::{ZipfPairs, even_pair};
use super::{Contestant, Subject, thread_counts};
use crate::system::{AsyncStm, FastStm, Hivework, Stm, System};

/// Enough that two transfers seldom meet, if the accounts are drawn evenly.
const ACCOUNTS: usize = 1000;

pub(super) fn subjects() -> Vec<Subject> {
    let even = Subject::new("transfer among 1000", || {
        let pair = |thread, n| even_pair(ACCOUNTS, thread, n);
        let threads = thread_counts().into_iter();
        threads
            .flat_map(|t| contestants(ACCOUNTS, t, pair))
            .collect()
    });
    let skewed = [1000, 100_000].map(|accounts| {
        Subject::new(
            format!("transfer among {accounts}, Zipf 0.99, 2 threads"),
            move || {
                let pairs = Arc::new(ZipfPairs::new(accounts, 0.99));
                contestants(accounts, 2, move |thread, n| pairs.pair(thread, n))
            },
        )
    });
    [even].into_iter().chain(skewed).collect()
}

/// Which two accounts a thread's transfer number so and so is between.
trait Pairs: Fn(u64, u64) -> (usize, usize) + Clone + Sync + 'static {}

impl<F: Fn(u64, u64) -> (usize, usize) + Clone + Sync + 'static> Pairs for F {}

fn contestants(accounts: usize, threads: u64, pair: impl Pairs) -> Vec<Contestant> {
    vec![
        contestant::<Hivework>(accounts, threads, pair.clone()),
        contestant::<Stm>(accounts, threads, pair.clone()),
        contestant::<FastStm>(accounts, threads, pair.clone()),
        contestant::<AsyncStm>(accounts, threads, pair.clone()),
        locks(accounts, threads, pair),
    ]
}

fn contestant<S: System>(accounts: usize, threads: u64, pair: impl Pairs) -> Contestant {
    let vars: Vec<_> = (0..accounts).map(|_| S::var(1_u64 << 40)).collect();
    Contestant::threads(S::NAME, threads, move |thread, n| {
        let (from, to) = pair(thread, n);
        S::atomically(|tx| {
            S::modify(tx, &vars[from], |left| left.wrapping_sub(1))?;
            S::modify(tx, &vars[to], |left| left.wrapping_add(1))
        })
    })
}

fn locks(accounts: usize, threads: u64, pair: impl Pairs) -> Contestant {
    let locks: Vec<Mutex<u64>> = (0..accounts).map(|_| Mutex::new(1 << 40)).collect();
    Contestant::threads("mutexes, ordered by hand", threads, move |thread, n| {
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
}
