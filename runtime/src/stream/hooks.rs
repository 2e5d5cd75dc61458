//! Callbacks of streams and jobs.
//!
//! They are users' code: called past every lock and outside of transactions, one after the other in the order
//! of their registration, a job's before its stream's. One that panics is told of
//! ([`Event::StreamTroubled`](crate::Event::StreamTroubled)), and the next one is called.

use std::mem;

use hivework_stm::facade::sync::Arc;

use super::handle::Stream;
use super::view::JobView;
use crate::books::Ending;
use crate::work::unwind::drop_contained;

/// How a job came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JobEnd {
    /// It has a result.
    Success,
    /// It did not begin in time, or not end in time.
    Timeout,
    /// It was cancelled, had to leave its slot for good, or its scheduler stopped.
    Terminated,
    /// It panicked, or was lost.
    Error,
}

impl JobEnd {
    pub(crate) fn of(ending: Ending) -> JobEnd {
        match ending {
            Ending::Finished => JobEnd::Success,
            Ending::Overdue | Ending::Blocked => JobEnd::Timeout,
            Ending::Cancelled | Ending::Evicted | Ending::Stopped | Ending::RolledBack => {
                JobEnd::Terminated
            }
            Ending::Panicked | Ending::Lost => JobEnd::Error,
        }
    }
}

pub(super) type Started = Box<dyn FnOnce(&JobView) + Send>;
type Ended = Box<dyn FnOnce(&JobView, JobEnd) + Send>;
type Told = Arc<dyn Fn(&JobView) + Send + Sync>;

/// A job's own.
#[derive(Default)]
pub(crate) struct JobHooks {
    pub(crate) started: Vec<Started>,
    pub(crate) ended: Vec<Ended>,
    pub(crate) aborted: Vec<Ended>,
    pub(crate) activated: Vec<Told>,
    pub(crate) paused: Vec<Told>,
}

impl Drop for JobHooks {
    fn drop(&mut self) {
        drop_contained(mem::take(&mut self.started));
        drop_contained(mem::take(&mut self.ended));
        drop_contained(mem::take(&mut self.aborted));
        drop_contained(mem::take(&mut self.activated));
        drop_contained(mem::take(&mut self.paused));
    }
}

pub(crate) type OnJob = Arc<dyn Fn(&JobView) + Send + Sync>;
pub(crate) type OnJobEnd = Arc<dyn Fn(&JobView, JobEnd) + Send + Sync>;
pub(crate) type OnStream = Arc<dyn Fn(&Stream) + Send + Sync>;

/// A stream's own.
#[derive(Default)]
pub(crate) struct StreamHooks {
    pub(crate) started: Vec<OnJob>,
    pub(crate) ended: Vec<OnJobEnd>,
    pub(crate) aborted: Vec<OnJobEnd>,
    pub(crate) activated: Vec<OnStream>,
    pub(crate) paused: Vec<OnStream>,
    pub(crate) emptied: Vec<OnStream>,
}

impl Drop for StreamHooks {
    fn drop(&mut self) {
        drop_contained(mem::take(&mut self.started));
        drop_contained(mem::take(&mut self.ended));
        drop_contained(mem::take(&mut self.aborted));
        drop_contained(mem::take(&mut self.activated));
        drop_contained(mem::take(&mut self.paused));
        drop_contained(mem::take(&mut self.emptied));
    }
}
