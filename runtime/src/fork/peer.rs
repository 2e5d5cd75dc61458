//! A thread that forks, as the other threads see it.

use std::fmt;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use hivework_stm::facade::atomic::{AtomicU32, Ordering, fence};
use hivework_stm::facade::global;
use hivework_stm::facade::sync::Arc;

use super::frame::Job;
use super::latch::Latch;
use super::latents::Latents;
use crate::idle::Parker;
use crate::outlet::trace;
use crate::worker::deque::{Steal, Stealer};

global! {
    static NEXT: AtomicU32 = AtomicU32::new(1);
}

/// See the [module](self).
pub struct Peer {
    /// Never 0, and unique among those who are alive.
    pub(super) id: u32,
    /// How deep its forks are listed; 0 is a request to offer one. On a line of its own:
    /// the owner reads it at each fork.
    pub(super) limit: CachePadded<AtomicU32>,
    pub(super) is_worker: bool,
    /// Odd while the thread is in a section; see [`beat`](super::beat).
    sections: AtomicU32,
    /// How many nanoseconds the half ran that was stolen from it last; 0 where that has been heeded.
    lasted: AtomicU32,
    /// How many are stealing what belongs to the half that they wait for; see
    /// [`wait`](super::wait).
    visitors: AtomicU32,
    stealer: Stealer<Job>,
    /// Where its thread sleeps while it waits for a half.
    pub(super) parker: Parker,
}

/// A half that was taken from its owner's deque. It must be run: the owner waits.
#[must_use = "its owner waits for it"]
pub struct Stolen {
    job: Job,
    owner: Arc<Peer>,
}

impl Peer {
    pub(super) fn new(stealer: Stealer<Job>, is_worker: bool) -> Self {
        // Numbers return after a billion threads, of which the old one is long gone.
        // Ordering: only uniqueness counts.
        let id = NEXT.fetch_add(1, Ordering::Relaxed) % (u32::MAX >> 2) + 1;
        Peer {
            id,
            is_worker,
            limit: CachePadded::new(AtomicU32::new(0)),
            sections: AtomicU32::new(0),
            lasted: AtomicU32::new(0),
            visitors: AtomicU32::new(0),
            stealer,
            parker: Parker::new(),
        }
    }

    /// Takes the oldest half that it offers.
    pub fn steal(self: &Arc<Self>) -> Steal<Stolen> {
        match self.stealer.steal() {
            Steal::Taken(job) => Steal::Taken(Stolen {
                job,
                owner: Arc::clone(self),
            }),
            Steal::Empty => Steal::Empty,
            Steal::Retry => Steal::Retry,
        }
    }

    /// Steals for who waits for the half of this latch, which the peer runs: only what the peer
    /// offered while it did (V1 to V4).
    pub(super) fn visit(self: &Arc<Self>, latch: &Latch) -> Option<Stolen> {
        // Ordering: ordered by the fence below.
        self.visitors.fetch_add(1, Ordering::Relaxed);
        // Ordering: SeqCst fence between "I visit" and the look at the latch; partner: the fence in
        // `has_visitors`.
        fence(Ordering::SeqCst);
        let stolen = if latch.is_done() {
            None
        } else {
            match self.steal() {
                Steal::Taken(stolen) => Some(stolen),
                Steal::Empty | Steal::Retry => None,
            }
        };
        // Ordering: Release; partner: the Acquire in `has_visitors`, so that what is promoted
        // then comes after the theft.
        self.visitors.fetch_sub(1, Ordering::Release);
        stolen
    }

    /// For the owner, before it promotes anything: it may have finished a half since
    /// somebody came for parts of that.
    pub(super) fn has_visitors(&self) -> bool {
        // Ordering: SeqCst fence between the end of the last half and the look; partner: the
        // fence in `visit`.
        fence(Ordering::SeqCst);
        // Ordering: Acquire; partner: the Release in `visit`.
        self.visitors.load(Ordering::Acquire) > 0
    }

    /// Does it offer anything?
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.stealer.is_empty()
    }

    /// Asks it to offer a half at its next fork.
    pub fn request(&self) {
        // Ordering: Relaxed; a request carries nothing. It may be overwritten by the owner, who is
        // about to look around then.
        if self.limit.load(Ordering::Relaxed) != 0 {
            self.limit.store(0, Ordering::Relaxed);
        }
    }

    /// How many nanoseconds the last stolen half ran, once.
    pub(super) fn lasted(&self) -> Option<u32> {
        // Ordering: Relaxed; advice.
        match self.lasted.load(Ordering::Relaxed) {
            0 => None,
            lasted => {
                self.lasted.store(0, Ordering::Relaxed);
                Some(lasted)
            }
        }
    }

    /// A section begins or ends on its thread.
    pub(super) fn cross(&self) {
        // Ordering: advice for the beat; only the owner writes.
        let sections = self.sections.load(Ordering::Relaxed);
        self.sections
            .store(sections.wrapping_add(1), Ordering::Relaxed);
    }

    /// Is its thread in a section? For a guest.
    pub(super) fn is_in_section(&self) -> bool {
        self.sections() % 2 == 1
    }

    pub(super) fn sections(&self) -> u32 {
        // Ordering: as above.
        self.sections.load(Ordering::Relaxed)
    }
}

impl Stolen {
    /// Runs it on the thread whose list this is.
    pub fn run(self, latents: &Latents) {
        let Stolen { job, owner } = self;
        let _seen = trace::half();
        let began = Instant::now();
        let wake = latents.nested(|fork| job.run(latents.peer().id, fork));
        // The owner's frame may be gone by now; its peer is not.
        let lasted = u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX);
        // Ordering: Relaxed; advice.
        owner.lasted.store(lasted.max(1), Ordering::Relaxed);
        if wake {
            owner.parker.unpark();
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("id", &self.id)
            .field("stealer", &self.stealer)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Stolen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stolen")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}
