//! Many workers on one job: they start together or not at all, and end as one.
//!
//! # Parts
//!
//! A team is `n + 1` items. Each *member* is one, and needs a thread of its own for as long as it
//! runs. The *conductor* is one that runs in turns and holds up no thread (`polled.rs`); it is what
//! the handle waits for. Everything that they tell each other is transactional variables
//! ([`core`]), so no step below races with another but as whole transactions do, and those are
//! ordered; there is nothing here that a model of its own would find more about.
//!
//! # Phases
//!
//! NEW → IN LINE → RESERVED → MUSTERING → TOGETHER → COMPLETE, and from any of them but the last
//! OVER, with a reason. A phase is one variable, and whoever changes it reads it in the same
//! transaction, so of a cancellation, a panic and the last member's return one is first, and that
//! is the team's outcome.
//!
//! # Steps
//!
//! 1. *Put*. The conductor is put as any work is. Then the team is told which item that is, and
//!    goes into the line: NEW → IN LINE.
//! 2. *Reserve* ([`threads`]). Of the threads that there can be, workers and spares together, `n`
//!    are counted as the team's: IN LINE → RESERVED. The line is served in order of arrival, all
//!    `n` or none, by whoever changes what there is: one that joins the line, one that gives
//!    threads back, one that changes how many there are.
//! 3. *Call together*. The conductor, on a worker, puts the members: RESERVED → MUSTERING. It waits
//!    until all are over. Conductor and members are urgent: who has a thread waits for the
//!    others, and works that are begun in between could have those threads.
//! 4. *Muster*. A member that has a thread counts itself as arrived, and waits for the others in a
//!    transaction, and so away (`worker/away.rs`): spares take the rest of the members. The last
//!    to arrive makes it TOGETHER, in the step in which it arrives. Only then is the closure
//!    called: on all of them, also where the first to be called has made the team OVER before
//!    the last has woken.
//! 5. *Run*. What members wait for in each other ([`Member`]) they wait for together with the end
//!    of the team.
//! 6. *Leave*. A member that returns keeps its result ready and counts itself as gone; the last
//!    one makes it COMPLETE. One that panics keeps the payload ready and makes it OVER first.
//! 7. *Answer*. The last one to leave runs the conductor's last turn itself, so that a stop which
//!    waits for the members has the team answered as well. That gives the threads back and
//!    answers the handle: results, or the first panic, or why there is neither.
//!
//! # Why it ends
//!
//! *No team waits for another's threads while it holds some*: step 2 takes all of them at once,
//! and steps 3 and 4 need no more than those. A thread is not lent to the team, though, but only
//! counted: what else is blocked may have it. Whatever runs ends, and so the members, which are
//! queued, find threads.
//!
//! *No team waits in the line for one that waits for it.* A member of a running team may put a
//! team and wait for it while its own holds threads, and two that did so could wait for each other.
//! So what a member puts never stands in the line: it gets its threads in the put, ahead of the
//! line, or [`TeamError::WouldDeadlock`]. For the same reason a member's `join` on a team that
//! stands in the line, put by somebody else, answers [`WorkError::WouldDeadlock`]. A join on the
//! member's own team, and a ring of joins through members, is seen by `handle/ring.rs`: on a
//! member's thread the conductor counts as running.
//!
//! *No work keeps from a team the thread with which it waits for another*: the thread is counted,
//! and a join that could go wrong is refused ([`threads`]).
//!
//! What remains are works that are blocked otherwise: in a transaction, in `blocking`, in joins of
//! other works. There is a thread for each as long as spares are left; beyond that they
//! hold up a team as they do any work.
//!
//! *A large team is not overtaken*, but by those of members, and by those that works wait for.
//!
//! *Members that wait for what will not come are told.* A barrier or an exchange after one has
//! returned, and a receive when all others have, answer [`MemberError::MemberLeft`].
//!
//! # Stopping
//!
//! A stop waits for what runs. A team that is TOGETHER runs. One that musters does not, and would
//! never be complete, because no worker takes anything any more: so its members wait for the gate,
//! too. Once that is closed they count themselves as not arrived, and queue themselves again; they
//! muster anew after the next start. Arriving, stepping back and TOGETHER are transactions on the
//! same count: either all go on or none.
//!
//! A work in `join` on a team that is not yet together when the run ends would have the stop wait
//! for it, and wait itself for the next start: it is answered `Stopped`, and the team never
//! starts. When the last handle of the scheduler goes, items that are queued or wait are
//! answered, the conductor among them, and its end makes the team OVER: members that run are told.
//!
//! # Ends that come from outside
//!
//! *Cancelled* before it is TOGETHER no closure has been called and none will be: the handle is
//! answered at once, by cancelling the conductor, whose end cancels the members. Afterwards the
//! handle is answered when the last member has left.
//!
//! *A thread that dies in a member* drops what that was: the team is OVER, and `Lost`.
//!
//! *The conductor's end*, whatever brings it about, makes the team OVER, if it is not, gives
//! the threads back and cancels the members that are queued.
//!
//! # Joining from a work
//!
//! As in any `join` a worker runs the awaited item if nobody has begun it: here the conductor's
//! turns, and one of the members. So a work that joins a team needs no thread beside those
//! of the team, and where there are no spares it need not wait for any.

mod conduct;
pub(crate) mod core;
pub(crate) mod error;
mod exchange;
pub(crate) mod handle;
pub(crate) mod member;
pub(crate) mod threads;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically, in_transaction};

use crate::scheduler::Scheduler;
use conduct::conductor;
use core::Core;
use error::TeamError;
use handle::TeamHandle;
use member::Member;

