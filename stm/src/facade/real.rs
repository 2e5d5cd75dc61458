//! The shipped side of the facade.

pub use std::sync::atomic;

pub mod barrier;

/// Locks and shared ownership.
pub mod sync {
    pub use parking_lot::{Condvar, Mutex, MutexGuard};
    pub use std::sync::{Arc, Weak};
}

/// Threads.
pub mod thread {
    pub use std::thread::{
        AccessError, Builder, JoinHandle, LocalKey, Thread, current, park, park_timeout, spawn,
        yield_now,
    };
}

/// Hints to the processor.
pub mod hint {
    pub use std::hint::spin_loop;
}

/// Orders a committer's lock acquisitions before its validation.
///
/// Nothing in a shipped build: there both sides are SeqCst accesses, which cost
/// no more on x86-64 and which Miri and the thread sanitizer understand. See
/// `transaction/commit.rs` for the proof of both forms.
#[inline(always)]
pub fn commit_fence() {}

/// Is memory reclaimed? Always, but for models of other things.
#[inline(always)]
pub fn reclaims() -> bool {
    true
}

/// Is this a build whose schedules a model checker explores?
pub const MODELLED: bool = false;

/// A thread-local variable: `local! { static NAME: Type = value; }`.
#[doc(hidden)]
#[macro_export]
macro_rules! __local {
    ($($item:tt)*) => { ::std::thread_local! { $($item)* } };
}

/// A global that races: `global! { static NAME: Type = constant; }`.
#[doc(hidden)]
#[macro_export]
macro_rules! __global {
    ($(#[$attr:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$attr])*
        static $name: $type = $value;
    };
}

/// An array of one constant: `filled!(value; LENGTH)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __filled {
    ($value:expr; $length:expr) => {
        [const { $value }; $length]
    };
}

#[doc(inline)]
pub use crate::{__filled as filled, __global as global, __local as local};
