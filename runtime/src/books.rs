//! Counting what happens, and telling it.
//!
//! What a worker counts it counts in its own books, which nobody else writes to, so
//! that workers do not meet there; what happens on other threads is counted in
//! those of the scheduler.
//!
//! Every counter only grows. What is queued or running is a difference of two,
//! taken in an order that keeps it from going below zero: the later stage of an
//! item's life is read first.

mod stats;

use std::fmt;

use crossbeam_utils::CachePadded;
use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};

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

/// A figure that only grows, and that one thread at a time writes to.
#[derive(Default)]
pub(crate) struct OwnCounter(AtomicU64);

impl OwnCounter {
    /// Adds some, on the thread whose counter it is. The threads that a counter has one
    /// after the other each come after the end of the one before.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.add_with(more, Ordering::Relaxed);
    }

    #[inline]
    fn add_with(&self, more: u64, order: Ordering) {
        // Ordering: Relaxed; read back by the thread that writes.
        self.0.store(self.0.load(Ordering::Relaxed) + more, order);
    }

    pub(crate) fn get(&self) -> u64 {
        // Ordering: as `Counter::get`.
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for OwnCounter {
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
    accepted: OwnCounter,
    ended: OwnCounter,
    pub(crate) begun: OwnCounter,
    pub(crate) settled: OwnCounter,
    pub(crate) finished: OwnCounter,
    pub(crate) stolen: OwnCounter,
    pub(crate) parked: OwnCounter,
    /// Items set aside here, to be woken.
    pub(crate) aside: OwnCounter,
    /// Items that had been set aside somewhere, and were woken or ended here.
    pub(crate) taken_up: OwnCounter,
}

impl WorkerBooks {
    /// As [`Books::accept`], for what this worker puts.
    #[inline]
    pub(crate) fn accept(&self, count: u64) {
        self.accepted.add(count);
    }

    /// As [`Books::end`], for what this worker has run.
    #[inline]
    pub(crate) fn end(&self) {
        // Ordering: as in `Books::end`.
        self.ended.add_with(1, Ordering::Release);
    }
}

/// The counters of items that run on no worker's thread.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    pub(crate) begun: Counter,
    pub(crate) settled: Counter,
    pub(crate) finished: Counter,
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
    pub(crate) elsewhere: Elsewhere,
    /// Of every seat's number that was ever in use.
    workers: Mutex<Vec<Arc<CachePadded<WorkerBooks>>>>,
}

impl Books {
    /// Items are about to be put, by a thread that is no worker. Comes before anybody
    /// can see them, so that `live` never misses one.
    pub(crate) fn accept(&self, count: u64) {
        // Ordering: Relaxed; the put that publishes the item comes after it, and
        // whoever ends the item has taken it from there (see `live`).
        self.accepted.fetch_add(count, Ordering::Relaxed);
    }

    /// An item is over and its callbacks have run, on a thread that is no worker.
    pub(crate) fn end(&self) {
        // Ordering: Release; partner: the Acquire in `live`, which then sees
        // everything that this item did, its puts included.
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// How many items are put and not over.
    ///
    /// Never too small: every count of ends is read first, the acceptances later, and an
    /// item is accepted before it can end. All only grow and ended ≤ accepted, so a
    /// zero was true at the moment between. The list of workers is read anew for the
    /// second look: it has every worker that accepted what was seen to have ended.
    pub(crate) fn live(&self) -> u64 {
        // Ordering: Acquire, here and below; partner: the Release in `end`.
        let mut ended = self.ended.load(Ordering::Acquire);
        for books in self.workers() {
            ended += books.ended.0.load(Ordering::Acquire);
        }
        self.accepted().saturating_sub(ended)
    }

    /// How many items have been accepted, those of whoever the caller has heard of included.
    fn accepted(&self) -> u64 {
        // Ordering: Relaxed; the Acquires of `live` make it at least as new as the
        // acceptance of every item that was counted as ended.
        let outside = self.accepted.load(Ordering::Relaxed);
        let workers = self.workers();
        outside
            + workers
                .iter()
                .map(|books| books.accepted.get())
                .sum::<u64>()
    }

    /// The books of the worker on the seat of this number.
    pub(crate) fn of_worker(&self, number: usize) -> Arc<CachePadded<WorkerBooks>> {
        let mut workers = self.workers.lock();
        while workers.len() <= number {
            workers.push(Arc::default());
        }
        Arc::clone(&workers[number])
    }

    fn workers(&self) -> Vec<Arc<CachePadded<WorkerBooks>>> {
        self.workers.lock().clone()
    }

    /// How many items are set aside, waiting to be woken, those of all workers together.
    ///
    /// Counted before an item is set aside and after it was taken up again. What was
    /// taken up is read first, so that the difference is not below zero.
    pub(crate) fn waiting(&self) -> u64 {
        let workers = self.workers();
        let elsewhere = &self.elsewhere;
        let mut taken_up = elsewhere.taken_up.get();
        taken_up += workers
            .iter()
            .map(|books| books.taken_up.get())
            .sum::<u64>();
        let mut aside = elsewhere.aside.get();
        aside += workers.iter().map(|books| books.aside.get()).sum::<u64>();
        aside.saturating_sub(taken_up)
    }

    /// How many times an item was taken up again.
    pub(crate) fn taken_up(&self) -> u64 {
        let workers = self.workers();
        let inside: u64 = workers.iter().map(|books| books.taken_up.get()).sum();
        inside + self.elsewhere.taken_up.get()
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