#[cfg(doc)]
use crate::{MemberError, WorkError};

impl Scheduler {
    /// Calls `f` on `size` threads that start together: not one call begins before all have a
    /// thread, and until then the workers are free for other work. The members of the
    /// team can wait for each other, then, and send each other messages; what `f` is called
    /// with is their means to do so. The closure's parameter has to be written down:
    /// `|member: &Member| …`, or `|member: &Member<Message>| …`.
    ///
    /// A team takes as many threads as there can be: workers, and spares
    /// ([`max_spares`](crate::Builder::max_spares)), which stand in for members that wait. A team
    /// that is larger than the number of processors starts together all the same. Teams that need
    /// more threads than are left wait, without a thread, in order of arrival.
    ///
    /// The handle answers all results in the order of the members' indices. The team ends as one: a
    /// panic in a member ends the waits of the others with [`MemberError::TeamOver`], and when
    /// all have returned the handle is answered with that panic. In the figures a team
    /// counts as `size + 1` works.
    ///
    /// A rod of four pieces, one for each member, of which all learn each other's heat in every
    /// step:
    ///
    /// ```
    /// use hivework::{make_scheduler, Member, MemberError};
    ///
    /// let scheduler = make_scheduler();
    /// let heat = scheduler.put_team(4, |member: &Member<f64>| {
    ///     let mut mine = if member.index() == 0 { 100.0 } else { 0.0 };
    ///     for _ in 0..200 {
    ///         let all = member.exchange(mine)?;
    ///         let left = all[member.index().saturating_sub(1)];
    ///         let right = all[(member.index() + 1).min(member.size() - 1)];
    ///         mine = (left + mine + right) / 3.0;
    ///     }
    ///     Ok::<_, MemberError>(mine)
    /// })?;
    /// for part in heat.join()? {
    ///     assert!((part? - 25.0).abs() < 1e-6);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A stop lets a team finish that has started, and leaves one that has not for the next start.
    ///
    /// Works that are blocked have threads, too, while they are. Where they have so many that a
    /// team finds fewer than it needs, it waits for them; so a work should not block otherwise
    /// than with [`join`](TeamHandle::join) until a team has started that takes all the threads
    /// there can be, nor a work that a member waits for.
    ///
    /// # Errors
    ///
    /// [`TeamError::Empty`] for no member at all, and [`TeamError::TooMany`] for more than there
    /// can be threads. [`TeamError::WouldDeadlock`] where a member of a team puts another, and
    /// there are not enough threads left for that at once: it could wait for those of its own.
    /// What a put can otherwise come to, the handle answers, as with
    /// [`put_work`](Scheduler::put_work).
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`put_team_in`](Scheduler::put_team_in) there.
    pub fn put_team<T, M, F>(&self, size: usize, f: F) -> Result<TeamHandle<T>, TeamError>
    where
        T: Send + 'static,
        M: Clone + Send + Sync + 'static,
        F: Fn(&Member<M>) -> T + Send + Sync + 'static,
    {
        assert!(
            !in_transaction(),
            "put_team inside a transaction: use `put_team_in(tx, …)`, which puts the team when \
             the transaction commits"
        );
        let core = Core::new(self.shared(), size);
        atomically(|tx| self.admit(tx, &core))?;
        let handle = self.put_work(conductor(&core, f));
        core.introduce(handle.item());
        Ok(TeamHandle::new(handle, core))
    }

    /// As [`put_team`](Scheduler::put_team), when the transaction commits.
    ///
    /// ```
    /// use hivework::{atomically, make_scheduler, Member, TVar};
    ///
    /// let scheduler = make_scheduler();
    /// let parts = TVar::new(3);
    /// let team = atomically(|tx| {
    ///     let parts = parts.replace(tx, 0)?;
    ///     scheduler.put_team_in(tx, parts, |member: &Member| member.index())
    /// })?;
    /// assert_eq!(team.join()?, [0, 1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the queue is full and the scheduler runs; within it, those of
    /// [`put_team`](Scheduler::put_team).
    pub fn put_team_in<T, M, F>(
        &self,
        tx: &mut Transaction<'_>,
        size: usize,
        f: F,
    ) -> StmResult<Result<TeamHandle<T>, TeamError>>
    where
        T: Send + 'static,
        M: Clone + Send + Sync + 'static,
        F: Fn(&Member<M>) -> T + Send + Sync + 'static,
    {
        let core = Core::new(self.shared(), size);
        if let Err(error) = self.admit(tx, &core)? {
            return Ok(Err(error));
        }
        let handle = self.put_work_in(tx, conductor(&core, f))?;
        let (item, theirs) = (handle.item(), Arc::clone(&core));
        tx.on_commit(move || theirs.introduce(item));
        Ok(Ok(TeamHandle::new(handle, core)))
    }

    /// Can it be put? Takes the threads at once for one that a member puts.
    fn admit(
        &self,
        tx: &mut Transaction<'_>,
        core: &Arc<Core>,
    ) -> StmResult<Result<(), TeamError>> {
        let (size, teams) = (core.size, &self.shared().teams);
        if size == 0 {
            return Ok(Err(TeamError::Empty));
        }
        let most = teams.threads(tx)?;
        if size > most {
            return Ok(Err(TeamError::TooMany { size, most }));
        }
        if teams.is_member_here() && !teams.take(tx, core)? {
            let free = most.saturating_sub(teams.reserved(tx)?);
            return Ok(Err(TeamError::WouldDeadlock { size, free }));
        }
        Ok(Ok(()))
    }
}
