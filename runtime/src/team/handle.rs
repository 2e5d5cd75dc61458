//! What the one who put a team holds, and how a work that joins it takes part.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically, in_transaction, retry};

use super::conduct::Results;
use super::core::{Core, Phase, Why};
use crate::handle::{DEPTH, WorkHandle, ring};
use crate::local;
use crate::work::error::WorkError;
use crate::work::item::Item;
use crate::work::state::Status;

/// The other end of a [team](crate::Scheduler::put_team): its results, the means to cancel it. It
/// can be awaited.
///
/// The results are those of all members, in the order of their indices, and there when the last
/// member has returned. Dropping the handle lets the team run on, detached. As a
/// [`WorkHandle`] it hands its outcome out once.
///
/// ```
/// use hivework::{make_scheduler, Member};
///
/// let scheduler = make_scheduler();
/// let team = scheduler.put_team(3, |member: &Member| member.index() * 10)?;
/// assert_eq!(team.join()?, [0, 10, 20]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TeamHandle<T: Send + 'static> {
    handle: WorkHandle<Results<T>>,
    core: Arc<Core>,
}

impl<T: Send + 'static> TeamHandle<T> {
    pub(super) fn new(handle: WorkHandle<Results<T>>, core: Arc<Core>) -> Self {
        TeamHandle { handle, core }
    }

    /// Waits for the results.
    ///
    /// Called from inside a work of the same scheduler it runs one of the members itself, if nobody
    /// has begun that.
    ///
    /// # Errors
    ///
    /// The first panic of a member, as [`WorkError::Panicked`] with its payload;
    /// [`WorkError::Cancelled`] when it was cancelled first; [`WorkError::Lost`] when a thread
    /// died in a member. [`WorkError::WouldDeadlock`] when the caller is one of the members, or one
    /// of them waits for the caller; and, while the team waits for threads, from inside a member of
    /// another, or a work without whose thread those that are left do not suffice for all teams
    /// that works wait for. [`WorkError::Stopped`] from inside a work when the scheduler is
    /// stopped before the team has started; it never starts then.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`wait_in`](TeamHandle::wait_in) there.
    pub fn join(self) -> Result<Vec<T>, WorkError> {
        assert!(
            !in_transaction(),
            "join inside a transaction: use `wait_in(tx)`, which waits with the transaction"
        );
        self.take_part()?;
        self.handle.join().and_then(|results| results)
    }

    /// Waits for the results, but no longer than `limit`; `None` when that was over first. Takes
    /// no part in the team.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`wait_in`](TeamHandle::wait_in) there.
    pub fn join_timeout(&mut self, limit: Duration) -> Option<Result<Vec<T>, WorkError>> {
        let outcome = self.handle.join_timeout(limit)?;
        Some(outcome.and_then(|results| results))
    }

    /// The results if they are there.
    pub fn try_join(&mut self) -> Option<Result<Vec<T>, WorkError>> {
        let outcome = self.handle.try_join()?;
        Some(outcome.and_then(|results| results))
    }

    /// The results, waiting for them as part of the transaction. They stay in the handle.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while they are not there; within it, as
    /// [`join`](TeamHandle::join).
    ///
    /// # Panics
    ///
    /// When the team was put in this very transaction.
    pub fn wait_in(&self, tx: &mut Transaction<'_>) -> StmResult<Result<Vec<T>, WorkError>>
    where
        T: Clone + Sync,
    {
        let outcome = self.handle.wait_in(tx)?;
        Ok(outcome.and_then(|results| results))
    }

    /// Cancels. A team that has not started never does, and answers
    /// [`WorkError::Cancelled`] at once. One that has: its members read it
    /// ([`Member::cancelled`](crate::Member::cancelled)) and their waits end; when all
    /// have returned, whatever that was with, the handle answers
    /// [`WorkError::Cancelled`]. Says false when it was over already.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`cancel_in`](TeamHandle::cancel_in) there.
    pub fn cancel(&self) -> bool {
        assert!(
            !in_transaction(),
            "cancel inside a transaction: use `cancel_in(tx)`, which cancels when it commits"
        );
        end(&self.core, &self.handle.item(), Why::Cancelled)
    }

    /// As [`cancel`](TeamHandle::cancel), when the transaction commits.
    pub fn cancel_in(&self, tx: &mut Transaction<'_>) {
        let (core, conductor) = (Arc::clone(&self.core), self.handle.item());
        tx.on_commit(move || {
            end(&core, &conductor, Why::Cancelled);
        });
    }

    /// How many members it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.core.size
    }

    /// How far it has come: it counts as queued until all of its members have started.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.handle.status() == Status::Done {
            return Status::Done;
        }
        match self.core.phase.load() {
            Phase::New | Phase::InLine | Phase::Reserved | Phase::Mustering => Status::Queued,
            Phase::Together | Phase::Complete | Phase::Over(_) => Status::Running,
        }
    }

    /// The number of the team as a work, unique within its scheduler.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.handle.id()
    }

    /// On a worker: sees to it that the team is together, or needs nothing more for that than
    /// others; runs one of the members itself if it can.
    fn take_part(&self) -> Result<(), WorkError> {
        let conductor = self.handle.item();
        let info = &conductor.head().info;
        let Some(worker) = info.home().and_then(local::worker_at) else {
            return Ok(());
        };
        loop {
            // The rest is the plain join's.
            if self.handle.status() == Status::Done || local::is_running_here(info) {
                return Ok(());
            }
            let may_run = local::depth() < DEPTH;
            // One whose put has not committed is nobody's to begin.
            if may_run && !conductor.head().state.is_held() {
                conductor.clone().run();
            }
            let seen = self.core.phase.load();
            match seen {
                Phase::Together | Phase::Complete | Phase::Over(_) => return Ok(()),
                Phase::InLine => {
                    let teams = &worker.shared.teams;
                    if teams.is_member_here() || !teams.join(&self.core) {
                        return Err(WorkError::WouldDeadlock);
                    }
                }
                Phase::Mustering if may_run => self.core.members().into_iter().for_each(Item::run),
                _ => {}
            }
            let Some(_link) = ring::Link::join(info) else {
                return Err(WorkError::WouldDeadlock);
            };
            let closed = atomically(|tx| {
                if self.core.phase.read(tx)? != seen {
                    return Ok(false);
                }
                match self.core.is_closed(tx)? {
                    true => Ok(true),
                    false => retry(),
                }
            });
            if closed && self.core.end_unless_together(Why::Stopped) {
                conductor.cancel();
                return Err(WorkError::Stopped);
            }
        }
    }
}

/// Makes the team over; false when it was.
fn end(core: &Core, conductor: &Item, why: Why) -> bool {
    let before = core.end(why);
    if before.is_some_and(|phase| phase != Phase::Together) {
        // None of its members has called the closure, and none will.
        conductor.cancel();
    }
    before.is_some()
}

impl<T: Send + 'static> Future for TeamHandle<T> {
    type Output = Result<Vec<T>, WorkError>;

    /// Never blocks. A member that awaits its own team gets [`WorkError::WouldDeadlock`].
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = Pin::new(&mut self.handle).poll(context);
        outcome.map(|outcome| outcome.and_then(|results| results))
    }
}

impl<T: Send + 'static> fmt::Debug for TeamHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TeamHandle")
            .field("id", &self.id())
            .field("size", &self.size())
            .field("phase", &self.core.phase.load())
            .finish_non_exhaustive()
    }
}
