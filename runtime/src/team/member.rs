//! What a member of a team can do with the others.
//!
//! Every wait is a transaction that reads, beside what it waits for, the phase of the team and
//! how many members are left. So it ends with the team, and where nobody is left who could
//! end it. What has come is looked at first: a barrier that all have reached is passed by
//! all, also by those that see it after somebody has returned.

use std::fmt;
use std::num::NonZeroUsize;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically, retry};
use stm_ports::{TBarrier, TBarrierPassed, TQueue};

use super::core::{Core, Phase};
use super::error::MemberError;
use super::exchange::Exchange;
use crate::Scheduler;

/// What members share to reach each other.
pub(super) struct Post<M: Clone + Send + Sync + 'static> {
    inboxes: Vec<TQueue<(usize, M)>>,
    barrier: TBarrier,
    exchange: Exchange<M>,
}

impl<M: Clone + Send + Sync + 'static> Post<M> {
    pub(super) fn new(size: usize) -> Self {
        Post {
            inboxes: (0..size).map(|_| TQueue::new()).collect(),
            barrier: TBarrier::new(NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN)),
            exchange: Exchange::new(size),
        }
    }
}

/// One of a [team](Scheduler::put_team), as its closure sees it: which one it is, and how it
/// reaches the others. `M` is what members send each other; `()` where they send nothing.
///
/// Each wait answers [`MemberError::TeamOver`] once the team is cancelled or a member has
/// panicked, and [`MemberError::MemberLeft`] where it would be for somebody who has returned. A
/// member that waits is away, as any work that waits in a transaction: other work goes on.
///
/// ```
/// use hivework::{make_scheduler, Member, MemberError};
///
/// let scheduler = make_scheduler();
/// // Member 0 hands out numbers, and the others send back their squares.
/// let squares = scheduler.put_team(3, |member: &Member<u64>| {
///     if member.index() > 0 {
///         let (from, n) = member.receive()?;
///         member.send(from, n * n)?;
///         return Ok(0);
///     }
///     for to in 1..member.size() {
///         member.send(to, 10 + to as u64)?;
///     }
///     let mut sum = 0;
///     for _ in 1..member.size() {
///         sum += member.receive()?.1;
///     }
///     Ok::<_, MemberError>(sum)
/// })?;
/// assert_eq!(squares.join()?[0], Ok(121 + 144));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Member<M: Clone + Send + Sync + 'static = ()> {
    index: usize,
    core: Arc<Core>,
    post: Arc<Post<M>>,
}

