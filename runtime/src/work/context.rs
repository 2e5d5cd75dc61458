//! What a running work item can ask about itself.

use std::fmt;

use super::error::WorkError;
use super::item::Item;
use crate::Scheduler;

/// Handed to a work item's closure that asks for it: was it cancelled, what is
/// it called, which scheduler runs it.
///
/// ```
/// use hivework::{make_scheduler, WorkContext, WorkError};
///
/// let scheduler = make_scheduler();
/// let sum = scheduler.put_work(|work: &WorkContext| {
///     let mut sum = 0u64;
///     for n in 0..1000 {
///         work.checkpoint()?;
///         sum += n;
///     }
///     Ok::<_, WorkError>(sum)
/// });
/// assert_eq!(sum.join().unwrap().unwrap(), 499_500);
/// ```
#[derive(Clone)]
pub struct WorkContext(Item);

impl WorkContext {
    pub(crate) fn new(work: Item) -> Self {
        WorkContext(work)
    }

    /// Has somebody cancelled this work, or has its deadline passed? A query:
    /// what the work returns is still its result, if the handle waits for one.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        let (cancel, overdue) = self.0.head().state.flags();
        cancel || overdue
    }

    /// Goes on unless the work should stop. A work that has been told to stop
    /// here answers its handle with [`WorkError::Cancelled`], whatever it then
    /// returns: its result is dropped.
    ///
    /// # Errors
    ///
    /// [`WorkError::Cancelled`] when it was cancelled,
    /// [`WorkError::DeadlineExceeded`] when its deadline has passed.
    pub fn checkpoint(&self) -> Result<(), WorkError> {
        let (cancel, overdue) = self.0.head().state.flags();
        if overdue {
            return Err(WorkError::DeadlineExceeded);
        }
        if cancel {
            self.0.head().state.leave();
            return Err(WorkError::Cancelled);
        }
        Ok(())
    }

    /// The scheduler that the work was put to, unless its last handle is gone.
    /// The work holds it weakly, so that putting work does not keep a scheduler
    /// alive.
    #[must_use]
    pub fn scheduler(&self) -> Option<Scheduler> {
        self.0.head().info.shared()?.scheduler()
    }

    /// The work's number, unique within its scheduler.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.head().info.id()
    }

    /// The work's name, where it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.head().info.name()
    }
}

impl fmt::Debug for WorkContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkContext")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("cancelled", &self.cancelled())
            .finish()
    }
}
