//! What the one who put a work item holds: waiting for it, cancelling it.
//!
//! # Waiting from inside a work item
//!
//! A worker that waits for an item that nobody has begun runs it itself, claimed
//! by compare-and-swap on the state word; the item's entry in its queue becomes a
//! tombstone. It runs nothing else: other work on top of a half-done item is
//! how a lock's holder comes to wait for itself. An item that another worker runs
//! is waited for, the worker counting as away meanwhile (`worker/away.rs`), so
//! that a spare runs what is queued. Items that run inside each other take
//! stack; past [`DEPTH`] of them a worker waits, away, and a spare goes on with
//! a stack of its own ([deep]). So does a worker whose wait has a limit: an item that it ran
//! itself would take as long as it takes.
//!
//! An item that is delayed it leaves alone until its time has come, and waits for it, away: as
//! deep as one that it may not run itself, because nobody else will once the run has ended.
//!
//! # Waiting on a thread that answers
//!
//! A drain, and the end of a scheduler, answer works on their own thread and call what is to be
//! called then. What is joined from there the thread may have to answer itself; so it does (`stop/answer.rs`).
//!
//! # Deadlines
//!
//! The supervisor watches them. A scheduler that is stopped has none; so who joins sleeps no longer
//! than until the deadline, and answers it. By a clock that is turned by hand that is no time
//! to sleep until: whoever turns it has those who join look again (`clock/manual.rs`).
//!
//! # Rings
//!
//! An item that runs on the waiting thread itself, as the one that asks or
//! beneath it, can never end while it is waited for, and neither can one that
//! waits, through however many others, for the one that asks ([ring]):
//! [`WorkError::WouldDeadlock`].

pub(crate) mod deep;
pub(crate) mod ring;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, in_transaction};

use crate::local;
use crate::shared::Shared;
use crate::stop::answer::Answering;
use crate::time::{after, earlier};
use crate::work::ends::HandleEnd;
use crate::work::error::WorkError;
use crate::work::item::Item;
use crate::work::state::Status;
use crate::worker::away::Absence;

/// How often a join looks where nobody would wake it: one that is deep and whose item a
/// transaction still holds, when the run has ended; and one of a thread that has others to answer
/// meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// How many items may run inside each other on one thread.
pub(crate) const DEPTH: usize = 64;

/// The other end of a work item that was put: its outcome, its state, the means
/// to cancel it. It can be awaited.
///
/// Dropping the handle lets the work run on, detached; its result is dropped
/// where it is made. The outcome is handed out once; asked again, the handle
/// answers [`WorkError::Lost`].
///
/// ```
/// use hivework::make_scheduler;
///
/// let scheduler = make_scheduler();
/// let work = scheduler.put_work(|| "done");
/// assert_eq!(work.join().unwrap(), "done");
/// ```
pub struct WorkHandle<T> {
    end: HandleEnd<T>,
}

