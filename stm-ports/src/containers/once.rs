//! A promise: a value that is set once.
//!
//! A variable, none at first, set at most once. Whoever waits for it has read it, and is woken by
//! the one commit that ever changes it; that commit is of use to all of them, so they need no line.

use std::fmt;
use std::time::Duration;

use hivework_stm::{StmResult, TVar, Transaction, atomically, atomically_timeout, retry};

/// A value that is set once, for any number of waiters.
///
/// A handle: clones share the promise. Every operation takes a constant number of steps. All who
/// wait go on when it is set. The setting conflicts with whoever has looked before; afterwards
/// nothing conflicts with anything.
///
/// ```
/// use hivework_stm::{TVar, atomically};
/// use stm_ports::TOnce;
///
/// let (result, open) = (TOnce::new(), TVar::new(1));
/// let waiter = std::thread::spawn({
///     let result = result.clone();
///     move || result.wait_blocking()
/// });
/// // Who sees the result sees what was changed along with it.
/// atomically(|tx| {
///     open.modify(tx, |n| n - 1)?;
///     result.set(tx, "done")
/// })
/// .unwrap();
/// assert_eq!(waiter.join().unwrap(), "done");
/// assert_eq!(result.set_now("again"), Err("again"));
/// ```
pub struct TOnce<T: Send + Sync + 'static>(TVar<Option<T>>);

impl<T: Clone + Send + Sync + 'static> TOnce<T> {
    /// A promise that has not been set.
    #[must_use]
    pub fn new() -> Self {
        TOnce(TVar::new(None))
    }

    /// Sets the value, or gives it back if one was set before. Never waits.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error is the value itself.
    pub fn set(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<Result<(), T>> {
        if self.is_set(tx)? {
            return Ok(Err(value));
        }
        self.0.write(tx, Some(value)).map(Ok)
    }

    /// The value; waits until it is set.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while it is not set.
    pub fn get(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.try_get(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// The value, if it is set.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_get(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        self.0.read(tx)
    }

    /// Is it set?
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_set(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.read_with(tx, Option::is_some)
    }

    /// [`TOnce::set`] in a transaction of its own.
    ///
    /// # Errors
    ///
    /// The value, if one was set before.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn set_now(&self, value: T) -> Result<(), T> {
        atomically(|tx| self.set(tx, value.clone()))
    }

    /// The value, if it is set. Inside a transaction, too, this is what was committed last.
    #[must_use]
    pub fn get_now(&self) -> Option<T> {
        self.0.load()
    }

    /// The value; blocks the thread until it is set.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn wait_blocking(&self) -> T {
        atomically(|tx| self.get(tx))
    }

    /// As [`TOnce::wait_blocking`], but blocks no longer than `limit` and then answers `None`.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> Option<T> {
        atomically_timeout(limit, |tx| self.get(tx))
    }

    /// Are these handles of the same promise?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl<T: Send + Sync + 'static> Clone for TOnce<T> {
    /// Another handle of the same promise.
    fn clone(&self) -> Self {
        TOnce(self.0.clone())
    }
}

impl<T: Clone + Send + Sync + 'static> Default for TOnce<T> {
    fn default() -> Self {
        TOnce::new()
    }
}

impl<T: Clone + Send + Sync + 'static> From<T> for TOnce<T> {
    /// A promise that is kept from the start.
    fn from(value: T) -> Self {
        TOnce(TVar::new(Some(value)))
    }
}

impl<T: Clone + fmt::Debug + Send + Sync + 'static> fmt::Debug for TOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TOnce").field(&self.0.load()).finish()
    }
}
