//! A point in time as something that transactions wait for.
//!
//! No clock is read inside a transaction: two looks at it would disagree, and
//! nothing would wake a transaction that waits for it. A delay is a variable
//! instead, false at first, which [`mod@timer`] sets to true when the time has come.
//! Transactions read it like any other variable, so opacity, waiting and
//! `or_else` hold without another word.

use std::fmt;
use std::time::Duration;

use self::timer::{Key, timer};
use crate::facade::sync::Arc;
use crate::outcome::{StmResult, check};
use crate::transaction::Transaction;
use crate::tvar::TVar;

mod timer;

/// A point in time, `limit` from now, to be waited for inside transactions.
///
/// The deadline is fixed here, so make the delay outside the closure and use it
/// inside, as often as the transaction runs:
///
/// ```
/// use std::time::Duration;
/// use hivework_stm::{TVar, after, atomically, check};
///
/// let ready = TVar::new(false);
/// let delay = after(Duration::from_millis(5));
/// let in_time = atomically(|tx| {
///     tx.or_else(
///         |tx| check(ready.read(tx)?).map(|()| true),
///         |tx| delay.wait(tx).map(|()| false),
///     )
/// });
/// assert!(!in_time);
/// ```
///
/// One made inside a transaction works, but is a mistake as a rule: each attempt
/// makes a new one, which begins anew.
///
/// A limit of zero is over from the start. One that reaches beyond what the clock
/// can express never is. Neither needs the timer.
///
/// # Cost
///
/// A variable, and an entry in a tree behind a lock, until the time has come or the
/// last handle is dropped. The first delay starts a thread, `hivework-timer`, which
/// takes no processor time while no delay runs out. It also runs what a delay's end
/// sets off (the wakers of tasks, `Drop`s): one that blocks holds up all other delays.
///
/// # Panics
///
/// When the operating system refuses the timer its thread.
#[must_use = "a delay does nothing unless a transaction waits for it"]
pub fn after(limit: Duration) -> Delay {
    let over = TVar::new(limit.is_zero());
    let entry = if limit.is_zero() {
        None
    } else {
        match timer().enter(limit, &over) {
            Ok(entry) => entry,
            Err(error) => panic!("after: no thread for the timer: {error}"),
        }
    };
    Delay {
        shared: Arc::new(Shared { over, entry }),
    }
}

/// A point in time that transactions can wait for; [`after()`] makes one.
///
/// Clones share it. Of two delays that some transaction finds over, it never finds
/// the one with the later deadline over before the other; those of zero length aside.
///
/// ```
/// use std::time::Duration;
/// use hivework_stm::{after, atomically, atomically_async};
///
/// # async fn example() {
/// let delay = after(Duration::from_millis(5));
/// atomically_async(|tx| delay.wait(tx)).await;
/// assert!(atomically(|tx| delay.is_over(tx)));
/// # }
/// ```
#[derive(Clone)]
pub struct Delay {
    shared: Arc<Shared>,
}

struct Shared {
    over: TVar<bool>,
    /// Where the timer has it; none if the timer is not concerned.
    entry: Option<Key>,
}

impl Delay {
    /// Goes on once the time has come, and [`retry`](crate::retry())s until then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework_stm::{after, atomically};
    ///
    /// let delay = after(Duration::from_millis(1));
    /// atomically(|tx| delay.wait(tx));
    /// ```
    ///
    /// # Errors
    ///
    /// A retry before the time has come; a conflict.
    pub fn wait(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        check(self.is_over(tx)?)
    }

    /// Has the time come? If it has not, a transaction that [`retry`](crate::retry())s
    /// wakes when it does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework_stm::{after, atomically};
    ///
    /// let (past, future) = (after(Duration::ZERO), after(Duration::MAX));
    /// assert!(atomically(|tx| past.is_over(tx)));
    /// assert!(!atomically(|tx| future.is_over(tx)));
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_over(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.shared.over.read(tx)
    }
}

impl fmt::Debug for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delay")
            .field("over", &self.shared.over.load())
            .finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(key) = self.entry {
            timer().take_back(key);
        }
    }
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use super::*;
    use crate::atomically;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn entered(delay: &Delay) -> bool {
        let key = delay.shared.entry.as_ref();
        key.is_some_and(|key| timer().has(key))
    }

    #[test]
    fn a_long_delay_that_is_given_up_leaves_no_entry_behind() {
        let delays: Vec<_> = (0..100).map(|n| after(HOUR + HOUR * n)).collect();
        assert!(delays.iter().all(entered));
        let keys: Vec<_> = delays.iter().map(|delay| delay.shared.entry).collect();
        drop(delays);
        for key in keys {
            assert!(key.is_some_and(|key| !timer().has(&key)));
        }
    }

    #[test]
    fn the_last_handle_takes_the_entry_out_and_no_other() {
        let delay = after(HOUR);
        let other = delay.clone();
        drop(delay);
        assert!(entered(&other));
    }

    #[test]
    fn a_delay_given_up_inside_a_transaction_leaves_no_entry_behind() {
        let mut delay = Some(after(HOUR));
        let key = delay.as_ref().and_then(|delay| delay.shared.entry);
        atomically(|tx| {
            if let Some(delay) = delay.take() {
                assert!(!delay.is_over(tx)?);
            }
            Ok(())
        });
        assert!(key.is_some_and(|key| !timer().has(&key)));
    }

    #[test]
    fn a_delay_that_is_over_leaves_no_entry_behind() {
        let delay = after(Duration::from_nanos(1));
        atomically(|tx| delay.wait(tx));
        assert!(delay.shared.entry.is_some() && !entered(&delay));
    }

    #[test]
    fn what_needs_no_timer_has_no_entry() {
        for limit in [Duration::ZERO, Duration::MAX] {
            assert!(after(limit).shared.entry.is_none());
        }
    }
}
