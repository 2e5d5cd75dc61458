//! Counting what happens, and telling it.
//!
//! Every counter only grows. What is queued or running is a difference of two,
//! taken in an order that keeps it from going below zero: the later stage of an
//! item's life is read first.

mod stats;

use std::fmt;

use crossbeam_utils::CachePadded;
use hivework_stm::facade::atomic::{AtomicU64, Ordering};

pub use stats::{Stats, WorkerStats};

/// A figure that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one and says what it was.
    pub(crate) fn add(&self, more: u64) -> u64 {
        // Ordering: Relaxed; a count of its own. Where one count is compared
        // with another, `Books::live` says what orders them.
        self.0.fetch_add(more, Ordering::Relaxed)
    }

    /// Adds one, for a figure that one thread at a time changes.
    pub(crate) fn add_own(&self) {
        // Ordering: as above. No exchange: nobody else writes it meanwhile.
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now + 1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        // Ordering: as above.
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// How a work item came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Finished,
    Panicked,
    Cancelled,
    Overdue,
    Stopped,
    Lost,
    /// Its put never happened: the transaction was rolled back.
    RolledBack,
}

/// One worker place's counters. A replacement goes on with those of the worker
/// that it replaces.
#[derive(Debug, Default)]
pub(crate) struct WorkerBooks {
    pub(crate) begun: Counter,
    pub(crate) settled: Counter,
    pub(crate) finished: Counter,
    pub(crate) stolen: Counter,
    pub(crate) parked: Counter,
    /// Items set aside here, to be woken.
    pub(crate) aside: Counter,
    /// Items that had been set aside somewhere, and were woken or ended here.
    pub(crate) taken_up: Counter,
}

/// The scheduler's counters.
#[derive(Debug, Default)]
pub(crate) struct Books {
    accepted: CachePadded<AtomicU64>,
    ended: CachePadded<AtomicU64>,
    withdrawn: Counter,
    panicked: Counter,
    cancelled: Counter,
    overdue: Counter,
    stopped: Counter,
    lost: Counter,
    rolled_back: Counter,
    pub(crate) crashes: Counter,
    /// For items that run on no worker's thread.
    pub(crate) elsewhere: WorkerBooks,
}

impl Books {
    /// An item is about to be put; its number, from 1. Comes before anybody
    /// can see the item, so that `live` never misses one.
    pub(crate) fn accept(&self) -> u64 {
        // Ordering: Relaxed; the put that publishes the item comes after it, and
        // whoever ends the item has taken it from there (see `live`).
        self.accepted.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// An item is over and its callbacks have run.
    pub(crate) fn end(&self) {
        // Ordering: Release; partner: the Acquire in `live`, which then sees
        // everything that this item did, its puts included.
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// How many items are put and not over.
    ///
    /// Never too small: `ended` is read first, `accepted` later, and an item is
    /// accepted before it can end. Both only grow and ended ≤ accepted, so a
    /// zero was true at the moment of the second look.
    pub(crate) fn live(&self) -> u64 {
        // Ordering: Acquire; partner: the Release in `end`.
        let ended = self.ended.load(Ordering::Acquire);
        // Ordering: Relaxed; the Acquire above makes it at least as new as the
        // acceptance of every item that was counted as ended.
        let accepted = self.accepted.load(Ordering::Relaxed);
        accepted.saturating_sub(ended)
    }

    /// How many items are set aside, waiting to be woken, those of all workers together.
    ///
    /// Counted before an item is set aside and after it was taken up again. What was
    /// taken up is read first, so that the difference is not below zero.
    pub(crate) fn waiting<'a>(
        &'a self,
        workers: impl Iterator<Item = &'a WorkerBooks> + Clone,
    ) -> u64 {
        let all = workers.chain([&self.elsewhere]);
        let taken_up: u64 = all.clone().map(|books| books.taken_up.get()).sum();
        let aside: u64 = all.map(|books| books.aside.get()).sum();
        aside.saturating_sub(taken_up)
    }

    /// An item is over that nobody had begun.
    pub(crate) fn withdrawn(&self) {
        self.withdrawn.add(1);
    }

    pub(crate) fn settle(&self, ending: Ending) {
        let counter = match ending {
            Ending::Finished => return,
            Ending::Panicked => &self.panicked,
            Ending::Cancelled => &self.cancelled,
            Ending::Overdue => &self.overdue,
            Ending::Stopped => &self.stopped,
            Ending::Lost => &self.lost,
            Ending::RolledBack => &self.rolled_back,
        };
        counter.add(1);
    }
}

impl Books {
    /// An accepted item goes back to who wanted to put it.
    pub(crate) fn never_put(&self) {
        self.withdrawn();
        self.rolled_back.add(1);
    }
}
