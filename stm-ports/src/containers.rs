//! What containers of a kind have in common.

use std::convert::Infallible;

use hivework_stm::{Abort, StmResult, Transaction};

pub(crate) mod barrier;
pub(crate) mod bounded;
pub(crate) mod broadcast;
pub(crate) mod cell;
mod count;
pub(crate) mod hash_map;
mod line;
pub(crate) mod list;
pub(crate) mod once;
pub(crate) mod ordered_map;
pub(crate) mod priority_queue;
pub(crate) mod queue;
mod segments;
pub(crate) mod semaphore;
mod spine;
pub(crate) mod stack;

/// Does a part of an operation wholly or, where a user's `Clone` or `Ord` panics in it, not at all:
/// that panic may be caught inside the transaction, which then goes on.
pub(crate) fn wholly<'t, R>(
    tx: &mut Transaction<'t>,
    part: impl FnOnce(&mut Transaction<'t>) -> StmResult<R>,
) -> StmResult<R> {
    match tx.nested(|tx| part(tx).map_err(Abort::<Infallible>::Stm))? {
        Ok(done) => Ok(done),
        Err(never) => match never {},
    }
}

/// Holds values.
pub trait Container {
    /// Does it hold nothing?
    ///
    /// # Errors
    ///
    /// A conflict.
    fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool>;

    /// Has it no room for another value? Never true of a container without a
    /// bound.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool>;

    /// How many values it holds.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize>;

    /// Removes every value.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()>;
}

/// A [`Container`] that decides which of its values comes next.
pub trait Ordered: Container {
    /// What it holds.
    type Item;

    /// The value that comes next, which stays; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while it is empty.
    fn peek(&self, tx: &mut Transaction<'_>) -> StmResult<Self::Item>;

    /// Removes the value that comes next; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while it is empty.
    fn take(&self, tx: &mut Transaction<'_>) -> StmResult<Self::Item>;

    /// Adds a value; waits until there is room.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while it is full.
    fn put(&self, tx: &mut Transaction<'_>, value: Self::Item) -> StmResult<()>;

    /// Removes the value that comes next, or answers `None` where
    /// [`Ordered::take`] would wait.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn try_take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Self::Item>>;

    /// Adds a value, or gives it back where [`Ordered::put`] would wait.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error is the value itself.
    fn try_put(
        &self,
        tx: &mut Transaction<'_>,
        value: Self::Item,
    ) -> StmResult<Result<(), Self::Item>>;

    /// Removes up to `max` values, in their order; as many as there are, if they
    /// are fewer, and so perhaps none.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<Self::Item>>;
}

/// A [`Container`] of values that are found by keys, each key with one value.
pub trait KeyValue: Container {
    /// By what a value is found.
    type Key;

    /// What is found.
    type Value;

    /// The standard library's collection of the same kind.
    type Snapshot;

    /// The value of a key, if it has one.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn get(&self, tx: &mut Transaction<'_>, key: &Self::Key) -> StmResult<Option<Self::Value>>;

    /// Gives a key a value, and answers the one that it had before.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn insert(
        &self,
        tx: &mut Transaction<'_>,
        key: Self::Key,
        value: Self::Value,
    ) -> StmResult<Option<Self::Value>>;

    /// Removes a key, and answers the value that it had.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn remove(&self, tx: &mut Transaction<'_>, key: &Self::Key) -> StmResult<Option<Self::Value>>;

    /// Has the key a value?
    ///
    /// # Errors
    ///
    /// A conflict.
    fn contains(&self, tx: &mut Transaction<'_>, key: &Self::Key) -> StmResult<bool>;

    /// Has `f` see every pair.
    ///
    /// # Errors
    ///
    /// A conflict, after `f` may have seen some of them already.
    fn for_each(
        &self,
        tx: &mut Transaction<'_>,
        f: &mut dyn FnMut(&Self::Key, &Self::Value),
    ) -> StmResult<()>;

    /// All keys.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn keys(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<Self::Key>>;

    /// All values.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn values(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<Self::Value>>;

    /// All pairs of a key and its value.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn pairs(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<(Self::Key, Self::Value)>>;

    /// All of it, as it is at this one instant.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn snapshot(&self, tx: &mut Transaction<'_>) -> StmResult<Self::Snapshot>;
}
