//! A first-in, first-out queue without a bound: [`super::segments`], and a line
//! ([`super::line`]) of those who are blocked until there is a value.

use std::fmt;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically, retry, try_atomically};

use super::line::Line;
use super::segments::Segments;
use super::{Container, Ordered};

mod blocking;

/// A first-in, first-out queue without a bound.
///
/// A handle: clones share the queue. No operation takes more steps than the
/// values it adds or takes. Putters conflict with each other, and so do takers;
/// a putter and a taker conflict only while the queue is empty, or all but.
///
/// Threads that wait in [`TQueue::take_blocking`] or [`TQueue::take_timeout`] are served in order
/// of arrival, and a value wakes one of them; whoever comes while there is a value does not wait. Takes inside transactions stand in no line: those
/// that wait are woken by every put, and the first to commit gets the value.
///
/// ```
/// use hivework_stm::atomically;
/// use stm_ports::TQueue;
///
/// let (inbox, outbox) = (TQueue::new(), TQueue::new());
/// inbox.put_now(1);
/// inbox.put_now(2);
/// // One step: the value is in one queue or in the other, never in none or both.
/// atomically(|tx| {
///     let value = inbox.take(tx)?;
///     outbox.put(tx, value * 10)
/// });
/// assert_eq!(outbox.take_blocking(), 10);
/// assert_eq!(inbox.take_now(), Some(2));
/// assert_eq!(inbox.take_now(), None);
/// ```
pub struct TQueue<T: Send + Sync + 'static>(Arc<Ends<T>>);

struct Ends<T: Send + Sync + 'static> {
    values: Segments<T>,
    /// Who is blocked until there is a value.
    takers: Line,
}

impl<T: Clone + Send + Sync + 'static> TQueue<T> {
    /// A new, empty queue.
    #[must_use]
    pub fn new() -> Self {
        TQueue(Arc::new(Ends {
            values: Segments::new(),
            takers: Line::new(),
        }))
    }

    /// Adds a value at the end. Never waits.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        self.0.values.put(tx, value)
    }

    /// Adds values at the end, in their order, for little more than one put costs.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn put_batch(&self, tx: &mut Transaction<'_>, values: Vec<T>) -> StmResult<()> {
        self.0.values.put_batch(tx, values)
    }

    /// Removes the first value; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the queue is empty.
    pub fn take(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.try_take(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// Removes the first value, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        self.0.values.take(tx)
    }

    /// Removes up to `max` values from the front, in their order; as many as there
    /// are, if they are fewer, and so perhaps none.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<T>> {
        self.0.values.take_batch(tx, max)
    }

    /// The first value, which stays; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the queue is empty.
    pub fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.try_peek(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// The first value, which stays, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_peek(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        Ok(self.0.values.peek(tx)?.map(|value| T::clone(&value)))
    }

    /// Is the queue empty?
    ///
    /// Conflicts with takes, and with a put only if it answers true.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.0.values.peek(tx)?.is_none())
    }

    /// How many values the queue holds, in a constant number of steps.
    ///
    /// Reads both ends, so a transaction that asks conflicts with every put and
    /// every take. Ask [`TQueue::is_empty`] where that is enough.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        let taken = self.0.values.taken(tx)?;
        let added = self.0.values.added(tx)?;
        Ok(usize::try_from(added - taken).unwrap_or(usize::MAX))
    }

    /// Removes every value, in a constant number of steps; the memory is given
    /// back after the commit.
    ///
    /// Conflicts with puts and with takes.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.0.values.clear(tx)
    }

    /// [`TQueue::put`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_now(&self, value: T) {
        atomically(|tx| self.put(tx, value.clone()));
    }

    /// [`TQueue::try_take`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the queue"]
    pub fn take_now(&self) -> Option<T> {
        try_atomically(|tx| self.take(tx))
    }

    /// Was the queue empty a moment ago? A look from outside of any transaction,
    /// for those who poll: two loads, and nothing that conflicts with anybody.
    ///
    /// When it answers true, there was an instant during the call at which the queue
    /// was empty. When it answers false, what there was may have been taken meanwhile.
    ///
    /// ```
    /// use stm_ports::TQueue;
    ///
    /// let queue = TQueue::new();
    /// assert!(queue.is_empty_now());
    /// queue.put_now(1);
    /// assert!(!queue.is_empty_now());
    /// ```
    #[must_use]
    pub fn is_empty_now(&self) -> bool {
        self.0.values.len_now() == 0
    }

    /// About how many values the queue holds. A look from outside of any transaction, in two loads:
    /// values that come or go between them may be counted or not.
    ///
    /// ```
    /// use stm_ports::TQueue;
    ///
    /// let queue = TQueue::new();
    /// queue.put_now(1);
    /// assert_eq!(queue.len_now(), 1);
    /// ```
    #[must_use]
    pub fn len_now(&self) -> usize {
        usize::try_from(self.0.values.len_now()).unwrap_or(usize::MAX)
    }

    /// How many values have been taken out of the queue since it was made, and how many put into it,
    /// in this order: cleared ones count as taken. A look from outside of any transaction, in two
    /// loads, and never more taken than put. As the values come out in the order in which they were put, two looks
    /// tell which of them have gone.
    ///
    /// ```
    /// use stm_ports::TQueue;
    ///
    /// let queue = TQueue::new();
    /// queue.put_now('a');
    /// queue.put_now('b');
    /// queue.take_now();
    /// assert_eq!(queue.counts_now(), (1, 2));
    /// ```
    #[must_use]
    pub fn counts_now(&self) -> (u64, u64) {
        self.0.values.counts_now()
    }

    /// Are these handles of the same queue?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: Send + Sync + 'static> Clone for TQueue<T> {
    /// Another handle of the same queue.
    fn clone(&self) -> Self {
        TQueue(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Default for TQueue<T> {
    fn default() -> Self {
        TQueue::new()
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for TQueue<T> {
    /// Shows about how many values it holds: the ends are looked at one after the
    /// other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TQueue")
            .field("len", &self.0.values.len_now())
            .finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Container for TQueue<T> {
    fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.is_empty(tx)
    }

    fn is_full(&self, _tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(false)
    }

    fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.len(tx)
    }

    fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.clear(tx)
    }
}

impl<T: Clone + Send + Sync + 'static> Ordered for TQueue<T> {
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
        self.put(tx, value).map(Ok)
    }

    fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<T>> {
        self.take_batch(tx, max)
    }
}
