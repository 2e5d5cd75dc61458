#![allow(unsafe_code, reason = "a pointer that is set once and read by all")]
//! A box that whoever needs it first makes: one word, for what few items have.
//!
//! Null, then once and for all the box of whoever's compare-and-swap is first; a rival's own is
//! dropped. Nobody takes it out, so what was read stays valid for as long as this is borrowed.

use std::ptr::{self, NonNull};

use hivework_stm::facade::atomic::{AtomicPtr, Ordering};

/// See the [module](self).
pub(crate) struct OnceBox<T>(AtomicPtr<T>);

// SAFETY: it owns a T, which goes with it to another thread, and lends it to all who share it.
unsafe impl<T: Send> Send for OnceBox<T> {}
// SAFETY: as above; who shares it may also be the one to make or to drop the T.
unsafe impl<T: Send + Sync> Sync for OnceBox<T> {}

impl<T> OnceBox<T> {
    pub(crate) fn new() -> Self {
        OnceBox(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // Ordering: Acquire; partner: the Release of the exchange below.
        let place = NonNull::new(self.0.load(Ordering::Acquire))?;
        // SAFETY: a box that is not freed before this is dropped, and that nobody writes to.
        Some(unsafe { place.as_ref() })
    }

    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(made) = self.get() {
            return made;
        }
        let new = Box::into_raw(Box::new(make()));
        // Ordering: Release hands the box on, Acquire takes a rival's over; each other's
        // partner, and that of `get`.
        let place =
            match self
                .0
                .compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => new,
                Err(theirs) => {
                    // SAFETY: made above, and never shown to anybody.
                    drop(unsafe { Box::from_raw(new) });
                    theirs
                }
            };
        // SAFETY: as in `get`.
        unsafe { &*place }
    }

    /// As `get_or_make`, by whoever has this alone.
    pub(crate) fn get_mut_or_make(&mut self, make: impl FnOnce() -> T) -> &mut T {
        let _ = self.get_or_make(make);
        // Ordering: Relaxed, alone with it.
        let place = self.0.load(Ordering::Relaxed);
        // SAFETY: a box that is there, borrowed by nobody else, because this is not.
        unsafe { &mut *place }
    }
}

impl<T> Drop for OnceBox<T> {
    #[inline]
    fn drop(&mut self) {
        // Ordering: Acquire; partner: the exchange of whoever made the box.
        let place = self.0.load(Ordering::Acquire);
        if !place.is_null() {
            // SAFETY: a box, and nobody else reaches it any more.
            drop(unsafe { Box::from_raw(place) });
        }
    }
}
