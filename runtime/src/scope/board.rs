//! How workers learn that a scope has jobs for them: each thread that opens scopes has
//! a board, and a board with jobs is an item in the scheduler's queues.
//!
//! # State
//!
//! A board lists the scopes that its thread has open for one scheduler, the oldest
//! first. It is *raised* while a ticket of it, a share of the board as a
//! [`WorkItem`], lies in a queue: never more than one, however many scopes
//! and jobs there are. So what stays behind in the queues when all jobs are over is at
//! most one tombstone for each thread, and a job costs the queues nothing while
//! nobody has come for those before it.
//!
//! A ticket is no work: it is not counted in the books, a drain does not wait for it
//! (it waits for the work that the scope is in, which waits for the scope), it
//! goes beside the transport, and no capacity holds it up.
//!
//! # Steps
//!
//! Spawning ([`raise`](Board::raise)):
//! - S1 The job goes into its scope's queue. S2 If the board is raised: done.
//! - S3 Raise it. Who was first puts the ticket: a worker onto its own deque, anybody
//!   else into the injector; and notifies.
//!
//! Running the ticket (a worker, between two items):
//! - T1 Lower the board.
//! - T2 Lock the list, take the oldest job of the oldest scope that has one. Are
//!   jobs left, in this scope or another, S2 and S3: another worker comes. So they
//!   come one after the other, each called by the one before, as searchers do.
//! - T3 Run the job, and then others of its scope, newest first, each time with S2
//!   and S3 where more are left. After [`STINT`] of them, or when the run ends, leave the
//!   rest to a new ticket, behind what else is queued.
//! - T4 No job left in the scope: to T2, and where there is none on the board: done.
//!
//! # Why no job is overlooked
//!
//! Whenever a job lies in a queue, the board is raised, or somebody is on the way from
//! T1 to T2, or from S1 to S3. Let a spawner find the board raised in S2. The ticket's
//! T1 is yet to come in the order of the flag, or S2 read an old value. Both sides lock
//! the scope's queue, the spawner in S1 and the helper in T2. If S1 is first, T2
//! finds the job. If T2 is first, T1 happened before S2, which then cannot have read the
//! flag as it was before. A scope that is listed only after T2's look is treated alike,
//! with the list's lock. A helper takes jobs one at a time and has said that more are
//! left before it runs one, so none waits behind a job that blocks.
//!
//! The owner does not rely on any of it: what nobody comes for, it runs.
//!
//! # Where there is no run
//!
//! From outside, a scheduler that does not run is not handed a ticket: a tombstone would
//! lie in its queue until it starts. Its gate is looked at without a transaction; one
//! that stops just then keeps the ticket for the next start, or refuses it.

use std::cell::RefCell;
use std::fmt;

use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::local;
use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use stm_ports::{Refusal, WorkItem};

use super::core::Core;
use super::job::Job;
use super::jobs::End;
use crate::gate::Gate;
use crate::injector::Item;
use crate::local;
use crate::shared::Shared;

/// How many jobs a worker runs before it looks after other work.
const STINT: usize = 64;

local! {
    /// This thread's board for the scheduler that it last opened a scope for.
    static BOARD: RefCell<Option<(Weak<Shared>, Arc<Board>)>> = RefCell::new(None);
}

/// See the [module](self).
pub(crate) struct Board {
    flag: Flag,
    scopes: Mutex<Vec<Arc<Core>>>,
}

/// Does a ticket lie in a queue?
#[derive(Debug, Default)]
pub struct Flag(AtomicBool);

impl Flag {
    /// Not raised.
    #[must_use]
    pub fn new() -> Self {
        Flag::default()
    }

