//! What happens at berths, as it is told: in what a pass answers, and as events.

use std::fmt;
use std::sync::Arc;

use super::call::CallFailed;
use super::store::StoreError;
use super::task::TaskId;
use crate::slots::slot::Slot;

/// A task, where it is or was, and whose.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct BerthTask {
    /// The berth.
    pub berth: Arc<str>,
    /// The task.
    pub task: TaskId,
    /// The name of its backend.
    pub backend: Arc<str>,
}

impl fmt::Display for BerthTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} at {}", self.task, self.backend, self.berth)
    }
}

/// What happened at a berth. Told to the scheduler's subscribers as well, as an
/// [`Event::User`](crate::Event::User) of this type, in the order in which it happened there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BerthEvent {
    /// A task was started.
    Started(BerthTask),
    /// A task was stopped because somebody asked for it.
    Stopped(BerthTask),
    /// A task was late. It has been stopped.
    TimedOut(BerthTask),
    /// A task was given up because its backend said so, when a call about it failed.
    Freed(BerthTask),
    /// A task was found in the store that somebody else has started.
    Found(BerthTask),
    /// A task was ended by somebody else who writes to the same store.
    Gone(BerthTask),
    /// A call of a backend failed.
    Failed(CallFailed),
    /// The store could not be read or written. What is to be written is kept, and tried again.
    Store {
        /// The berth.
        berth: Arc<str>,
        /// Why.
        error: StoreError,
    },
}

/// What a pass over the berths has done; see [`Berths::schedule`](crate::Berths::schedule).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Pass {
    /// What happened, in order.
    pub events: Vec<BerthEvent>,
    /// How many berths are empty because there was no slot for a task.
    pub without_slot: usize,
    /// How many berths were left to another thread, which is at them and looks once more when it
    /// has done what it is at.
    pub left: usize,
}

impl Pass {
    /// The tasks that were started.
    pub fn started(&self) -> impl Iterator<Item = &BerthTask> {
        self.events.iter().filter_map(|event| match event {
            BerthEvent::Started(task) => Some(task),
            _ => None,
        })
    }

    /// The tasks that were late.
    pub fn timed_out(&self) -> impl Iterator<Item = &BerthTask> {
        self.events.iter().filter_map(|event| match event {
            BerthEvent::TimedOut(task) => Some(task),
            _ => None,
        })
    }

    /// The calls that failed.
    pub fn failures(&self) -> impl Iterator<Item = &CallFailed> {
        self.events.iter().filter_map(|event| match event {
            BerthEvent::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// Why the store could not be read or written.
    pub fn store_errors(&self) -> impl Iterator<Item = &StoreError> {
        self.events.iter().filter_map(|event| match event {
            BerthEvent::Store { error, .. } => Some(error),
            _ => None,
        })
    }
}

/// What a thread that tends berths takes along.
#[derive(Default)]
pub(super) struct Report {
    pub(super) pass: Pass,
    /// A slot that no task has (any more), for the next one. Kept from berth to berth, so that a pass which
    /// finds nothing gives one slot back, once, however many berths it asks for.
    pub(super) spare: Option<Slot>,
    /// Why what was last to be written down was not.
    pub(super) vain: Option<StoreError>,
}

impl Report {
    /// Did this happen to the task?
    pub(super) fn tells(
        &self,
        task: &TaskId,
        what: impl Fn(&BerthEvent) -> Option<&BerthTask>,
    ) -> bool {
        let mut told = self.pass.events.iter().filter_map(what);
        told.any(|told| told.task == *task)
    }
}

/// The task that is told of when it is gone from its berth.
pub(super) fn gone(event: &BerthEvent) -> Option<&BerthTask> {
    match event {
        BerthEvent::Gone(task) => Some(task),
        _ => None,
    }
}
