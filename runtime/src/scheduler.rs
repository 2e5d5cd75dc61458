//! The public handle: putting work, starting and stopping, events and figures.

pub(crate) mod put;
mod resize;

use std::any::Any;
use std::fmt;
use std::time::Duration;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction};

use crate::books::Stats;
use crate::builder::Builder;
use crate::event::Events;
use crate::event::tell::user_event;
use crate::gate::Gate;
use crate::handle::WorkHandle;
use crate::shared::Shared;
use crate::stop;
use crate::stop::error::{Drained, StartError, StopError};
use crate::work::IntoWork;

pub use put::error::TryPutError;
pub use resize::SetWorkersError;

/// Runs work on worker threads, under a supervisor. A handle: clones share the
/// scheduler.
///
/// Made by [`make_scheduler`](crate::make_scheduler), running, or by
/// [`Scheduler::builder`]. Work that is put before the start or after a stop
/// waits for the next start. When the last handle is dropped the scheduler
/// stops: running works end, and what is queued answers
/// [`WorkError::Stopped`](crate::WorkError::Stopped).
///
/// A queued closure that owns a handle keeps the scheduler alive until it has
/// run; a work reaches its scheduler through
/// [`WorkContext::scheduler`](crate::WorkContext::scheduler), which does not.
///
/// ```
/// use hivework::make_scheduler;
///
/// let scheduler = make_scheduler();
/// let answer = scheduler.put_work(|| 6 * 7);
/// assert_eq!(answer.join().unwrap(), 42);
/// ```
#[derive(Clone)]
pub struct Scheduler {
    pub(crate) owner: Arc<Owner>,
}

/// What all handles of a scheduler hold; its drop is the last handle's.
pub(crate) struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        stop::close(&self.shared);
    }
}

