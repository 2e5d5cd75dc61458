//! Permits, of which there are only so many.
//!
//! A number of permits, and a line ([`super::line`]) of those who are blocked, each with the number
//! that it wants.
//!
//! 1. An acquisition takes its permits if there are enough *and nobody is in the line*. To go past
//!    would be to starve whoever wants many. One that is a part of a larger transaction retries.
//! 2. A release adds the permits. That wakes the first in the line, if there is one, which takes
//!    what it wants if there is enough, and makes the next the first.
//! 3. Who leaves the line may have been the reason why the next did not get anything: the next is
//!    the first then, and looks for itself.
//!
//! **No wake-up is lost.** A transaction that retries has read the line's length and, if that was
//! none, the permits. Each changes before it can go on.

use std::fmt;
use std::time::Duration;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction, atomically, retry};

use super::line::{Line, Newcomer, obtain};

mod permits;

pub use permits::TPermits;

/// Permits, of which there are only so many.
///
/// A handle: clones share the semaphore. Each operation takes a constant number of steps. All
/// operations conflict with each other, but for those that find too few permits.
///
/// Threads that block are served strictly in order of arrival: while the first wants more permits
/// than there are, those behind him wait, even for fewer. An acquisition inside a transaction does
/// not go past them either: it waits until nobody is blocked and there are enough, and which of
/// several transactions then gets its permits is not defined. So a transaction that releases
/// permits and acquires some of them again may wait for the line, and what it releases is held back
/// meanwhile: do that in two transactions.
///
/// To acquire more permits than there will ever be is to wait for ever.
///
/// ```
/// use hivework_stm::atomically;
/// use stm_ports::TSemaphore;
///
/// let connections = TSemaphore::new(2);
/// let held = connections.hold_blocking(1);
/// atomically(|tx| connections.acquire(tx, 1));
/// assert!(!connections.acquire_now(1));
/// drop(held); // releases
/// assert!(connections.acquire_now(1));
/// connections.release_now(2);
/// assert_eq!(atomically(|tx| connections.available(tx)), 2);
/// ```
pub struct TSemaphore(Arc<Semaphore>);

struct Semaphore {
    permits: TVar<usize>,
    line: Line,
}

impl TSemaphore {
    /// A new semaphore with so many permits.
    #[must_use]
    pub fn new(permits: usize) -> Self {
        TSemaphore(Arc::new(Semaphore {
            permits: TVar::new(permits),
            line: Line::new(),
        }))
    }

    /// Takes `n` permits; waits until there are enough and nobody is blocked. None are always
    /// there.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry.
    pub fn acquire(&self, tx: &mut Transaction<'_>, n: usize) -> StmResult<()> {
        if self.try_acquire(tx, n)? {
            Ok(())
        } else {
            retry()
        }
    }

    /// Takes `n` permits if [`TSemaphore::acquire`] would not wait, and says whether.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[must_use = "false says that nothing was acquired"]
    pub fn try_acquire(&self, tx: &mut Transaction<'_>, n: usize) -> StmResult<bool> {
        if n == 0 {
            return Ok(true);
        }
        if self.0.line.waiting(tx)? > 0 {
            return Ok(false);
        }
        self.take(tx, n)
    }

    /// Takes `n` permits if there are enough, whoever waits.
    fn take(&self, tx: &mut Transaction<'_>, n: usize) -> StmResult<bool> {
        let Some(left) = self.0.permits.read(tx)?.checked_sub(n) else {
            return Ok(false);
        };
        self.0.permits.write(tx, left)?;
        Ok(true)
    }

    /// Adds `n` permits, whether or not they were acquired before.
    ///
    /// # Errors
    ///
    /// A conflict.
    ///
    /// # Panics
    ///
    /// When there would be more than `usize::MAX` permits: more have been released than acquired.
    pub fn release(&self, tx: &mut Transaction<'_>, n: usize) -> StmResult<()> {
        if n == 0 {
            return Ok(());
        }
        let before = self.0.permits.read(tx)?;
        let Some(permits) = before.checked_add(n) else {
            panic!("TSemaphore: {n} permits released on top of {before}: more than it can count")
        };
        self.0.permits.write(tx, permits)
    }

    /// How many permits there are to be acquired. Some may be waiting for the first in line to
    /// have enough.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn available(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.permits.read(tx)
    }

    /// How many threads are blocked.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn waiting(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.line.waiting(tx)
    }

    /// [`TSemaphore::try_acquire`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "false says that nothing was acquired"]
    pub fn acquire_now(&self, n: usize) -> bool {
        atomically(|tx| self.try_acquire(tx, n))
    }

    /// Takes `n` permits; blocks the thread until it is its turn and there are enough.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn acquire_blocking(&self, n: usize) {
        let acquired = self.obtain(n, None);
        debug_assert!(acquired, "without a limit it waits until it is served");
    }

    /// As [`TSemaphore::acquire_blocking`], but blocks no longer than `limit`, and says whether
    /// it has the permits.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "false says that nothing was acquired"]
    pub fn acquire_timeout(&self, n: usize, limit: Duration) -> bool {
        self.obtain(n, Some(limit))
    }

    /// Takes `n` permits in the line's order.
    fn obtain(&self, n: usize, limit: Option<Duration>) -> bool {
        let take = |tx: &mut Transaction<'_>| Ok(self.take(tx, n)?.then_some(()));
        n == 0 || obtain(&self.0.line, Newcomer::Waits, limit, take).is_some()
    }

    /// [`TSemaphore::release`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// As [`TSemaphore::release`], and inside a transaction of the same thread.
    pub fn release_now(&self, n: usize) {
        atomically(|tx| self.release(tx, n));
    }

    /// Are these handles of the same semaphore?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Clone for TSemaphore {
    /// Another handle of the same semaphore.
    fn clone(&self) -> Self {
        TSemaphore(Arc::clone(&self.0))
    }
}

impl Default for TSemaphore {
    /// A semaphore without permits, to be released from elsewhere.
    fn default() -> Self {
        TSemaphore::new(0)
    }
}

impl fmt::Debug for TSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TSemaphore")
            .field("permits", &self.0.permits.load())
            .finish_non_exhaustive()
    }
}
