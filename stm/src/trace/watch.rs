//! The watch of a build with the feature.

use std::cell::Cell;
use std::time::Instant;

use super::How;
use crate::facade::local;

/// An attempt that is over.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Before its first read.
    pub begun: Instant,
    /// After its last publication.
    pub ended: Instant,
    /// How it ended.
    pub how: How,
}

local! {
    static TRACER: Cell<Option<fn(Seen)>> = const { Cell::new(None) };
}

/// Has every attempt on this thread told to `tracer` from now on, or none any more.
///
/// It is called after the attempt, where a transaction would be allowed; but one that runs a
/// transaction is told of that, too. It must not panic: the attempt may be over because of a
/// panic.
pub fn set_tracer(tracer: Option<fn(Seen)>) {
    let _ = TRACER.try_with(|place| place.set(tracer));
}

fn tracer() -> Option<fn(Seen)> {
    TRACER.try_with(Cell::get).ok().flatten()
}

#[derive(Debug)]
pub(crate) struct Watch {
    begun: Option<Instant>,
    how: How,
}

impl Watch {
    #[inline]
    pub(crate) fn begin() -> Watch {
        Watch {
            begun: tracer().map(|_| Instant::now()),
            how: How::Aborted,
        }
    }

    /// It will end so, unless it commits.
    #[inline]
    pub(crate) fn note(&mut self, how: How) {
        self.how = how;
    }

    #[inline]
    pub(crate) fn end(&self, committed: bool) {
        if let Some(begun) = self.begun {
            tell(begun, if committed { How::Committed } else { self.how });
        }
    }
}

#[cold]
fn tell(begun: Instant, how: How) {
    if let Some(tracer) = tracer() {
        tracer(Seen {
            begun,
            ended: Instant::now(),
            how,
        });
    }
}
