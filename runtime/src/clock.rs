//! The clock that a scheduler goes by: the one seam through which its timers, deadlines and
//! time slices learn what time it is.

use std::time::Instant;

/// What time it is for a scheduler.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock;

impl Clock {
    /// What time it is.
    pub(crate) fn now(&self) -> Instant {
        Instant::now()
    }
}
