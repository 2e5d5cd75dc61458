//! The life-cycle word of a work item: who may run it, who answers its handle, who
//! frees it.
//!
//! # The word
//!
//! ```text
//!  bit 63..16  15..12     11      10         9       8         7      6          5         4        3         2..0
//!     ┌───────┬──────────┬───────┬──────────┬───────┬─────────┬──────┬──────────┬─────────┬────────┬─────────┬───────┐
//!     │ count │ priority │ TAKEN │ UNBURIED │ CALLS │ WATCHED │ LEFT │ DETACHED │ OVERDUE │ CANCEL │ BLOCKED │ phase │
//!     └───────┴──────────┴───────┴──────────┴───────┴─────────┴──────┴──────────┴─────────┴────────┴─────────┴───────┘
//! ```
//!
//! | phase | meaning |
//! |---|---|
//! | HELD | made, or put by a transaction that is not known to have committed |
//! | QUEUED | put; nobody has begun it |
//! | RUNNING | one thread runs it |
//! | SETTLED | its outcome is decided, by one thread, which is about to publish it |
//! | PUBLISHED | the outcome is there, and whoever waits has been or is being woken |
//!
//! | flag | meaning |
//! |---|---|
//! | CANCEL | somebody asked for it to be cancelled |
//! | BLOCKED | beside OVERDUE: it was the limit to its waiting that passed |
//! | OVERDUE | its deadline passed first, and that is its outcome |
//! | DETACHED | the handle is gone: nobody will take the result |
//! | LEFT | it was told to stop at a checkpoint and said that it would |
//! | WATCHED | somebody waits, or has waited: whoever publishes looks who it is |
//! | CALLS | there are callbacks to be called before the handle is answered |
//! | UNBURIED | it expired before anybody began it, and nobody has met its tombstone |
//! | TAKEN | that it is overdue has been handed out |
//!
//! The *priority* is set before the put, and lies here because there is room.
//! The *count* says how many references there are: the handle's, the queue's, those of
//! contexts, timers and hooks. Who gives up the last one frees the item.
//!
//! # Steps
//!
//! 1. *commit*: HELD → QUEUED, once the put's transaction has committed. A put
//!    without one makes the item QUEUED before anybody else can see it.
//! 2. *begin*: QUEUED (from a queue also HELD: that it lies in a queue proves
//!    that its put committed) → RUNNING. The winner runs the closure.
//! 3. *end*: RUNNING → PUBLISHED in one step by the thread that ran it, where
//!    nothing rare is to be done; otherwise *finish*: RUNNING → SETTLED by that
//!    thread; or *withdraw*, *cancel*, *expire* from HELD or QUEUED → SETTLED by
//!    somebody else; or *expire* from RUNNING → SETTLED by whoever watches the
//!    deadline; or *block* from HELD or QUEUED → SETTLED by whoever watches the limit to its waiting.
//! 4. *publish*: SETTLED → PUBLISHED by the winner of step 3, but never past CALLS:
//!    those come first. An expiry alone leaves them for later.
//!
//! # Races
//!
//! Each transition is one compare-and-swap (or one `fetch_or`) on one word, so
//! of any number of rivals one wins and the others read who did: one thread
//! runs the closure, and one outcome is published. A loser finds out from the
//! `#[must_use]` answer and leaves the item alone; the entry that it may still
//! have in a queue is a *tombstone*.
//!
//! **A sole owner** has no rivals. References are only made from references, so
//! who holds one and reads a count of 1 is alone until it makes another; then a
//! transition is a store. The Acquire of that read pairs with the Release by which
//! the others gave theirs up. That is the way of work whose handle is dropped at once. A handle can
//! be shared, so who acts through one that is borrowed makes a reference of its own first.
//!
//! The phase only grows, and no flag but CALLS and UNBURIED is ever taken back, so
//! every loop below ends: it repeats only when the word has changed under it.

use hivework_stm::facade::atomic::{AtomicU64, Ordering};

use super::error::WorkError;
use super::priority::Priority;
use crate::books::Ending;

