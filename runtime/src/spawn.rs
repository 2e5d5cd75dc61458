//! Putting what runs in several turns: futures, and transactions that wait.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use hivework_stm::{StmResult, Transaction, after_transaction, atomically_async, in_transaction};

use crate::handle::WorkHandle;
use crate::polled::Polled;
use crate::polled::lobby::Kind;
use crate::scheduler::Scheduler;
use crate::work::Work;
use crate::work::ends::Fresh;
use crate::work::error::WorkError;

/// Makes work that *is* a transaction, to be put by
/// [`put_work`](Scheduler::put_work) and its kin, with a name, a deadline or a callback
/// if need be; see [`Scheduler::put_transaction`].
///
/// ```
/// use std::time::Duration;
/// use hivework::{make_scheduler, make_transaction, check, TVar, WorkError};
///
/// let scheduler = make_scheduler();
/// let tickets = TVar::new(0);
/// let theirs = tickets.clone();
/// let ticket = make_transaction(move |tx| {
///     check(theirs.read(tx)? > 0)?;
///     theirs.modify(tx, |n| n - 1)
/// });
/// let waiting = scheduler.put_work(ticket.name("ticket").deadline(Duration::from_millis(20)));
/// assert!(matches!(waiting.join(), Err(WorkError::DeadlineExceeded)));
/// ```
pub fn make_transaction<T, F>(transaction: F) -> Work<T>
where
    F: FnMut(&mut Transaction<'_>) -> StmResult<T> + Send + 'static,
    T: Send + 'static,
{
    let future = atomically_async(transaction);
    Work::fresh(Fresh::of(|head| {
        Polled::new(head, future, Kind::Transaction)
    }))
}

/// Makes work of a future, to be put by [`put_work`](Scheduler::put_work) and its kin,
/// with a name, a deadline or a callback if need be; see [`Scheduler::spawn`].
///
/// ```
/// use hivework::{make_future, make_scheduler};
///
/// let scheduler = make_scheduler();
/// let sum = make_future(async { (1..=10).sum::<i32>() }).name("sum");
/// assert_eq!(scheduler.put_work(sum).join().unwrap(), 55);
/// ```
pub fn make_future<F>(future: F) -> Work<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let future = Box::pin(future);
    Work::fresh(Fresh::of(|head| Polled::new(head, future, Kind::Future)))
}

impl Scheduler {
    /// Puts work that is a transaction: it runs, as [`atomically`](crate::atomically())
    /// runs it, on a worker. Where it would wait it is put aside, and its worker is
    /// free; once something that it has read changes it is queued again. So it costs
    /// memory to have many of them wait, and no threads.
    ///
    /// [`cancel`](WorkHandle::cancel) takes one that waits out at once. So does its
    /// deadline, as far as the handle goes; see [`make_transaction`] for options. After
    /// a [`stop`](Scheduler::stop) it waits on, for the next start; a
    /// [`drain`](Scheduler::drain) that has nothing left but transactions that wait
    /// answers them with [`WorkError::Stopped`]. A panic in it rolls it back.
    ///
    /// ```
    /// use hivework::{check, make_scheduler, TVar};
    ///
    /// let scheduler = make_scheduler();
    /// let stock = TVar::new(0);
    /// let theirs = stock.clone();
    /// let order = scheduler.put_transaction(move |tx| {
    ///     let left = theirs.read(tx)?;
    ///     check(left >= 3)?; // puts it aside
    ///     theirs.write(tx, left - 3)
    /// });
    /// stock.store(5);
    /// order.join().unwrap();
    /// assert_eq!(stock.load(), 2);
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a transaction: use
    /// [`put_work_in(tx, make_transaction(…))`](Scheduler::put_work_in) there. A
    /// transaction that starts another inside itself panics as well, and answers so.
    pub fn put_transaction<T, F>(&self, transaction: F) -> WorkHandle<T>
    where
        F: FnMut(&mut Transaction<'_>) -> StmResult<T> + Send + 'static,
        T: Send + 'static,
    {
        self.put_work(make_transaction(transaction))
    }

    /// Runs a future on the workers. Its handle is that of any work: a future itself,
    /// and a means to join, to wait in a transaction, to cancel. Dropped, it lets the
    /// future run on; [`cancel_on_drop`](WorkHandle::cancel_on_drop) makes it cancel.
    ///
    /// A future is polled when it is put and whenever it is woken, and no worker is
    /// held up in between. Cancelled, it is dropped at once if it is suspended, and
    /// otherwise when it next suspends itself. One that wakes itself in each poll goes to
    /// the back of its worker's queue each time. A drain waits for futures; when the last
    /// handle of the scheduler goes they are dropped where they are suspended, and answer
    /// [`WorkError::Stopped`].
    ///
    /// The scheduler is no reactor: it brings no timers, sockets or files. Those of
    /// another runtime can be awaited as far as they work outside of it (tokio's channels
    /// do; its sockets want its context entered), and the handle can be awaited there.
    ///
    /// ```
    /// use hivework::{atomically_async, check, make_scheduler, TVar};
    ///
    /// let scheduler = make_scheduler();
    /// let ready = TVar::new(false);
    /// let flag = ready.clone();
    /// let answer = scheduler.spawn(async move {
    ///     atomically_async(|tx| check(flag.read(tx)?)).await;
    ///     42
    /// });
    /// ready.store(true);
    /// assert_eq!(answer.join().unwrap(), 42);
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a transaction: use
    /// [`put_work_in(tx, make_future(…))`](Scheduler::put_work_in) there.
    pub fn spawn<F>(&self, future: F) -> WorkHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.put_work(make_future(future))
    }
}

