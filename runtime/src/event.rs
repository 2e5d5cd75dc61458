//! What a scheduler tells about itself, and what its users tell each other.

pub(crate) mod hub;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub use hub::Events;

/// Something that happened; see [`Scheduler::events`](crate::Scheduler::events).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The scheduler runs, with so many workers.
    Started {
        /// How many workers it has.
        workers: usize,
    },
    /// A drain has begun: puts from outside answer `Stopped` from now on.
    Draining,
    /// The scheduler has stopped; what is queued waits for the next start.
    Stopped,
    /// A worker thread runs.
    WorkerStarted {
        /// Its number.
        worker: usize,
    },
    /// A worker thread has ended as it was told to.
    WorkerStopped {
        /// Its number.
        worker: usize,
    },
    /// A worker thread has ended without having been told to. What it had
    /// queued has been put back.
    WorkerCrashed {
        /// Its number.
        worker: usize,
        /// What it died of.
        reason: Arc<str>,
        /// How many queued items were put back.
        put_back: usize,
    },
    /// Another thread has taken a crashed worker's place.
    WorkerRestarted {
        /// The number, that of the crashed worker.
        worker: usize,
    },
    /// No thread could be made for a crashed worker's place or for a spare;
    /// it is tried again at the next tick.
    WorkerSpawnFailed {
        /// The number that it would have had.
        worker: usize,
        /// What the operating system says.
        reason: Arc<str>,
    },
    /// A spare worker stands in for one that is blocked inside its work.
    SpareStarted {
        /// Its number, above those of the workers proper.
        worker: usize,
    },
    /// A spare worker that was not needed for a while has ended.
    SpareRetired {
        /// Its number.
        worker: usize,
    },
    /// Every worker is blocked while work is queued, and the bound on spares is
    /// reached.
    WorkersExhausted {
        /// How many workers are blocked.
        blocked: usize,
    },
    /// A round of the supervisor was cut short by a panic, in a transport say.
    /// The next one goes on.
    SupervisorTroubled {
        /// What the panic said.
        reason: Arc<str>,
    },
    /// A work item ran to its end.
    WorkFinished(WorkId),
    /// A work item panicked.
    WorkPanicked {
        /// Which.
        work: WorkId,
        /// What the panic said.
        message: Arc<str>,
    },
    /// A work item was cancelled.
    WorkCancelled(WorkId),
    /// A work item's deadline passed.
    WorkOverdue(WorkId),
    /// A work item was not run because the scheduler stopped or was draining.
    WorkStopped(WorkId),
    /// A work item was lost, with the worker that ran it or by its transport.
    WorkLost {
        /// Which.
        work: WorkId,
        /// Why.
        reason: &'static str,
    },
    /// So many events were overwritten because the subscriber did not read.
    Missed(u64),
    /// Something that [`Scheduler::emit`](crate::Scheduler::emit) sent.
    User(UserEvent),
}

/// Which work item an event is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WorkId {
    /// Its number, unique within its scheduler.
    pub id: u64,
    /// Its name, where it has one.
    pub name: Option<Arc<str>>,
}

impl fmt::Display for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "work {} ({name})", self.id),
            None => write!(f, "work {}", self.id),
        }
    }
}

/// A user's own event, of any type.
#[derive(Clone)]
pub struct UserEvent {
    value: Arc<dyn Any + Send + Sync>,
    type_name: &'static str,
}

impl UserEvent {
    pub(crate) fn new<E: Any + Send + Sync>(value: E) -> Self {
        UserEvent {
            value: Arc::new(value),
            type_name: std::any::type_name::<E>(),
        }
    }

    /// The event, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: Any>(&self) -> Option<&E> {
        self.value.downcast_ref()
    }
}

impl fmt::Debug for UserEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UserEvent").field(&self.type_name).finish()
    }
}