const PHASE: u64 = 0b111;
const HELD: u64 = 0;
const QUEUED: u64 = 1;
const RUNNING: u64 = 2;
const SETTLED: u64 = 3;
/// SETTLED, or RUNNING, and some bits more, so that publishing is an `or`.
const PUBLISHED: u64 = 7;
const BLOCKED: u64 = 1 << 3;
const CANCEL: u64 = 1 << 4;
const OVERDUE: u64 = 1 << 5;
const DETACHED: u64 = 1 << 6;
const LEFT: u64 = 1 << 7;
const WATCHED: u64 = 1 << 8;
const CALLS: u64 = 1 << 9;
const UNBURIED: u64 = 1 << 10;
const TAKEN: u64 = 1 << 11;
const PRIORITY: u64 = 0b1111 << 12;
const ONE_PRIORITY: u64 = 1 << 12;
/// One reference.
const ONE: u64 = 1 << 16;

/// Is there one reference alone?
fn is_sole(word: u64) -> bool {
    word / ONE == 1
}

/// Where a claim on an item comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// From a queue: that the item lies there proves that its put committed.
    Queue,
    /// From its handle, which exists before the put's transaction commits.
    Handle,
}

/// What became of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Begin {
    /// The item is the caller's to run.
    Begun,
    /// Another thread runs it, or it is over.
    Gone,
    /// Its put has not committed; only a handle's claim gets this answer.
    Held,
}

/// What became of an attempt to take an item out of its queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Withdraw {
    /// The item will never run; the caller publishes why.
    Mine,
    /// It runs or is over.
    TooLate,
}

/// What became of an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Finish {
    /// The caller publishes the outcome; `left` says that the work stopped at
    /// a checkpoint because it was cancelled.
    Mine {
        /// Did it stop at a checkpoint?
        left: bool,
    },
    /// Its deadline had passed and the handle has been answered.
    TooLate,
}

/// What whoever publishes has to do then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Published {
    /// The handle is gone, and with it whoever would take the outcome.
    pub detached: bool,
    /// Somebody may be waiting.
    pub watched: bool,
}

/// What became of a request to cancel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Cancel {
    /// It had not begun and will not: the caller publishes that.
    Withdrawn,
    /// It runs, and can read that it was asked to stop.
    Asked,
    /// It was over.
    TooLate,
}

/// What became of a passed deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Expire {
    /// It had not begun and will not: the caller publishes that.
    Unbegun,
    /// It runs: the caller answers the handle, and the late result is dropped.
    Running,
    /// It was over.
    TooLate,
}

/// What a handle that goes leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Detach {
    /// The outcome, which is the caller's to drop; its reference is still there.
    Published,
    /// Somebody else has the item still. The reference is given up.
    Left,
    /// Nobody else has it: the caller frees it.
    Last,
}

/// How far a work item has come, as its handle tells it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Status {
    /// Nobody has begun it.
    Queued,
    /// A thread runs it.
    Running,
    /// Its outcome is there.
    Done,
}

/// The word; see the [module's](self) table.
#[derive(Debug)]
pub struct StateWord(AtomicU64);

impl Default for StateWord {
    fn default() -> Self {
        StateWord::new()
    }
}

impl StateWord {
    /// The word of an item that has just been made: held, with a reference for its
    /// handle and one for its queue.
    pub fn new() -> Self {
        let priority = Priority::Normal as u64 * ONE_PRIORITY;
        StateWord(AtomicU64::new(HELD | priority | (2 * ONE)))
    }

