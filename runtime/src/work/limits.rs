//! How long an item may wait, and how long it may run.
//!
//! | limit | from | to | what it answers when that has passed |
//! |---|---|---|---|
//! | *deadline* | the put | the end | `DeadlineExceeded` |
//! | *start within* | the put | the beginning | `Blocked` |
//! | *time-out* | the beginning | the end | `DeadlineExceeded` |
//!
//! The deadline is in the item's `info`, as it was; the other two, which few items have, lie here.
//! An item has one entry in the timers, for the limit that passes first of those that count at
//! the moment: the first two before it begins, the first and the last once it has.
//!
//! # Steps
//!
//! 1. The *put* says until when it is to begin, and makes the entry.
//! 2. Who *begins* it says from then on until when it may run, and replaces the entry
//!    (`supervisor/timers.rs`). Until it has, what counted before counts on.
//! 3. A limit that *passes* is answered by whoever notices: the supervisor at the entry, a
//!    worker that is about to begin the item, a thread that waits for it. The item's word decides:
//!    *block* ends only what nobody has begun, *expire* ends that as well as what runs.
//!
//! # Races
//!
//! *A beginning and the put's entry.* A worker may begin an item before its put comes to make the
//! entry. Both are done under the lock of the timers: the put leaves an entry alone that it finds,
//! and where it finds none makes one that is for a beginning which has been; when that is due
//! it ends nothing.
//!
//! *A beginning and the passing of the limit to waiting.* Both are transitions from the same
//! phases of the word. If the beginning is first, blocking fails, and is looked at
//! once more for the limits that count now; if blocking is first, the item is a tombstone.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::item::{Head, Item};
use super::state::{Expire, Status};
use crate::shared::Shared;
use crate::time::earlier;

/// Those that few items have; see the [module](self).
#[derive(Default)]
pub(crate) struct Limits {
    /// For how long it may wait.
    pub(super) start_within: Option<Duration>,
    /// When that is over, once it is put.
    start: Option<Instant>,
    /// For how long it may run.
    pub(super) timeout: Option<Duration>,
    /// When that is over, once it has begun.
    end: OnceLock<Instant>,
}

impl Limits {
    /// Step 1.
    pub(super) fn put(&mut self, now: Instant) {
        self.start = self.start_within.and_then(|limit| now.checked_add(limit));
    }

    /// Until when it is to begin.
    pub(super) fn start(&self) -> Option<Instant> {
        self.start
    }

    /// Until when it may run, once it has begun.
    pub(super) fn end(&self) -> Option<Instant> {
        self.end.get().copied()
    }
}

impl Head {
    /// When the first of the limits passes that count now.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due = self.info.due();
        match self.info.limits() {
            None => due,
            Some(limits) if self.state.status() == Status::Queued => earlier(due, limits.start()),
            Some(limits) => earlier(due, limits.end()),
        }
    }

    #[inline]
    pub(crate) fn is_overdue(&self) -> bool {
        self.info.rare().is_some() && self.is_past_due()
    }

    fn is_past_due(&self) -> bool {
        self.due().is_some_and(|due| self.info.now() >= due)
    }

    /// Step 3, in the item's word.
    pub(super) fn pass(&self) -> Expire {
        let due = self.info.due();
        let start = self.info.limits().and_then(Limits::start);
        let waits = start.filter(|start| due.is_none_or(|due| *start <= due));
        if waits.is_some() {
            if self.state.block() {
                return Expire::Unbegun;
            }
            if !self.is_past_due() {
                // It had begun in time.
                return Expire::TooLate;
            }
        }
        if self.due().is_none() {
            // Whoever runs it relies on that.
            return Expire::TooLate;
        }
        self.state.expire()
    }
}

/// Step 2.
#[cold]
pub(super) fn begin(shared: &Shared, item: &Item) {
    let info = &item.head().info;
    let Some(limits) = info.limits() else { return };
    let end = limits.timeout.and_then(|limit| shared.now().checked_add(limit));
    if let Some(end) = end {
        let _ = limits.end.set(end);
    }
    let due = earlier(info.due(), limits.end());
    if shared.supervisor.timers.replace_deadline(due, item.clone()) {
        shared.supervisor.ring();
    }
}
