//! The life-cycle word of a work item: who may run it, who answers its handle.
//!
//! # The word
//!
//! ```text
//!  bit  7        6          5         4        2..0
//!     ┌──────────┬──────────┬─────────┬────────┬───────┐
//!     │ LEFT     │ DETACHED │ OVERDUE │ CANCEL │ phase │
//!     └──────────┴──────────┴─────────┴────────┴───────┘
//! ```
//!
//! | phase | meaning |
//! |---|---|
//! | HELD | made, or put by a transaction that is not known to have committed |
//! | QUEUED | put; nobody has begun it |
//! | RUNNING | one thread runs it |
//! | SETTLED | its outcome is decided, by one thread, which is about to publish it |
//! | PUBLISHED | the outcome lies in its slot, and whoever waits has been or is being woken |
//!
//! | flag | meaning |
//! |---|---|
//! | CANCEL | somebody asked for it to be cancelled |
//! | OVERDUE | its deadline passed first: the handle has been answered so, or is about to be |
//! | DETACHED | the handle is gone: nobody will take the result |
//! | LEFT | it was told to stop at a checkpoint and said that it would |
//!
//! # Steps
//!
//! 1. *commit*: HELD → QUEUED, once the put's transaction has committed.
//! 2. *begin*: QUEUED (from a queue also HELD: that it lies in a queue proves
//!    that its put committed) → RUNNING. The winner runs the closure.
//! 3. *finish*: RUNNING → SETTLED by the thread that ran it; or *withdraw*,
//!    *cancel*, *expire* from HELD or QUEUED → SETTLED by somebody else; or
//!    *expire* from RUNNING → SETTLED by whoever watches the deadline.
//! 4. *publish*: SETTLED → PUBLISHED by the winner of step 3.
//!
//! # Races
//!
//! Each transition is one compare-and-swap (or one `fetch_or`) on one word, so
//! of any number of rivals one wins and the others read who did: one thread
//! runs the closure, and one outcome is published. A loser finds out from the
//! `#[must_use]` answer and leaves the item alone; the entry that it may still
//! have in a queue is a *tombstone*.
//!
//! The phase only grows and a flag is never taken back, so every loop below
//! ends: it repeats only when the word has changed under it.

use hivework_stm::facade::atomic::{AtomicU32, Ordering};

const PHASE: u32 = 0b111;
const HELD: u32 = 0;
const QUEUED: u32 = 1;
const RUNNING: u32 = 2;
const SETTLED: u32 = 3;
/// SETTLED and one bit more, so that publishing is a `fetch_or`.
const PUBLISHED: u32 = 7;
const CANCEL: u32 = 1 << 4;
const OVERDUE: u32 = 1 << 5;
const DETACHED: u32 = 1 << 6;
const LEFT: u32 = 1 << 7;

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
pub struct StateWord(AtomicU32);

impl Default for StateWord {
    fn default() -> Self {
        StateWord::new()
    }
}

impl StateWord {
    /// The word of an item that has just been made.
    pub fn new() -> Self {
        StateWord(AtomicU32::new(HELD))
    }

    /// Replaces the word by `step` of it for as long as `step` answers one.
    /// Says the word it replaced, or the one that `step` declined.
    fn advance(&self, step: impl Fn(u32) -> Option<u32>) -> Result<u32, u32> {
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

    /// Step 1: the put's transaction has committed. Without effect on an item
    /// that somebody has begun or withdrawn meanwhile.
    pub fn commit(&self) {
        let _ = self.advance(|word| (word & PHASE == HELD).then_some(word | QUEUED));
    }

    /// Step 2: claims the right to run the item.
    pub fn begin(&self, claim: Claim) -> Begin {
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
            HELD | QUEUED | RUNNING => Some(word | SETTLED | OVERDUE),
            _ => None,
        });
        match answer {
            Ok(word) if word & PHASE == RUNNING => Expire::Running,
            Ok(_) => Expire::Unbegun,
            Err(_) => Expire::TooLate,
        }
    }

    /// Step 4; true when the handle is gone, and with it whoever would take
    /// the outcome.
    #[must_use]
    pub fn publish(&self) -> bool {
        // Ordering: AcqRel. Release hands the outcome to `is_published`;
        // Acquire pairs with `detach`, whose caller has let go of its claims.
        let word = self.0.fetch_or(PUBLISHED, Ordering::AcqRel);
        debug_assert_eq!(
            word & PHASE,
            SETTLED,
            "published by the thread that settled"
        );
        word & DETACHED != 0
    }

    /// The running work says that it stops at a checkpoint.
    pub(crate) fn leave(&self) {
        // Ordering: read back by the same thread in `finish`.
        self.0.fetch_or(LEFT, Ordering::Relaxed);
    }

    /// The handle is gone; true when the outcome had been published before.
    pub fn detach(&self) -> bool {
        // Ordering: AcqRel; partner: `publish`, in whichever order they come.
        let word = self.0.fetch_or(DETACHED, Ordering::AcqRel);
        word & PHASE == PUBLISHED
    }

    /// Does the outcome lie in its slot?
    pub fn is_published(&self) -> bool {
        // Ordering: Acquire; partner: the Release of `publish`.
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
