//! Outlets: where what goes on here can be seen with tools that are not of this house. Each is a
//! feature, and off unless asked for.
//!
//! | feature | what it gives | where |
//! |---|---|---|
//! | `tracing` | each work as a span, below that of whoever put it; the supervisor's news as events | `outlet/spans.rs` |
//! | `metrics` | the books, to the recorder of the facade | `outlet/figures.rs` |
//! | `trace` | a file of who ran what, and when | `outlet/trace.rs` |
//!
//! The rest of the house calls an outlet at a few places, one line each. Without the feature
//! what is called there is empty and inlined away (`outlet/idle.rs`), and no struct has a field
//! for it.
//!
//! | call | where | what for |
//! |---|---|---|
//! | [`put`] | a work is bound to its scheduler | the span of who puts it; the arrow to its run |
//! | [`turn`] | around what a work runs, once for each turn | its span; its bar in the trace |
//! | [`settled`] | a work is settled | its span ends |
//! | [`is_heard`], [`tell`] | an event is announced | the supervisor's news |
//! | `trace::{puts, steal, half, park, block, tick}` | where that happens | its bar in the trace |
//! | `trace::{write_out, due, close}` | the supervisor's rounds, the ends of a run | the file |
//!
//! A subscriber of `tracing` is a user's code. Where a panic of its would meet ours it is
//! contained; inside a work it is the work's.

#[cfg(feature = "metrics")]
mod figures;
#[cfg(not(all(feature = "trace", feature = "tracing")))]
mod idle;
#[cfg(feature = "tracing")]
pub(crate) mod spans;
#[cfg(feature = "trace")]
pub(crate) mod trace;

#[cfg(not(feature = "tracing"))]
pub(crate) use idle::spans;
#[cfg(not(feature = "trace"))]
pub(crate) use idle::trace;

use crate::event::Event;
use crate::shared::Shared;
use crate::work::info::Info;
use crate::work::own::Own;
#[cfg(any(feature = "trace", feature = "tracing"))]
use crate::work::own::Whose;

/// A work is about to be put to the scheduler whose home it has been given.
#[inline]
pub(crate) fn put(shared: &Shared, info: &mut Info) {
    spans::put(info);
    trace::arrow(shared, info);
}

/// A turn of a work on this thread, for as long as this lives.
#[must_use]
pub(crate) struct Turn {
    _span: spans::Entered,
    _seen: trace::Seen,
}

/// The calling thread is about to run a work, or a turn of it.
#[inline]
pub(crate) fn turn(info: &Info, own: &Own, first: bool) -> Turn {
    let seen = trace::work(info, own, first);
    Turn {
        _span: spans::enter(info, own, first),
        _seen: seen,
    }
}

/// A work is settled, and not answered yet.
#[inline]
pub(crate) fn settled(info: &Info) {
    spans::close(info);
}

/// Is there an outlet for events?
#[inline]
pub(crate) fn is_heard() -> bool {
    spans::are_heard()
}

/// Something has happened.
#[inline]
pub(crate) fn tell(shared: &Shared, event: &Event) {
    spans::tell(shared, event);
}

/// The number of the worker that this thread is, if it is one of the item's scheduler.
#[cfg(any(feature = "trace", feature = "tracing"))]
fn worker_of(own: &Own) -> Option<usize> {
    match &own.whose {
        Whose::Worker(worker) => Some(worker.seat.number),
        Whose::Elsewhere(_) | Whose::Nobody => None,
    }
}