    /// Before the put.
    pub(crate) fn set_priority(&self, priority: Priority) {
        let word = self.0.load(Ordering::Relaxed) & !PRIORITY;
        // Ordering: Relaxed, alone with the item; what puts it publishes this, too.
        self.0
            .store(word | (priority as u64 * ONE_PRIORITY), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn priority(&self) -> Priority {
        // Ordering: Relaxed; who has the item has it from its put.
        match (self.0.load(Ordering::Relaxed) & PRIORITY) / ONE_PRIORITY {
            0 => Priority::Low,
            1 => Priority::Normal,
            _ => Priority::High,
        }
    }

    /// Replaces the word by `step` of it for as long as `step` answers one.
    /// Says the word it replaced, or the one that `step` declined.
    fn advance(&self, step: impl Fn(u64) -> Option<u64>) -> Result<u64, u64> {
        // Ordering: Acquire, here and where the CAS fails, so that a loser sees
        // what the winner did before; partner: the Release of the CAS.
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let Some(next) = step(word) else {
                return Err(word);
            };
            // Ordering: AcqRel. Release publishes what the caller did before
            // its transition, Acquire makes it see what the previous owner of
            // the phase did. Partners: each other, `is_published`, `flags`.
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(word) => return Ok(word),
                Err(seen) => word = seen,
            }
        }
    }

    /// Step 1 of a put without a transaction of its caller's: nobody else can see the
    /// item yet.
    #[inline]
    pub(crate) fn set_queued(&self) {
        let word = self.0.load(Ordering::Relaxed);
        // Ordering: Relaxed, alone with the item; what puts it publishes this, too.
        self.0.store((word & !PHASE) | QUEUED, Ordering::Relaxed);
    }

    /// The item goes back to who wanted to put it, and is as it was; false where
    /// somebody has a reference beside the two that the caller brings.
    pub(crate) fn take_back(&self) -> bool {
        // Ordering: Acquire; partner: the Release of `less`.
        let word = self.0.load(Ordering::Acquire);
        if word / ONE != 2 || word & PHASE > QUEUED {
            return false;
        }
        // Ordering: Relaxed, alone with the item.
        self.0.store((word & !PHASE) | HELD, Ordering::Relaxed);
        true
    }

    /// Step 1: the put's transaction has committed. Without effect on an item
    /// that somebody has begun or withdrawn meanwhile.
    pub fn commit(&self) {
        let _ = self.advance(|word| (word & PHASE == HELD).then_some(word | QUEUED));
    }

    /// Step 2: claims the right to run the item.
    #[inline]
    pub fn begin(&self, claim: Claim) -> Begin {
        if claim == Claim::Queue {
            // Ordering: Acquire; partner: the Release of `less` and `detach` by
            // whoever was the last but this one.
            let word = self.0.load(Ordering::Acquire);
            if is_sole(word) && word & PHASE <= QUEUED {
                // Ordering: Relaxed, by the sole owner.
                self.0.store((word & !PHASE) | RUNNING, Ordering::Relaxed);
                return Begin::Begun;
            }
        }
        let answer = self.advance(|word| match (word & PHASE, claim) {
            (QUEUED, _) | (HELD, Claim::Queue) => Some((word & !PHASE) | RUNNING),
            _ => None,
        });
        match answer {
            Ok(_) => Begin::Begun,
            Err(word) if word & PHASE == HELD => Begin::Held,
            Err(_) => Begin::Gone,
        }
    }

    /// Step 3, for an item that nobody has begun.
    pub fn withdraw(&self) -> Withdraw {
        match self.advance(|word| (word & PHASE <= QUEUED).then_some(word | SETTLED)) {
            Ok(_) => Withdraw::Mine,
            Err(_) => Withdraw::TooLate,
        }
    }

    /// Steps 3 and 4 in one, for the thread that ran an item which has no deadline.
    /// None where there is something to be done first: `finish` then.
    #[inline]
    pub fn end(&self) -> Option<Published> {
        // Ordering: Acquire; partner: as in `begin`.
        let word = self.0.load(Ordering::Acquire);
        if is_sole(word) && word & (CALLS | LEFT) == 0 {
            // Ordering: Relaxed, by the sole owner.
            self.0.store(word | PUBLISHED, Ordering::Relaxed);
            return Some(Published::of(word));
        }
        let answer = self.advance(|word| {
            (word & PHASE == RUNNING && word & (CALLS | LEFT) == 0).then_some(word | PUBLISHED)
        });
        answer.ok().map(Published::of)
    }

