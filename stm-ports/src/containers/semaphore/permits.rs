//! Permits that go back by themselves.
//!
//! Acquired outside a transaction, they are there, and go back when dropped. Acquired inside
//! one they are there once it commits, but the handle can be dropped before that, on another
//! thread even. So such a handle has a variable, *new*, *held* or *dropped*:
//!
//! 1. The acquiring transaction reads it, as new, and writes held.
//! 2. The drop, once no transaction runs on its thread, is a transaction: if it is held, release;
//!    if it is still new, write dropped.
//!
//! **Races.** If the drop's transaction comes first, the acquiring one has read what has changed: it
//! conflicts, and its next attempt makes another handle. If it comes after, it finds held. If the
//! acquiring attempt is rolled back, it stays new, and nothing is released.

use std::fmt;
use std::time::Duration;

use hivework_stm::{StmResult, TVar, Transaction, after_transaction, atomically};

use super::TSemaphore;

const NEW: u8 = 0;
const HELD: u8 = 1;
const DROPPED: u8 = 2;

/// Permits of a [`TSemaphore`] that are released when this is dropped.
///
/// Dropped inside a transaction, they are released when that is over, whichever way it ends.
/// If the attempt that acquired them is rolled back, there is nothing to release.
///
/// ```
/// use hivework_stm::atomically;
/// use stm_ports::TSemaphore;
///
/// let seats = TSemaphore::new(3);
/// let two = atomically(|tx| seats.hold(tx, 2));
/// assert_eq!(atomically(|tx| seats.available(tx)), 1);
/// drop(two);
/// assert_eq!(atomically(|tx| seats.available(tx)), 3);
/// ```
#[must_use = "the permits are released when this is dropped"]
pub struct TPermits {
    semaphore: TSemaphore,
    count: usize,
    /// None if they were acquired for certain.
    state: Option<TVar<u8>>,
}

impl TSemaphore {
    /// As [`TSemaphore::acquire`], with permits that are released when they are dropped.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry.
    pub fn hold(&self, tx: &mut Transaction<'_>, n: usize) -> StmResult<TPermits> {
        self.acquire(tx, n)?;
        self.permits_in(tx, n)
    }

    /// As [`TSemaphore::try_acquire`], with permits that are released when they are dropped.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn try_hold(&self, tx: &mut Transaction<'_>, n: usize) -> StmResult<Option<TPermits>> {
        if self.try_acquire(tx, n)? {
            self.permits_in(tx, n).map(Some)
        } else {
            Ok(None)
        }
    }

    /// As [`TSemaphore::acquire_now`], with permits that are released when they are dropped.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the permits are released when this is dropped"]
    pub fn hold_now(&self, n: usize) -> Option<TPermits> {
        self.acquire_now(n).then(|| self.permits(n))
    }

    /// As [`TSemaphore::acquire_blocking`], with permits that are released when they are dropped.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn hold_blocking(&self, n: usize) -> TPermits {
        self.acquire_blocking(n);
        self.permits(n)
    }

    /// As [`TSemaphore::acquire_timeout`], with permits that are released when they are dropped.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the permits are released when this is dropped"]
    pub fn hold_timeout(&self, n: usize, limit: Duration) -> Option<TPermits> {
        self.acquire_timeout(n, limit).then(|| self.permits(n))
    }

    fn permits(&self, count: usize) -> TPermits {
        TPermits {
            semaphore: self.clone(),
            count,
            state: None,
        }
    }

    /// Step 1.
    fn permits_in(&self, tx: &mut Transaction<'_>, count: usize) -> StmResult<TPermits> {
        let state = TVar::new(NEW);
        state.read(tx)?;
        state.write(tx, HELD)?;
        let mut permits = self.permits(count);
        permits.state = Some(state);
        Ok(permits)
    }
}

impl TPermits {
    /// How many they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The semaphore they are of.
    #[must_use]
    pub fn semaphore(&self) -> &TSemaphore {
        &self.semaphore
    }

    /// Keeps the permits acquired: somebody else releases them, or nobody.
    ///
    /// ```
    /// use stm_ports::TSemaphore;
    ///
    /// let seats = TSemaphore::new(1);
    /// seats.hold_blocking(1).forget();
    /// assert!(!seats.acquire_now(1));
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }
}

impl Drop for TPermits {
    /// Step 2.
    fn drop(&mut self) {
        if self.count == 0 {
            return;
        }
        let (semaphore, count, state) = (self.semaphore.clone(), self.count, self.state.take());
        after_transaction(move || {
            atomically(|tx| {
                let Some(state) = &state else {
                    return semaphore.release(tx, count);
                };
                if state.read(tx)? == HELD {
                    semaphore.release(tx, count)
                } else {
                    state.write(tx, DROPPED)
                }
            });
        });
    }
}

impl fmt::Debug for TPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TPermits")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
