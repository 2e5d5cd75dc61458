//! A first-in, first-out queue without a bound.
//!
//! A chain of links ([`super::chain`]) between two ends, each a variable of its
//! own:
//!
//! ```text
//! head ─> [a] ─> [b] ─> [c] ─> [ ] <─ tail
//! ```
//!
//! 1. A put reads `tail`, fills the link there, and moves `tail` to a new, empty
//!    link.
//! 2. A take reads `head` and the link there, cuts that link, and moves `head` to
//!    the next. It waits while the link is empty.
//!
//! **Who conflicts.** Puts meet at `tail` and takes at `head`. A put and a take
//! touch the same variable only while the queue is empty, where it is the link
//! that the one fills and the other waits for.
//!
//! **Waiting.** The forms of a take that block stand in a line ([`super::line`]), and a put serves
//! the first in it before it adds anything. So while somebody is in the line, the queue is
//! empty, and a take that finds a value goes past nobody.
//!
//! **Counting.** Each end carries how many links lie before it. A side counts by
//! the write that it makes anyway, and only who asks for the length reads both.
//!
//! The shape is that of Haskell's `TChan` (Harris, Marlow, Peyton Jones, Herlihy,
//! *Composable Memory Transactions*, PPoPP 2005); cutting is ours.

use std::fmt;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction, atomically, retry, try_atomically};

use super::chain::{self, End, Link};
use super::line::Line;
use super::{Container, Ordered};

mod blocking;

/// A first-in, first-out queue without a bound.
///
/// A handle: clones share the queue. No operation takes more steps than the
/// values it adds or takes. Putters conflict with each other, and so do takers;
/// a putter and a taker conflict only while the queue is empty.
///
/// Threads that block in [`TQueue::take_blocking`] or [`TQueue::take_timeout`] are
/// served in order of arrival, and a put wakes the one it serves. Takes inside
/// transactions wait beside them: what a put hands to a blocked thread never gets to them, and
/// once nobody is blocked, which of them gets a value is not defined. A put that serves a
/// blocked thread counts as that thread's take at the same instant: the transaction that puts
/// does not find the value in the queue any more.
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
    /// Where to take: the first link that is not cut.
    head: TVar<End<T>>,
    /// Where to put: the link that has not been filled.
    tail: TVar<End<T>>,
    /// Who is blocked until there is a value: nobody, unless the queue is empty.
    takers: Line<(), T>,
}

impl<T: Send + Sync + 'static> Drop for Ends<T> {
    fn drop(&mut self) {
        chain::give_up(&self.head);
    }
}

impl<T: Clone + Send + Sync + 'static> TQueue<T> {
    /// A new, empty queue.
    #[must_use]
    pub fn new() -> Self {
        let end = End {
            link: Link::empty(),
            index: 0,
        };
        TQueue(Arc::new(Ends {
            head: TVar::new(end.clone()),
            tail: TVar::new(end),
            takers: Line::new(),
        }))
    }

    /// Adds a value at the end. Never waits.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        let Err(value) = self.0.takers.serve(tx, value)? else {
            return Ok(());
        };
        let end = self.0.tail.read(tx)?;
        let next = Link::empty();
        end.link.fill(tx, value, next.clone())?;
        self.0.tail.write(
            tx,
            End {
                link: next,
                index: end.index + 1,
            },
        )
    }

    /// Adds values at the end, in their order, for little more than one put costs.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn put_batch(&self, tx: &mut Transaction<'_>, values: Vec<T>) -> StmResult<()> {
        let mut values = values.into_iter();
        let first = loop {
            let Some(value) = values.next() else {
                return Ok(());
            };
            if let Err(value) = self.0.takers.serve(tx, value)? {
                break value;
            }
        };
        let count = values.len() as u64 + 1;
        // The links behind the first are nobody else's yet, so they are made
        // filled, from the last one on.
        let last = Link::empty();
        let mut next = last.clone();
        for value in values.rev() {
            next = Link::filled(value, next);
        }
        // Rolled back, a chain that is filled would go one link for each grace
        // period.
        let unused = next.clone();
        tx.on_abort(move || chain::cut(unused, None));
        let end = self.0.tail.read(tx)?;
        end.link.fill(tx, first, next)?;
        self.0.tail.write(
            tx,
            End {
                link: last,
                index: end.index + count,
            },
        )
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
        let end = self.0.head.read(tx)?;
        let Some((value, link)) = end.link.take(tx)? else {
            return Ok(None);
        };
        let index = end.index + 1;
        self.0.head.write(tx, End { link, index })?;
        Ok(Some(value))
    }

    /// Removes up to `max` values from the front, in their order; as many as there
    /// are, if they are fewer, and so perhaps none.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<T>> {
        let mut taken = Vec::new();
        if max == 0 {
            return Ok(taken);
        }
        let mut end = self.0.head.read(tx)?;
        while taken.len() < max {
            let Some((value, next)) = end.link.take(tx)? else {
                break;
            };
            taken.push(value);
            end.link = next;
            end.index += 1;
        }
        if !taken.is_empty() {
            self.0.head.write(tx, end)?;
        }
        Ok(taken)
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
        let end = self.0.head.read(tx)?;
        end.link.value(tx)
    }

    /// Is the queue empty?
    ///
    /// Conflicts with takes, and with a put only if it answers true.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let end = self.0.head.read_with(tx, End::clone)?;
        end.link.is_empty(tx)
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
        let head = self.0.head.read_with(tx, |end| end.index)?;
        let tail = self.0.tail.read_with(tx, |end| end.index)?;
        Ok(usize::try_from(tail - head).unwrap_or(usize::MAX))
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
        let head = self.0.head.read(tx)?;
        let tail = self.0.tail.read(tx)?;
        if head.index == tail.index {
            return Ok(());
        }
        let until = tail.link.clone();
        self.0.head.write(tx, tail)?;
        tx.on_commit(move || chain::cut(head.link, Some(&until)));
        Ok(())
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
        let head = self.0.head.load().index;
        let tail = self.0.tail.load().index;
        f.debug_struct("TQueue")
            .field("len", &(tail - head))
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
