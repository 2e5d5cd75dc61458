//! What a tracer is told of transactions: each attempt, when it is over. Nothing, unless
//! built with the feature `trace`.
//!
//! A thread that wants to be traced names a function ([`set_tracer`]). From then on an attempt on
//! that thread notes when it begins; when it is over, whichever way, and before any foreign
//! code runs (`transaction/attempt.rs`, step 4), the function is called. A thread that has named
//! none pays a look at a thread-local variable for each attempt; without the feature there is
//! neither a look nor a field.
//!
//! Public for the runtime above, and not part of the stable interface.

#[cfg(not(feature = "trace"))]
mod idle;
#[cfg(feature = "trace")]
mod watch;

#[cfg(not(feature = "trace"))]
pub(crate) use idle::Watch;
#[cfg(feature = "trace")]
pub(crate) use watch::Watch;
#[cfg(feature = "trace")]
pub use watch::{Seen, set_tracer};

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// It took effect.
    Committed,
    /// Somebody else had committed first.
    Conflict,
    /// It asked to retry.
    Retry,
    /// The caller's own error, or a panic.
    Aborted,
}
