//! The puts and takes that block, each kind in a line of its own ([`super::super::line`]).

use std::time::Duration;

use hivework_stm::{StmResult, Transaction};

use super::super::line::{Line, Server, obtain};
use super::TBoundedQueue;

impl<T: Clone + Send + Sync + 'static> TBoundedQueue<T> {
    /// Adds a value at the end; blocks the thread until there is room. Served in order of arrival.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn put_blocking(&self, value: T) {
        obtain(&Putting(self), value, None);
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
        obtain(&Putting(self), value.clone(), Some(limit)).ok_or(value)
    }

    /// Removes the first value; blocks the thread until there is one. Served in order of arrival.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn take_blocking(&self) -> T {
        match obtain(&Taking(self), (), None) {
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
        obtain(&Taking(self), (), Some(limit))
    }
}

/// The queue, as those see it who wait for a value.
struct Taking<'a, T: Send + Sync + 'static>(&'a TBoundedQueue<T>);

impl<T: Clone + Send + Sync + 'static> Server<(), T> for Taking<'_, T> {
    fn line(&self) -> &Line<(), T> {
        self.0.0.queue.takers()
    }

    fn ask(&self, tx: &mut Transaction<'_>, (): &()) -> StmResult<Option<T>> {
        self.0.try_take(tx)
    }

    /// There may be no room any more. To hold one value too many for a while is better than to
    /// lose it.
    fn give_back(&self, tx: &mut Transaction<'_>, (): &(), served: T) -> StmResult<()> {
        self.0.0.queue.put(tx, served)
    }
}

/// The queue, as those see it who wait for room.
struct Putting<'a, T: Send + Sync + 'static>(&'a TBoundedQueue<T>);

impl<T: Clone + Send + Sync + 'static> Server<T, ()> for Putting<'_, T> {
    fn line(&self) -> &Line<T, ()> {
        &self.0.0.putters
    }

    fn ask(&self, tx: &mut Transaction<'_>, value: &T) -> StmResult<Option<()>> {
        Ok(self.0.try_put(tx, value.clone())?.ok())
    }

    /// Nothing to give back: the value is in the queue, where it was to go.
    fn give_back(&self, _tx: &mut Transaction<'_>, _value: &T, (): ()) -> StmResult<()> {
        Ok(())
    }
}
