//! One place, empty or full.
//!
//! A variable, none while the place is empty. Takers wait while it is, putters while it is not, each
//! by `retry`: a place for one value is for two parties, as a rule, and where they are two there is
//! nobody to be served out of turn. A bounded queue for one value serves many in order of arrival.

use std::fmt;
use std::time::Duration;

use hivework_stm::{StmResult, TVar, Transaction, atomically, atomically_timeout, retry};

use super::{Container, Ordered};

/// One place for a value, empty or full.
///
/// A handle: clones share the cell. Every operation takes a constant number of steps. Puts and takes
/// conflict with each other and with whoever has looked. When it is filled or emptied all who wait
/// for that are woken, and which of them comes first is not defined;
/// [`TBoundedQueue`](crate::TBoundedQueue) serves them in order of arrival.
///
/// ```
/// use hivework_stm::atomically;
/// use stm_ports::TCell;
///
/// let cell = TCell::from(0);
/// assert_eq!(cell.put_now(1), Err(1)); // full, though with zero
/// // As a place to exchange something in one step:
/// let before = atomically(|tx| {
///     let before = cell.take(tx)?;
///     cell.put(tx, before + 1)?;
///     Ok(before)
/// });
/// assert_eq!((before, cell.take_now()), (0, Some(1)));
/// assert_eq!(cell.take_now(), None);
/// ```
pub struct TCell<T: Send + Sync + 'static>(TVar<Option<T>>);

impl<T: Clone + Send + Sync + 'static> TCell<T> {
    /// An empty cell. `TCell::from(value)` makes a full one.
    #[must_use]
    pub fn new() -> Self {
        TCell(TVar::new(None))
    }

    /// Fills the cell; waits while it is full.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the cell is full.
    pub fn put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        match self.try_put(tx, value)? {
            Ok(()) => Ok(()),
            Err(_) => retry(),
        }
    }

    /// Fills the cell, or gives the value back if it is full.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error is the value itself.
    pub fn try_put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<Result<(), T>> {
        if self.is_full(tx)? {
            return Ok(Err(value));
        }
        self.0.write(tx, Some(value)).map(Ok)
    }

    /// Fills the cell, full or not, and answers what was in it. Never waits.
    ///
    /// ```
    /// use hivework_stm::atomically;
    /// use stm_ports::TCell;
    ///
    /// let latest = TCell::new();
    /// assert_eq!(atomically(|tx| latest.replace(tx, 1)), None);
    /// assert_eq!(atomically(|tx| latest.replace(tx, 2)), Some(1));
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn replace(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<Option<T>> {
        self.0.replace(tx, Some(value))
    }

    /// Empties the cell; waits while it is empty.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the cell is empty.
    pub fn take(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.try_take(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// Empties the cell, if it is full.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        let value = self.0.read(tx)?;
        if value.is_some() {
            self.0.write(tx, None)?;
        }
        Ok(value)
    }

    /// The value, which stays; waits while the cell is empty.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the cell is empty.
    pub fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.try_peek(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// The value, which stays, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_peek(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        self.0.read(tx)
    }

    /// Is the cell empty?
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.read_with(tx, Option::is_none)
    }

    /// Is the cell full?
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.read_with(tx, Option::is_some)
    }

    /// Empties the cell. Never waits.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        if self.is_full(tx)? {
            self.0.write(tx, None)?;
        }
        Ok(())
    }

    /// [`TCell::try_put`] in a transaction of its own.
    ///
    /// # Errors
    ///
    /// The value, if the cell is full.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_now(&self, value: T) -> Result<(), T> {
        atomically(|tx| self.try_put(tx, value.clone()))
    }

    /// [`TCell::put`] in a transaction of its own: blocks the thread while the cell is full.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_blocking(&self, value: T) {
        atomically(|tx| self.put(tx, value.clone()));
    }

    /// As [`TCell::put_blocking`], but blocks no longer than `limit` and then gives the value back.
    ///
    /// # Errors
    ///
    /// The value, if the cell was not emptied in time.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_timeout(&self, value: T, limit: Duration) -> Result<(), T> {
        atomically_timeout(limit, |tx| self.put(tx, value.clone())).ok_or(value)
    }

    /// [`TCell::try_take`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the cell"]
    pub fn take_now(&self) -> Option<T> {
        atomically(|tx| self.try_take(tx))
    }

    /// [`TCell::take`] in a transaction of its own: blocks the thread while the cell is empty.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn take_blocking(&self) -> T {
        atomically(|tx| self.take(tx))
    }

    /// As [`TCell::take_blocking`], but blocks no longer than `limit` and then answers `None`.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the cell"]
    pub fn take_timeout(&self, limit: Duration) -> Option<T> {
        atomically_timeout(limit, |tx| self.take(tx))
    }

    /// Are these handles of the same cell?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl<T: Send + Sync + 'static> Clone for TCell<T> {
    /// Another handle of the same cell.
    fn clone(&self) -> Self {
        TCell(self.0.clone())
    }
}

impl<T: Clone + Send + Sync + 'static> Default for TCell<T> {
    fn default() -> Self {
        TCell::new()
    }
}

impl<T: Send + Sync + 'static> From<T> for TCell<T> {
    /// A full cell.
    fn from(value: T) -> Self {
        TCell(TVar::new(Some(value)))
    }
}

impl<T: Clone + fmt::Debug + Send + Sync + 'static> fmt::Debug for TCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TCell").field(&self.0.load()).finish()
    }
}

impl<T: Clone + Send + Sync + 'static> Container for TCell<T> {
    fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.is_empty(tx)
    }

    fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.is_full(tx)
    }

    fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.is_full(tx).map(usize::from)
    }

    fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.clear(tx)
    }
}

impl<T: Clone + Send + Sync + 'static> Ordered for TCell<T> {
    type Item = T;

    fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        self.peek(tx)
    }

    fn take(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        self.take(tx)
    }

    fn put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        self.put(tx, value)
    }

    fn try_take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        self.try_take(tx)
    }

    fn try_put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<Result<(), T>> {
        self.try_put(tx, value)
    }

    fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<T>> {
        if max == 0 {
            return Ok(Vec::new());
        }
        Ok(self.try_take(tx)?.into_iter().collect())
    }
}
