//! What a scheduler tells about itself, and what its users tell each other.
//!
//! # Order
//!
//! What came of something is told after it, whichever threads tell: a subscriber that sees
//! the one event and not the other has come between them, or missed the other and been told
//! that it missed something. Of a work item in particular, each at most once but the third:
//!
//! 1. [`WorkPut`](Event::WorkPut);
//! 2. [`WorkStarted`](Event::WorkStarted), if it is begun;
//! 3. [`WorkOverran`](Event::WorkOverran), [`PeriodsSkipped`](Event::PeriodsSkipped), any
//!    number of times;
//! 4. one of [`WorkFinished`](Event::WorkFinished), [`WorkPanicked`](Event::WorkPanicked),
//!    [`WorkCancelled`](Event::WorkCancelled), [`WorkOverdue`](Event::WorkOverdue),
//!    [`WorkBlocked`](Event::WorkBlocked), [`WorkEvicted`](Event::WorkEvicted),
//!    [`WorkStopped`](Event::WorkStopped) and [`WorkLost`](Event::WorkLost).
//!
//! The last is told before the handle is answered. A work whose put is rolled back or is given
//! back to who wanted to put it has no events; one whose put is refused has the first and
//! the last. One whose deadline passes at the moment at which it begins may lack the second.
//!
//! [tell] is how that is kept for one item, [forward] for threads among each other, and
//! where the two end over a transport that brings events late; [hub] is how subscribers
//! get them, and what happens to those that do not read; [on] puts work for events.

pub(crate) mod forward;
pub(crate) mod hub;
pub(crate) mod numbers;
pub(crate) mod on;
pub(crate) mod tell;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use hub::Events;
pub use on::Subscription;

use crate::stream::view::StreamId;
use crate::work::info::Info;

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
    /// A worker has found nothing to do for a second, and sleeps on; told once a sleep.
    WorkerParked {
        /// Its number.
        worker: usize,
        /// For how long it has been seen to sleep.
        elapsed: Duration,
    },
    /// A worker thread has ended because fewer are wanted.
    WorkerRetired {
        /// Its number.
        worker: usize,
    },
    /// Workers crash so often that they are replaced with a pause from now on.
    RestartsDamped {
        /// How many have crashed within the last while.
        crashes: u64,
        /// How long the next replacement waits.
        pause: Duration,
    },
    /// The scheduler is to have another number of workers.
    Scaled {
        /// How many it was to have.
        from: usize,
        /// How many it is to have now.
        to: usize,
        /// What for.
        why: Scale,
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
        /// Which, in what, and what each waits for, as far as they still wait when they are asked.
        waiting: Vec<BlockedWorker>,
    },
    /// A round of the supervisor was cut short by a panic, in a transport say, and the next one
    /// goes on; or the file of a trace takes no more.
    SupervisorTroubled {
        /// What the panic said, or the operating system.
        reason: Arc<str>,
    },
    /// A work item was put. Comes before all other events of the item.
    WorkPut(WorkId),
    /// A work item began to run.
    WorkStarted {
        /// Which.
        work: WorkId,
        /// The worker that runs it; none where a thread that waits for it does.
        worker: Option<usize>,
    },
    /// A work item runs for longer than its time slices allow. Comes once an item; for one that runs in
    /// turns, a future or a transaction, once a turn that is too long.
    WorkOverran {
        /// Which.
        work: WorkId,
        /// The worker that runs it.
        worker: usize,
        /// For how long it has been seen to run, what it has waited for meanwhile (in a transaction,
        /// in a join, in [`blocking`](crate::blocking())) not counted.
        elapsed: Duration,
        /// What its thread does meanwhile.
        stall: Stall,
        /// Was it asked to stop?
        cancelled: bool,
    },
    /// A periodic work took so long that turns of it were left out.
    PeriodsSkipped {
        /// Which.
        work: WorkId,
        /// How many.
        skipped: u64,
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
    /// A work item had not begun by the time by which it was to.
    WorkBlocked(WorkId),
    /// A work item had to leave its slot to something more urgent, and does not come back.
    WorkEvicted(WorkId),
    /// A work item was not run because the scheduler stopped or was draining.
    WorkStopped(WorkId),
    /// A work item was lost, with the worker that ran it or by its transport.
    WorkLost {
        /// Which.
        work: WorkId,
        /// Why.
        reason: &'static str,
    },
    /// A criterion panicked, or could not measure what it is about: no job starts on its account, and
    /// it is asked again later; see [`Criterion`](crate::Criterion).
    CriterionFailed {
        /// What the panic said, or the operating system.
        message: Arc<str>,
    },
    /// A stream was activated: jobs are drawn from it.
    StreamActivated {
        /// Which.
        stream: StreamId,
    },
    /// A stream was paused: no job is drawn from it. Those that run go on.
    StreamPaused {
        /// Which.
        stream: StreamId,
    },
    /// No job of a stream waits or runs any more, and at least one has run since it was opened, or was
    /// emptied the last time.
    StreamEmptied {
        /// Which.
        stream: StreamId,
    },
    /// A job was asked to leave its slot to something more urgent; see
    /// [`Evict`](crate::Evict). What becomes of it is told of when that is so.
    JobEvicted {
        /// Which.
        work: WorkId,
        /// The stream that it belongs to.
        stream: StreamId,
    },
    /// Something that a stream was given has failed, and it goes on without: a callback panicked, or a strategy
    /// did, or answered what it was not asked about.
    StreamTroubled {
        /// Which.
        stream: StreamId,
        /// What has failed, and how.
        reason: Arc<str>,
    },
    /// The filter of a subscription panicked over an event, which it then did not get;
    /// see [`Scheduler::on`](crate::Scheduler::on).
    FilterPanicked {
        /// What the panic said.
        message: Arc<str>,
    },
    /// So many events were overwritten because the subscriber did not read.
    Missed(u64),
    /// Something that [`Scheduler::emit`](crate::Scheduler::emit) sent.
    User(UserEvent),
}

