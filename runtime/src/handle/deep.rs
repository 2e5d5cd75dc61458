//! Joins that are too deep to run their item, and the end of the run.
//!
//! Such a join leaves its item to other workers. Once the run ends there are none, and the
//! join must run the item after all. So whoever ends a run tells those who wait so
//! deep:
//!
//! - W1 The join goes on the list, under the list's lock. W2 It waits for the outcome or for
//!   the run to be ending, which it looks at under the lock of its item's outcome. W3 It leaves
//!   the list.
//! - E1 The end of the run raises its flag. E2 It locks the list, and *nudges* each item on
//!   it: passes through the lock of the outcome, and wakes who waits there.
//!
//! W1 and E2 are in the order of the list's lock. If W1 is first, E2 finds the join; and the
//! join either locks its outcome after the nudge and sees the flag, or waits already and is
//! woken. If E2 is first, the flag is up when W2 looks.
//!
//! What is put while the run ends by works that still run is no different: the flag stays up.

use hivework_stm::facade::sync::{Arc, Mutex};

/// What somebody waits for, without its type.
pub trait Nudge: Send + Sync {
    /// Has whoever waits for it look again.
    fn nudge(&self);
}

/// The joins that wait so deep.
#[derive(Default)]
pub struct Deep(Mutex<Vec<Arc<dyn Nudge>>>);

impl std::fmt::Debug for Deep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Deep").field(&self.0.lock().len()).finish()
    }
}

impl Deep {
    /// Nobody waits.
    #[must_use]
    pub fn new() -> Self {
        Deep::default()
    }

    /// W1 to W3: `wait` waits for `wanted`.
    pub fn wait<R>(&self, wanted: Arc<dyn Nudge>, wait: impl FnOnce() -> R) -> R {
        struct Leave<'a>(&'a Deep, *const dyn Nudge);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                let mut waiting = self.0.0.lock();
                let place = waiting
                    .iter()
                    .position(|other| std::ptr::addr_eq(Arc::as_ptr(other), self.1));
                // One of those that are the same will do.
                let left = place.map(|place| waiting.swap_remove(place));
                drop(waiting);
                drop(left);
            }
        }
        let leave = Leave(self, Arc::as_ptr(&wanted));
        self.0.lock().push(wanted);
        let answer = wait();
        drop(leave);
        answer
    }

    /// E2, for whoever has raised the flag.
    pub fn nudge(&self) {
        for wanted in self.0.lock().iter() {
            wanted.nudge();
        }
    }
}
