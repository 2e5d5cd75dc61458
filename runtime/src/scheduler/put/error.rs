//! Why work was not put, with the work.

use std::fmt;

use crate::work::Work;

/// A put that did not happen, with the work to try again.
#[must_use = "the work is in it"]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// The queue is full.
    Full(Work<T>),
    /// The scheduler is draining.
    Stopped(Work<T>),
}

impl<T> TryPutError<T> {
    /// The work.
    pub fn into_work(self) -> Work<T> {
        match self {
            TryPutError::Full(work) | TryPutError::Stopped(work) => work,
        }
    }
}

impl<T: Send + 'static> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, work) = match self {
            TryPutError::Full(work) => ("Full", work),
            TryPutError::Stopped(work) => ("Stopped", work),
        };
        f.debug_tuple(name).field(work).finish()
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "the queue is full",
            TryPutError::Stopped(_) => "the scheduler is draining and takes no work from outside",
        })
    }
}

impl<T: Send + 'static> std::error::Error for TryPutError<T> {}