impl<T: Send + 'static> WorkHandle<T> {
    pub(crate) fn new(end: HandleEnd<T>) -> Self {
        WorkHandle { end }
    }

    /// Another reference to the item.
    pub(crate) fn item(&self) -> Item {
        self.end.item()
    }

    /// Waits for the outcome.
    ///
    /// Called from inside a work item of the same scheduler it runs the awaited
    /// item itself if nobody has begun it and its time has come.
    ///
    /// # Errors
    ///
    /// A [`WorkError`] that says why there is no result;
    /// [`WorkError::WouldDeadlock`] when the caller runs inside the item, or the
    /// item waits in `join` for the caller.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`wait_in`](WorkHandle::wait_in) there.
    pub fn join(mut self) -> Result<T, WorkError> {
        match self.wait(None) {
            Ok(_) => self.end.take(),
            Err(error) => Err(error),
        }
    }

    /// Waits for the outcome, but no longer than `limit`; `None` when that was
    /// over first.
    ///
    /// Unlike [`join`](WorkHandle::join) it never runs the awaited item itself,
    /// which could take longer.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`wait_in`](WorkHandle::wait_in) there.
    pub fn join_timeout(&mut self, limit: Duration) -> Option<Result<T, WorkError>> {
        match self.wait(after(limit)) {
            Ok(true) => Some(self.end.take()),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// The outcome if it is there.
    pub fn try_join(&mut self) -> Option<Result<T, WorkError>> {
        self.end.state().is_published().then(|| self.end.take())
    }

    /// Waits until the outcome is there or the time is over, and says which.
    fn wait(&self, until: Option<Instant>) -> Result<bool, WorkError> {
        assert!(
            !in_transaction(),
            "join inside a transaction: use `wait_in(tx)`, which waits with the transaction"
        );
        let state = self.end.state();
        if state.is_published() {
            return Ok(true);
        }
        let info = self.end.info();
        if local::is_running_here(info) {
            return Err(WorkError::WouldDeadlock);
        }
        // Only a wait without a limit may take as long as the item does.
        let worker = info.home().and_then(local::worker_at);
        let worker = worker.filter(|_| until.is_none());
        if worker.is_some() && local::depth() < DEPTH {
            self.end.run_here();
            if state.is_published() {
                return Ok(true);
            }
        }
        let completion = self.end.core().completion();
        // Being linked and away costs more than a short wait.
        if completion.is_soon() {
            return Ok(true);
        }
        let Some(_link) = ring::Link::join(info) else {
            return Err(WorkError::WouldDeadlock);
        };
        let _absence = Absence::begin();
        if let Some(worker) = worker.filter(|_| local::depth() >= DEPTH || info.is_early()) {
            self.wait_deep(&worker.shared);
        }
        let answering = info.home().and_then(Answering::here);
        loop {
            let arrived = match answering {
                None => self.sleep(until, || false),
                Some(answering) => self.sleep_answering(answering, until)?,
            };
            if arrived {
                return Ok(true);
            }
            if !self.end.head().is_overdue() {
                if until.is_some_and(|until| Instant::now() >= until) {
                    return Ok(false);
                }
                // What it was to begin by has passed, and it has begun.
                continue;
            }
            self.end.item().expire();
            // It may have begun just in time, and then other limits count. Otherwise it is settled,
            // by us or by a rival that is about to publish.
            if state.is_over() {
                return Ok(completion.wait(until));
            }
        }
    }

    /// Sleeps until the outcome is there, and says so; no longer than until then, until the
    /// deadline has passed, or until `in_vain`.
    fn sleep(&self, until: Option<Instant>, in_vain: impl Fn() -> bool) -> bool {
        let (completion, head) = (self.end.core().completion(), self.end.head());
        let Some(due) = head.due() else {
            return completion.sleep(until, in_vain);
        };
        let shared = head.info.shared();
        let joins = shared
            .as_ref()
            .and_then(|shared| shared.config.clock.joins());
        let Some(joins) = joins else {
            return completion.sleep(earlier(until, Some(due)), in_vain);
        };
        joins.wait(Arc::new(self.end.item()), || {
            completion.sleep(until, || in_vain() || head.is_overdue())
        })
    }

    /// As [`sleep`](WorkHandle::sleep), on a thread that answers items of the same scheduler: answers
    /// them meanwhile (`stop/answer.rs`).
    fn sleep_answering(
        &self,
        answering: Answering,
        until: Option<Instant>,
    ) -> Result<bool, WorkError> {
        let info = self.end.info();
        if local::depth() >= DEPTH {
            return Err(WorkError::WouldDeadlock);
        }
        answering.one(&self.end.item());
        loop {
            if self.sleep(earlier(until, after(LOOK)), || false) {
                return Ok(true);
            }
            let is_late = until.is_some_and(|until| Instant::now() >= until);
            let Some(shared) = info
                .shared()
                .filter(|_| !is_late && !self.end.head().is_overdue())
            else {
                return Ok(false);
            };
            answering.rest(&shared);
        }
    }

    /// So deep that it left the item to others, or it is not to run yet: waits for the outcome or
    /// the deadline, and once the run ends runs the item after all ([deep]).
    fn wait_deep(&self, shared: &Shared) {
        let (info, state) = (self.end.info(), self.end.state());
        let ends = || shared.is_halting() && !info.is_early();
        shared
            .deep
            .wait(Arc::new(self.end.item()), || self.sleep(None, ends));
        while ends() && !state.is_published() && !self.end.head().is_overdue() {
            self.end.run_here();
            if !state.is_held() {
                return;
            }
            self.sleep(after(LOOK), || false);
        }
    }

    /// The outcome, waiting for it as part of the transaction: alone, with
    /// other conditions, or as one side of an
    /// [`or_else`](Transaction::or_else). The outcome stays in the handle.
    ///
    /// ```
    /// use hivework::{atomically, make_scheduler};
    ///
    /// let scheduler = make_scheduler();
    /// let (slow, fast) = (scheduler.put_work(|| 1), scheduler.put_work(|| 2));
    /// let sum = atomically(|tx| {
    ///     let (one, two) = (slow.wait_in(tx)?, fast.wait_in(tx)?);
    ///     Ok(one.unwrap() + two.unwrap())
    /// });
    /// assert_eq!(sum, 3);
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while there is no outcome.
    ///
    /// # Panics
    ///
    /// When the work was put in this very transaction, which would have to commit
    /// before the work can begin.
    pub fn wait_in(&self, tx: &mut Transaction<'_>) -> StmResult<Result<T, WorkError>>
    where
        T: Clone + Sync,
    {
        let state = self.end.state();
        let held = state.is_held();
        assert!(
            !(held && self.end.info().is_held_by(local::thread_number())),
            "wait_in on work that was put in the same transaction: it cannot begin before \
             the transaction commits; wait for it in another transaction after this one"
        );
        if local::is_running_here(self.end.info()) {
            return Ok(Err(WorkError::WouldDeadlock));
        }
        self.end.core().completion().wait_in(tx)?;
        Ok(self.end.lend())
    }

    /// Cancels: work that has not begun never does, and answers
    /// [`WorkError::Cancelled`]; work that runs can read that it should stop
    /// ([`WorkContext::cancelled`](crate::WorkContext::cancelled)), and answers
    /// its result if it does not. Says false when it was over already.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`cancel_in`](WorkHandle::cancel_in) there.
    pub fn cancel(&self) -> bool {
        assert!(
            !in_transaction(),
            "cancel inside a transaction: use `cancel_in(tx)`, which cancels when it commits"
        );
        // By a reference of its own: this one others may be using, too, and it alone must not
        // pass for a sole owner's.
        self.end.item().cancel()
    }

    /// As [`cancel`](WorkHandle::cancel), when the transaction commits.
    pub fn cancel_in(&self, tx: &mut Transaction<'_>) {
        let item = self.end.item();
        tx.on_commit(move || {
            item.cancel();
        });
    }

    /// How far the work has come.
    #[must_use]
    pub fn status(&self) -> Status {
        self.end.state().status()
    }

    /// Its number, unique within its scheduler.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.end.info().id()
    }

    /// Its name, where it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.end.info().name()
    }

    /// Has `callback` called once with the outcome, after those that were added before, as
    /// [`Work::on_done`](crate::Work::on_done) does. When the outcome is there already, and none of the others
    /// is still to be called, it is called at once, here, before this returns; the outcome stays in the
    /// handle. Where it has been taken out by then, by [`try_join`](WorkHandle::try_join) say, the
    /// callback is told [`WorkError::Lost`].
    ///
    /// A callback may add another one, where it reaches the handle: that comes last, and not inside it.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use hivework::make_scheduler;
    ///
    /// let scheduler = make_scheduler();
    /// let (sender, told) = channel();
    /// let mut work = scheduler.put_work(|| 6 * 7);
    /// for turn in 0..3 {
    ///     let sender = sender.clone();
    ///     // It runs, or is over: each is called, in this order.
    ///     work.on_done(move |outcome| sender.send((turn, outcome.clone().unwrap())).unwrap());
    /// }
    /// assert_eq!(work.join().unwrap(), 42);
    /// assert_eq!(told.try_iter().collect::<Vec<_>>(), [(0, 42), (1, 42), (2, 42)]);
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a transaction, which may run again, and add it again: add it with
    /// [`Work::on_done`](crate::Work::on_done) to work that the transaction puts.
    pub fn on_done(&mut self, callback: impl FnOnce(&Result<T, WorkError>) + Send + 'static) {
        assert!(
            !in_transaction(),
            "on_done inside a transaction, which may run again: add the callback to the work, with \
             `make_work(…).on_done(…)`, before `put_work_in(tx, …)`; or after the transaction"
        );
        let completion = self.end.core().completion();
        if let Some(callback) = completion.add_callback(Box::new(callback)) {
            self.end.tell(callback);
        }
    }
}

impl<T: Send + 'static> Future for WorkHandle<T> {
    type Output = Result<T, WorkError>;

    /// Never blocks. A work that awaits its own handle gets
    /// [`WorkError::WouldDeadlock`]. An executor that is run inside a work item
    /// blocks the worker's thread: wrap it in [`blocking`](crate::blocking).
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let state = self.end.state();
        if !state.is_published() && local::is_running_here(self.end.info()) {
            return Poll::Ready(Err(WorkError::WouldDeadlock));
        }
        let completion = self.end.core().completion();
        if completion.poll(context.waker()) {
            Poll::Ready(self.end.take())
        } else {
            Poll::Pending
        }
    }
}

impl<T> fmt::Debug for WorkHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkHandle")
            .field("id", &self.end.info().id())
            .field("name", &self.end.info().name())
            .field("state", &self.end.state())
            .finish()
    }
}
