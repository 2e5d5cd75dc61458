//! Last in, first out.
//!
//! One variable with an immutable list ([`super::spine`]), and a line ([`super::line`]) of those who
//! are blocked until there is a value.
//!
//! One variable, and not one for each node: everybody meets at the top in any case, and a chain of
//! variables is freed one grace period after the other.

use std::fmt;
use std::time::Duration;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction, atomically, retry};

use super::line::{Line, Newcomer, obtain};
use super::spine::Spine;
use super::{Container, Ordered};

/// A last-in, first-out stack without a bound.
///
/// A handle: clones share the stack. Pushes and pops take a constant number of steps, as do `len` and
/// `clear`. All operations conflict with each other, except that those which only look do not conflict
/// among themselves.
///
/// Threads that wait in [`TStack::pop_blocking`] or [`TStack::pop_timeout`] are served in order of
/// arrival, and a value wakes one of them; whoever comes while there is a value does not wait. Pops inside transactions stand in no line: those that
/// wait are woken by every push, and the first to commit gets the value.
///
/// ```
/// use hivework_stm::atomically;
/// use stm_ports::TStack;
///
/// let undo = TStack::new();
/// undo.push_now("first");
/// undo.push_now("second");
/// assert_eq!(undo.pop_blocking(), "second");
/// assert_eq!(atomically(|tx| undo.peek(tx)), "first");
/// assert_eq!(undo.pop_now(), Some("first"));
/// assert_eq!(undo.pop_now(), None);
/// ```
pub struct TStack<T: Send + Sync + 'static>(Arc<Stack<T>>);

struct Stack<T: Send + Sync + 'static> {
    values: TVar<Spine<T>>,
    /// Who is blocked until there is a value.
    takers: Line,
}

impl<T: Clone + Send + Sync + 'static> TStack<T> {
    /// A new, empty stack.
    #[must_use]
    pub fn new() -> Self {
        TStack(Arc::new(Stack {
            values: TVar::new(Spine::EMPTY),
            takers: Line::new(),
        }))
    }

    /// Adds a value on top. Never waits.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn push(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        self.0.values.modify(tx, |values| values.with_first(value))
    }

    /// Removes the value on top; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the stack is empty.
    pub fn pop(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.try_pop(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// Removes the value on top, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_pop(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        let values = self.0.values.read(tx)?;
        let Some(value) = values.first().cloned() else {
            return Ok(None);
        };
        self.0.values.write(tx, values.rest().clone())?;
        Ok(Some(value))
    }

    /// Removes up to `max` values from the top, that on top first; as many as there are, if they are
    /// fewer, and so perhaps none.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn pop_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<T>> {
        let values = self.0.values.read(tx)?;
        let mut rest = &values;
        let mut taken = Vec::new();
        while let Some(value) = rest.first().filter(|_| taken.len() < max) {
            taken.push(value.clone());
            rest = rest.rest();
        }
        if !taken.is_empty() {
            self.0.values.write(tx, rest.clone())?;
        }
        Ok(taken)
    }

    /// The value on top, which stays; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the stack is empty.
    pub fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.try_peek(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// The value on top, which stays, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_peek(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        self.0
            .values
            .read_with(tx, |values| values.first().cloned())
    }

    /// Is the stack empty?
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.values.read_with(tx, Spine::is_empty)
    }

    /// How many values it holds.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.values.read_with(tx, Spine::len)
    }

    /// Removes every value.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        if self.is_empty(tx)? {
            return Ok(());
        }
        self.0.values.write(tx, Spine::EMPTY)
    }

    /// [`TStack::push`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn push_now(&self, value: T) {
        atomically(|tx| self.push(tx, value.clone()));
    }

    /// [`TStack::try_pop`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the stack"]
    pub fn pop_now(&self) -> Option<T> {
        atomically(|tx| self.try_pop(tx))
    }

    /// Removes the value on top; blocks the thread until there is one. Served in order of arrival.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn pop_blocking(&self) -> T {
        match obtain(&self.0.takers, Newcomer::MayTake, None, |tx| {
            self.try_pop(tx)
        }) {
            Some(value) => value,
            None => unreachable!("without a limit it waits until it is served"),
        }
    }

    /// As [`TStack::pop_blocking`], but blocks no longer than `limit` and then answers `None`.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the stack"]
    pub fn pop_timeout(&self, limit: Duration) -> Option<T> {
        obtain(&self.0.takers, Newcomer::MayTake, Some(limit), |tx| {
            self.try_pop(tx)
        })
    }

    /// Are these handles of the same stack?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: Send + Sync + 'static> Clone for TStack<T> {
    /// Another handle of the same stack.
    fn clone(&self) -> Self {
        TStack(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Default for TStack<T> {
    fn default() -> Self {
        TStack::new()
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for TStack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TStack")
            .field("len", &self.0.values.load().len())
            .finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Container for TStack<T> {
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

impl<T: Clone + Send + Sync + 'static> Ordered for TStack<T> {
    type Item = T;

    fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        self.peek(tx)
    }

    fn take(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        self.pop(tx)
    }

    fn put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        self.push(tx, value)
    }

    fn try_take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        self.try_pop(tx)
    }

    fn try_put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<Result<(), T>> {
        self.push(tx, value).map(Ok)
    }

    fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<T>> {
        self.pop_batch(tx, max)
    }
}
