//! The word by which a promoted half and the frame that waits for it find each other.
//!
//! ```text
//!  bit 31..2          1      0
//!     ┌──────────────┬──────┬────────┐
//!     │ thief        │ DONE │ WAITED │
//!     └──────────────┴──────┴────────┘
//! ```
//!
//! 1. *begin*: whoever took the half adds its number.
//! 2. *wait*: the owner sets WAITED before it sleeps. Where DONE is there already it does
//!    not sleep.
//! 3. *finish*: the taker has written the result and sets DONE. Where WAITED was there, it
//!    owes the owner exactly one permit; otherwise none.
//!
//! Both are one `fetch_or` of the same word, so one of them comes first: if DONE does, the
//! owner sees it and leaves; if WAITED does, the taker sees it and wakes. A permit is never left
//! for nobody.
//!
//! **The latch lies in the owner's frame and may be gone as soon as DONE is set.** So
//! nothing of the frame is touched after `finish`: the permit goes to the owner's
//! [`Peer`](super::peer::Peer), which the taker holds.

use hivework_stm::facade::atomic::{AtomicU32, Ordering};

const WAITED: u32 = 1;
const DONE: u32 = 2;
const THIEF: u32 = 2;

/// See the [module](self).
#[derive(Debug)]
pub struct Latch(AtomicU32);

impl Default for Latch {
    fn default() -> Self {
        Latch::new()
    }
}

impl Latch {
    /// Of a half that nobody has taken.
    #[must_use]
    pub fn new() -> Self {
        Latch(AtomicU32::new(0))
    }

    /// Step 1.
    pub fn begin(&self, thief: u32) {
        // Ordering: Relaxed; the owner only wants to know whom to help.
        self.0.fetch_or(thief << THIEF, Ordering::Relaxed);
    }

    /// Who runs the half, as far as that can be seen.
    #[must_use]
    pub fn thief(&self) -> Option<u32> {
        // Ordering: as in `begin`.
        match self.0.load(Ordering::Relaxed) >> THIEF {
            0 => None,
            thief => Some(thief),
        }
    }

    /// Does the result lie in the frame?
    #[must_use]
    pub fn is_done(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `finish`.
        self.0.load(Ordering::Acquire) & DONE != 0
    }

    /// Step 2; true where there is a permit to come, which the caller has to take.
    #[must_use]
    pub fn wait(&self) -> bool {
        // Ordering: Acquire, for who finds DONE; partner: the Release in `finish`. Release is
        // for nobody: the permit carries what there is to see.
        self.0.fetch_or(WAITED, Ordering::Acquire) & DONE == 0
    }

    /// Step 3; true where the owner sleeps or is about to. The latch may be gone on return.
    #[must_use]
    pub fn finish(&self) -> bool {
        // Ordering: Release hands the result to `is_done` and `wait`. Nothing is acquired: the
        // owner has published nothing.
        self.0.fetch_or(DONE, Ordering::Release) & WAITED != 0
    }
}
