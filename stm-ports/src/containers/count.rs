//! How many values a container holds, counted without a variable that all of them meet at.
//!
//! Each thread adds to a stripe of its own, as far as stripes go. There are at least two for each
//! processor, and a thread has the least number that no other has, and gives it back when it ends: two
//! that run at one time meet only if there are more of them than stripes. A single stripe may be
//! below zero, because another thread takes out what this one put in; their sum is the count. Who asks
//! for it reads all of them, and so conflicts with everyone who changes it.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::thread;

use hivework_stm::facade::MODELLED;
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::{global, local};
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
    /// The numbers that threads have.
    static NUMBERS: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());
}

/// A thread's number.
struct Number(usize);

impl Number {
    fn take() -> Number {
        let mut numbers = NUMBERS.lock();
        let mut number = 0;
        while !numbers.insert(number) {
            number += 1;
        }
        Number(number)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        NUMBERS.lock().remove(&self.0);
    }
}

local! {
    static NUMBER: Number = Number::take();
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
        // A thread that is ending may have no number any more.
        let number = NUMBER.try_with(|number| number.0).unwrap_or(0);
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

    /// About the count: the stripes are looked at one after the other.
    pub(crate) fn about(&self) -> usize {
        let sum = self.0.iter().map(TVar::load).fold(0_i64, i64::wrapping_add);
        usize::try_from(sum).unwrap_or(0)
    }
}
