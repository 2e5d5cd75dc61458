//! The puts and takes that block, each kind in a line of its own ([`super::super::line`]).

use std::time::Duration;

use super::super::line::{Newcomer, obtain};
use super::TBoundedQueue;

impl<T: Clone + Send + Sync + 'static> TBoundedQueue<T> {
    /// Adds a value at the end; blocks the thread until there is room. Served in order of arrival.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_blocking(&self, value: T) {
        obtain(&self.0.putters, Newcomer::MayTake, None, |tx| {
            Ok(self.try_put(tx, value.clone())?.ok())
        });
    }

    /// As [`TBoundedQueue::put_blocking`], but blocks no longer than `limit` and then gives the
    /// value back.
    ///
    /// ```
    /// use std::{num::NonZeroUsize, time::Duration};
    /// use stm_ports::TBoundedQueue;
    ///
    /// let queue = TBoundedQueue::new(NonZeroUsize::MIN);
    /// queue.put_blocking(1);
    /// assert_eq!(queue.put_timeout(2, Duration::from_millis(1)), Err(2));
    /// assert_eq!(queue.take_now(), Some(1));
    /// assert_eq!(queue.take_now(), None);
    /// ```
    ///
    /// # Errors
    ///
    /// The value, if there was no room in time.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_timeout(&self, value: T, limit: Duration) -> Result<(), T> {
        let put = obtain(&self.0.putters, Newcomer::MayTake, Some(limit), |tx| {
            Ok(self.try_put(tx, value.clone())?.ok())
        });
        put.ok_or(value)
    }

    /// Removes the first value; blocks the thread until there is one. Served in order of arrival.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn take_blocking(&self) -> T {
        match obtain(self.0.queue.takers(), Newcomer::MayTake, None, |tx| {
            self.try_take(tx)
        }) {
            Some(value) => value,
            None => unreachable!("without a limit it waits until it is served"),
        }
    }

    /// As [`TBoundedQueue::take_blocking`], but blocks no longer than `limit` and then answers
    /// `None`.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the value has been taken from the queue"]
    pub fn take_timeout(&self, limit: Duration) -> Option<T> {
        obtain(
            self.0.queue.takers(),
            Newcomer::MayTake,
            Some(limit),
            |tx| self.try_take(tx),
        )
    }
}
