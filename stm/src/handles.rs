//! How many handles there are of something that several share.

use crate::facade::atomic::{AtomicUsize, Ordering};

/// A count of handles, which begins at one.
#[derive(Debug)]
pub(crate) struct Handles(AtomicUsize);

impl Handles {
    pub(crate) fn one() -> Handles {
        Handles(AtomicUsize::new(1))
    }

    /// One more.
    #[inline]
    pub(crate) fn add(&self) {
        // Ordering: Relaxed, as in std's Arc: a handle is made from a handle.
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        // Leaked handles could wrap the count; as Arc does, stop before that.
        if before > isize::MAX as usize {
            std::process::abort();
        }
    }

    /// One less. Says whether it was the last.
    #[inline]
    pub(crate) fn remove(&self) -> bool {
        // Ordering: Release, pairs with the load below in whoever is last.
        if self.0.fetch_sub(1, Ordering::Release) != 1 {
            return false;
        }
        // Ordering: Acquire, pairs with the Release above: all that others did
        // through their handles comes before what the last one does. Not a
        // fence, which the thread sanitizer does not understand.
        self.0.load(Ordering::Acquire);
        true
    }
}
