//! Transactions as futures: where `atomically` would block the thread, the
//! task waits.
//!
//! Each poll runs attempts until one commits or asks to retry; then it leaves
//! the task's waker with the variables that were read ([`crate::wait`]). No
//! state of an attempt lives across polls, so the future may move between
//! threads and may be dropped at any time: dropped while it waits, it takes its
//! entries back and has changed nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::atomically::{Run, run_once};
use crate::contention::Contention;
use crate::outcome::{Abort, StmResult};
use crate::parker::Waiter;
use crate::stats::Count;
use crate::trace::How;
use crate::transaction::Transaction;
use crate::transaction::attempt::Attempt;
use crate::wait::Registration;

/// How many conflicts one poll sits out before it lets other tasks run.
const CONFLICTS_PER_POLL: u32 = 16;

/// As [`atomically`](crate::atomically()), without blocking the thread: a future
/// that is ready once the transaction has committed.
///
/// Cancel-safe: dropped before it is ready, it has had no effect.
///
/// Its bound on re-runs is that of `atomically`, but for a poll that meets 16
/// conflicts: then other tasks have their turn, and the count starts anew. Asking
/// for the right to hold other writers up may keep the executor's thread for some
/// milliseconds.
///
/// ```
/// # use hivework_stm::{TVar, atomically_async, check};
/// # async fn example() {
/// let jobs = TVar::new(3_u32);
/// let left = atomically_async(|tx| {
///     let n = jobs.read(tx)?;
///     check(n > 0)?; // awaits
///     jobs.write(tx, n - 1)?;
///     Ok(n - 1)
/// })
/// .await;
/// # }
/// ```
///
/// # Panics
///
/// When polled: as [`atomically`](crate::atomically()), and when it is polled again
/// after it was ready.
pub fn atomically_async<R, F>(f: F) -> AtomicallyFuture<F>
where
    F: FnMut(&mut Transaction<'_>) -> StmResult<R>,
{
    AtomicallyFuture {
        f,
        waiting: None,
        done: false,
    }
}

/// The future of [`atomically_async`].
#[must_use = "futures do nothing unless polled"]
pub struct AtomicallyFuture<F> {
    f: F,
    waiting: Option<Registration>,
    done: bool,
}

/// The closure is never pinned.
impl<F> Unpin for AtomicallyFuture<F> {}

impl<F> fmt::Debug for AtomicallyFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicallyFuture")
            .field("waiting", &self.waiting.is_some())
            .finish_non_exhaustive()
    }
}

impl<R, F> Future for AtomicallyFuture<F>
where
    F: FnMut(&mut Transaction<'_>) -> StmResult<R>,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<R> {
        let AtomicallyFuture { f, waiting, done } = self.get_mut();
        assert!(
            !*done,
            "the future of a transaction was polled again after it was ready: the transaction \
             would run a second time"
        );
        // A new waker may stand behind this poll: register anew in any case.
        *waiting = None;
        let mut f = |tx: &mut Transaction<'_>| f(tx).map_err(Abort::<()>::Stm);
        let mut contention = Contention::default();
        for _ in 0..CONFLICTS_PER_POLL {
            // A waker's clone is foreign code: not inside the attempt.
            let waiter = Waiter::task(task.waker().clone());
            let mut attempt = Attempt::begin(&contention);
            match run_once(&mut attempt, &mut f) {
                Run::Committed(value) => {
                    *done = true;
                    drop(contention);
                    attempt.end(true);
                    return Poll::Ready(value);
                }
                Run::Refused(()) => unreachable!("the closure has no error of its own"),
                Run::Conflict(rejected) => {
                    attempt.note(How::Conflict);
                    attempt.end(false);
                    drop(rejected);
                    contention.back_off();
                }
                Run::Retry => {
                    attempt.count(Count::Retries);
                    attempt.note(How::Retry);
                    // Otherwise something has changed already: run again.
                    if let Ok(registration) = attempt.wait(waiter) {
                        *waiting = Some(registration);
                        return Poll::Pending;
                    }
                }
            }
        }
        drop(contention);
        task.waker().wake_by_ref();
        Poll::Pending
    }
}
