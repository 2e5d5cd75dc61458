//! Many variables side by side.

use std::fmt;

use crate::atomically::atomically;
use crate::lent::Ref;
use crate::outcome::StmResult;
use crate::row::Row;
use crate::transaction::Transaction;
use crate::tvar::{load, store};

/// A fixed number of variables in one allocation.
///
/// Each element is a variable of its own: operations on different elements do not conflict. It
/// takes 16 bytes, besides what a value has outside of itself, where a [`TVar`](crate::TVar)
/// takes a cache line; so neighbours share one, and threads that write to neighbours without
/// pause slow each other down.
///
/// A handle: clones share the array. Every operation on an element takes constant time.
///
/// ```
/// use hivework_stm::{TArray, atomically};
///
/// let row = TArray::from_iter([10, 20, 30]);
/// // Swapped in one step.
/// atomically(|tx| {
///     let first = row.read(tx, 0)?;
///     let last = row.replace(tx, 2, first)?;
///     row.write(tx, 0, last)
/// });
/// assert_eq!(row.load_all(), [30, 20, 10]);
/// ```
///
/// # Panics
///
/// Every operation on an element panics if there is none at the position that it is given.
pub struct TArray<T>(Row<T>);

impl<T: Send + Sync + 'static> TArray<T> {
    /// An array of `len` elements, each `value`.
    #[must_use]
    pub fn new(len: usize, value: T) -> Self
    where
        T: Clone,
    {
        std::iter::repeat_n(value, len).collect()
    }

    /// How many elements it has.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Has it no elements at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An element, as this transaction sees it.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn read(&self, tx: &mut Transaction<'_>, position: usize) -> StmResult<T>
    where
        T: Clone,
    {
        tx.read(self.0.place(position), T::clone)
    }

    /// As [`TArray::read`], but lends the element instead of cloning it.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn read_with<R>(
        &self,
        tx: &mut Transaction<'_>,
        position: usize,
        f: impl FnOnce(&T) -> R,
    ) -> StmResult<R> {
        tx.read(self.0.place(position), f)
    }

    /// As [`TArray::read`], but lends the element for as long as the attempt lasts.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn read_ref<'t>(&self, tx: &mut Transaction<'t>, position: usize) -> StmResult<Ref<'t, T>> {
        let (word, _) = tx.find(self.0.place(position))?;
        // SAFETY: every element has a value, found by the attempt of `'t`.
        Ok(unsafe { Ref::new(word) })
    }

    /// All elements, as this transaction sees them.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn read_all(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<T>>
    where
        T: Clone,
    {
        (0..self.len())
            .map(|position| self.read(tx, position))
            .collect()
    }

    /// Sets the value that an element has once the transaction commits.
    ///
    /// # Errors
    ///
    /// None at present; hand the result on with `?` like every other.
    #[inline]
    pub fn write(&self, tx: &mut Transaction<'_>, position: usize, value: T) -> StmResult<()> {
        tx.write(self.0.place(position), value);
        Ok(())
    }

    /// Replaces an element by what `f` makes of it.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn modify(
        &self,
        tx: &mut Transaction<'_>,
        position: usize,
        f: impl FnOnce(T) -> T,
    ) -> StmResult<()>
    where
        T: Clone,
    {
        tx.modify(self.0.place(position), f)
    }

    /// Sets an element and answers the value before.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn replace(&self, tx: &mut Transaction<'_>, position: usize, value: T) -> StmResult<T>
    where
        T: Clone,
    {
        let before = self.read(tx, position)?;
        self.write(tx, position, value)?;
        Ok(before)
    }

    /// Exchanges two elements.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn swap(&self, tx: &mut Transaction<'_>, one: usize, other: usize) -> StmResult<()>
    where
        T: Clone,
    {
        let value = self.read(tx, one)?;
        let value = self.replace(tx, other, value)?;
        self.write(tx, one, value)
    }

    /// The committed value of an element, read without a transaction.
    #[must_use]
    pub fn load(&self, position: usize) -> T
    where
        T: Clone,
    {
        // SAFETY: of this row's type.
        unsafe { load(self.0.words(position)) }
    }

    /// The committed values of all elements, read in one transaction.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`TArray::read_all`] there.
    #[must_use]
    pub fn load_all(&self) -> Vec<T>
    where
        T: Clone,
    {
        atomically(|tx| self.read_all(tx))
    }

    /// Sets an element: a transaction of one write.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`TArray::write`] there.
    pub fn store(&self, position: usize, value: T) {
        store(self.0.place(position), value);
    }
}

impl<T> TArray<T> {
    /// Are these handles of the same array?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl<T: Send + Sync + 'static> FromIterator<T> for TArray<T> {
    /// An array of these elements. As with [`TVar::new`](crate::TVar::new), making one is no
    /// event in the order of transactions.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        TArray(Row::filled(Vec::from_iter(values)))
    }
}

impl<T> Clone for TArray<T> {
    /// Another handle of the same array.
    fn clone(&self) -> Self {
        TArray(self.0.clone())
    }
}

impl<T: Send + Sync + 'static> Default for TArray<T> {
    fn default() -> Self {
        TArray::from_iter([])
    }
}

impl<T: fmt::Debug + Clone + Send + Sync + 'static> fmt::Debug for TArray<T> {
    /// Shows the committed values, each as it is when it is looked at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = (0..self.len()).map(|position| self.load(position));
        f.debug_list().entries(values).finish()
    }
}
