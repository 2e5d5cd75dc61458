//! The bell: how the supervisor sleeps and is woken.
//!
//! [`Bell::ring`] wakes it: a permit behind a lock, as a worker's parker. Putting
//! work must not cost that much, so it only *stirs* a supervisor that *dozes*,
//! that is, one that sleeps without a tick because there is nothing to do:
//!
//! - S1 The putter counts its item (and publishes it), S2 passes a
//!   `fence(SeqCst)`, S3 reads `dozing`; if it is set it swaps it to false, and
//!   who gets the `true` rings.
//! - D1 The supervisor sets `dozing`, D2 passes a `fence(SeqCst)`, D3 looks once
//!   more whether there is something to do, and only if not D4 sleeps. D5 It clears
//!   `dozing`.
//!
//! S2 and D2 are in one order. If S2 is first, D3 sees the item; if D2 is first,
//! S3 sees `dozing`. Either way the supervisor does not sleep over it. Of many
//! putters one rings. A putter that reads `dozing` before D5 clears it rings
//! once too often, which costs one round.

use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicBool, Ordering, fence};

use crate::idle::Parker;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Bell {
    parker: Parker,
    dozing: AtomicBool,
}

impl Bell {
    /// A bell that has not been rung.
    #[must_use]
    pub fn new() -> Self {
        Bell::default()
    }

    /// Wakes who sleeps, or keeps it from the next sleep.
    pub fn ring(&self) {
        self.parker.unpark();
    }

    /// S3: wakes who dozes. The caller has passed a SeqCst fence since it did
    /// what is to be seen.
    pub fn stir(&self) {
        // Ordering: ordered by the caller's fence; partner: the fence in `doze`.
        // The swap only chooses who rings.
        if self.dozing.load(Ordering::Relaxed) && self.dozing.swap(false, Ordering::Relaxed) {
            self.ring();
        }
    }

    /// Does it sleep without a tick, as far as can be seen?
    #[must_use]
    pub fn is_dozing(&self) -> bool {
        // Ordering: advice.
        self.dozing.load(Ordering::Relaxed)
    }

    /// Sleeps until rung or until then.
    pub fn sleep(&self, until: Option<Instant>) {
        self.parker.park(until);
    }

    /// D1 to D5: sleeps until rung, stirred or until then, unless `busy`.
    pub fn doze(&self, until: Option<Instant>, busy: impl FnOnce() -> bool) {
        // Ordering: ordered by the fence below. A swap, so that it comes after
        // the swap of every stirrer that it does not hear of.
        self.dozing.swap(true, Ordering::Relaxed);
        // Ordering: SeqCst fence between "I doze" and the last look; partner:
        // the fence that whoever stirs has passed.
        fence(Ordering::SeqCst);
        if !busy() {
            self.parker.park(until);
        }
        // Ordering: Relaxed; a stirrer that still reads `true` rings in vain.
        self.dozing.store(false, Ordering::Relaxed);
    }
}
