//! What is wrong with berths, or with what is asked of them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::store::StoreError;
use super::task::TaskId;

/// Why there are no such berths.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BerthsError {
    /// None at all: no task would ever be started.
    NoBerths,
    /// A berth without a name.
    NoName,
    /// Two berths of one name.
    DuplicateBerth {
        /// The name.
        berth: Arc<str>,
    },
    /// A berth without backends: nothing would ever be at it.
    NoBackends {
        /// The berth.
        berth: Arc<str>,
    },
    /// Two backends of one name at a berth: the name is by which a store knows whose a task is.
    DuplicateBackend {
        /// The berth.
        berth: Arc<str>,
        /// The name.
        backend: Arc<str>,
    },
    /// Two kinds of backends of one name.
    DuplicateKind {
        /// The name.
        kind: Arc<str>,
    },
    /// A berth names a kind of backends that was not given.
    UnknownKind {
        /// The berth.
        berth: Arc<str>,
        /// The name.
        kind: Arc<str>,
        /// Those that there are.
        known: Vec<Arc<str>>,
    },
    /// A time-out of zero: every task would be late as soon as it is started.
    ZeroTimeout {
        /// The berth.
        berth: Arc<str>,
    },
    /// A backend panicked when it was made or asked for its name.
    BackendPanicked {
        /// The berth.
        berth: Arc<str>,
        /// What the panic said.
        message: String,
    },
    /// Passes without a pause between them.
    ZeroPeriod,
    /// The scheduler that is to make the passes is gone.
    NoScheduler,
    /// What the store has of a berth could not be read.
    Store {
        /// The berth; none where it is about the store as a whole.
        berth: Option<Arc<str>>,
        /// Why.
        error: StoreError,
    },
}

impl fmt::Display for BerthsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BerthsError::NoBerths => {
                f.write_str("without berths no task would ever be started: add at least one")
            }
            BerthsError::NoName => f.write_str("a berth has an empty name: give it one"),
            BerthsError::DuplicateBerth { berth } => {
                write!(f, "two berths are called {berth:?}: give each its own name")
            }
            BerthsError::NoBackends { berth } => {
                write!(
                    f,
                    "the berth {berth:?} has no backends: give it at least one"
                )
            }
            BerthsError::DuplicateBackend { berth, backend } => write!(
                f,
                "two backends of the berth {berth:?} are called {backend:?}: a task's backend is \
                 found by its name, so give each its own"
            ),
            BerthsError::DuplicateKind { kind } => {
                write!(
                    f,
                    "two kinds of backends are called {kind:?}: give each its own name"
                )
            }
            BerthsError::UnknownKind { berth, kind, known } => write!(
                f,
                "the berth {berth:?} is to have a backend of the kind {kind:?}, which there is not: \
                 known are {known:?}"
            ),
            BerthsError::ZeroTimeout { berth } => write!(
                f,
                "with a time-out of zero each task of the berth {berth:?} would be late at once: \
                 give it a longer one"
            ),
            BerthsError::BackendPanicked { berth, message } => write!(
                f,
                "a backend of the berth {berth:?} panicked when it was made or asked for its name: {message}"
            ),
            BerthsError::ZeroPeriod => {
                f.write_str("passes without a pause between them: ask for a period above zero")
            }
            BerthsError::NoScheduler => f.write_str(
                "the scheduler is gone: keep a handle of it for as long as it is to make passes",
            ),
            BerthsError::Store { berth: None, error } => {
                write!(f, "the store of the berths: {error}")
            }
            BerthsError::Store {
                berth: Some(berth),
                error,
            } => write!(f, "the store of the berth {berth:?}: {error}"),
        }
    }
}

impl Error for BerthsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BerthsError::Store { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Why a task was not kept alive, or not stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// It is at none of the berths: it never was, or is not any more.
    Unknown {
        /// The task.
        task: TaskId,
    },
    /// It is just being stopped, so it is too late to keep it alive.
    Ending {
        /// The task.
        task: TaskId,
    },
    /// It was done, but could not be written down: it is tried again with whatever is written next
    /// and by the next pass. If the process ended before that, the store would show what was before.
    NotSaved {
        /// The task.
        task: TaskId,
        /// Why.
        error: StoreError,
    },
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Unknown { task } => {
                write!(
                    f,
                    "the task {task} is at none of the berths: it may be over"
                )
            }
            TaskError::Ending { task } => {
                write!(
                    f,
                    "the task {task} is just being stopped: it is too late to keep it alive"
                )
            }
            TaskError::NotSaved { task, error } => write!(
                f,
                "what was done with the task {task} holds, but is not written down yet; \
                 the next pass tries again: {error}"
            ),
        }
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TaskError::NotSaved { error, .. } => Some(error),
            _ => None,
        }
    }
}