    /// Step 3, for the thread that ran the item.
    pub fn finish(&self) -> Finish {
        match self.advance(|word| (word & PHASE == RUNNING).then_some(word | SETTLED)) {
            Ok(word) => Finish::Mine {
                left: word & LEFT != 0,
            },
            Err(_) => Finish::TooLate,
        }
    }

    /// Step 3 for an item that nobody has begun, a request otherwise.
    pub fn cancel(&self) -> Cancel {
        let answer = self.advance(|word| match word & PHASE {
            HELD | QUEUED => Some(word | SETTLED | CANCEL),
            RUNNING => Some(word | CANCEL),
            _ => None,
        });
        match answer {
            Ok(word) if word & PHASE == RUNNING => Cancel::Asked,
            Ok(_) => Cancel::Withdrawn,
            Err(_) => Cancel::TooLate,
        }
    }

    /// Step 3 when the deadline has passed.
    pub fn expire(&self) -> Expire {
        let answer = self.advance(|word| match word & PHASE {
            HELD | QUEUED => Some(word | SETTLED | OVERDUE | UNBURIED),
            RUNNING => Some(word | SETTLED | OVERDUE),
            _ => None,
        });
        match answer {
            Ok(word) if word & PHASE == RUNNING => Expire::Running,
            Ok(_) => Expire::Unbegun,
            Err(_) => Expire::TooLate,
        }
    }

    /// Step 3 when it was to have begun by now: as [`expire`](StateWord::expire), for an item that
    /// nobody has begun. False for any other.
    #[must_use]
    pub fn block(&self) -> bool {
        let answer = self.advance(|word| {
            (word & PHASE <= QUEUED).then_some(word | SETTLED | OVERDUE | UNBURIED | BLOCKED)
        });
        answer.is_ok()
    }

    /// Of an item that is overdue: what it came to, and answers.
    pub(crate) fn lateness(&self) -> (Ending, WorkError) {
        // Ordering: Relaxed; who asks has found the item overdue, which was written with it.
        if self.0.load(Ordering::Relaxed) & BLOCKED != 0 {
            (Ending::Blocked, WorkError::Blocked)
        } else {
            (Ending::Overdue, WorkError::DeadlineExceeded)
        }
    }

    /// Step 4, for whoever settled it. None while there are callbacks to be called
    /// first.
    pub fn publish(&self) -> Option<Published> {
        let answer = self.advance(|word| (word & CALLS == 0).then_some(word | PUBLISHED));
        answer.ok().map(Published::of)
    }

    /// Step 4 after `expire`: what is to be called is left for later.
    pub fn publish_expired(&self) -> Published {
        // Ordering: AcqRel, as in `advance`.
        Published::of(self.0.fetch_or(PUBLISHED, Ordering::AcqRel))
    }

    /// Somebody waits, and has said where; true when the outcome was published before.
    #[must_use]
    pub fn watch(&self) -> bool {
        // Ordering: AcqRel. Acquire pairs with the publication that it finds; Release
        // hands on who waits to the one that finds this.
        self.0.fetch_or(WATCHED, Ordering::AcqRel) & PHASE == PUBLISHED
    }

    /// There is a callback; true when the outcome was published before.
    #[must_use]
    pub(crate) fn add_calls(&self) -> bool {
        // Ordering: as in `watch`.
        self.0.fetch_or(CALLS, Ordering::AcqRel) & PHASE == PUBLISHED
    }

    /// The callbacks have been taken out, by whoever will call or drop them.
    pub(crate) fn clear_calls(&self) {
        // Ordering: Relaxed; the lock that the callbacks are behind orders it.
        self.0.fetch_and(!CALLS, Ordering::Relaxed);
    }

    /// Claims, once, what an expiry before the beginning left to do.
    #[must_use]
    pub(crate) fn bury(&self) -> bool {
        // Ordering: Acquire; partner: the transition of `expire`.
        self.0.load(Ordering::Acquire) & UNBURIED != 0
            && self.0.fetch_and(!UNBURIED, Ordering::AcqRel) & UNBURIED != 0
    }

