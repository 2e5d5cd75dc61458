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
//! A doze says whether it was stirred: somebody works again, and nothing is to be done yet but to tick,
//! unless somebody has rung as well. Rings are counted for that, each before it leaves its permit.
//! The supervisor reads the count before it looks after all there is, and again when it has been
//! stirred: what was rung for before the first it has seen to; a later ring shows in the second, or
//! its permit is still to come and ends the next sleep at once.
//!
//! S2 and D2 are in one order. If S2 is first, D3 sees what was done; if D2 is first,
//! S3 sees `dozing`. Either way the supervisor does not sleep over it. Of many
//! callers one rouses it. One whose swap comes before D5 though nobody slept leaves its permit
//! once too often, which costs one round.
//!
//! The barrier is heavy so that S2 may also be a light one, and so that a caller who
//! comes by again and again, as a worker that has much to do, may leave it out:
//! what S3 misses once it sees the next time.

use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use hivework_stm::facade::barrier;

use crate::idle::Parker;
use crate::time::soon;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Bell {
    parker: Parker,
    dozing: AtomicBool,
    rings: AtomicU64,
}

/// How a doze ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Roused {
    /// Somebody stirred it, or somebody stirred it among other things.
    Stirred,
    /// It was rung, or its time has come, or there was something to do.
    Otherwise,
}

impl Bell {
    /// A bell that has not been rung.
    #[must_use]
    pub fn new() -> Self {
        Bell::default()
    }

    /// Wakes who sleeps, or keeps it from the next sleep.
    pub fn ring(&self) {
        // Ordering: Release; partner: the Acquire in `rings`.
        self.rings.fetch_add(1, Ordering::Release);
        self.parker.unpark();
    }

    /// How often it was rung; who has read that sees what each of those rings was for.
    #[must_use]
    pub fn rings(&self) -> u64 {
        // Ordering: Acquire; partner: the Release in `ring`.
        self.rings.load(Ordering::Acquire)
    }

    /// S3: wakes who dozes. The caller has passed S2 since it did what is to be seen,
    /// or will be here again.
    #[inline]
    pub fn stir(&self) {
        // Ordering: ordered by the caller's fence; partner: the barrier in `doze`.
        // The swap only chooses who rings.
        if self.dozing.load(Ordering::Relaxed) && self.dozing.swap(false, Ordering::Relaxed) {
            self.parker.unpark();
        }
    }

    /// S2 and S3: somebody begins or goes on to work, and has said so in the counts that D3 looks at.
    pub fn rise(&self) {
        // Ordering: SeqCst fence between the counts and the look at `dozing`; partner: the heavy
        // barrier in `doze`.
        fence(Ordering::SeqCst);
        self.stir();
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
    pub fn doze(&self, until: Option<Instant>, busy: impl FnOnce() -> bool) -> Roused {
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
        // Ordering: Relaxed; a stirrer that comes later finds that it is awake.
        if self.dozing.swap(false, Ordering::Relaxed) {
            Roused::Otherwise
        } else {
            Roused::Stirred
        }
    }
}
