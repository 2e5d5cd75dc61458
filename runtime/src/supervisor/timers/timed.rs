//! What an item knows of its entries in the timers: where they lie, so that they can be taken
//! out.
//!
//! Written under the lock of the [timers](super), but for the delay, which is written before the
//! put. What is read without that lock is whether the item sleeps: who finds that it does leaves
//! it alone, and hears of it otherwise when it is over.
//!
//! `sleep` is 0, for an item that does not sleep; or [`WANTED`], for one that is to be delayed,
//! and then `at` says for how long; or its entry's place in the order, which is above that, and
//! then `at` says until when. `at` stays when it wakes.

use std::time::Duration;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};

use super::{Key, nanos};

const WANTED: u64 = 1;

/// See the [module](self).
#[derive(Default, Debug)]
pub(crate) struct Timed {
    /// The place of its deadline in the order; 0 for none.
    deadline: AtomicU64,
    /// When that is.
    deadline_at: AtomicU64,
    sleep: AtomicU64,
    at: AtomicU64,
}

// Ordering: Relaxed throughout; the lock of the timers orders what it is held for, and a put
// publishes what was written before it.
impl Timed {
    /// Before the put: it is to wait. Not at all is no delay.
    pub(crate) fn want(&self, delay: Duration) {
        let sleep = if delay.is_zero() { 0 } else { WANTED };
        self.at.store(nanos(delay), Ordering::Relaxed);
        self.sleep.store(sleep, Ordering::Relaxed);
    }

    /// For how long it is to wait, in nanoseconds; for an item that is not there yet.
    pub(crate) fn delay(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }

    /// Does it wait for its time, or is about to?
    pub(crate) fn sleeps(&self) -> bool {
        self.sleep.load(Ordering::Relaxed) != 0
    }

    /// The time for which it was to wake the last time, if it has slept.
    pub(super) fn was_at(&self) -> Option<u64> {
        Some(self.at.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    pub(super) fn set_deadline(&self, at: u64, order: u64) {
        self.deadline_at.store(at, Ordering::Relaxed);
        self.deadline.store(order, Ordering::Relaxed);
    }

    pub(super) fn has_deadline(&self) -> bool {
        self.deadline.load(Ordering::Relaxed) != 0
    }

    /// It has no deadline in there any more; says where that lay.
    pub(super) fn take_deadline(&self) -> Option<Key> {
        let order = self.deadline.load(Ordering::Relaxed);
        self.deadline.store(0, Ordering::Relaxed);
        (order != 0).then(|| (self.deadline_at.load(Ordering::Relaxed), order))
    }

    pub(super) fn set_sleep(&self, at: u64, order: u64) {
        self.at.store(at, Ordering::Relaxed);
        self.sleep.store(order, Ordering::Relaxed);
    }

    /// It sleeps no more; says where it lay.
    pub(super) fn take_sleep(&self) -> Option<Key> {
        let order = self.sleep.load(Ordering::Relaxed);
        if order <= WANTED {
            return None;
        }
        self.sleep.store(0, Ordering::Relaxed);
        Some((self.at.load(Ordering::Relaxed), order))
    }
}
