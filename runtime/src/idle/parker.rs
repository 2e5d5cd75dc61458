//! A place for one thread to sleep: a permit, and who waits for it.
//!
//! 1. `unpark` leaves the permit and, if there was none, locks the place and wakes the thread whose name is
//!    there.
//! 2. `park` takes the permit if it is there. If not, it locks the place and writes its
//!    name, and then sleeps as long as there is no permit.
//!
//! The locks are in one order. If `unpark`'s is first, its permit is found before the first
//! sleep; if `park`'s is first, `unpark` finds the name, and wakes a thread that sleeps or
//! keeps it from sleeping.
//!
//! It sleeps by the standard library's `park` rather than on a condition variable: who is woken has no lock
//! to take, and who wakes has no queue to search, which is a good part of what a
//! wake-up costs. A thread's own park token may so be taken, or be there without
//! cause, as after any of the standard library's waits; `park` may return spuriously, and
//! the permit alone decides.
//!
//! Beside the permit it keeps the *call*: there is something for this very worker.

use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::local;
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread::{self, Thread};

local! {
    static MINE: Arc<Parker> = Arc::new(Parker::new());
}

/// A place to sleep, with a permit to be woken by.
#[derive(Debug, Default)]
pub struct Parker {
    permit: AtomicBool,
    sleeper: Mutex<Option<Thread>>,
    called: AtomicBool,
}

impl Parker {
    /// A place without a permit.
    #[must_use]
    pub fn new() -> Self {
        Parker::default()
    }

    /// One that a thread keeps, for waits of its own. It may have a permit from an earlier one.
    pub(crate) fn of_this_thread() -> Arc<Parker> {
        MINE.try_with(Arc::clone).unwrap_or_default()
    }

    /// Takes the permit, waiting for it; false when `deadline` came first. One
    /// thread at a time.
    pub fn park(&self, deadline: Option<Instant>) -> bool {
        if self.take() {
            return true;
        }
        *self.sleeper.lock() = Some(thread::current());
        loop {
            if self.take() {
                return true;
            }
            let Some(deadline) = deadline else {
                thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
    }

    /// Leaves the call, after what it is about.
    pub(super) fn call(&self) {
        // Ordering: Release; partner: the Acquire in `take_call`.
        self.called.store(true, Ordering::Release);
    }

    /// Is there a call?
    #[must_use]
    pub fn is_called(&self) -> bool {
        // Ordering: Relaxed; where a sleeper must not miss it, the lock on the list
        // of sleepers orders it.
        self.called.load(Ordering::Relaxed)
    }

    /// Takes the call: whoever has it looks at what it may be about.
    #[must_use]
    pub fn take_call(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `call`.
        self.is_called() && self.called.swap(false, Ordering::Acquire)
    }

    /// Leaves the permit.
    pub fn unpark(&self) {
        // Ordering: Release; partner: the Acquire in `take`. What the waker did comes
        // before what the woken thread does.
        if self.permit.swap(true, Ordering::Release) {
            // Whoever left it wakes the sleeper, if there is one.
            return;
        }
        let sleeper = self.sleeper.lock().clone();
        if let Some(sleeper) = sleeper {
            sleeper.unpark();
        }
    }

    fn take(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `unpark`.
        self.permit.swap(false, Ordering::Acquire)
    }
}
