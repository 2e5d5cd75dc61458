//! What is to be dropped, whose code it is that runs then, and its panics.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

/// A value behind an erased pointer, to be dropped once.
#[derive(Debug)]
pub(crate) struct Garbage {
    pointer: *mut (),
    drop: unsafe fn(*mut ()),
}

// SAFETY: the constructor's caller promises that the value may be dropped on
// any thread.
unsafe impl Send for Garbage {}

impl Garbage {
    /// # Safety
    ///
    /// `drop(pointer)` must be sound to call once, on any thread, and nothing
    /// else may do so.
    #[inline]
    pub(crate) unsafe fn new(pointer: *mut (), drop: unsafe fn(*mut ())) -> Self {
        Garbage { pointer, drop }
    }
}

impl Drop for Garbage {
    fn drop(&mut self) {
        contain(|| {
            // SAFETY: promised to `new`, and a Garbage is dropped once.
            unsafe { (self.drop)(self.pointer) }
        });
    }
}

/// Runs foreign code whose panic concerns nobody here: the panic hook has told
/// of it, and here it stops.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(f)) {
        drop_payload(payload);
    }
}

/// Drops what a panic carried. That may panic in turn; what that one carries is
/// left alone, or there would be no end to it.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(another) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}