impl Scheduler {
    /// Sets up a scheduler.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework::Scheduler;
    ///
    /// let scheduler = Scheduler::builder()
    ///     .workers(2)
    ///     .run_interval(Duration::from_millis(5))
    ///     .name("imports")
    ///     .start()?;
    /// assert_eq!(scheduler.workers(), 2);
    /// # Ok::<(), hivework::BuildError>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn of(shared: Shared) -> Scheduler {
        let shared = Arc::new(shared);
        let owner = Arc::new(Owner {
            shared: Arc::clone(&shared),
        });
        shared.settle_down();
        let first = shared.owner.set(Arc::downgrade(&owner));
        debug_assert!(first.is_ok(), "a scheduler is owned once");
        Scheduler { owner }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// Starts the workers and the supervisor. Without effect on a scheduler
    /// that runs.
    ///
    /// # Errors
    ///
    /// [`StartError`] when a thread could not be made; the scheduler is then as
    /// it was before.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn start(&self) -> Result<(), StartError> {
        stop::start(self.shared())
    }

    /// Was it started, and not stopped since?
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(Gate::load(&self.shared().gate), Gate::Open | Gate::Draining)
    }

    /// Stops: works that run are waited for, works that are queued wait for
    /// the next [`start`](Scheduler::start). Every thread has been joined on
    /// return. Without effect on a scheduler that does not run.
    ///
    /// A running work that waits for a queued one with `join` runs that first. One
    /// that waits for it otherwise, in a transaction or on a channel of its own,
    /// keeps waiting, and the stop with it: [`drain`](Scheduler::drain) there.
    ///
    /// # Errors
    ///
    /// [`StopError::InsideWork`] from inside a work item of this scheduler.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn stop(&self) -> Result<(), StopError> {
        stop::stop(self.shared())
    }

    /// Runs everything that is queued, then stops. Meanwhile works that are put
    /// from outside answer [`WorkError::Stopped`](crate::WorkError::Stopped);
    /// those that running works put are run. Works that are delayed answer `Stopped`, and
    /// periodic works end so after the turn that runs. When `limit` is over first, works
    /// that run are still waited for, and the rest stays queued for the next
    /// start. Every thread has been joined on return.
    ///
    /// # Errors
    ///
    /// [`Drained::TimedOut`] and [`Drained::NotRunning`] say how much stays
    /// queued; [`Drained::InsideWork`] from inside a work item of this
    /// scheduler.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn drain(&self, limit: Duration) -> Result<(), Drained> {
        stop::drain(self.shared(), limit)
    }

    /// How many workers it is to have when it runs, spares not counted. That changes with
    /// [`set_workers`](Scheduler::set_workers), with the load or with the cores; threads come and go a
    /// little later.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.shared().workers()
    }

    /// Its figures at this moment. O(workers + names); who works is not held up.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::read(self.shared())
    }

    /// How long a work of this [name](crate::Work::name) is expected to run: the median of the last
    /// 32 of that name that ran to their end. None where there was no such run, or the name came too
    /// late for books of its own (after 1024 others).
    ///
    /// ```
    /// use hivework::{make_scheduler, make_work};
    ///
    /// let scheduler = make_scheduler();
    /// assert_eq!(scheduler.expected("import"), None);
    /// scheduler.put_work(make_work(|| ()).name("import")).join().unwrap();
    /// assert!(scheduler.expected("import").is_some());
    /// ```
    #[must_use]
    pub fn expected(&self, name: &str) -> Option<Duration> {
        self.shared().books.expected(name)
    }

    /// Subscribes to what happens from now on.
    ///
    /// | event | told |
    /// |---|---|
    /// | [`Started`](crate::Event::Started), [`Draining`](crate::Event::Draining), [`Stopped`](crate::Event::Stopped) | of a run |
    /// | [`WorkerStarted`](crate::Event::WorkerStarted), [`WorkerStopped`](crate::Event::WorkerStopped), [`WorkerRetired`](crate::Event::WorkerRetired) | by its thread, and when that has ended |
    /// | [`WorkerParked`](crate::Event::WorkerParked) | when a worker has slept for a second, once a sleep |
    /// | [`WorkerCrashed`](crate::Event::WorkerCrashed), [`WorkerRestarted`](crate::Event::WorkerRestarted), [`RestartsDamped`](crate::Event::RestartsDamped), [`WorkerSpawnFailed`](crate::Event::WorkerSpawnFailed) | when a worker has died |
    /// | [`SpareStarted`](crate::Event::SpareStarted), [`SpareRetired`](crate::Event::SpareRetired), [`WorkersExhausted`](crate::Event::WorkersExhausted) | while workers are blocked |
    /// | [`Scaled`](crate::Event::Scaled) | when there are to be more or fewer workers |
    /// | [`SupervisorTroubled`](crate::Event::SupervisorTroubled) | when a round of the supervisor was cut short |
    /// | [`WorkPut`](crate::Event::WorkPut) | of every work that [`stats`](Scheduler::stats) counts as put, before all else about it |
    /// | [`WorkStarted`](crate::Event::WorkStarted) | when it begins, for the first time if it runs in turns |
    /// | [`WorkOverran`](crate::Event::WorkOverran), [`PeriodsSkipped`](crate::Event::PeriodsSkipped) | while it runs |
    /// | [`WorkFinished`](crate::Event::WorkFinished), [`WorkPanicked`](crate::Event::WorkPanicked), [`WorkCancelled`](crate::Event::WorkCancelled), [`WorkOverdue`](crate::Event::WorkOverdue), [`WorkBlocked`](crate::Event::WorkBlocked), [`WorkEvicted`](crate::Event::WorkEvicted), [`WorkStopped`](crate::Event::WorkStopped), [`WorkLost`](crate::Event::WorkLost) | one of them, once, before its handle is answered |
    /// | [`FilterPanicked`](crate::Event::FilterPanicked) | of a subscription of [`on`](Scheduler::on) |
    /// | [`Missed`](crate::Event::Missed) | to a subscriber that did not read, in the place of what it lost |
    /// | [`User`](crate::Event::User) | by [`emit`](Scheduler::emit), and by [`emit_in`](Scheduler::emit_in) when it commits |
    ///
    /// What came of something is told after it, whichever threads tell, over a
    /// transport that brings events at once, as the default one does. Of works that are
    /// under way when somebody subscribes, some events may be missing.
    ///
    /// While nobody subscribes, events cost next to nothing. What workers tell
    /// arrives within about a run interval; what other threads tell has arrived
    /// when they go on. Memory is bounded, whoever reads or does not.
    ///
    /// # Panics
    ///
    /// Inside a transaction: subscribe before it.
    #[must_use = "the subscription ends when this is dropped"]
    pub fn events(&self) -> Events {
        let shared = self.shared();
        Events::of(shared)
    }

    /// Sends an event of the caller's own to the subscribers, as
    /// [`Event::User`](crate::Event::User).
    ///
    /// ```
    /// use hivework::{make_scheduler, Event};
    ///
    /// let scheduler = make_scheduler();
    /// let events = scheduler.events();
    /// scheduler.emit("lunch");
    /// assert!(matches!(
    ///     events.next(),
    ///     Some(Event::User(event)) if event.downcast_ref() == Some(&"lunch"),
    /// ));
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`emit_in`](Scheduler::emit_in) there.
    pub fn emit<E: Any + Send + Sync>(&self, event: E) {
        assert!(
            !hivework_stm::in_transaction(),
            "emit inside a transaction: use `emit_in(tx, …)`, which sends when it commits"
        );
        let shared = self.shared();
        if shared.is_heard() {
            shared.tell(user_event(event));
        }
    }

    /// As [`emit`](Scheduler::emit), when the transaction commits.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn emit_in<E: Any + Send + Sync>(
        &self,
        tx: &mut Transaction<'_>,
        event: E,
    ) -> StmResult<()> {
        let shared = self.shared();
        if !shared.is_heard() {
            return Ok(());
        }
        shared.tell_in(tx, user_event(event))
    }

    /// Puts work and answers its handle. What can be put: a closure without
    /// parameters, a closure that takes its
    /// [`WorkContext`](crate::WorkContext), or what
    /// [`make_work`](crate::make_work) made.
    ///
    /// From outside it goes into the scheduler's queue, in a transaction of its
    /// own; where the queue is full it waits for room. Without a run to make
    /// room it does not wait: the handle answers
    /// [`WorkError::Full`](crate::WorkError::Full). From inside a work item of
    /// this scheduler it goes to the worker's own deque, where others can steal
    /// it, and never waits.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`put_work_in`](Scheduler::put_work_in) there.
    pub fn put_work<T: Send + 'static, Kind>(&self, work: impl IntoWork<T, Kind>) -> WorkHandle<T> {
        put::put(self.shared(), work.into_work())
    }

    /// As [`put_work`](Scheduler::put_work), but without waiting.
    ///
    /// # Errors
    ///
    /// [`TryPutError::Full`] when the queue is full, [`TryPutError::Stopped`]
    /// when the scheduler is draining; each gives the work back.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`put_work_in`](Scheduler::put_work_in) there.
    pub fn try_put_work<T: Send + 'static, Kind>(
        &self,
        work: impl IntoWork<T, Kind>,
    ) -> Result<WorkHandle<T>, TryPutError<T>> {
        put::try_put(self.shared(), work.into_work())
    }

    /// Puts work as part of the transaction: it can be seen, and run, exactly
    /// when the transaction commits. The handle of an attempt that does not
    /// commit answers [`WorkError::Cancelled`](crate::WorkError::Cancelled), and
    /// the callbacks of its work are dropped without being called.
    ///
    /// ```
    /// use hivework::{atomically_or, abort, make_scheduler, TVar};
    ///
    /// let scheduler = make_scheduler();
    /// let stock = TVar::new(1);
    /// let order = || {
    ///     atomically_or(|tx| {
    ///         if stock.read(tx)? == 0 {
    ///             return abort("out of stock");
    ///         }
    ///         stock.modify(tx, |stock| stock - 1)?;
    ///         Ok(scheduler.put_work_in(tx, || "shipped")?)
    ///     })
    /// };
    /// assert_eq!(order().unwrap().join().unwrap(), "shipped");
    /// assert_eq!(order().err(), Some("out of stock"));
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the queue is full and the scheduler runs.
    pub fn put_work_in<T: Send + 'static, Kind>(
        &self,
        tx: &mut Transaction<'_>,
        work: impl IntoWork<T, Kind>,
    ) -> StmResult<WorkHandle<T>> {
        put::put_in(self.shared(), tx, work.into_work())
    }

    /// Puts all of these works in one transaction: nobody sees some of them
    /// and not the others. It counts as one put: where the queue is full it
    /// waits until there is room for the first.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`put_work_in`](Scheduler::put_work_in) there.
    pub fn put_batch<T: Send + 'static, Kind, W: IntoWork<T, Kind>>(
        &self,
        works: impl IntoIterator<Item = W>,
    ) -> Vec<WorkHandle<T>> {
        let works = works.into_iter().map(IntoWork::into_work).collect();
        put::put_batch(self.shared(), works)
    }

    /// Puts these works, some at a time: the first may have run before the last
    /// is put.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`put_work_in`](Scheduler::put_work_in) there.
    pub fn put_all<T: Send + 'static, Kind, W: IntoWork<T, Kind>>(
        &self,
        works: impl IntoIterator<Item = W>,
    ) -> Vec<WorkHandle<T>> {
        put::put_all(self.shared(), works.into_iter().map(IntoWork::into_work))
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("name", &self.shared().config.name)
            .field("workers", &self.workers())
            .finish_non_exhaustive()
    }
}
