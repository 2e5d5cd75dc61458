//! A queue that takes the least priority first.
//!
//! An ordered map from a priority and a *turn* to a value. A put looks for the last value of its priority
//! and takes the turn after that one's, or the first, if there is none. So equals are taken in the order of
//! the commits that put them, and there is no counter that all puts meet at: two puts
//! of one priority conflict, because one of them has to come first, and two of different ones
//! do not, or only as neighbours do in the map.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use hivework_stm::{StmResult, Transaction, atomically, atomically_timeout, retry, try_atomically};

use super::ordered_map::TOrderedMap;
use super::{Container, Ordered};

/// By what the map orders the values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<P> {
    priority: P,
    turn: u64,
}

/// A queue without a bound that takes the least priority first, and of equals the one that was
/// put first.
///
/// For the greatest first, wrap the priorities in [`std::cmp::Reverse`].
///
/// A handle: clones share the queue. Puts and takes take time in proportion to the logarithm of the
/// length, and a constant number of transactional reads and writes. What is first among equals is
/// decided by the order of the commits, for all putters together.
///
/// # What conflicts
///
/// Takers conflict with each other. Puts of the same priority conflict with each other, and those
/// of different ones only where they come within a few places of each other: a leaf of the
/// underlying [`TOrderedMap`], at most fifteen values. A put conflicts with a take only within a few
/// places of the front. [`TPriorityQueue::len`] conflicts with every put and take.
///
/// ```
/// use stm_ports::TPriorityQueue;
///
/// let jobs = TPriorityQueue::new();
/// jobs.put_now(5, "later");
/// jobs.put_now(1, "first");
/// jobs.put_now(1, "second");
/// assert_eq!(jobs.take_blocking(), (1, "first"));
/// assert_eq!(jobs.take_now(), Some((1, "second")));
/// assert_eq!(jobs.take_now(), Some((5, "later")));
/// assert_eq!(jobs.take_now(), None);
/// ```
pub struct TPriorityQueue<P: Send + Sync + 'static, T: Send + Sync + 'static>(
    TOrderedMap<Rank<P>, T>,
);

impl<P, T> TPriorityQueue<P, T>
where
    P: Ord + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// A new, empty queue.
    #[must_use]
    pub fn new() -> Self {
        TPriorityQueue(TOrderedMap::new())
    }

    /// Adds a value behind those of the same priority. Never waits.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn put(&self, tx: &mut Transaction<'_>, priority: P, value: T) -> StmResult<()> {
        let behind = |rank: &Rank<P>| match rank.priority <= priority {
            true => Ordering::Less,
            false => Ordering::Greater,
        };
        let last = self.0.last_key_before(tx, &behind)?;
        let turn = match last {
            Some(rank) if rank.priority == priority => rank.turn + 1,
            _ => 0,
        };
        self.0.insert(tx, Rank { priority, turn }, value)?;
        Ok(())
    }

    /// Removes the first value, with its priority; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the queue is empty.
    pub fn take(&self, tx: &mut Transaction<'_>) -> StmResult<(P, T)> {
        match self.try_take(tx)? {
            Some(first) => Ok(first),
            None => retry(),
        }
    }

    /// Removes the first value, with its priority, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(P, T)>> {
        let first = self.0.pop_first(tx)?;
        Ok(first.map(|(rank, value)| (rank.priority, value)))
    }

    /// Removes up to `max` values, in their order; as many as there are, if they are fewer, and
    /// so perhaps none.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<(P, T)>> {
        let mut taken = Vec::new();
        while taken.len() < max {
            match self.try_take(tx)? {
                Some(first) => taken.push(first),
                None => break,
            }
        }
        Ok(taken)
    }

    /// The first value, with its priority, which stays; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the queue is empty.
    pub fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<(P, T)> {
        match self.try_peek(tx)? {
            Some(first) => Ok(first),
            None => retry(),
        }
    }

    /// The first value, with its priority, which stays, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_peek(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(P, T)>> {
        let first = self.0.first(tx)?;
        Ok(first.map(|(rank, value)| (rank.priority, value)))
    }

    /// Is the queue empty?
    ///
    /// Conflicts as [`TPriorityQueue::peek`] does.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.is_empty(tx)
    }

    /// How many values the queue holds, in a constant number of steps.
    ///
    /// Conflicts with every put and every take.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.len(tx)
    }

    /// Removes every value, in a constant number of steps; the memory is given back after the
    /// commit.
    ///
    /// Conflicts with everything.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.0.clear(tx)
    }

    /// [`TPriorityQueue::put`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_now(&self, priority: P, value: T) {
        atomically(|tx| self.put(tx, priority.clone(), value.clone()));
    }

    /// [`TPriorityQueue::try_take`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the queue"]
    pub fn take_now(&self) -> Option<(P, T)> {
        try_atomically(|tx| self.take(tx))
    }

    /// [`TPriorityQueue::take`] in a transaction of its own: blocks the thread until there is a
    /// value.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn take_blocking(&self) -> (P, T) {
        atomically(|tx| self.take(tx))
    }

    /// As [`TPriorityQueue::take_blocking`], but blocks no longer than `limit` and then answers
    /// `None`.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the queue"]
    pub fn take_timeout(&self, limit: Duration) -> Option<(P, T)> {
        atomically_timeout(limit, |tx| self.take(tx))
    }

    /// Are these handles of the same queue?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl<P: Send + Sync + 'static, T: Send + Sync + 'static> Clone for TPriorityQueue<P, T> {
    /// Another handle of the same queue.
    fn clone(&self) -> Self {
        TPriorityQueue(self.0.clone())
    }
}

impl<P, T> Default for TPriorityQueue<P, T>
where
    P: Ord + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        TPriorityQueue::new()
    }
}

impl<P: Send + Sync + 'static, T: Send + Sync + 'static> fmt::Debug for TPriorityQueue<P, T> {
    /// Shows about how many values it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TPriorityQueue")
            .field("len", &self.0.about_len())
            .finish_non_exhaustive()
    }
}

impl<P, T> Container for TPriorityQueue<P, T>
where
    P: Ord + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
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

/// An item is a priority and a value.
impl<P, T> Ordered for TPriorityQueue<P, T>
where
    P: Ord + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    type Item = (P, T);

    fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<(P, T)> {
        self.peek(tx)
    }

    fn take(&self, tx: &mut Transaction<'_>) -> StmResult<(P, T)> {
        self.take(tx)
    }

    fn put(&self, tx: &mut Transaction<'_>, (priority, value): (P, T)) -> StmResult<()> {
        self.put(tx, priority, value)
    }

    fn try_take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(P, T)>> {
        self.try_take(tx)
    }

    fn try_put(
        &self,
        tx: &mut Transaction<'_>,
        (priority, value): (P, T),
    ) -> StmResult<Result<(), (P, T)>> {
        self.put(tx, priority, value).map(Ok)
    }

    fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<(P, T)>> {
        self.take_batch(tx, max)
    }
}