    /// S2 and the first half of S3: true for the one that has raised it.
    #[must_use]
    pub fn raise(&self) -> bool {
        // Ordering: Relaxed, both; the locks on the queue and on the list order this
        // after the T1 of a helper that did not find the job.
        !self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::Relaxed)
    }

    /// T1 and T2.
    pub fn answer<T>(&self, look: impl FnOnce() -> T) -> T {
        self.lower();
        look()
    }

    /// T1, and for a ticket that nobody will answer.
    fn lower(&self) {
        // Ordering: Relaxed; as in `raise`.
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Board {
    fn new() -> Self {
        Board {
            flag: Flag::new(),
            scopes: Mutex::new(Vec::new()),
        }
    }

    /// The calling thread's board for this scheduler.
    pub(super) fn of(shared: &Arc<Shared>) -> Arc<Board> {
        let own = BOARD.try_with(|own| {
            let mut own = own.borrow_mut();
            if let Some((weak, board)) = &*own {
                if std::ptr::eq(weak.as_ptr(), Arc::as_ptr(shared)) {
                    return (Arc::clone(board), None);
                }
            }
            let board = Arc::new(Board::new());
            let old = own.replace((Arc::downgrade(shared), Arc::clone(&board)));
            (board, old)
        });
        // The old one is dropped here, outside of the borrow. A thread that has taken
        // its locals down has a board for each scope.
        own.map_or_else(|_| Arc::new(Board::new()), |(board, _old)| board)
    }

    pub(super) fn list(&self, core: &Arc<Core>) {
        self.scopes.lock().push(Arc::clone(core));
    }

    /// The scope is over.
    pub(super) fn unlist(&self, core: &Core) {
        let mut scopes = self.scopes.lock();
        let place = scopes
            .iter()
            .rposition(|listed| std::ptr::eq(&**listed, core));
        let gone = place.map(|place| scopes.remove(place));
        drop(scopes);
        drop(gone);
    }

    /// S2 and S3.
    pub(super) fn raise(self: &Arc<Self>, shared: &Arc<Shared>) {
        if self.flag.raise() {
            self.put_ticket(shared);
        }
    }

    #[cold]
    fn put_ticket(self: &Arc<Self>, shared: &Arc<Shared>) {
        let ticket = Item::received(Arc::<Board>::clone(self));
        if let Some(worker) = local::worker_of(shared) {
            worker.deque.push(ticket);
        } else if matches!(Gate::load(&shared.gate), Gate::Open | Gate::Draining) {
            shared.injector.put_back(ticket);
        } else {
            drop(ticket);
            self.flag.lower();
            return;
        }
        shared.notify();
    }

    /// T2: a job, and whether more are left on the board.
    fn find(&self) -> Option<(Arc<Core>, Job, bool)> {
        let scopes = self.scopes.lock();
        let mut scopes = scopes.iter();
        let (core, job, more) = scopes.find_map(|core| {
            let (job, more) = core.jobs.take(End::Oldest)?;
            Some((Arc::clone(core), job, more))
        })?;
        let more = more || scopes.any(|core| !core.jobs.is_empty());
        Some((core, job, more))
    }
}

impl WorkItem for Board {
    /// None of the works' numbers.
    fn id(&self) -> u64 {
        0
    }

    fn name(&self) -> Option<&str> {
        Some("scope")
    }

    /// T1 to T4.
    fn run(self: Arc<Self>) {
        let mut found = self.flag.answer(|| self.find());
        let mut left = STINT;
        while let Some((core, job, more)) = found {
            let Some(shared) = core.shared().cloned() else {
                return;
            };
            let shared = &shared;
            if more {
                self.raise(shared);
            }
            core.help(job, |more| match more {
                Some(more) => {
                    if more {
                        self.raise(shared);
                    }
                    true
                }
                None => {
                    left = left.saturating_sub(1);
                    left > 0 && !shared.is_halting()
                }
            });
            if left == 0 || shared.is_halting() {
                // Whether anything is left is for the next to find out.
                self.raise(shared);
                return;
            }
            found = self.find();
        }
    }

    /// The owners run what there is.
    fn refuse(self: Arc<Self>, _: Refusal) {
        self.flag.lower();
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
