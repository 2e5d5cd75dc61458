//! Counting what happens, and telling it.
//!
//! What a worker counts it counts in its own books, which nobody else writes to, so
//! that workers do not meet there; what happens on other threads is counted in
//! those of the scheduler. Works that have a name are counted a second time in the name's
//! ([names]).
//!
//! Every counter only grows. What is queued or running is a difference of some of them,
//! and [counts] tells how they are read so that all add up.
//!
//! # Time
//!
//! Works with a name are timed, each by two looks at a clock ([`Own::begun`](crate::work::own::Own)). Of
//! the others one in 64 is, into a histogram a worker: which ones, their number
//! among the works of the worker says, which is counted anyway ([`is_sample`]). What workers do with
//! their time is measured where they fall asleep and wake up ([times]), and how long items are queued by
//! what the supervisor sees in passing ([ages]).

pub(crate) mod ages;
mod counts;
mod histogram;
mod names;
mod stats;
mod table;
mod times;
mod worker;

use std::fmt;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};

use ages::Ages;
use counts::Endings;
use histogram::Recorder;

pub use histogram::Histogram;
pub use names::NameStats;
pub(crate) use names::{NameBooks, Names};
pub use stats::{QueueStats, Stats};
pub(crate) use worker::WorkerBooks;
pub use worker::WorkerStats;

/// Is the work that follows so many others, without a name as it is, to be timed? One in 64 is.
#[inline]
pub(crate) fn is_sample(before: u64) -> bool {
    before % 64 == 0
}

/// A figure that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one and says what it was.
    pub(crate) fn add(&self, more: u64) -> u64 {
        // Ordering: Release, so that who sees this step of an item counted sees the earlier
        // ones counted (`counts.rs`); partner: the Acquire in `get`.
        self.0.fetch_add(more, Ordering::Release)
    }

    pub(crate) fn get(&self) -> u64 {
        // Ordering: Acquire; partner: the Release in `add`.
        self.0.load(Ordering::Acquire)
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
    /// Adds some, on the thread whose counter it is, and says what it was. The threads that a
    /// counter has one after the other each come after the end of the one before.
    #[inline]
    pub(crate) fn add(&self, more: u64) -> u64 {
        // Ordering: Relaxed; read back by the thread that writes.
        let before = self.0.load(Ordering::Relaxed);
        // Ordering: Release, as in `Counter::add`, which on x86-64 costs a store nothing; partner:
        // the Acquire in `get`.
        self.0.store(before + more, Ordering::Release);
        before
    }

    pub(crate) fn get(&self) -> u64 {
        // Ordering: Acquire; partner: the Release in `add`.
        self.0.load(Ordering::Acquire)
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
    Blocked,
    Evicted,
    Stopped,
    Lost,
    /// Its put never happened: the transaction was rolled back.
    RolledBack,
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
    /// Items that an attendant keeps, and those of them that were let in or ended.
    pub(crate) held: Counter,
    pub(crate) let_in: Counter,
    /// As a worker's.
    pub(crate) unnamed: Recorder,
}

/// The scheduler's counters.
#[derive(Debug, Default)]
pub(crate) struct Books {
    accepted: CachePadded<AtomicU64>,
    ended: CachePadded<AtomicU64>,
    endings: Endings,
    pub(crate) crashes: Counter,
    /// Rounds of the supervisor.
    pub(crate) ticks: Counter,
    /// Turns of periodic works that were left out.
    pub(crate) skipped: Counter,
    /// Works, or turns of works, that ran for longer than their time slices.
    pub(crate) overran: Counter,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) names: Names,
    pub(crate) ages: Ages<3>,
    /// Of every seat's number that was ever in use, in their order.
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
        let ended = self.ended();
        self.accepted().saturating_sub(ended)
    }

    /// How many items are over.
    pub(crate) fn ended(&self) -> u64 {
        // Ordering: Acquire; partner: the Release in `end`.
        let outside = self.ended.load(Ordering::Acquire);
        let workers = self.workers();
        outside + workers.iter().map(|books| books.ended.get()).sum::<u64>()
    }

    /// How many items have been accepted, those of whoever the caller has heard of included.
    fn accepted(&self) -> u64 {
        let outside = self.accepted_outside();
        let workers = self.workers();
        outside
            + workers
                .iter()
                .map(|books| books.accepted.get())
                .sum::<u64>()
    }

    fn accepted_outside(&self) -> u64 {
        // Ordering: Relaxed; the Acquires before make it at least as new as the
        // acceptance of every item that was counted as ended.
        self.accepted.load(Ordering::Relaxed)
    }

    /// The books of the worker on the seat of this number.
    pub(crate) fn of_worker(&self, number: usize, is_spare: bool) -> Arc<CachePadded<WorkerBooks>> {
        let mut workers = self.workers.lock();
        let place = match workers.binary_search_by_key(&number, |books| books.number) {
            Ok(place) => place,
            Err(place) => {
                let books = WorkerBooks::new(number, is_spare);
                workers.insert(place, Arc::new(CachePadded::new(books)));
                place
            }
        };
        Arc::clone(&workers[place])
    }

    fn workers(&self) -> Vec<Arc<CachePadded<WorkerBooks>>> {
        self.workers.lock().clone()
    }

    /// How many items are set aside, waiting to be woken, those of all workers together, and how
    /// many are held, waiting to be let in.
    ///
    /// Counted before an item is set aside and after it was taken up again. What was
    /// taken up is read first, so that the difference is not below zero.
    pub(crate) fn waiting(&self) -> u64 {
        let workers = self.workers();
        let elsewhere = &self.elsewhere;
        let mut taken_up = elsewhere.taken_up.get() + elsewhere.let_in.get();
        taken_up += workers
            .iter()
            .map(|books| books.taken_up.get())
            .sum::<u64>();
        let mut aside = elsewhere.aside.get() + elsewhere.held.get();
        aside += workers.iter().map(|books| books.aside.get()).sum::<u64>();
        aside.saturating_sub(taken_up)
    }

    /// How many times an item was taken up again, or let in.
    pub(crate) fn taken_up(&self) -> u64 {
        let workers = self.workers();
        let inside: u64 = workers.iter().map(|books| books.taken_up.get()).sum();
        inside + self.elsewhere.taken_up.get() + self.elsewhere.let_in.get()
    }

    /// Counts how an item came to its end. A good end is in the books of the thread that ran it.
    #[cold]
    pub(crate) fn settle(&self, ending: Ending) {
        self.endings.add(ending);
    }

    /// An accepted item goes back to who wanted to put it.
    pub(crate) fn never_put(&self, name: Option<&NameBooks>) {
        self.endings.add(Ending::RolledBack);
        if let Some(name) = name {
            name.settle(Ending::RolledBack);
        }
    }

    /// What a work of this name is expected to take.
    pub(crate) fn expected(&self, name: &str) -> Option<Duration> {
        self.names.expected(name)
    }
}
