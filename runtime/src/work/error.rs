//! Why a work item has no result.

use std::fmt;
use std::sync::Arc;

use hivework_stm::facade::sync::Mutex;

use super::unwind::{Payload, message};

/// Why a work item has no result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WorkError {
    /// It panicked; the message, and once the payload, are inside.
    Panicked(PanicReport),
    /// It was cancelled before it began, or stopped at a checkpoint because it
    /// was, or was put in a transaction that did not commit.
    Cancelled,
    /// Its deadline passed before it was finished, or the [time](crate::Work::timeout) that it may
    /// run for.
    DeadlineExceeded,
    /// It had not begun by the time by which it was to [begin](crate::Work::start_within).
    Blocked,
    /// It ran, and had to leave its slot to something more urgent.
    Evicted,
    /// It cannot be had any more; the text says why. A work item that was
    /// running on a worker that died answers so.
    Lost(&'static str),
    /// The scheduler does not run it: it was draining when the work was put,
    /// or its last handle is gone.
    Stopped,
    /// The queue was full and no worker was running to make room in it.
    Full,
    /// Waiting for it would never end: it waits for the one who asks.
    WouldDeadlock,
}

impl WorkError {
    /// The message of the panic, when that is what it was.
    #[must_use]
    pub fn panic_message(&self) -> Option<&str> {
        match self {
            WorkError::Panicked(report) => Some(report.message()),
            _ => None,
        }
    }
}

impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkError::Panicked(report) => write!(f, "the work panicked: {}", report.message()),
            WorkError::Cancelled => f.write_str("the work was cancelled"),
            WorkError::DeadlineExceeded => f.write_str("the work's deadline passed"),
            WorkError::Blocked => f.write_str("the work could not begin in time"),
            WorkError::Evicted => f.write_str("the work had to leave its slot to a more urgent one"),
            WorkError::Lost(why) => write!(f, "the work was lost: {why}"),
            WorkError::Stopped => f.write_str("the scheduler takes no work any more"),
            WorkError::Full => {
                f.write_str("the queue is full and the scheduler is not running to empty it")
            }
            WorkError::WouldDeadlock => {
                f.write_str("waiting for this work would never end: it waits for the caller")
            }
        }
    }
}

impl std::error::Error for WorkError {}

/// What a panicking work item left: its message and, once, its payload.
#[derive(Clone)]
pub struct PanicReport(Arc<Inner>);

struct Inner {
    message: String,
    payload: Mutex<Option<Payload>>,
}

impl PanicReport {
    pub(crate) fn new(payload: Payload) -> Self {
        PanicReport(Arc::new(Inner {
            message: message(&*payload),
            payload: Mutex::new(Some(payload)),
        }))
    }

    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The payload, for [`std::panic::resume_unwind`]. The first caller gets
    /// it, among all clones of the report.
    #[must_use]
    pub fn take_payload(&self) -> Option<Box<dyn std::any::Any + Send>> {
        self.0.payload.lock().take()
    }
}

impl fmt::Debug for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PanicReport").field(&self.0.message).finish()
    }
}
