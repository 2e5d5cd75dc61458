//! Why a scheduler did not start, or was not stopped, or not drained.

use std::fmt;
use std::io;

use stm_ports::ConnectError;

use crate::crew::FillError;

/// Why a scheduler did not start. It is stopped as before; workers that had started by then may have
/// run some of what was queued.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The operating system gave no thread.
    Spawn(io::Error),
    /// The transport did not connect a worker to the supervisor.
    Connect(ConnectError),
    /// The transport panicked when it was to connect a worker; what it said.
    TransportPanicked(String),
}

impl From<FillError> for StartError {
    fn from(error: FillError) -> Self {
        match error {
            FillError::Spawn(error) => StartError::Spawn(error),
            FillError::Connect(error) => StartError::Connect(error),
            FillError::Panic(said) => StartError::TransportPanicked(said),
            FillError::Halting => StartError::Spawn(io::Error::other(error.to_string())),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Spawn(error) => write!(f, "a thread could not be made: {error}"),
            StartError::Connect(error) => {
                write!(f, "the transport did not connect a worker: {error}")
            }
            StartError::TransportPanicked(said) => {
                write!(
                    f,
                    "the transport panicked while it connected a worker: {said}"
                )
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Spawn(error) => Some(error),
            StartError::Connect(error) => Some(error),
            StartError::TransportPanicked(_) => None,
        }
    }
}

/// Why a scheduler was not stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StopError {
    /// It was asked for from inside a work item, for whose end it would wait.
    InsideWork,
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopError::InsideWork => f.write_str(
                "a work item cannot stop the scheduler that runs it: \
                 the stop would wait for the item to end",
            ),
        }
    }
}

impl std::error::Error for StopError {}

/// Why a drain did not finish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Drained {
    /// It was asked for from inside a work item, for whose end it would wait.
    /// The scheduler runs on.
    InsideWork,
    /// The time was over first. The scheduler has stopped.
    TimedOut {
        /// How many works are left in the queue, for the next start.
        queued: u64,
    },
    /// The scheduler was not running, and so nothing was run.
    NotRunning {
        /// How many works lie in the queue, for the next start.
        queued: u64,
    },
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Drained::InsideWork => f.write_str(
                "a work item cannot drain the scheduler that runs it: \
                 the drain would wait for the item to end",
            ),
            Drained::TimedOut { queued } => {
                write!(f, "the drain ran out of time with {queued} works queued")
            }
            Drained::NotRunning { queued } => {
                write!(
                    f,
                    "the scheduler is not running, and {queued} works are queued"
                )
            }
        }
    }
}

impl std::error::Error for Drained {}
