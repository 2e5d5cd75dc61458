#![allow(
    unsafe_code,
    reason = "the supervisor borrows the item that a worker runs; the proof is below"
)]
//! What a worker runs, as others may see it.
//!
//! # Purpose
//!
//! The supervisor tells which item runs for too long, what it is called, and asks it to stop; so it
//! must reach an item that a worker runs, while the worker may come to the end of it. The worker
//! pays for that with each item, the supervisor seldom; so the two sides are of unequal price. An
//! item's references could not be counted for this: who holds the only one ends the item by plain
//! stores (`work/state.rs`), and a count from a borrowed pointer would be lost in them.
//!
//! # State
//!
//! `stamp`, a sequence number, odd while the worker's loop runs an item; `item`, that item's address;
//! `hold`, whether somebody looks; and the `gate`, the lock that a looker has meanwhile. The worker
//! alone writes stamp and item. An item that runs inside another, in a join say, is part of
//! that one. Of an item that runs in turns each turn has a stamp of its own.
//!
//! Beside them is what the worker *waits* for inside its item, announced ([waits]).
//!
//! # Steps
//!
//! The worker, when it has begun an item, past the last store that relies on being its sole owner:
//! - B1 Set `item`. B2 Make the stamp odd.
//!
//! When the item's closure has returned, before anything is done to end it, also when unwinding:
//! - E1 Make the stamp even. E2 *Light barrier.* E3 If `hold` is set: lock the gate, and unlock it.
//!
//! Who looks at the item of a stamp:
//! - L1 Lock the gate, set `hold`. L2 *Heavy barrier.*
//! - L3 If the stamp is still that one: the item is that of `item`, and goes on being the worker's
//!   until L4. Look.
//! - L4 Clear `hold`, unlock.
//!
//! # Why the item stays
//!
//! Of E2 and L2 one comes first in their order.
//!
//! *E2 first.* L3 sees the stamp of E1, or a later one. No stamp comes twice: nothing is looked at.
//!
//! *L2 first.* E3 sees `hold` as L1 or as L4 has left it. If set, the worker waits at the gate: its lock
//! comes after L1's, since what L1 did later was read, and so after L4. If cleared by L4, that is
//! acquired. Either way L4 comes before all that ends the item, and before the B1 of the next.
//!
//! If L3 reads the odd stamp, E2 has not come first, so the second case holds whatever
//! the worker does meanwhile; B2 releases and L3 acquires, so `item` is that stamp's, and the
//! item is as it was begun.
//!
//! A looker may read and change the item by what is atomic there, as anybody with a reference may,
//! and make references of its own, which the worker's last steps then find counted. It must be quick:
//! the worker may be waiting. What it does runs no code of a user's (an item that is run is
//! asked to cancel by a flag).
//!
//! *The heavy barrier could not be had.* Then nothing is looked at; the next round tries again.
//!
//! # What it costs
//!
//! An item costs three stores to the worker's own line and one load of it. Where the system has no
//! heavy barrier that does the work of both, E2 is a fence an item, as a put's notification is one
//! there. To keep the items from it that are too short to be looked at is not possible: a worker that
//! is told late that a tick has passed would leave out a fence that is needed. An exchange in place
//! of E1 would be as dear.

mod waits;

use std::fmt;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use hivework_stm::facade::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use hivework_stm::facade::barrier;
use hivework_stm::facade::sync::{Mutex, MutexGuard};

use crate::event::Wait;
use crate::work::item::Item;

pub use waits::Waits;

/// The protocol of stamp, item, hold and gate; see the [module](self).
#[derive(Debug)]
pub struct Mark {
    stamp: AtomicU64,
    item: AtomicUsize,
    hold: AtomicBool,
    gate: Mutex<()>,
    /// Which of its forms the light barrier has.
    asymmetric: bool,
}

impl Default for Mark {
    fn default() -> Self {
        Mark::new()
    }
}

/// Does an item run at this stamp?
pub(crate) fn runs(stamp: u64) -> bool {
    stamp % 2 == 1
}

impl Mark {
    /// Of a worker that runs nothing.
    #[must_use]
    pub fn new() -> Self {
        Mark {
            stamp: AtomicU64::new(0),
            item: AtomicUsize::new(0),
            hold: AtomicBool::new(false),
            gate: Mutex::new(()),
            asymmetric: barrier::asymmetric(),
        }
    }

    /// B1 and B2, on the worker's thread; false where an item runs already, of which this one
    /// is a part.
    #[inline]
    #[must_use]
    pub fn begin(&self, item: usize) -> bool {
        // Ordering: Relaxed; read back by the thread that writes.
        let stamp = self.stamp.load(Ordering::Relaxed);
        if runs(stamp) {
            return false;
        }
        // Ordering: Relaxed; the stamp publishes it.
        self.item.store(item, Ordering::Relaxed);
        // Ordering: Release; partner: the Acquire in `stamp`.
        self.stamp.store(stamp + 1, Ordering::Release);
        true
    }

