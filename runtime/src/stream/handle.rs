//! What a program holds of a stream.

use std::fmt;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, after_transaction, in_transaction};

use super::drawer::is_within;
use super::entry::Entry;
use super::lane::Lane;
use super::pending::Held;
use super::view::StreamId;
use crate::handle::WorkHandle;
use crate::job::{Consume, Facts, IntoJob, Job};
use crate::local;
use crate::rooms::Room;
use crate::scheduler::put::held;
use crate::shared::Shared;
use crate::slots::Slots;
use crate::slots::slot::Slot;
use crate::work::unwind::shield;

/// A stream of jobs: a named set of them, from which its [`StreamScheduler`](crate::StreamScheduler) draws one after the
/// other, in an order of the stream's own, for as long as it is active.
///
/// A handle: clones are the same stream. Made by [`StreamScheduler::stream`](crate::StreamScheduler::stream). Its jobs are works of the
/// scheduler: their handles are those of any work.
///
/// # The life of a job
///
/// 1. *Put*: it waits in its stream.
/// 2. *Drawn*: it has a slot, and is queued for the workers.
/// 3. *Started*: it is about to run. [`Job::on_start`], the stream's
///    [`on_job_started`](crate::StreamBuilder::on_job_started).
/// 4. *Left*: nothing of it runs. Its slot is home, and the next job has been drawn.
/// 5. *Over*: its [`on_done`](crate::Work::on_done) callbacks, in the order of their registration; its handle is
///    answered; [`Job::on_end`], or [`Job::on_abort`] if it never started; the stream's
///    [`on_job_ended`](crate::StreamBuilder::on_job_ended) or
///    [`on_job_aborted`](crate::StreamBuilder::on_job_aborted);
///    [`on_emptied`](crate::StreamBuilder::on_emptied), if that was the last.
///
/// A deadline that passes answers the handle at once; the slot of a job that runs is home only when that has
/// ended. A job that is cancelled, or whose deadline passes, while it waits leaves its stream without
/// having run.
///
/// # Dropping it
///
/// A stream whose handles have gone runs what was put into it. If it is paused then, nobody is left to
/// activate it, and its jobs answer [`WorkError::Stopped`](crate::WorkError::Stopped).
#[derive(Clone)]
pub struct Stream {
    owner: Arc<Owner>,
}

/// What all handles of a stream hold; its drop is the last handle's.
pub(super) struct Owner {
    lane: Arc<Lane>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let lane = Arc::clone(&self.lane);
        after_transaction(move || {
            // Somebody may have come by another handle meanwhile, from the scheduler's list.
            if !lane.is_held() && !lane.active.load() {
                lane.give_up();
            }
        });
    }
}

impl Stream {
    /// A handle of a stream.
    pub(super) fn of(lane: &Arc<Lane>) -> Stream {
        let mut place = lane.owner.lock();
        if let Some(owner) = place.upgrade() {
            return Stream { owner };
        }
        let owner = Arc::new(Owner {
            lane: Arc::clone(lane),
        });
        *place = Arc::downgrade(&owner);
        Stream { owner }
    }

    pub(super) fn lane(&self) -> &Arc<Lane> {
        &self.owner.lane
    }

