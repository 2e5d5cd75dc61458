//! Containing panics: whatever a user's code does, a worker goes on.
//!
//! User code runs in closures, callbacks, hooks and wakers, and in the `Drop`
//! of closures, results and panic payloads. All of it goes through the
//! functions below. The one payload that is let through is [`Crash`], by which
//! a test ends a worker the hard way; not even that one where somebody else's code is
//! still to come.

use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// The payload that ends the worker that it is thrown on.
#[derive(Debug)]
pub struct Crash;

/// Runs `f`; a panic becomes an error.
///
/// The closure counts as unwind safe because nothing that it can have left
/// half-done is looked at again: the work's own state is consumed by the call,
/// and a transaction that unwinds is rolled back.
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Err(payload) if payload.is::<Crash>() => panic::resume_unwind(payload),
        result => result,
    }
}

/// As [`contain`], a [`Crash`] included.
pub(crate) fn contain_all<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    panic::catch_unwind(AssertUnwindSafe(f))
}

/// Runs `f` and drops what it panics with.
pub(crate) fn shield(f: impl FnOnce()) {
    if let Err(payload) = contain(f) {
        drop_contained(payload);
    }
}

/// Drops a value whose `Drop` may panic. A payload whose own `Drop` panics is
/// leaked rather than chased further.
pub(crate) fn drop_contained<T>(value: T) {
    if !mem::needs_drop::<T>() {
        return;
    }
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(value))) {
        if let Err(nested) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(nested);
        }
    }
}

/// What a panic said.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if payload.is::<Crash>() {
        "the worker was crashed on purpose".to_owned()
    } else {
        "a panic with a payload that is not text".to_owned()
    }
}
