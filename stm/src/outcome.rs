//! How an attempt can end early: conflict, retry, or the caller's own error.

use std::fmt;

/// Why a transactional operation could not go on.
///
/// Opaque: the only right thing to do with it is to hand it on with `?`, so
/// that the attempt ends and [`atomically`](crate::atomically()) runs it again,
/// at once after a *conflict*, or after something it read has changed when it
/// asked to [`retry`]. Swallowing a conflict (`let _ = var.read(tx)`)
/// is harmless: the attempt is then poisoned, does not commit, and runs again.
/// Swallowing a retry takes it back, but what came before it stays done: to do
/// something else instead, use [`Transaction::or_else`](crate::Transaction::or_else).
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use = "hand it on with `?`; a swallowed StmError makes the whole attempt run again"]
pub struct StmError(pub(crate) Cause);

/// What [`StmError`] hides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// Someone else committed first: run again now.
    Conflict,
    /// Nothing to do until something that was read changes: wait, then run again.
    Retry,
}

impl StmError {
    pub(crate) const CONFLICT: StmError = StmError(Cause::Conflict);
    pub(crate) const RETRY: StmError = StmError(Cause::Retry);
}

impl fmt::Debug for StmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StmError({:?})", self.0)
    }
}

impl fmt::Display for StmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Cause::Conflict => "the transaction met a conflict and has to run again",
            Cause::Retry => "the transaction has to wait until something it read changes",
        })
    }
}

impl std::error::Error for StmError {}

/// What an operation inside a transaction answers.
pub type StmResult<T> = Result<T, StmError>;

/// What may end a transaction that can also fail with an error of its caller's:
/// the engine's reason, or the error `E`, on which everything is rolled back.
///
/// `?` turns an [`StmError`] into it; [`abort`] makes the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "hand it on with `?` or return it"]
pub enum Abort<E> {
    /// The engine's reason: the attempt runs again, now or later.
    Stm(StmError),
    /// The caller's error: roll back and hand it out.
    Caller(E),
}

impl<E> From<StmError> for Abort<E> {
    fn from(error: StmError) -> Self {
        Abort::Stm(error)
    }
}

/// Rolls back with the caller's error: `return abort(OutOfStock)`.
///
/// Shorthand for `Err(Abort::Caller(error))`, for use inside
/// [`atomically_or`](crate::atomically_or) and
/// [`Transaction::nested`](crate::Transaction::nested).
///
/// # Errors
///
/// Always: that is what it is for.
pub fn abort<T, E>(error: E) -> Result<T, Abort<E>> {
    Err(Abort::Caller(error))
}

/// Waits until something that this transaction has read changes, then runs it
/// again from the start (Harris, Marlow, Peyton Jones, Herlihy, *Composable
/// Memory Transactions*, PPoPP 2005).
///
/// Use it as `return retry()` or `retry()?`.
///
/// # Errors
///
/// Always: that is how it leaves the closure.
///
/// # Panics
///
/// The enclosing [`atomically`](crate::atomically()) panics when the attempt has
/// read no variable, because nothing could ever wake it.
pub fn retry<T>() -> StmResult<T> {
    Err(StmError::RETRY)
}

/// Goes on when `condition` holds, and otherwise [`retry`]s.
///
/// # Errors
///
/// When `condition` is false.
pub fn check(condition: bool) -> StmResult<()> {
    if condition { Ok(()) } else { retry() }
}
