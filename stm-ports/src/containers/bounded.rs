//! A first-in, first-out queue with a capacity.
//!
//! A [`TQueue`], and one variable of the putters: `limit`, the number of values up to which one may
//! put without a look at the takers' end. It is what had been taken when last somebody looked, plus
//! the capacity, and so never too high, because what has been taken does not become less.
//!
//! 1. A put goes on while less than `limit` has been added. Otherwise it reads how much has been
//!    taken, which tells the new limit; if that does not help, the queue is full.
//! 2. A take knows nothing of that: it moves the takers' end, which a put that waits has read.
//!
//! **Who conflicts.** Putters with each other, and takers. A putter and a taker meet while the
//! queue is empty, as in a [`TQueue`], and where a putter looks at the takers' end: once for each
//! `capacity` values if the takers keep up, and with every put while it is full or nearly so.

use std::fmt;
use std::num::NonZeroUsize;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction, atomically, retry, try_atomically};

use super::line::Line;
use super::queue::TQueue;
use super::{Container, Ordered};

mod blocking;

/// A first-in, first-out queue that holds at most so many values.
///
/// A handle: clones share the queue. No operation takes more steps than the values it adds or
/// takes. A put waits while the queue is full, inside a larger transaction, too: whoever produces
/// is held back to the pace of whoever consumes. Putters conflict with each other, and so do
/// takers; a putter and a taker conflict only while the queue is nearly empty or nearly full.
///
/// Threads that wait in `put_blocking`, `take_blocking` and the forms with a limit are served in
/// order of arrival, one line for each direction, and a value or a place wakes one of them; whoever
/// comes while there is a value, or a place, does not wait. Puts
/// and takes inside transactions stand in no line: those that wait are woken by every take or put,
/// and the first to commit gets the place or the value.
///
/// ```
/// use std::num::NonZeroUsize;
/// use hivework_stm::{atomically, try_atomically};
/// use stm_ports::TBoundedQueue;
///
/// let queue = TBoundedQueue::new(const { NonZeroUsize::new(2).unwrap() });
/// atomically(|tx| {
///     queue.put(tx, "a")?;
///     queue.put(tx, "b")
/// });
/// // There is no room: the put would wait, and these answer instead.
/// assert_eq!(queue.put_now("c"), Err("c"));
/// assert_eq!(try_atomically(|tx| queue.put(tx, "c")), None);
/// assert_eq!(queue.take_blocking(), "a");
/// assert_eq!(queue.put_now("c"), Ok(()));
/// ```
pub struct TBoundedQueue<T: Send + Sync + 'static>(Arc<Bounded<T>>);

struct Bounded<T: Send + Sync + 'static> {
    queue: TQueue<T>,
    capacity: NonZeroUsize,
    /// How many values may have been added, for all that putters know.
    limit: TVar<u64>,
    /// Who is blocked until there is room.
    putters: Line,
}

impl<T: Clone + Send + Sync + 'static> TBoundedQueue<T> {
    /// A new, empty queue that holds at most `capacity` values.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        TBoundedQueue(Arc::new(Bounded {
            queue: TQueue::new(),
            capacity,
            limit: TVar::new(capacity.get() as u64),
            putters: Line::new(),
        }))
    }

    /// How many values it can hold.
    #[must_use]
    pub fn capacity(&self) -> NonZeroUsize {
        self.0.capacity
    }

    /// Adds a value at the end; waits until there is room.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the queue is full.
    pub fn put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        if self.has_room(tx)? {
            self.0.queue.put(tx, value)
        } else {
            retry()
        }
    }

    /// Adds a value at the end, or gives it back if there is no room.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use hivework_stm::atomically;
    /// use stm_ports::TBoundedQueue;
    ///
    /// let queue = TBoundedQueue::new(NonZeroUsize::MIN);
    /// assert_eq!(atomically(|tx| queue.try_put(tx, 1)), Ok(()));
    /// assert_eq!(atomically(|tx| queue.try_put(tx, 2)), Err(2));
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict. The inner error is the value itself.
    pub fn try_put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<Result<(), T>> {
        if self.has_room(tx)? {
            self.0.queue.put(tx, value).map(Ok)
        } else {
            Ok(Err(value))
        }
    }

    /// Step 1.
    fn has_room(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let added = self.0.queue.added(tx)?;
        if added < self.0.limit.read(tx)? {
            return Ok(true);
        }
        let limit = self.limit_by_takers(tx)?;
        if added < limit {
            self.0.limit.write(tx, limit)?;
        }
        Ok(added < limit)
    }

    /// How many values may have been added, as the takers' end tells.
    fn limit_by_takers(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        Ok(self.0.queue.taken(tx)? + self.0.capacity.get() as u64)
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
        self.0.queue.try_take(tx)
    }

    /// Removes up to `max` values from the front, in their order; as many as there are, if they
    /// are fewer, and so perhaps none.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<T>> {
        self.0.queue.take_batch(tx, max)
    }

    /// The first value, which stays; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the queue is empty.
    pub fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        self.0.queue.peek(tx)
    }

    /// The first value, which stays, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_peek(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        self.0.queue.try_peek(tx)
    }

    /// Is the queue empty? Conflicts with takes, and with a put only if it answers true.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.queue.is_empty(tx)
    }

    /// Is there no room? Conflicts with puts, and with a take only if the queue is nearly full.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        // As `has_room`, but who only asks leaves the limit alone.
        let added = self.0.queue.added(tx)?;
        Ok(added >= self.0.limit.read(tx)? && added >= self.limit_by_takers(tx)?)
    }

    /// How many values the queue holds, in a constant number of steps. Conflicts with every put
    /// and every take.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.queue.len(tx)
    }

    /// Removes every value. The values of blocked putters are not in the queue yet: they get in,
    /// as many as there is room for. Conflicts with puts and with takes.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.0.queue.clear(tx)
    }

    /// [`TBoundedQueue::try_put`] in a transaction of its own.
    ///
    /// # Errors
    ///
    /// The value, if there is no room.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_now(&self, value: T) -> Result<(), T> {
        atomically(|tx| self.try_put(tx, value.clone()))
    }

    /// [`TBoundedQueue::try_take`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the queue"]
    pub fn take_now(&self) -> Option<T> {
        try_atomically(|tx| self.take(tx))
    }

    /// Are these handles of the same queue?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: Send + Sync + 'static> Clone for TBoundedQueue<T> {
    /// Another handle of the same queue.
    fn clone(&self) -> Self {
        TBoundedQueue(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for TBoundedQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TBoundedQueue")
            .field("capacity", &self.0.capacity)
            .field("queue", &self.0.queue)
            .finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Container for TBoundedQueue<T> {
    fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.is_empty(tx)
    }

    fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.is_full(tx)
    }

    fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.len(tx)
    }

    fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.clear(tx)
    }
}

impl<T: Clone + Send + Sync + 'static> Ordered for TBoundedQueue<T> {
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
        self.take_batch(tx, max)
    }
}
