//! Deadlines, kept exactly: the supervisor sleeps until the earliest.
//!
//! 1. [`Timers::add`] puts an entry into a heap behind a lock, and says whether
//!    it is the earliest now; then the supervisor is rung, to sleep less long.
//! 2. [`Timers::fire`] takes out what is due and, the lock released, answers each
//!    work that is not over.
//!
//! Works end before their deadline as a rule,
//! and their entries, which keep their memory, would pile up until then: once there are twice as many
//! entries as were left by the last sweep, those of finished works are swept
//! out, which costs each entry a constant on average.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fmt;
use std::mem;
use std::time::Instant;

use hivework_stm::facade::sync::Mutex;

use crate::work::item::Item;
use crate::work::unwind::shield;

/// The fewest entries worth a sweep.
const FEW: usize = 64;

#[derive(Default)]
pub(crate) struct Timers(Mutex<Heap>);

#[derive(Default)]
struct Heap {
    entries: BinaryHeap<Reverse<Entry>>,
    sweep_at: usize,
}

struct Entry {
    due: Instant,
    work: Item,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.due.cmp(&other.due)
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.lock().entries.len();
        f.debug_struct("Timers").field("entries", &entries).finish()
    }
}

impl Timers {
    /// Adds a work's deadline; true when it is the earliest now.
    #[must_use]
    pub(crate) fn add(&self, due: Instant, work: Item) -> bool {
        // What the sweep finds over is let go after the lock: a last reference may be
        // among it, and with it a user's `Drop`.
        let mut over = Vec::new();
        let mut heap = self.0.lock();
        if heap.entries.len() >= heap.sweep_at.max(FEW) {
            let entries = mem::take(&mut heap.entries).into_iter();
            let is_over = |Reverse(entry): &Reverse<Entry>| entry.work.head().state.is_over();
            let (old, kept): (Vec<_>, Vec<_>) = entries.partition(is_over);
            (over, heap.entries) = (old, kept.into());
            heap.sweep_at = 2 * heap.entries.len();
        }
        let is_earliest = heap.earliest().is_none_or(|earliest| due < earliest);
        heap.entries.push(Reverse(Entry { due, work }));
        drop(heap);
        drop(over);
        is_earliest
    }

    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.0.lock().earliest()
    }

    /// Answers the works that are due.
    pub(crate) fn fire(&self, now: Instant) {
        loop {
            let due = self.0.lock().pop_due(now);
            let Some(work) = due else { return };
            shield(|| work.expire());
        }
    }
}

impl Heap {
    fn earliest(&self) -> Option<Instant> {
        self.entries.peek().map(|Reverse(entry)| entry.due)
    }

    fn pop_due(&mut self, now: Instant) -> Option<Item> {
        if self.earliest()? > now {
            return None;
        }
        self.entries.pop().map(|Reverse(entry)| entry.work)
    }
}
