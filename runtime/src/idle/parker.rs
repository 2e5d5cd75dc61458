//! One worker's place to sleep: a permit behind a lock.
//!
//! 1. `unpark` leaves the permit and notifies, both under the lock or after it.
//! 2. `park` takes the permit, or waits for it.
//!
//! A permit that is left before its `park` is found by it; the sleeper's look
//! and its wait are one step under the lock, so none is missed.
//!
//! Beside the permit it keeps the *call*: there is something for this very worker.

use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::sync::{Condvar, Mutex};

/// A place to sleep, with a permit to be woken by.
#[derive(Debug, Default)]
pub struct Parker {
    permit: Mutex<bool>,
    left: Condvar,
    called: AtomicBool,
}

impl Parker {
    /// A place without a permit.
    #[must_use]
    pub fn new() -> Self {
        Parker::default()
    }

    /// Takes the permit, waiting for it; false when `deadline` came first.
    pub fn park(&self, deadline: Option<Instant>) -> bool {
        let mut permit = self.permit.lock();
        while !*permit {
            match deadline {
                None => self.left.wait(&mut permit),
                Some(deadline) => {
                    let late = self.left.wait_until(&mut permit, deadline).timed_out();
                    if late && !*permit {
                        return false;
                    }
                }
            }
        }
        *permit = false;
        true
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
        *self.permit.lock() = true;
        self.left.notify_one();
    }
}
