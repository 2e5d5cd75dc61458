//! How a backend is called: contained, and what happens if it fails.
//!
//! A thread remembers which calls it is inside of, because what is asked from there may be what the call
//! itself is for: a `kept_alive` that keeps alive, a `poll` that has a pass made. Those are not done over
//! and over (see [`tend`](super::tend)).

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use hivework_stm::facade::local;

use super::task::TaskId;
use crate::work::unwind::{Payload, contain, drop_contained, message};

/// Which of a backend's calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum BackendCall {
    /// [`Backend::poll`](crate::Backend::poll).
    Poll,
    /// [`Backend::start`](crate::Backend::start).
    Start,
    /// [`Backend::stop`](crate::Backend::stop).
    Stop,
    /// [`Backend::kept_alive`](crate::Backend::kept_alive).
    KeptAlive,
    /// [`Backend::timed_out`](crate::Backend::timed_out).
    TimedOut,
    /// [`Backend::failed`](crate::Backend::failed).
    Failed,
}

impl fmt::Display for BackendCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BackendCall::Poll => "poll",
            BackendCall::Start => "start",
            BackendCall::Stop => "stop",
            BackendCall::KeptAlive => "kept_alive",
            BackendCall::TimedOut => "timed_out",
            BackendCall::Failed => "failed",
        })
    }
}

/// What becomes of a task one of whose calls has failed; see [`Backend::failed`](crate::Backend::failed).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OnFailure {
    /// Its berth is freed.
    Free,
    /// It stays.
    Keep,
}

/// A call of a backend that failed, or could not be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallFailed {
    /// The berth that it was about.
    pub berth: Arc<str>,
    /// The backend.
    pub backend: Arc<str>,
    /// Which call.
    pub call: BackendCall,
    /// The task; none for a poll.
    pub task: Option<TaskId>,
    /// What it answered, or what it said when it panicked.
    pub error: Arc<dyn Error + Send + Sync>,
}

impl fmt::Display for CallFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallFailed {
            berth,
            backend,
            call,
            task,
            error,
        } = self;
        write!(f, "berth {berth}: {call} of the backend {backend} failed")?;
        if let Some(task) = task {
            write!(f, " for the task {task}")?;
        }
        write!(f, ": {error}")
    }
}

impl Error for CallFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

/// Why a call failed where that was not the backend's own error.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CallError {
    /// It panicked; what the panic said.
    Panicked(String),
    /// A poll offered an empty id.
    EmptyId,
    /// A poll offered a task that is at a berth already.
    AlreadyThere(TaskId),
    /// The berth was filled by somebody else who writes to the same store, so this task was not
    /// started.
    Taken,
    /// It could not be written down that the task is to be started, so it was not; why.
    NotSaved(String),
    /// The task's backend is none of the berth's any more, so nobody could be called.
    NoSuchBackend,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Panicked(message) => write!(f, "it panicked: {message}"),
            CallError::EmptyId => f.write_str("it offered an empty id: an id is a text of at least one letter"),
            CallError::AlreadyThere(task) => {
                write!(f, "it offered {task}, which is at a berth already: offer it once")
            }
            CallError::Taken => f.write_str(
                "the berth was filled by somebody else who uses the same store: the task was not started, \
                 offer it again",
            ),
            CallError::NotSaved(why) => write!(
                f,
                "it could not be written down, so the task was not started, offer it again: {why}"
            ),
            CallError::NoSuchBackend => f.write_str(
                "the berth has no backend of this name any more: give it one to have such tasks stopped",
            ),
        }
    }
}

impl Error for CallError {}

/// Runs one call of a backend's.
pub(super) fn attempt<R>(
    call: impl FnOnce() -> Result<R, super::BackendError>,
) -> Result<R, Arc<dyn Error + Send + Sync>> {
    match contain(call) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Arc::from(error)),
        Err(payload) => Err(Arc::new(panicked(payload))),
    }
}

/// What a panic is told as.
pub(super) fn panicked(payload: Payload) -> CallError {
    let refusal = CallError::Panicked(message(&*payload));
    drop_contained(payload);
    refusal
}

/// A call that a thread is inside of: at which berth, for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Inside {
    /// The address of the berth.
    pub(super) berth: usize,
    pub(super) duty: Duty,
}

/// For what a backend is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Duty {
    /// A pass looks at the berth.
    Look,
    /// The task was kept alive.
    Keep,
    /// The task is stopped because somebody has asked for it.
    Stop,
}

local! {
    static INSIDE: RefCell<Vec<Inside>> = const { RefCell::new(Vec::new()) };
}

impl Inside {
    /// This thread does this duty for as long as the answer lives.
    pub(super) fn enter(self) -> Leave {
        let _ = INSIDE.try_with(|inside| inside.borrow_mut().push(self));
        Leave(())
    }

    /// Does this thread do just that?
    pub(super) fn is_here(self) -> bool {
        INSIDE
            .try_with(|inside| inside.borrow().contains(&self))
            .unwrap_or(false)
    }
}

/// See [`Inside::enter`].
#[must_use]
pub(super) struct Leave(());

impl Drop for Leave {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.borrow_mut().pop());
    }
}
