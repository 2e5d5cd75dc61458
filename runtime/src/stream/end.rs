//! How a job came to its end, in few words.

use crate::work::error::WorkError;

/// How a job came to its end, for whoever does not want to know more; the four results of a
/// process in the system *sched_utils*.
///
/// ```
/// use hivework::{JobEnd, WorkError};
///
/// assert_eq!(JobEnd::of(&Ok(())), JobEnd::Finished);
/// assert_eq!(JobEnd::of(&Err::<(), _>(WorkError::Evicted)), JobEnd::Terminated);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JobEnd {
    /// It ran to its end.
    Finished,
    /// It did not begin in time, or not end in time.
    TimedOut,
    /// It was cancelled, had to leave its slot for good, or its scheduler stopped.
    Terminated,
    /// It panicked, or was lost.
    Failed,
}

impl JobEnd {
    /// How a job that answers so came to its end.
    #[must_use]
    pub fn of<T>(outcome: &Result<T, WorkError>) -> JobEnd {
        match outcome {
            Ok(_) => JobEnd::Finished,
            Err(why) => JobEnd::from(why),
        }
    }
}

impl From<&WorkError> for JobEnd {
    fn from(why: &WorkError) -> JobEnd {
        match why {
            WorkError::DeadlineExceeded | WorkError::Blocked => JobEnd::TimedOut,
            WorkError::Cancelled
            | WorkError::Evicted
            | WorkError::Stopped
            | WorkError::Full => JobEnd::Terminated,
            WorkError::Panicked(_) | WorkError::Lost(_) | WorkError::WouldDeadlock => JobEnd::Failed,
        }
    }
}
