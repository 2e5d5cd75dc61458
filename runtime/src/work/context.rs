//! What a running work item can ask about itself.

use std::fmt;

use super::asked::Asked;
use super::error::WorkError;
use super::item::Item;
use crate::Scheduler;

/// Why a work that runs should stop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum StopReason {
    /// Somebody cancelled it.
    Cancelled,
    /// Something more urgent wants its slot.
    Evicted,
    /// Its deadline has passed, or the time that it may run for: its handle has been answered.
    Overdue,
}

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

    /// Has somebody cancelled this work, has its deadline passed, or does something more urgent want
    /// its slot? [`stop_reason`](WorkContext::stop_reason) says which. A query:
    /// what the work returns is still its result, if the handle waits for one.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.stop_reason().is_some()
    }

    /// Why it should stop, if it should; of several reasons the last of the list at
    /// [`StopReason`].
    ///
    /// ```
    /// use hivework::{make_scheduler, StopReason, WorkContext};
    ///
    /// let scheduler = make_scheduler();
    /// let work = scheduler.put_work(|work: &WorkContext| loop {
    ///     if let Some(reason) = work.stop_reason() {
    ///         break reason;
    ///     }
    ///     std::thread::yield_now();
    /// });
    /// while work.status() == hivework::Status::Queued {
    ///     std::thread::yield_now();
    /// }
    /// work.cancel();
    /// assert_eq!(work.join().unwrap(), StopReason::Cancelled);
    /// ```
    #[must_use]
    pub fn stop_reason(&self) -> Option<StopReason> {
        let head = self.0.head();
        let (cancel, overdue) = head.state.flags();
        if overdue {
            Some(StopReason::Overdue)
        } else if head.info.is_evicted() {
            Some(StopReason::Evicted)
        } else {
            cancel.then_some(StopReason::Cancelled)
        }
    }

    /// Goes on unless the work should stop. A work that has been told to stop
    /// here answers its handle with the error, whatever it then
    /// returns: its result is dropped. Only a [restartable](crate::make_restartable) work that has to
    /// leave its slot for a while goes on afterwards.
    ///
    /// # Errors
    ///
    /// [`WorkError::Cancelled`] when it was cancelled,
    /// [`WorkError::DeadlineExceeded`] when its deadline has passed, or the time that it may run for,
    /// [`WorkError::Evicted`] when something more urgent wants its slot.
    pub fn checkpoint(&self) -> Result<(), WorkError> {
        let head = self.0.head();
        let (cancel, overdue) = head.state.flags();
        if overdue {
            return Err(WorkError::DeadlineExceeded);
        }
        let asked = head.info.asked();
        // Who asks it to leave cancels it after that: it may read the one before the other.
        if cancel || asked == Asked::Leave {
            head.state.leave();
            return Err(head.info.cancelled().1);
        }
        match asked {
            Asked::Return | Asked::Pause => Err(WorkError::Evicted),
            Asked::Nothing | Asked::Leave | Asked::Back => Ok(()),
        }
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
