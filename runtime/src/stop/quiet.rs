//! How a drain waits for the last work to end, at no cost to the works.
//!
//! - W1 The drain raises its flag, W2 passes a `fence(SeqCst)`, W3 looks at the
//!   books; while something is live it waits for the bell and looks again.
//! - T1 A thread ends works; T2 before it sleeps, or at once where it will not
//!   come to that, it passes a `fence(SeqCst)`; T3 if the flag is up it rings.
//!
//! W2 and T2 are in one order. If T2 is first, W3 counts the end; if W2 is first,
//! T3 sees the flag and the drain looks again. So the end of the last work is
//! seen, and a worker pays for it only when it has nothing else to do.

use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicBool, Ordering, fence};

use crate::idle::Parker;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Quiet {
    waited_for: AtomicBool,
    bell: Parker,
}

impl Quiet {
    /// Nobody waits.
    #[must_use]
    pub fn new() -> Self {
        Quiet::default()
    }

    /// W1 to W3: waits until `live` answers 0 or until then.
    pub fn wait(&self, until: Option<Instant>, live: impl Fn() -> u64) {
        // Ordering: ordered by the fence below.
        self.waited_for.store(true, Ordering::Relaxed);
        // Ordering: SeqCst fence between the flag and the look at the books;
        // partner: the fence that everyone has passed who calls `tell`.
        fence(Ordering::SeqCst);
        while live() > 0 && self.bell.park(until) {}
        // Ordering: Relaxed; who still reads the flag rings in vain.
        self.waited_for.store(false, Ordering::Relaxed);
    }

    /// T3. The caller has passed a SeqCst fence since the last work that it
    /// ended.
    pub fn tell(&self) {
        // Ordering: ordered by the caller's fence and that in `wait`.
        if self.waited_for.load(Ordering::Relaxed) {
            self.bell.unpark();
        }
    }
}
