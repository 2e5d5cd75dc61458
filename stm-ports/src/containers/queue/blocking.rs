//! The takes that block, and what containers built on a queue need to know of it.
//!
//! Blocked takers stand in a line ([`super::super::line`]), the first of which is a taker like
//! any other.

use std::time::Duration;

use hivework_stm::{StmResult, Transaction};

use super::super::line::{Line, Newcomer, obtain};
use super::TQueue;

impl<T: Clone + Send + Sync + 'static> TQueue<T> {
    /// Removes the first value; blocks the thread until there is one. Served in order of
    /// arrival.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn take_blocking(&self) -> T {
        match obtain(&self.0.takers, Newcomer::MayTake, None, |tx| {
            self.try_take(tx)
        }) {
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
        obtain(&self.0.takers, Newcomer::MayTake, Some(limit), |tx| {
            self.try_take(tx)
        })
    }
}

/// For containers that are built on a queue.
impl<T: Clone + Send + Sync + 'static> TQueue<T> {
    /// How many values have been added since the queue was made.
    pub(crate) fn added(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        self.0.values.added(tx)
    }

    /// How many of those have been removed.
    pub(crate) fn taken(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        self.0.values.taken(tx)
    }

    /// Who is blocked until there is a value.
    pub(crate) fn takers(&self) -> &Line {
        &self.0.takers
    }
}
