//! What containers of a kind have in common.

use hivework_stm::{StmResult, Transaction};

pub(crate) mod broadcast;
pub(crate) mod queue;
mod segments;

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
