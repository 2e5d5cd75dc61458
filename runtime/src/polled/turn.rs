//! Whose turn it is with an item that runs in several: the word that a poll,
//! a wake-up and an end settle their races on.
//!
//! # The word
//!
//! ```text
//!  bit  3         2        1         0
//!     ┌─────────┬────────┬─────────┬───────┐
//!     │ STOPPED │ CLOSED │ POLLING │ WOKEN │
//!     └─────────┴────────┴─────────┴───────┘
//! ```
//!
//! | word | meaning |
//! |---|---|
//! | 0 | *aside*: polled, and waiting to be woken; it lies in no queue |
//! | WOKEN | *queued*: an entry lies in a queue, or is about to |
//! | POLLING | one thread polls it |
//! | POLLING, WOKEN | and something that it waits for has happened meanwhile |
//! | CLOSED, POLLING | it is over for everybody but the one that polls, who sees to it |
//! | CLOSED | nobody polls it any more |
//!
//! STOPPED beside CLOSED says why: its scheduler has ended, and nobody cancelled it.
//!
//! # Steps
//!
//! 1. *begin*: queued → POLLING. Who takes an entry out of a queue and finds
//!    anything else has met a tombstone.
//! 2. *set aside*: after a poll that left it pending, POLLING → aside. Where it was
//!    woken meanwhile → queued, and the caller puts it into a queue; where it was
//!    closed, the caller sees to its end.
//! 3. *wake*: sets WOKEN. The one that found it aside puts it into a queue.
//! 4. *close*: sets CLOSED. The one that found nobody polling sees to its end.
//!
//! # Races
//!
//! *A wake-up between a poll's look and its setting aside.* Both are read-modify-writes
//! of the word. If the wake-up is first, step 2 finds WOKEN, and the item is polled
//! again; if step 2 is first, the wake-up finds it aside and queues it. It is never
//! lost and never queued twice.
//!
//! *A wake-up of an item that is queued already* changes nothing, and is written all
//! the same: the poll to come reads from it, and so sees what the waker did before.
//!
//! *An end against either.* One thread finds CLOSED not set and nobody polling, or the
//! poller finds CLOSED in step 2: the future belongs to exactly one of them. A wake-up
//! that comes later finds CLOSED, and nothing is left to be queued.

use hivework_stm::facade::atomic::{AtomicU32, Ordering};

const ASIDE: u32 = 0;
const WOKEN: u32 = 1;
const POLLING: u32 = 1 << 1;
const CLOSED: u32 = 1 << 2;
const STOPPED: u32 = 1 << 3;

/// What became of an attempt to take the turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Turn {
    /// The caller polls it.
    Mine,
    /// It is not queued: the entry was a tombstone.
    Gone,
}

/// What became of an item after a poll that left it pending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum SetAside {
    /// It waits to be woken, and may be polled elsewhere by now.
    Aside,
    /// It was woken meanwhile: the caller puts it into a queue.
    Queue,
    /// It was closed meanwhile: the caller sees to its end.
    Closed(Why),
}

/// What became of a wake-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Wakeup {
    /// The caller puts it into a queue.
    Queue,
    /// It is on its way, or over.
    Nothing,
}

/// What became of an attempt to close it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Close {
    /// The caller sees to its end; says whether it was aside, and not queued.
    Mine {
        /// Was it waiting to be woken?
        aside: bool,
    },
    /// The one that polls it sees to its end, if this poll is not the last.
    Told,
    /// It was closed before.
    TooLate,
}

/// Why it was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Somebody cancelled it.
    Cancelled,
    /// Its scheduler ends, or drains.
    Stopped,
}

/// The word; see the [module's](self) table.
#[derive(Debug)]
pub struct TurnWord(AtomicU32);

impl Default for TurnWord {
    fn default() -> Self {
        TurnWord::new()
    }
}

impl TurnWord {
    /// The word of an item that is about to be put, and so counts as queued.
    #[must_use]
    pub fn new() -> Self {
        TurnWord(AtomicU32::new(WOKEN))
    }

    /// Step 1.
    pub fn begin(&self) -> Turn {
        // Ordering: Acquire. The poll sees what was done before every wake-up that it
        // answers, and what the last poll left behind; partners: the Release of `wake` and
        // that of `set_aside`, each through the exchanges that came after it.
        let taken = self
            .0
            .compare_exchange(WOKEN, POLLING, Ordering::Acquire, Ordering::Relaxed);
        match taken {
            Ok(_) => Turn::Mine,
            Err(_) => Turn::Gone,
        }
    }

    /// Step 2.
    pub fn set_aside(&self) -> SetAside {
        // Ordering: Release, so that the next poll, or whoever closes it, finds the
        // future as this one left it; partner: the Acquire in `begin` and `close`.
        let aside = self
            .0
            .compare_exchange(POLLING, ASIDE, Ordering::Release, Ordering::Relaxed);
        let Err(word) = aside else {
            return SetAside::Aside;
        };
        if word & CLOSED == 0 {
            // Ordering: Release, as above. The wake-up's own reaches the next poll
            // through this exchange.
            let queued = self
                .0
                .compare_exchange(word, WOKEN, Ordering::Release, Ordering::Relaxed);
            if queued.is_ok() {
                return SetAside::Queue;
            }
        }
        SetAside::Closed(self.close_for_good())
    }

    /// Step 3.
    pub fn wake(&self) -> Wakeup {
        // Ordering: Release, and a write whatever it finds: hands on what the caller did
        // before; partner: the Acquire in `begin`.
        match self.0.fetch_or(WOKEN, Ordering::Release) {
            ASIDE => Wakeup::Queue,
            _ => Wakeup::Nothing,
        }
    }

    /// Step 4.
    pub fn close(&self, why: Why) -> Close {
        let bits = match why {
            Why::Cancelled => CLOSED,
            Why::Stopped => CLOSED | STOPPED,
        };
        // Ordering: Relaxed; the exchange decides.
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Close::TooLate;
            }
            // Ordering: Acquire takes the future over from the last poll; partner: the
            // Release in `set_aside`.
            match self.0.compare_exchange_weak(
                word,
                word | bits,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(word) if word & POLLING != 0 => return Close::Told,
                Ok(word) => {
                    return Close::Mine {
                        aside: word == ASIDE,
                    };
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// Step 4 for one that waits, and not otherwise; true when the caller sees to its
    /// end, because its scheduler drains.
    #[must_use]
    pub fn close_aside(&self) -> bool {
        // Ordering: Acquire, as in `close`.
        self.0
            .compare_exchange(
                ASIDE,
                CLOSED | STOPPED,
                Ordering::Acquire,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// The one that polls it, and sees to its end, closes it; says why somebody else
    /// has closed it, if so.
    pub fn close_for_good(&self) -> Why {
        // Ordering: Relaxed; the future is the caller's already.
        let word = self.0.swap(CLOSED, Ordering::Relaxed);
        if word & STOPPED != 0 {
            Why::Stopped
        } else {
            Why::Cancelled
        }
    }
}
