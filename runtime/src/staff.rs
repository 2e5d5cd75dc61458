//! How many workers there are to be, and who says so.
//!
//! # State
//!
//! The *target*, how many workers there are to be, spares not counted; and behind a lock the
//! *plan*, which says who changes it: nobody but the program, the number of cores, or the load. The lock
//! orders all changes, so that the target, the plan and what the idle protocol goes by
//! (how many may search) and what teams go by (how many threads there can be) are of the same one.
//!
//! # Steps
//!
//! Who changes the target: 1. locks, 2. writes plan and target, 3. unlocks, 4. rings the
//! supervisor. It does so too with what it has itself decided, and then only if the
//! plan is the one that it decided by: the program's word is the last.
//!
//! What follows from a change is the supervisor's (`supervisor/health.rs`): seats below the target
//! are filled, and workers whose numbers are not below it are *called*, at each of its
//! rounds. A worker that has been called looks at the target between two items, after it has
//! read its mail, and retires if its number is not below it (`worker.rs`). Workers that teams
//! have reserved stay for as long as these do (`team/threads.rs`); the end of a team rings.
//!
//! # Races
//!
//! *A worker takes a call just before the target falls.* It looks at the old target and stays. The ring
//! comes after the fall, and so does the round that calls it again; whoever takes that call
//! sees the fall, because the call comes after it.
//!
//! *The target rises again while a worker retires.* Whoever is on its way out goes. When it has gone its
//! seat is vacant and below the target, and is filled.
//!
//! *A seat is being filled while the target falls.* The supervisor alone fills seats in a run,
//! before it calls in the same round.
//!
//! *A put relies on a worker that retires.* A retiring worker was at work, or was taken off the list
//! of the sleepers as one that searches, or searched. It ends its search before it goes, with the
//! last look of `idle.rs`, and wakes another for what is left; what is on its own deque
//! it puts back, as a put does. One worker at least stays, or is there soon: the target is never 0.

use hivework_stm::facade::atomic::{AtomicBool, AtomicUsize, Ordering};
use hivework_stm::facade::sync::Mutex;

use hivework_stm::internals::DropsLater;

use crate::idle::Idle;
use crate::team::threads::Teams;

/// Who says how many workers there are to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Plan {
    /// The program.
    Fixed,
    /// The cores that the process may use.
    Cores,
    /// The load, between these.
    Between { min: usize, max: usize },
}

impl Plan {
    /// How many workers there can be by this plan, where the target is this.
    pub(crate) fn most(self, target: usize) -> usize {
        match self {
            Plan::Fixed | Plan::Cores => target,
            Plan::Between { max, .. } => max.max(target),
        }
    }

    fn follows_load(self) -> bool {
        matches!(self, Plan::Between { min, max } if min < max)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Staff {
    target: AtomicUsize,
    follows_load: AtomicBool,
    plan: Mutex<Plan>,
}

impl Staff {
    pub(crate) fn new(target: usize, plan: Plan) -> Self {
        Staff {
            target: AtomicUsize::new(target),
            follows_load: AtomicBool::new(plan.follows_load()),
            plan: Mutex::new(plan),
        }
    }

    pub(crate) fn target(&self) -> usize {
        // Ordering: Acquire; partner: the Release in `set`, which comes after whatever made
        // the one who set it do so.
        self.target.load(Ordering::Acquire)
    }

    pub(crate) fn plan(&self) -> Plan {
        *self.plan.lock()
    }

    /// Is the supervisor to be told where work waits and nobody is free?
    #[inline]
    pub(crate) fn follows_load(&self) -> bool {
        // Ordering: advice; what is missed now is seen with the next put.
        self.follows_load.load(Ordering::Relaxed)
    }

    /// A new plan, and the target that goes with it, reckoned from the present one. Answers both targets.
    pub(crate) fn replan(
        &self,
        (idle, teams): (&Idle, &Teams),
        plan: Plan,
        target: impl FnOnce(usize) -> usize,
    ) -> (usize, usize) {
        let mut present = self.plan.lock();
        *present = plan;
        // Ordering: as in `follows_load`.
        self.follows_load
            .store(plan.follows_load(), Ordering::Relaxed);
        let target = target(self.target());
        (self.set(idle, teams, plan, target), target)
    }

    /// A new target by this plan; answers the old one, or none where there is another
    /// plan by now.
    pub(crate) fn follow(
        &self,
        (idle, teams): (&Idle, &Teams),
        plan: Plan,
        target: usize,
    ) -> Option<usize> {
        let present = self.plan.lock();
        (*present == plan).then(|| self.set(idle, teams, plan, target))
    }

    /// The caller holds the lock.
    fn set(&self, idle: &Idle, teams: &Teams, plan: Plan, target: usize) -> usize {
        // Under the lock nobody else's destructors run.
        let _later = DropsLater::begin();
        idle.resize(target);
        teams.set_workers(plan.most(target));
        // Ordering: Release; partner: the Acquire in `target`. The lock orders those who set.
        self.target.swap(target, Ordering::Release)
    }
}
