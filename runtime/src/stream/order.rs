//! By what streams and jobs are chosen.

use std::fmt;

use hivework_stm::facade::sync::Arc;

use super::view::{JobView, StreamView};

/// Says which stream the next job is drawn from, by its number.
type ChooseStream = Arc<dyn Fn(&[StreamView]) -> u64 + Send + Sync>;

/// Says which job comes next, by its number.
type ChooseJob = Arc<dyn Fn(&[JobView]) -> u64 + Send + Sync>;

/// From which of its streams a [`StreamScheduler`](crate::StreamScheduler) draws the next job: of those that are
/// active and have one, and whose own slots are not all taken.
///
/// Whichever it is, streams that are equal by it take turns, in the order in which they were opened.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Draw {
    /// The one with the highest [priority](crate::StreamBuilder::priority).
    #[default]
    StrictPriority,
    /// Each as often as its [weight](crate::StreamBuilder::weight) says: of any number of jobs that are drawn while
    /// the same streams have some, each stream's share is within one job of the exact one. (The worst-case
    /// fair queueing of Bennett and Zhang, with jobs as units.)
    WeightedFair,
    /// One after the other.
    RoundRobin,
    /// The one that this says; see [`Draw::own`].
    Own(ChooseStream),
}

/// Which of its jobs a [`Stream`](crate::Stream) starts next.
///
/// Whichever it is, of jobs that are equal by it that one comes first that was put first.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Next {
    /// The one that was put first.
    #[default]
    Fifo,
    /// The one that was put last.
    Lifo,
    /// The one with the highest [priority](crate::Job::priority).
    Priority,
    /// The one whose [deadline](crate::Job::deadline) passes first; those without one come last.
    EarliestDeadline,
    /// The first of each [key](crate::Job::key), one key after the other. A key whose last job has gone
    /// comes back at the end.
    RoundRobin,
    /// The one that this says; see [`Next::own`].
    Own(ChooseJob),
}

impl Draw {
    /// A strategy of one's own: called with the streams that a job can be drawn from, in the order in
    /// which they were opened, it answers the [number](crate::StreamId) of one. It takes time in proportion to their number.
    ///
    /// It is called outside of transactions, on whichever thread has a slot for a job, on several at a time.
    /// Where it panics, or answers a number that is none of theirs, the first of them takes the
    /// turn, and [`Event::StreamTroubled`](crate::Event::StreamTroubled) says so.
    pub fn own(choose: impl Fn(&[StreamView]) -> u64 + Send + Sync + 'static) -> Draw {
        Draw::Own(Arc::new(choose))
    }
}

impl Next {
    /// A strategy of one's own: called with the jobs that wait, in the order in which they were put, it
    /// answers the [number](JobView::id) of one. It takes time in proportion to their number.
    ///
    /// It is called as [`Draw::own`] tells, and what it does wrong is dealt with in the same way.
    pub fn own(choose: impl Fn(&[JobView]) -> u64 + Send + Sync + 'static) -> Next {
        Next::Own(Arc::new(choose))
    }
}

impl fmt::Debug for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Draw::StrictPriority => "StrictPriority",
            Draw::WeightedFair => "WeightedFair",
            Draw::RoundRobin => "RoundRobin",
            Draw::Own(_) => "Own",
        })
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Next::Fifo => "Fifo",
            Next::Lifo => "Lifo",
            Next::Priority => "Priority",
            Next::EarliestDeadline => "EarliestDeadline",
            Next::RoundRobin => "RoundRobin",
            Next::Own(_) => "Own",
        })
    }
}
