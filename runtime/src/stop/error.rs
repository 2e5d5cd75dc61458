//! Why a scheduler did not start, or was not stopped, or not drained.

use std::fmt;
use std::io;

use stm_ports::ConnectError;

use crate::crew::FillError;

/// Why a scheduler did not start. It does not run, and can be started again; works that were queued
/// may have been run meanwhile by the first of its workers.
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
            StartError::Spawn(error) => write!(
                f,
                "a thread could not be made: {error}; start with fewer workers, or again \
                 when the system has threads to give"
            ),
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
    /// It was asked for from inside a work item, for whose end it would wait; or from what is called
    /// when an item ends, or when a run does.
    InsideWork,
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopError::InsideWork => f.write_str(
                "a work item, or a callback of one, cannot stop the scheduler that it belongs to: \
                 the stop would wait for itself; stop it from a thread of your own",
            ),
        }
    }
}

impl std::error::Error for StopError {}

/// Why a drain did not finish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Drained {
    /// It was asked for from inside a work item, for whose end it would wait; or from what is called
    /// when an item ends, or when a run does. The scheduler runs on.
    InsideWork,
    /// The time was over first. The scheduler has stopped; but where another stop or drain was at it
    /// all the time, that goes on.
    TimedOut {
        /// How many works are left for the next start: in the queue, and of those that wait, for
        /// their time or to be woken.
        queued: u64,
    },
    /// A [`stop`](crate::Scheduler::stop) came first. The scheduler has stopped.
    CutShort {
        /// As of [`TimedOut`](Drained::TimedOut).
        queued: u64,
    },
    /// The scheduler was not running, and so nothing was run.
    NotRunning {
        /// As of [`TimedOut`](Drained::TimedOut).
        queued: u64,
    },
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Drained::InsideWork => f.write_str(
                "a work item, or a callback of one, cannot drain the scheduler that it belongs to: \
                 the drain would wait for itself; drain it from a thread of your own",
            ),
            Drained::TimedOut { queued } => write!(
                f,
                "the drain ran out of time with {queued} works queued or waiting; start the \
                 scheduler to go on with them, or drop it to have them answered"
            ),
            Drained::CutShort { queued } => write!(
                f,
                "a stop cut the drain short with {queued} works queued or waiting; start the \
                 scheduler to go on with them, or drop it to have them answered"
            ),
            Drained::NotRunning { queued } => write!(
                f,
                "the scheduler is not running, and {queued} works are queued or waiting; start it \
                 before the drain"
            ),
        }
    }
}

impl std::error::Error for Drained {}