/// A worker that is blocked inside its work; see [`Event::WorkersExhausted`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BlockedWorker {
    /// Its number.
    pub worker: usize,
    /// The work that it runs; none where that is a part of something else, of a fork or a scope.
    pub work: Option<WorkId>,
    /// What it waits for.
    pub wait: Wait,
}

/// What a worker that is blocked waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Wait {
    /// That something changes which a transaction has read.
    Transaction,
    /// That others end their part: in [`join`](crate::WorkHandle::join), of a fork or of a scope.
    Join,
    /// For what the scheduler does not see, in [`blocking`](crate::blocking()).
    Blocking,
}

/// What the thread of a work that overran does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stall {
    /// It computes.
    Computing,
    /// It waits, in a way that the scheduler was not told of.
    Blocked,
    /// This platform does not tell.
    Unknown,
}

/// Why a scheduler is to have another number of workers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Scale {
    /// Somebody said so.
    Asked,
    /// Work waits while all workers are busy.
    Load,
    /// Workers have found nothing to do for a while.
    Idle,
    /// The process may use more or fewer cores than before.
    Cores,
}

impl Event {
    /// The work that it is about, if it is about one.
    ///
    /// ```
    /// use hivework::{make_scheduler, make_work};
    ///
    /// let scheduler = make_scheduler();
    /// let events = scheduler.events();
    /// scheduler.put_work(make_work(|| 1).name("one"));
    /// let first = std::iter::from_fn(|| events.next()).find_map(|event| event.work().cloned());
    /// assert_eq!(first.unwrap().name.as_deref(), Some("one"));
    /// ```
    #[must_use]
    pub fn work(&self) -> Option<&WorkId> {
        match self {
            Event::WorkPut(work)
            | Event::WorkStarted { work, .. }
            | Event::WorkOverran { work, .. }
            | Event::PeriodsSkipped { work, .. }
            | Event::WorkFinished(work)
            | Event::WorkPanicked { work, .. }
            | Event::WorkCancelled(work)
            | Event::WorkOverdue(work)
            | Event::WorkBlocked(work)
            | Event::WorkEvicted(work)
            | Event::JobEvicted { work, .. }
            | Event::WorkStopped(work)
            | Event::WorkLost { work, .. } => Some(work),
            _ => None,
        }
    }
}

/// Which work item an event is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WorkId {
    /// Its number, unique within its scheduler.
    pub id: u64,
    /// Its name, where it has one.
    pub name: Option<Arc<str>>,
    /// Was it put by a handler of events, or by what that has put?
    marked: bool,
}

impl WorkId {
    pub(crate) fn of(info: &Info) -> Self {
        WorkId {
            id: info.id(),
            name: info.name().map(Arc::from),
            marked: info.is_marked(),
        }
    }
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
