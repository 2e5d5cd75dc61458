//! The takes that block, and what containers built on a queue need to know of it.
//!
//! Blocked takers stand in a line ([`super::super::line`]) that every put serves first.

use std::time::Duration;

use hivework_stm::{StmResult, Transaction};

use super::super::line::{Line, Server, obtain};
use super::TQueue;

impl<T: Clone + Send + Sync + 'static> TQueue<T> {
    /// Removes the first value; blocks the thread until there is one. Served in order of
    /// arrival.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn take_blocking(&self) -> T {
        match obtain(self, (), None) {
            Some(value) => value,
            None => unreachable!("without a limit it waits until it is served"),
        }
    }

    /// As [`TQueue::take_blocking`], but blocks no longer than `limit` and then
    /// answers `None`.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the queue"]
    pub fn take_timeout(&self, limit: Duration) -> Option<T> {
        obtain(self, (), Some(limit))
    }
}

/// For containers that are built on a queue.
impl<T: Clone + Send + Sync + 'static> TQueue<T> {
    /// How many values have been added at the end since the queue was made, less those that
    /// were put into a blocked taker's hands.
    pub(crate) fn added(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        self.0.tail.read_with(tx, |end| end.index)
    }

    /// How many of those have been removed.
    pub(crate) fn taken(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        self.0.head.read_with(tx, |end| end.index)
    }

    /// Who is blocked until there is a value.
    pub(crate) fn takers(&self) -> &Line<(), T> {
        &self.0.takers
    }
}

impl<T: Clone + Send + Sync + 'static> Server<(), T> for TQueue<T> {
    fn line(&self) -> &Line<(), T> {
        &self.0.takers
    }

    fn ask(&self, tx: &mut Transaction<'_>, (): &()) -> StmResult<Option<T>> {
        self.try_take(tx)
    }

    fn give_back(&self, tx: &mut Transaction<'_>, (): &(), served: T) -> StmResult<()> {
        self.put(tx, served)
    }
}