    /// Puts a job into the stream: it starts when the scheduler of the stream has drawn it. While
    /// the [`Scheduler`](crate::Scheduler) drains, and when its last handle has gone, the job answers
    /// [`WorkError::Stopped`](crate::WorkError::Stopped).
    ///
    /// ```
    /// use hivework::{Next, Scheduler, Slots, StreamScheduler, make_job};
    /// use std::sync::{Arc, Mutex};
    ///
    /// let scheduler = Scheduler::builder().workers(2).start()?;
    /// let streams = StreamScheduler::new(&scheduler, &Slots::new(1)?);
    /// let stream = streams.stream("by priority").next(Next::Priority).paused().open()?;
    /// let order = Arc::new(Mutex::new(Vec::new()));
    /// let jobs: Vec<_> = [1, 3, 2]
    ///     .map(|priority| {
    ///         let order = Arc::clone(&order);
    ///         let job = make_job(move || order.lock().unwrap().push(priority));
    ///         stream.put(job.priority(priority))
    ///     })
    ///     .into();
    /// stream.activate();
    /// for job in jobs {
    ///     job.join()?;
    /// }
    /// assert_eq!(*order.lock().unwrap(), [3, 2, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`put_in`](Stream::put_in) there.
    pub fn put<T: Send + 'static, Kind>(&self, job: impl IntoJob<T, Kind>) -> WorkHandle<T> {
        assert!(
            !in_transaction(),
            "putting a job inside a transaction: use `put_in(tx, …)`, which puts it when the \
             transaction commits"
        );
        let job = job.into_job();
        let lane = self.lane();
        let Some(shared) = lane.shared() else {
            return held::refuse(job.work);
        };
        let (entry, work) = self.enroll(&shared, job);
        let attendant = Arc::clone(&entry);
        let handle = held::hold(&shared, work, attendant, |tx, item| {
            let held = Held {
                item: item.clone(),
                entry: Arc::clone(&entry),
            };
            lane.enter(tx, &held)
        });
        if entry.listens() {
            let item = handle.item();
            lane.note(&Held { item, entry });
        }
        lane.pump();
        handle
    }

    /// As [`put`](Stream::put), with a transaction: if that does not commit no job was put, and the handle answers
    /// [`WorkError::Cancelled`](crate::WorkError::Cancelled).
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn put_in<T: Send + 'static, Kind>(
        &self,
        tx: &mut Transaction<'_>,
        job: impl IntoJob<T, Kind>,
    ) -> StmResult<WorkHandle<T>> {
        let job = job.into_job();
        let lane = Arc::clone(self.lane());
        let Some(shared) = lane.shared() else {
            return Ok(held::refuse_in(tx, job.work));
        };
        let (entry, work) = self.enroll(&shared, job);
        let attendant = Arc::clone(&entry);
        let handle = held::hold_in(&shared, tx, work, attendant, |tx, item| {
            let held = Held {
                item: item.clone(),
                entry: Arc::clone(&entry),
            };
            lane.enter(tx, &held)
        })?;
        let item = entry.listens().then(|| handle.item());
        tx.on_commit(move || {
            if let Some(item) = item {
                lane.note(&Held { item, entry });
            }
            lane.pump();
        });
        Ok(handle)
    }

    /// What the stream knows of a job that is about to be put.
    fn enroll<T: Send + 'static>(
        &self,
        shared: &Shared,
        job: Job<T>,
    ) -> (Arc<Entry>, crate::work::Work<T>) {
        let Job { work, facts } = job;
        let Facts {
            priority,
            key,
            consume,
            hooks,
        } = facts;
        let lane = self.lane();
        let due = work
            .deadline
            .and_then(|limit| shared.now().checked_add(limit));
        let key = key.as_deref().unwrap_or_default().into();
        let slot = match consume {
            Consume::Own => None,
            Consume::Shared => local::slot().filter(|slot| is_of(slot, &lane.slots)),
        };
        let entry = Entry::new(lane, priority, key, due, slot, hooks);
        (entry, work)
    }

    /// Takes the stream out of those from which jobs are drawn. Its jobs wait until it is
    /// [activated](Stream::activate); those that run go on. Says false if it was paused already.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`pause_in`](Stream::pause_in) there.
    pub fn pause(&self) -> bool {
        self.turn("pause", false)
    }

    /// As [`pause`](Stream::pause), with a transaction. Callbacks are called when that has committed.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn pause_in(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.turn_in(tx, false)
    }

    /// Has jobs drawn from the stream again. Says false if it was active already.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`activate_in`](Stream::activate_in) there.
    pub fn activate(&self) -> bool {
        self.turn("activate", true)
    }

    /// As [`activate`](Stream::activate), with a transaction. Callbacks are called when that has committed.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn activate_in(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.turn_in(tx, true)
    }

    fn turn(&self, what: &str, active: bool) -> bool {
        assert!(
            !in_transaction(),
            "{what} inside a transaction: use `{what}_in(tx)`, which does so when it commits"
        );
        let lane = self.lane();
        let news = hivework_stm::atomically(|tx| lane.set_active(tx, active));
        if news {
            lane.has_turned(active);
        }
        news
    }

    fn turn_in(&self, tx: &mut Transaction<'_>, active: bool) -> StmResult<bool> {
        let news = self.lane().set_active(tx, active)?;
        if news {
            // The handle, so that the stream is not given up before.
            let stream = self.clone();
            tx.on_commit(move || stream.lane().has_turned(active));
        }
        Ok(news)
    }

    /// Are jobs drawn from it?
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.lane().active.load()
    }

    /// How many jobs wait in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lane().len()
    }

    /// Does no job wait in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of its jobs have been drawn and have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.lane().running()
    }

    /// Cancels its jobs, as by [`WorkHandle::cancel`]: those that wait, which will never run; and then those
    /// that run, which are asked to stop. Says how many. What is put meanwhile may be among them.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    #[expect(clippy::must_use_candidate, reason = "the number is but news")]
    pub fn cancel_all(&self) -> usize {
        assert!(
            !in_transaction(),
            "cancel_all inside a transaction: cancel the jobs before or after it"
        );
        let lane = self.lane();
        let waiting = lane.all();
        let started = lane.drawer.root().started();
        let ours = started
            .into_iter()
            .filter(|job| Arc::ptr_eq(job.entry.lane(), lane));
        let mut count = 0;
        for job in waiting.into_iter().chain(ours) {
            shield(|| count += usize::from(job.item.cancel()));
        }
        count
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.lane().id.name
    }

    /// What it is called in events.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.lane().id.clone()
    }

    /// How urgent it is.
    #[must_use]
    pub fn priority(&self) -> i32 {
        self.lane().priority
    }

    /// Its share, where it is drawn by weight.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.lane().weight
    }

    /// The slots that its jobs take.
    #[must_use]
    pub fn slots(&self) -> &Slots {
        &self.lane().slots
    }
}

/// Does the slot belong to the same budget as these, on the outside?
fn is_of(slot: &Slot, slots: &Slots) -> bool {
    let mut root = slots;
    while let Some(parent) = root.parent() {
        root = parent;
    }
    is_within(slot.slots(), root)
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("name", &self.name())
            .field("active", &self.is_active())
            .finish_non_exhaustive()
    }
}
