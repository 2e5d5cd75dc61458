//! How many values a container holds, counted without a variable that all of them meet at.
//!
//! Each thread adds to a stripe of its own, as far as stripes go: there are at least two for each
//! processor, and two transactions meet only if their threads' numbers are the same modulo
//! how many. A single stripe may be below zero,
//! because another thread takes out what this one put in; their sum is the count. Who asks for
//! it reads all of them, and so conflicts with everyone who changes it.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::thread;

use hivework_stm::facade::MODELLED;
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::{global, local};
use hivework_stm::internals::peek_ref;
use hivework_stm::{StmResult, TVar, Transaction};

/// As many threads as can count without meeting.
fn stripes() -> usize {
    static STRIPES: OnceLock<usize> = OnceLock::new();
    if MODELLED {
        return 2;
    }
    *STRIPES.get_or_init(|| {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        (2 * processors).clamp(16, 256)
    })
}

global! {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
}

local! {
    // Ordering: Relaxed; only that numbers differ matters.
    static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// A count. A handle: clones share it.
#[derive(Clone)]
pub(crate) struct Count(Arc<[TVar<i64>]>);

impl Count {
    /// Zero.
    pub(crate) fn new() -> Count {
        Count((0..stripes()).map(|_| TVar::new(0)).collect())
    }

    /// Counts `more`, which may be below zero.
    #[inline]
    pub(crate) fn add(&self, tx: &mut Transaction<'_>, more: i64) -> StmResult<()> {
        // A thread that is ending has no number any more.
        let number = NUMBER.try_with(|number| *number).unwrap_or(0);
        self.0[number % self.0.len()].modify(tx, |count| count.wrapping_add(more))
    }

    /// The count.
    pub(crate) fn get(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        let mut sum = 0_i64;
        for stripe in self.0.iter() {
            sum = sum.wrapping_add(stripe.read(tx)?);
        }
        Ok(usize::try_from(sum).unwrap_or(0))
    }

    /// Counts from zero again.
    pub(crate) fn reset(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.0.iter().try_for_each(|stripe| stripe.write(tx, 0))
    }

    /// About the count, without a part in what the transaction has read. What it has counted
    /// itself is in it: one that adds many must not find that there are few.
    pub(crate) fn about_in(&self, tx: &Transaction<'_>) -> usize {
        let stripes = self.0.iter().map(|stripe| *peek_ref(stripe, tx));
        usize::try_from(stripes.fold(0_i64, i64::wrapping_add)).unwrap_or(0)
    }

    /// About the count: the stripes are looked at one after the other.
    pub(crate) fn about(&self) -> usize {
        let sum = self.0.iter().map(TVar::load).fold(0_i64, i64::wrapping_add);
        usize::try_from(sum).unwrap_or(0)
    }
}
