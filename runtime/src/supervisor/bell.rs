//! The bell: how the supervisor sleeps and is woken.
//!
//! [`Bell::ring`] wakes it: a permit, as a worker's. Who has need of the supervisor
//! rings. Who merely works need not pay for that, so it only *stirs* a supervisor that
//! *dozes*, that is, one that sleeps without a tick because nobody works:
//!
//! - S1 The caller does what is to be seen, S2 passes a `fence(SeqCst)`, S3 reads
//!   `dozing`; if it is set it swaps it to false, and who gets the `true` rings.
//! - D1 The supervisor sets `dozing`, D2 passes the heavy barrier, which is a SeqCst
//!   fence as well, D3 looks once more whether there is something to do, and only if not
//!   D4 sleeps. D5 It clears `dozing`.
//!
//! S2 and D2 are in one order. If S2 is first, D3 sees what was done; if D2 is first,
//! S3 sees `dozing`. Either way the supervisor does not sleep over it. Of many
//! callers one rings. One that reads `dozing` before D5 clears it rings
//! once too often, which costs one round.
//!
//! The barrier is heavy so that S2 may also be a light one, and so that a caller who
//! comes by again and again, as a worker that has much to do, may leave it out:
//! what S3 misses once it sees the next time.

use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::barrier;

use crate::idle::Parker;
use crate::time::soon;

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

    /// S3: wakes who dozes. The caller has passed S2 since it did what is to be seen,
    /// or will be here again.
    #[inline]
    pub fn stir(&self) {
        // Ordering: ordered by the caller's fence; partner: the barrier in `doze`.
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
        // Ordering: ordered by the barrier below. A swap, so that it comes after
        // the swap of every stirrer that it does not hear of.
        self.dozing.swap(true, Ordering::Relaxed);
        // Ordering: heavy barrier between "I doze" and the last look; partner: the
        // fence or the light barrier that whoever stirs has passed.
        let ordered = barrier::heavy();
        if !busy() {
            // Without the barrier the look proves nothing: look again soon.
            self.parker.park(if ordered { until } else { soon(until) });
        }
        // Ordering: Relaxed; a stirrer that still reads `true` rings in vain.
        self.dozing.store(false, Ordering::Relaxed);
    }
}
