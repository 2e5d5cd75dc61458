//! Running transactions: the attempt loop and its variants.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use crate::contention::Contention;
use crate::outcome::{Abort, Cause, StmError, StmResult};
use crate::parker::Waiter;
use crate::stats::Count;
use crate::trace::How;
use crate::transaction::Transaction;
use crate::transaction::attempt::Attempt;
use crate::transaction::commit::Commit;

/// What to do when a transaction asks to retry.
#[derive(Clone, Copy, Debug)]
enum Patience {
    /// Wait for as long as it takes.
    Unbounded,
    /// Wait until then.
    Until(Instant),
    /// Do not wait.
    None,
}

/// How one attempt went.
pub(crate) enum Run<R, E> {
    Committed(R),
    Refused(E),
    /// With what the closure made of it, to be dropped once the attempt is over.
    Conflict(Option<Result<R, Abort<E>>>),
    Retry,
}

/// Runs the closure on an attempt and commits what it did. `Committed` and
/// `Refused` are final; the attempt is still to be ended, in any case.
#[inline]
pub(crate) fn run_once<R, E>(
    attempt: &mut Attempt,
    f: &mut impl FnMut(&mut Transaction<'_>) -> Result<R, Abort<E>>,
) -> Run<R, E> {
    let outcome = f(&mut attempt.transaction());
    if attempt.is_poisoned() {
        return Run::Conflict(Some(outcome));
    }
    match outcome {
        Ok(value) => match attempt.commit() {
            Commit::Done => Run::Committed(value),
            Commit::Conflict => Run::Conflict(Some(Ok(value))),
        },
        Err(Abort::Caller(error)) => Run::Refused(error),
        Err(Abort::Stm(StmError(Cause::Conflict))) => Run::Conflict(None),
        Err(Abort::Stm(StmError(Cause::Retry))) => Run::Retry,
    }
}

/// The loop: answers None where it would have waited longer than it may.
#[inline]
fn run<R, E>(
    patience: Patience,
    mut f: impl FnMut(&mut Transaction<'_>) -> Result<R, Abort<E>>,
) -> Result<Option<R>, E> {
    let mut contention = Contention::default();
    loop {
        let mut attempt = Attempt::begin(&contention);
        match run_once(&mut attempt, &mut f) {
            // The token goes before the hooks run: it has done its work.
            Run::Committed(value) => {
                drop(contention);
                attempt.end(true);
                return Ok(Some(value));
            }
            Run::Refused(error) => {
                drop(contention);
                attempt.end(false);
                return Err(error);
            }
            Run::Conflict(rejected) => {
                attempt.note(How::Conflict);
                attempt.end(false);
                drop(rejected);
                contention.back_off();
            }
            Run::Retry => {
                contention = Contention::default();
                if !wait(attempt, patience) {
                    return Ok(None);
                }
            }
        }
    }
}

/// Ends an attempt that asked to retry, and waits. Says false when it may not
/// wait any longer.
#[cold]
#[inline(never)]
fn wait(mut attempt: Attempt, patience: Patience) -> bool {
    attempt.count(Count::Retries);
    attempt.note(How::Retry);
    let deadline = match patience {
        Patience::Unbounded => None,
        Patience::Until(deadline) => Some(deadline),
        Patience::None => {
            attempt.end(false);
            return false;
        }
    };
    match attempt.wait(Waiter::thread()) {
        Ok(registration) => registration.park(deadline),
        Err(changed) => {
            drop(changed);
            deadline.is_none_or(|deadline| Instant::now() < deadline)
        }
    }
}

/// Turns a closure without errors of its own into one with.
#[inline]
fn infallible<R>(
    mut f: impl FnMut(&mut Transaction<'_>) -> StmResult<R>,
) -> impl FnMut(&mut Transaction<'_>) -> Result<R, Abort<Infallible>> {
    move |tx| f(tx).map_err(Abort::Stm)
}

/// Runs a transaction: all of `f`'s reads and writes take effect at one instant,
/// or none does.
///
/// `f` may run several times. It must do nothing that cannot be repeated, other
/// than through the transaction: what cannot be rolled back belongs into
/// [`Transaction::on_commit`]. It must not block on another thread's progress.
/// What it sees is consistent in every run, including those that are thrown away
/// (opacity).
///
/// When `f` asks to [`retry`](crate::retry), the calling thread sleeps until a
/// commit changes something that it has read.
///
/// ```
/// use hivework_stm::{TVar, atomically, check};
///
/// let (from, to) = (TVar::new(100), TVar::new(0));
/// atomically(|tx| {
///     let balance = from.read(tx)?;
///     check(balance >= 30)?; // waits until there is enough
///     from.write(tx, balance - 30)?;
///     to.modify(tx, |balance| balance + 30)
/// });
/// assert_eq!((from.load(), to.load()), (70, 30));
/// ```
///
/// # Progress
///
/// After 8 conflicts a transaction holds up other writers until it is through:
/// it meets at most 8, plus one for each other thread that was committing at
/// that moment, and then commits. Others wait for 20 ms, and for twice as long each time
/// that this was not enough, up to ten seconds: a closure that runs for longer than 20 ms
/// meets some conflicts more, as many as doublings are needed, from each other thread.
/// One transaction at a time has this right; one that has waited for it for 20 ms runs
/// once more without. A closure that breaks the rule above and blocks
/// forfeits the bound. It also holds others up for so long for each of
/// their commits, and keeps all memory that has been given up since it began.
///
/// # Panics
///
/// When called inside a transaction of the same thread, and when `f` retries
/// without having read a variable. A panic of `f` rolls back what it did and
/// passes on; no variable is poisoned.
#[inline]
pub fn atomically<R>(f: impl FnMut(&mut Transaction<'_>) -> StmResult<R>) -> R {
    match run(Patience::Unbounded, infallible(f)) {
        Ok(Some(value)) => value,
        Ok(None) => unreachable!("an unbounded wait does not run out"),
        Err(never) => match never {},
    }
}

/// As [`atomically`], for a transaction that can also fail: on the caller's
/// error everything is rolled back and the error is handed out.
///
/// ```
/// use hivework_stm::{TVar, abort, atomically_or};
///
/// let stock = TVar::new(2_u32);
/// let take = |n: u32| {
///     atomically_or(|tx| {
///         let left = stock.read(tx)?;
///         match left.checked_sub(n) {
///             Some(left) => Ok(stock.write(tx, left)?),
///             None => abort(format!("only {left} left")),
///         }
///     })
/// };
/// assert_eq!(take(2), Ok(()));
/// assert_eq!(take(1), Err("only 0 left".to_string()));
/// ```
///
/// # Errors
///
/// The caller's own, decided on a consistent view like everything else.
///
/// # Panics
///
/// As [`atomically`].
#[inline]
pub fn atomically_or<R, E>(
    f: impl FnMut(&mut Transaction<'_>) -> Result<R, Abort<E>>,
) -> Result<R, E> {
    match run(Patience::Unbounded, f)? {
        Some(value) => Ok(value),
        None => unreachable!("an unbounded wait does not run out"),
    }
}

/// As [`atomically`], but where that would wait, rolls back and answers `None`.
///
/// # Panics
///
/// When called inside a transaction of the same thread.
#[must_use = "None says that nothing was done"]
#[inline]
pub fn try_atomically<R>(f: impl FnMut(&mut Transaction<'_>) -> StmResult<R>) -> Option<R> {
    match run(Patience::None, infallible(f)) {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

/// As [`atomically`], but waits no longer than `limit` and then answers `None`.
///
/// The limit bounds the waiting, not the running: a transaction that does not
/// ask to retry runs to its end. With a limit of zero this is
/// [`try_atomically`], except that a retry which read nothing still panics.
///
/// # Panics
///
/// As [`atomically`].
#[must_use = "None says that nothing was done"]
#[inline]
pub fn atomically_timeout<R>(
    limit: Duration,
    f: impl FnMut(&mut Transaction<'_>) -> StmResult<R>,
) -> Option<R> {
    // A limit beyond what the clock can express is no limit.
    let patience = match Instant::now().checked_add(limit) {
        Some(deadline) => Patience::Until(deadline),
        None => Patience::Unbounded,
    };
    match run(patience, infallible(f)) {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
