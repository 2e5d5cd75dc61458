//! The clock that a scheduler goes by: the one seam through which its timers, deadlines and
//! time slices learn what time it is.
//!
//! It is the system's, or one that is turned by hand ([manual]). What goes by real time whatever
//! the clock: limits that a thread of the program's own waits for (`join_timeout`, `drain`), how
//! long a thread looks before it sleeps, when spares and memory go back, how long it
//! waits to replace workers that crash one after the other, and how often the supervisor looks for what a
//! transport carries.

pub(crate) mod manual;

use std::time::{Instant, SystemTime};

use hivework_stm::facade::sync::Arc;

use manual::{Manual, ManualClock, Post};

use crate::handle::deep::Deep;
use crate::shared::Shared;

/// What time it is for a scheduler; see [`Builder::clock`](crate::Builder::clock).
///
/// Delays, periods and deadlines of work, the time slices and the supervisor's ticks go by it.
/// Limits that a thread waits for itself do not
/// ([`join_timeout`](crate::WorkHandle::join_timeout), [`drain`](crate::Scheduler::drain)), nor
/// do delays inside transactions ([`after`](crate::after)): they go by real time.
///
/// ```
/// use std::time::{Instant, SystemTime};
/// use hivework::Clock;
///
/// let earlier = Instant::now();
/// assert!(Clock::system().now() >= earlier);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Manual>>);

impl Clock {
    /// The system's monotonic clock, which is what a scheduler goes by unless it is told
    /// otherwise.
    #[must_use]
    pub fn system() -> Clock {
        Clock(None)
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.0 {
            None => Instant::now(),
            Some(manual) => manual.now(),
        }
    }

    /// What the calendar says; of a clock that is turned by hand, as it said when that was made,
    /// turned by as much.
    pub(crate) fn wall(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(manual) => manual.wall(),
        }
    }

    /// Is it turned by hand?
    pub(crate) fn is_manual(&self) -> bool {
        self.0.is_some()
    }

    /// The joins that are to look again whenever it has been turned; none where they can
    /// sleep until then.
    pub(crate) fn joins(&self) -> Option<&Deep> {
        self.0.as_deref().map(Manual::joins)
    }

    /// Registers a supervisor, from before its first round to its end.
    pub(crate) fn watch(&self, shared: &Arc<Shared>) -> Option<Post> {
        self.0.as_ref().map(|manual| Post::new(manual, shared))
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Clock {
        clock.clock()
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Clock {
        clock.clock()
    }
}
