//! One worker's place to sleep: a permit behind a lock.
//!
//! 1. `unpark` leaves the permit and notifies, both under the lock or after it.
//! 2. `park` takes the permit, or waits for it.
//!
//! A permit that is left before its `park` is found by it; the sleeper's look
//! and its wait are one step under the lock, so none is missed.

use std::time::Instant;

use hivework_stm::facade::sync::{Condvar, Mutex};

/// A place to sleep, with a permit to be woken by.
#[derive(Debug, Default)]
pub struct Parker {
    permit: Mutex<bool>,
    left: Condvar,
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

    /// Leaves the permit.
    pub fn unpark(&self) {
        *self.permit.lock() = true;
        self.left.notify_one();
    }
}