    /// Claims, once, the outcome of an item that is overdue.
    #[must_use]
    pub(crate) fn take_overdue(&self) -> bool {
        // Ordering: Relaxed; only the handle takes, and there is one.
        self.0.fetch_or(TAKEN, Ordering::Relaxed) & TAKEN == 0
    }

    /// The running work says that it stops at a checkpoint.
    pub(crate) fn leave(&self) {
        // Ordering: read back by the same thread in `finish`.
        self.0.fetch_or(LEFT, Ordering::Relaxed);
    }

    /// The handle goes, with its reference, unless the outcome is there to be dropped.
    #[inline]
    pub fn detach(&self) -> Detach {
        let answer = self.advance(|word| {
            // The reference goes last: after this the item may be gone.
            (word & PHASE != PUBLISHED).then(|| (word | DETACHED) - ONE)
        });
        match answer {
            Err(_) => Detach::Published,
            Ok(word) if is_sole(word) => Detach::Last,
            Ok(_) => Detach::Left,
        }
    }

    /// Is nothing rare to be done when it ends, as far as can be seen now?
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        // Ordering: a hint for CALLS; LEFT is read back by the thread that set it.
        self.0.load(Ordering::Relaxed) & (CALLS | LEFT) == 0
    }

    /// Has the handle gone before the item was published?
    #[inline]
    pub(crate) fn is_detached(&self) -> bool {
        // Ordering: a hint; publishing finds out.
        self.0.load(Ordering::Relaxed) & DETACHED != 0
    }

    /// One reference more, made from another.
    #[inline]
    pub(crate) fn more(&self) {
        // Ordering: Relaxed; whoever calls has a reference, and hands the new one on.
        self.0.fetch_add(ONE, Ordering::Relaxed);
    }

    /// One reference less; true for the last, whose owner frees the item.
    #[inline]
    #[must_use]
    pub(crate) fn less(&self) -> bool {
        // Ordering: Acquire by the sole owner; partner: the Release of those that went
        // before, below and in `detach`.
        if is_sole(self.0.load(Ordering::Acquire)) {
            return true;
        }
        // Ordering: AcqRel; each other's partner: the last sees what all did before.
        is_sole(self.0.fetch_sub(ONE, Ordering::AcqRel))
    }

    /// Is the outcome there?
    #[inline]
    pub fn is_published(&self) -> bool {
        // Ordering: Acquire; partner: the Release of whoever published.
        self.0.load(Ordering::Acquire) & PHASE == PUBLISHED
    }

    /// Was the work asked to cancel? And has its deadline passed?
    pub(crate) fn flags(&self) -> (bool, bool) {
        // Ordering: Acquire, so that a work that sees the request also sees
        // what the requester did before; partner: the Release in `advance`.
        let word = self.0.load(Ordering::Acquire);
        (word & CANCEL != 0, word & OVERDUE != 0)
    }

    /// Is the put's transaction still open, as far as anyone knows?
    pub(crate) fn is_held(&self) -> bool {
        // Ordering: advice; whoever acts on it acts on this thread's own puts.
        self.0.load(Ordering::Relaxed) & PHASE == HELD
    }

    /// Is it certain that nobody will begin it any more?
    pub(crate) fn is_over(&self) -> bool {
        // Ordering: advice for cleaning up; the next transition decides.
        self.0.load(Ordering::Relaxed) & PHASE >= SETTLED
    }

    /// How far it has come.
    pub(crate) fn status(&self) -> Status {
        // Ordering: Acquire; partner: the Release of `publish`, so that a
        // caller that reads `Done` finds the outcome.
        match self.0.load(Ordering::Acquire) & PHASE {
            HELD | QUEUED => Status::Queued,
            PUBLISHED => Status::Done,
            _ => Status::Running,
        }
    }
}

impl Published {
    fn of(word: u64) -> Published {
        Published {
            detached: word & DETACHED != 0,
            watched: word & WATCHED != 0,
        }
    }
}