impl<M: Clone + Send + Sync + 'static> Member<M> {
    pub(super) fn new(index: usize, core: Arc<Core>, post: Arc<Post<M>>) -> Self {
        Member { index, core, post }
    }

    /// Which one it is; from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many members the team began with.
    #[must_use]
    pub fn size(&self) -> usize {
        self.core.size
    }

    /// The scheduler that the team was put to, unless its last handle is gone.
    #[must_use]
    pub fn scheduler(&self) -> Option<Scheduler> {
        self.core.shared()?.scheduler()
    }

    /// Should it come to an end, because the team was cancelled or another member has panicked?
    #[must_use]
    pub fn cancelled(&self) -> bool {
        matches!(self.core.phase.load(), Phase::Over(_))
    }

    /// As [`cancelled`](Member::cancelled), as a part of the transaction, which can wait for it.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn cancelled_in(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.core.is_over(tx)
    }

    /// Goes on unless the team is over.
    ///
    /// # Errors
    ///
    /// [`MemberError::TeamOver`].
    pub fn checkpoint(&self) -> Result<(), MemberError> {
        if self.cancelled() {
            return Err(MemberError::TeamOver);
        }
        Ok(())
    }

    /// Runs a transaction, which, where it would wait, waits for the end of the team as well.
    ///
    /// ```
    /// use hivework::{check, make_scheduler, Member, MemberError, TVar};
    ///
    /// let scheduler = make_scheduler();
    /// let never = TVar::new(false);
    /// let team = scheduler.put_team(2, move |member: &Member| {
    ///     if member.index() == 0 {
    ///         panic!("out of luck");
    ///     }
    ///     member.atomically(|tx| check(never.read(tx)?))
    /// })?;
    /// assert_eq!(team.join().unwrap_err().panic_message(), Some("out of luck"));
    /// # Ok::<(), hivework::TeamError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MemberError::TeamOver`], and then it has had no effect.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn atomically<R>(
        &self,
        mut f: impl FnMut(&mut Transaction<'_>) -> StmResult<R>,
    ) -> Result<R, MemberError> {
        atomically(|tx| {
            tx.or_else(
                |tx| f(tx).map(Ok),
                |tx| match self.core.is_over(tx)? {
                    true => Ok(Err(MemberError::TeamOver)),
                    false => retry(),
                },
            )
        })
    }

    /// Waits until every member has come here; says to one of them that it is the
    /// [leader](TBarrierPassed::is_leader). Again and again, once for each member each time.
    ///
    /// # Errors
    ///
    /// [`MemberError::TeamOver`]; [`MemberError::MemberLeft`] where one has returned and will not
    /// come.
    ///
    /// # Panics
    ///
    /// Inside a transaction: who waits for others must have committed that it is there.
    pub fn barrier(&self) -> Result<TBarrierPassed, MemberError> {
        let arrival = atomically(|tx| match self.all_in_vain(tx)? {
            Some(error) => Ok(Err(error)),
            None => self.post.barrier.arrive(tx).map(Ok),
        })?;
        atomically(|tx| {
            if arrival.is_over(tx)? {
                return arrival.wait(tx).map(Ok);
            }
            self.all_in_vain(tx)?.map_or_else(retry, |why| Ok(Err(why)))
        })
    }

    /// Gives a value, and gets those of all members, its own included, in the order of their
    /// indices. Again and again, once for each member each time; a barrier as well.
    ///
    /// # Errors
    ///
    /// As [`barrier`](Member::barrier).
    ///
    /// # Panics
    ///
    /// As [`barrier`](Member::barrier).
    pub fn exchange(&self, value: M) -> Result<Vec<M>, MemberError> {
        let exchange = &self.post.exchange;
        let round = atomically(|tx| match self.all_in_vain(tx)? {
            Some(error) => Ok(Err(error)),
            None => exchange.give(tx, self.index, value.clone()).map(Ok),
        })?;
        let values = atomically(|tx| match exchange.result(tx, round)? {
            Some(values) => Ok(Ok(values)),
            None => self.all_in_vain(tx)?.map_or_else(retry, |why| Ok(Err(why))),
        })?;
        Ok(values.to_vec())
    }

    /// Sends a message to the member of this index, which may be itself. Never waits.
    ///
    /// # Errors
    ///
    /// [`MemberError::NoSuchMember`], [`MemberError::TeamOver`].
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`send_in`](Member::send_in) there.
    pub fn send(&self, to: usize, message: M) -> Result<(), MemberError> {
        atomically(|tx| self.send_in(tx, to, message.clone()))
    }

    /// As [`send`](Member::send), when the transaction commits.
    ///
    /// # Errors
    ///
    /// A conflict; within it, as [`send`](Member::send).
    pub fn send_in(
        &self,
        tx: &mut Transaction<'_>,
        to: usize,
        message: M,
    ) -> StmResult<Result<(), MemberError>> {
        let size = self.size();
        let Some(inbox) = self.post.inboxes.get(to) else {
            return Ok(Err(MemberError::NoSuchMember { index: to, size }));
        };
        if self.core.is_over(tx)? {
            return Ok(Err(MemberError::TeamOver));
        }
        inbox.put(tx, (self.index, message)).map(Ok)
    }

    /// Sends a message to every other member, in one step. Never waits.
    ///
    /// # Errors
    ///
    /// [`MemberError::TeamOver`].
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`broadcast_in`](Member::broadcast_in) there.
    pub fn broadcast(&self, message: M) -> Result<(), MemberError> {
        atomically(|tx| self.broadcast_in(tx, message.clone()))
    }

    /// As [`broadcast`](Member::broadcast), when the transaction commits.
    ///
    /// # Errors
    ///
    /// A conflict; within it, as [`broadcast`](Member::broadcast).
    pub fn broadcast_in(
        &self,
        tx: &mut Transaction<'_>,
        message: M,
    ) -> StmResult<Result<(), MemberError>> {
        if self.core.is_over(tx)? {
            return Ok(Err(MemberError::TeamOver));
        }
        for (to, inbox) in self.post.inboxes.iter().enumerate() {
            if to != self.index {
                inbox.put(tx, (self.index, message.clone()))?;
            }
        }
        Ok(Ok(()))
    }

    /// Waits for a message to this member, and says who sent it. Those of one sender come in the
    /// order in which they were sent.
    ///
    /// # Errors
    ///
    /// [`MemberError::TeamOver`]; [`MemberError::MemberLeft`] where there is none and all others
    /// have returned.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`receive_in`](Member::receive_in) there.
    pub fn receive(&self) -> Result<(usize, M), MemberError> {
        atomically(|tx| self.receive_in(tx))
    }

    /// As [`receive`](Member::receive), as a part of the transaction: alone, with other
    /// conditions, or as one side of an [`or_else`](Transaction::or_else).
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while there is no message; within it, as
    /// [`receive`](Member::receive).
    pub fn receive_in(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<(usize, M), MemberError>> {
        if self.core.is_over(tx)? {
            return Ok(Err(MemberError::TeamOver));
        }
        if let Some(message) = self.post.inboxes[self.index].try_take(tx)? {
            return Ok(Ok(message));
        }
        // Somebody beside this one.
        let others = 2;
        self.core
            .in_vain(tx, others)?
            .map_or_else(retry, |why| Ok(Err(why)))
    }

    /// Why it need not wait for all members, if so.
    fn all_in_vain(&self, tx: &mut Transaction<'_>) -> StmResult<Option<MemberError>> {
        self.core.in_vain(tx, self.size())
    }
}

impl<M: Clone + Send + Sync + 'static> fmt::Debug for Member<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("index", &self.index)
            .field("size", &self.size())
            .field("cancelled", &self.cancelled())
            .finish_non_exhaustive()
    }
}
