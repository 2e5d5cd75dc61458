//! The containers whose growth is measured, ours and the standard library's.

use std::collections::VecDeque;
use std::hint::black_box;

use hivework_stm::{StmResult, Transaction};
use stm_ports::TQueue;

use super::transacted::{Ours, Transacted};
use super::{Case, timed_operations};

/// The counterpart of one of ours.
trait Counterpart: 'static {
    const NAME: &'static str;
    /// With so many elements.
    fn filled(size: usize) -> Self;
    /// Operation number `n`.
    fn operate(&mut self, n: u64);
}

fn case<O: Ours, C: Counterpart>(name: &'static str) -> Case {
    Case {
        name,
        counterpart: C::NAME,
        ours: |size| Box::new(O::filled(size)),
        contestants: |size| {
            let (ours, mut theirs) = (O::filled(size), C::filled(size));
            [
                timed_operations("hivework", move |n| ours.operate(n)),
                timed_operations(C::NAME, move |n| theirs.operate(n)),
            ]
        },
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![case::<TQueue<u64>, VecDeque<u64>>(
        "growth of TQueue: put, then take",
    )]
}

impl Ours for TQueue<u64> {
    const STEPS: u64 = 2;

    fn filled(size: usize) -> Self {
        let queue = TQueue::new();
        for n in 0..size as u64 {
            queue.put_now(n);
        }
        queue
    }

    #[inline]
    fn step(&self, tx: &mut Transaction<'_>, step: u64, n: u64) -> StmResult<()> {
        match step {
            0 => self.put(tx, n),
            _ => self.take(tx).map(|taken| {
                black_box(taken);
            }),
        }
    }
}

impl Counterpart for VecDeque<u64> {
    const NAME: &'static str = "VecDeque";

    fn filled(size: usize) -> Self {
        (0..size as u64).collect()
    }

    #[inline]
    fn operate(&mut self, n: u64) {
        self.push_back(n);
        black_box(self.pop_front());
    }
}