    /// E1 to E3, on the worker's thread.
    #[inline]
    pub fn end(&self) {
        // Ordering: Relaxed; read back by the thread that writes.
        let stamp = self.stamp.load(Ordering::Relaxed);
        debug_assert!(runs(stamp), "an end without a beginning");
        // Ordering: Relaxed; who reads it looks at nothing.
        self.stamp.store(stamp + 1, Ordering::Relaxed);
        // Ordering: light barrier between the stamp and the look at `hold`; partner: the
        // heavy one in `look`.
        barrier::light(self.asymmetric);
        // Ordering: Acquire; partner: the Release in `Hold::drop`.
        if self.hold.load(Ordering::Acquire) {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        drop(self.gate.lock());
    }

    /// B1 to E3 around `run`, also when that unwinds. Where an item runs already, `run` alone.
    #[inline]
    fn during<R>(&self, item: usize, run: impl FnOnce() -> R) -> R {
        struct End<'a>(&'a Mark);
        impl Drop for End<'_> {
            #[inline]
            fn drop(&mut self) {
                self.0.end();
            }
        }
        // Made only then: its drop is the end.
        let _end = self.begin(item).then(|| End(self));
        run()
    }

    /// What the stamp is.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        // Ordering: Acquire; partner: the Release in `begin`.
        self.stamp.load(Ordering::Acquire)
    }

    /// L1 to L4; none where the item of this stamp is over, or the barrier could not be had.
    pub fn look<R>(&self, stamp: u64, look: impl FnOnce(usize) -> R) -> Option<R> {
        let _hold = Hold::take(self);
        // Ordering: heavy barrier between `hold` and the look at the stamp; partner: the
        // light one in `end`. Without it nothing keeps the item.
        let ordered = barrier::heavy();
        if !ordered || !runs(stamp) || self.stamp() != stamp {
            return None;
        }
        // Ordering: Relaxed; acquired with the stamp.
        Some(look(self.item.load(Ordering::Relaxed)))
    }
}

/// L1, and L4 when it is dropped.
struct Hold<'a> {
    mark: &'a Mark,
    _gate: MutexGuard<'a, ()>,
}

impl<'a> Hold<'a> {
    fn take(mark: &'a Mark) -> Self {
        let gate = mark.gate.lock();
        // Ordering: Relaxed; ordered by the barrier that follows.
        mark.hold.store(true, Ordering::Relaxed);
        Hold { mark, _gate: gate }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        // Ordering: Release; partner: the Acquire in `end`.
        self.mark.hold.store(false, Ordering::Release);
    }
}

/// What a worker runs, and what it waits for inside that; see the [module](self).
pub(crate) struct Current {
    mark: Mark,
    waits: Waits,
    epoch: Instant,
}

impl Current {
    /// Of a worker that has run nothing by `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Current {
            mark: Mark::new(),
            waits: Waits::new(),
            epoch: now,
        }
    }

    /// Shows the item to others while `run` runs it, on the worker's thread. Not where it is part of
    /// another.
    #[inline]
    pub(crate) fn show<R>(&self, item: &Item, run: impl FnOnce() -> R) -> R {
        self.mark.during(item.address(), run)
    }

    pub(crate) fn stamp(&self) -> u64 {
        self.mark.stamp()
    }

    /// Looks at the item of this stamp, unless it is over. `look` is quick: the worker may be waiting.
    pub(crate) fn look<R>(&self, stamp: u64, look: impl FnOnce(&Item) -> R) -> Option<R> {
        let looked = self.mark.look(stamp, |address| {
            // SAFETY: the address of an item that `show` borrows to its end, which waits for that
            // of this look. The reference is the worker's: it is not dropped here.
            let item = ManuallyDrop::new(unsafe { Item::from_address(address) });
            item.as_ref().map(look)
        });
        looked.flatten()
    }

    /// It begins to wait, on the worker's thread.
    pub(crate) fn begin_wait(&self, wait: Wait, now: Instant) {
        self.waits.begin(wait, self.nanos(now));
    }

    /// It goes on, on the worker's thread.
    pub(crate) fn end_wait(&self, now: Instant) {
        self.waits.end(self.nanos(now));
    }

    /// How long it has waited by `now`, in all that it has run.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        Duration::from_nanos(self.waits.total(self.nanos(now)))
    }

    /// What it waits for, if it waits.
    pub(crate) fn wait(&self) -> Option<Wait> {
        self.waits.wait()
    }

    fn nanos(&self, now: Instant) -> u64 {
        let nanos = now.saturating_duration_since(self.epoch).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current")
            .field("mark", &self.mark)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, runs};

    #[test]
    fn what_runs_inside_another_begins_and_ends_nothing() {
        let mark = Mark::new();
        mark.during(64, || {
            let outer = mark.stamp();
            assert!(runs(outer));
            for inner in [128, 192] {
                mark.during(inner, || {
                    assert_eq!(mark.look(outer, |item| item), Some(64));
                });
                assert_eq!(mark.look(outer, |item| item), Some(64));
            }
        });
        assert!(!runs(mark.stamp()));
        mark.during(256, || {
            assert_eq!(mark.look(mark.stamp(), |item| item), Some(256));
        });
        assert!(!runs(mark.stamp()));
    }

    #[test]
    fn what_unwinds_has_ended() {
        let mark = Mark::new();
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            mark.during(64, || mark.during(128, || panic!("on purpose")));
        }));
        assert!(unwound.is_err());
        assert!(!runs(mark.stamp()));
    }
}
