//! A place where `n` parties wait for each other, over and over.
//!
//! Two numbers: how many *rounds* have been passed, and how many have *arrived* in this one.
//!
//! 1. Arriving is one transaction: count, and remember the round. Who is the last of its round ends
//!    it: one round more, nobody has arrived in the next.
//! 2. Waiting is another: until the rounds are no longer those that were remembered.
//!
//! **Why not one transaction.** Nobody sees an arrival before it is committed. A transaction that
//! arrived and then waited for the others would never commit, and nor would theirs. So the form
//! for transactions comes in two halves, the first of which answers what the second needs.
//!
//! **Races.** Arrivals conflict with each other, so one is the last. Who gives up withdraws its arrival
//! in a transaction that finds the round still open, or finds it over and has passed. A round is
//! over for good: late waiters find another number, never the same one again.
//!
//! Rounds and arrivals are two variables so that those who wait sleep on the first alone.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction, atomically, atomically_timeout, check};

/// A place where so many parties wait for each other; then it begins anew.
///
/// A handle: clones share the barrier. Every operation takes a constant number of steps. Arrivals
/// conflict with each other; waiting conflicts with nothing. When the last has arrived, all of the
/// round go on.
///
/// ```
/// use std::num::NonZeroUsize;
/// use stm_ports::TBarrier;
///
/// let barrier = TBarrier::new(const { NonZeroUsize::new(3).unwrap() });
/// let others: Vec<_> = (0..2)
///     .map(|_| {
///         let barrier = barrier.clone();
///         std::thread::spawn(move || barrier.wait_blocking().is_leader())
///     })
///     .collect();
/// let mut leaders = usize::from(barrier.wait_blocking().is_leader());
/// for other in others {
///     leaders += usize::from(other.join().unwrap());
/// }
/// assert_eq!(leaders, 1);
/// ```
pub struct TBarrier(Arc<Barrier>);

struct Barrier {
    parties: NonZeroUsize,
    rounds: TVar<u64>,
    arrived: TVar<usize>,
}

/// That somebody has arrived at a [`TBarrier`], and in which round; to be waited with.
#[must_use = "whoever has arrived should wait for the others"]
pub struct TArrival {
    barrier: TBarrier,
    /// The round that it is for.
    round: u64,
    leader: bool,
}

/// That all have arrived at a [`TBarrier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TBarrierPassed {
    leader: bool,
}

impl TBarrierPassed {
    /// Was this the last to arrive? True for one of each round.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leader
    }
}

impl TBarrier {
    /// A barrier for so many parties.
    #[must_use]
    pub fn new(parties: NonZeroUsize) -> Self {
        TBarrier(Arc::new(Barrier {
            parties,
            rounds: TVar::new(0),
            arrived: TVar::new(0),
        }))
    }

    /// How many wait for each other.
    #[must_use]
    pub fn parties(&self) -> NonZeroUsize {
        self.0.parties
    }

    /// How many have arrived and wait for the others.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn arrived(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.arrived.read(tx)
    }

    /// Arrives. Never waits; the others go on if this was the last.
    ///
    /// Wait in *another* transaction, with [`TArrival::wait`]: nobody sees this arrival before it is
    /// committed, so one that waited for the others in the same transaction would wait for ever,
    /// unless it is the last.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use hivework_stm::{TVar, atomically};
    /// use stm_ports::TBarrier;
    ///
    /// let (barrier, results) = (TBarrier::new(NonZeroUsize::MIN), TVar::new(0));
    /// // The result is there when the arrival is.
    /// let arrival = atomically(|tx| {
    ///     results.modify(tx, |n| n + 1)?;
    ///     barrier.arrive(tx)
    /// });
    /// atomically(|tx| arrival.wait(tx));
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn arrive(&self, tx: &mut Transaction<'_>) -> StmResult<TArrival> {
        let round = self.0.rounds.read(tx)?;
        let arrived = self.0.arrived.read(tx)? + 1;
        let leader = arrived == self.0.parties.get();
        if leader {
            self.0.arrived.write(tx, 0)?;
            self.0.rounds.write(tx, round + 1)?;
        } else {
            self.0.arrived.write(tx, arrived)?;
        }
        Ok(TArrival {
            barrier: self.clone(),
            round,
            leader,
        })
    }

    /// Arrives, and blocks the thread until all have.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn wait_blocking(&self) -> TBarrierPassed {
        let arrival = atomically(|tx| self.arrive(tx));
        atomically(|tx| arrival.wait(tx))
    }

    /// As [`TBarrier::wait_blocking`], but blocks no longer than `limit`; then it withdraws and
    /// answers `None`. The others wait for one more again.
    ///
    /// ```
    /// use std::{num::NonZeroUsize, time::Duration};
    /// use hivework_stm::atomically;
    /// use stm_ports::TBarrier;
    ///
    /// let barrier = TBarrier::new(const { NonZeroUsize::new(2).unwrap() });
    /// assert_eq!(barrier.wait_timeout(Duration::from_millis(1)), None);
    /// assert_eq!(atomically(|tx| barrier.arrived(tx)), 0);
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "None says that it has not been passed"]
    pub fn wait_timeout(&self, limit: Duration) -> Option<TBarrierPassed> {
        let arrival = atomically(|tx| self.arrive(tx));
        atomically_timeout(limit, |tx| arrival.wait(tx)).or_else(|| {
            let withdrawn = atomically(|tx| arrival.withdraw(tx));
            (!withdrawn).then(|| arrival.passed())
        })
    }

    /// Are these handles of the same barrier?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl TArrival {
    /// Waits until all have arrived.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while some have not.
    pub fn wait(&self, tx: &mut Transaction<'_>) -> StmResult<TBarrierPassed> {
        check(self.is_over(tx)?)?;
        Ok(self.passed())
    }

    /// Have all arrived?
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_over(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.barrier.0.rounds.read(tx)? != self.round)
    }

    /// Takes the arrival back, if not all have arrived yet, and says whether. To be called once: a
    /// second time would take back somebody else's.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn withdraw(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        if self.is_over(tx)? {
            return Ok(false);
        }
        let arrived = &self.barrier.0.arrived;
        arrived.modify(tx, |arrived| arrived - 1)?;
        Ok(true)
    }

    fn passed(&self) -> TBarrierPassed {
        TBarrierPassed {
            leader: self.leader,
        }
    }
}

impl Clone for TBarrier {
    /// Another handle of the same barrier.
    fn clone(&self) -> Self {
        TBarrier(Arc::clone(&self.0))
    }
}

impl fmt::Debug for TBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TBarrier")
            .field("parties", &self.0.parties)
            .field("arrived", &self.0.arrived.load())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TArrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TArrival")
            .field("round", &self.round)
            .field("leader", &self.leader)
            .finish_non_exhaustive()
    }
}