/// A handle that cancels its work when it is dropped. Made by
/// [`WorkHandle::cancel_on_drop`]; it can be awaited, and is otherwise used as the handle
/// that it holds.
///
/// Dropped inside a transaction it cancels when that is over, whichever way.
#[must_use = "dropping it cancels the work"]
pub struct CancelOnDrop<T: Send + 'static>(Option<WorkHandle<T>>);

impl<T: Send + 'static> WorkHandle<T> {
    /// Has the work cancelled when this handle is dropped, instead of letting it run on:
    /// what waits for an answer that nobody wants any more should not go on.
    ///
    /// ```
    /// use std::future::pending;
    /// use hivework::make_scheduler;
    ///
    /// let scheduler = make_scheduler();
    /// let endless = scheduler.spawn(pending::<()>()).cancel_on_drop();
    /// drop(endless);
    /// while scheduler.stats().cancelled == 0 {
    ///     std::thread::yield_now();
    /// }
    /// ```
    pub fn cancel_on_drop(self) -> CancelOnDrop<T> {
        CancelOnDrop(Some(self))
    }
}

impl<T: Send + 'static> CancelOnDrop<T> {
    /// The handle, without the promise.
    pub fn detach(mut self) -> WorkHandle<T> {
        self.take()
    }

    /// Waits for the outcome; see [`WorkHandle::join`].
    ///
    /// # Errors
    ///
    /// As [`WorkHandle::join`].
    ///
    /// # Panics
    ///
    /// As [`WorkHandle::join`].
    pub fn join(mut self) -> Result<T, WorkError> {
        self.take().join()
    }

    fn take(&mut self) -> WorkHandle<T> {
        self.0
            .take()
            .expect("it holds its handle until it is dropped")
    }
}

impl<T: Send + 'static> Drop for CancelOnDrop<T> {
    fn drop(&mut self) {
        let Some(handle) = self.0.take() else { return };
        if in_transaction() {
            after_transaction(move || _ = handle.cancel());
        } else {
            handle.cancel();
        }
    }
}

impl<T: Send + 'static> Deref for CancelOnDrop<T> {
    type Target = WorkHandle<T>;

    fn deref(&self) -> &WorkHandle<T> {
        self.0
            .as_ref()
            .expect("it holds its handle until it is dropped")
    }
}

impl<T: Send + 'static> DerefMut for CancelOnDrop<T> {
    fn deref_mut(&mut self) -> &mut WorkHandle<T> {
        self.0
            .as_mut()
            .expect("it holds its handle until it is dropped")
    }
}

impl<T: Send + 'static> Future for CancelOnDrop<T> {
    type Output = Result<T, WorkError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut **self).poll(context)
    }
}

impl<T: Send + 'static> fmt::Debug for CancelOnDrop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelOnDrop").field(&self.0).finish()
    }
}
