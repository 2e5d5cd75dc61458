//! A shared list, of which everybody who looks has a snapshot.
//!
//! One variable with an immutable list ([`super::spine`]). Pushing makes a new first node in front of
//! the old list, popping goes back to the list behind the first: the rest is never copied. A
//! snapshot is a handle of the nodes, good for as long as it is kept, whatever becomes of the list.

use std::fmt;

use hivework_stm::{StmResult, TVar, Transaction, atomically, retry};

use super::Container;
use super::spine::Spine;

/// A shared list that is read from the front, by snapshots.
///
/// A handle: clones share the list. [`TList::push`], [`TList::pop`], [`TList::snapshot`],
/// [`TList::set`] and `len` take a constant number of steps, and none copies the list. All that change
/// it conflict with each other and with whoever has looked; those who look do not conflict among
/// themselves. An iteration over a snapshot takes no part in any transaction: it conflicts
/// with nothing, however long it lasts.
///
/// All that wait in [`TList::first`] or [`TList::take`] are woken by a push, and which of them gets
/// the value is not defined; [`TStack`](crate::TStack) serves those who are blocked in their order.
///
/// ```
/// use hivework_stm::atomically;
/// use stm_ports::TList;
///
/// let list: TList<u32> = [1, 2, 3].into_iter().collect();
/// let (first, rest) = atomically(|tx| Ok((list.first(tx)?, list.rest(tx)?)));
/// list.push_now(0);
/// list.pop_now();
/// list.pop_now();
/// assert_eq!(first, 1);
/// assert_eq!(rest.iter().sum::<u32>(), 5); // as it was then
/// assert_eq!(atomically(|tx| list.first(tx)), 2);
/// ```
pub struct TList<T: Send + Sync + 'static>(TVar<Spine<T>>);

/// What a [`TList`] was like at some instant: an immutable list. Clones share it.
///
/// ```
/// use stm_ports::TListSnapshot;
///
/// let tail = TListSnapshot::default().with_first(3).with_first(2);
/// let list = tail.with_first(1);
/// assert_eq!(list.iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
/// assert!(list.rest().ptr_eq(&tail)); // shared, not copied
/// ```
pub struct TListSnapshot<T>(Spine<T>);

impl<T: Clone + Send + Sync + 'static> TList<T> {
    /// A new, empty list.
    #[must_use]
    pub fn new() -> Self {
        TList(TVar::new(Spine::EMPTY))
    }

    /// Adds a value at the front. Never waits.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn push(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        self.0.modify(tx, |list| list.with_first(value))
    }

    /// Removes the first value, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn pop(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        let list = self.0.read(tx)?;
        let Some(value) = list.first().cloned() else {
            return Ok(None);
        };
        self.0.write(tx, list.rest().clone())?;
        Ok(Some(value))
    }

    /// Removes the first value; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the list is empty.
    pub fn take(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.pop(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// The first value, which stays; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the list is empty.
    pub fn first(&self, tx: &mut Transaction<'_>) -> StmResult<T> {
        match self.try_first(tx)? {
            Some(value) => Ok(value),
            None => retry(),
        }
    }

    /// The first value, which stays, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_first(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        self.0.read_with(tx, |list| list.first().cloned())
    }

    /// What is behind the first value; empty if there is none.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn rest(&self, tx: &mut Transaction<'_>) -> StmResult<TListSnapshot<T>> {
        self.0
            .read_with(tx, |list| TListSnapshot(list.rest().clone()))
    }

    /// The whole list as it is now.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn snapshot(&self, tx: &mut Transaction<'_>) -> StmResult<TListSnapshot<T>> {
        self.0.read(tx).map(TListSnapshot)
    }

    /// Makes the list what the snapshot is.
    ///
    /// ```
    /// use hivework_stm::atomically;
    /// use stm_ports::TList;
    ///
    /// let list: TList<_> = "abc".chars().collect();
    /// // Without its first two.
    /// atomically(|tx| {
    ///     let rest = list.rest(tx)?.rest();
    ///     list.set(tx, &rest)
    /// });
    /// assert_eq!(list.load().iter().collect::<String>(), "c");
    /// ```
    ///
    /// # Errors
    ///
    /// None at present; hand the result on with `?` like every other.
    pub fn set(&self, tx: &mut Transaction<'_>, list: &TListSnapshot<T>) -> StmResult<()> {
        self.0.write(tx, list.0.clone())
    }

    /// Is the list empty?
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.read_with(tx, Spine::is_empty)
    }

    /// How many values it holds.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.read_with(tx, Spine::len)
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
        self.0.write(tx, Spine::EMPTY)
    }

    /// [`TList::push`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn push_now(&self, value: T) {
        atomically(|tx| self.push(tx, value.clone()));
    }

    /// [`TList::pop`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn pop_now(&self) -> Option<T> {
        atomically(|tx| self.pop(tx))
    }

    /// The whole list as it was committed last, without a transaction.
    #[must_use]
    pub fn load(&self) -> TListSnapshot<T> {
        TListSnapshot(self.0.load())
    }

    /// Are these handles of the same list?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl<T> TListSnapshot<T> {
    /// The first value, if there is one.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.0.first()
    }

    /// What is behind the first value; empty if there is none.
    #[must_use]
    pub fn rest(&self) -> Self {
        TListSnapshot(self.0.rest().clone())
    }

    /// This list behind a value; it stays as it is, too.
    #[must_use]
    pub fn with_first(&self, value: T) -> Self {
        TListSnapshot(self.0.clone().with_first(value))
    }

    /// Does it hold nothing?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many values it holds, in one step.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The values, from the first on.
    #[must_use]
    pub fn iter(&self) -> TListIter<'_, T> {
        TListIter(&self.0)
    }

    /// Are these the same nodes?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

/// The values of a [`TListSnapshot`], from the first on.
pub struct TListIter<'a, T>(&'a Spine<T>);

impl<'a, T> Iterator for TListIter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        let first = self.0.first();
        self.0 = self.0.rest();
        first
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<T> ExactSizeIterator for TListIter<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for TListIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(TListIter(self.0)).finish()
    }
}

impl<'a, T> IntoIterator for &'a TListSnapshot<T> {
    type Item = &'a T;
    type IntoIter = TListIter<'a, T>;

    fn into_iter(self) -> TListIter<'a, T> {
        self.iter()
    }
}

impl<T> Clone for TListSnapshot<T> {
    fn clone(&self) -> Self {
        TListSnapshot(self.0.clone())
    }
}

impl<T> Default for TListSnapshot<T> {
    fn default() -> Self {
        TListSnapshot(Spine::EMPTY)
    }
}

impl<T: fmt::Debug> fmt::Debug for TListSnapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<T: Send + Sync + 'static> Clone for TList<T> {
    /// Another handle of the same list.
    fn clone(&self) -> Self {
        TList(self.0.clone())
    }
}

impl<T: Clone + Send + Sync + 'static> Default for TList<T> {
    fn default() -> Self {
        TList::new()
    }
}

impl<T: Send + Sync + 'static> FromIterator<T> for TList<T> {
    /// A list of these values, in their order.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let values: Vec<T> = values.into_iter().collect();
        let behind = |list: Spine<T>, value| list.with_first(value);
        TList(TVar::new(
            values.into_iter().rev().fold(Spine::EMPTY, behind),
        ))
    }
}

impl<T: fmt::Debug + Send + Sync + 'static> fmt::Debug for TList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TList")
            .field(&TListSnapshot(self.0.load()))
            .finish()
    }
}

impl<T: Clone + Send + Sync + 'static> Container for TList<T> {
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
