//! How many workers there are to be: the supervisor's part.
//!
//! 1. While somebody works, and so the supervisor ticks, it reads about once a second how many cores the process may
//!    use: quotas and affinity change while a process runs.
//! 2. By the plan (`staff.rs`): a fixed number stays. Who follows the cores gets as many workers as there
//!    are, within what the scheduler was built for. Who follows the load gets what [load] finds between
//!    the two numbers that were given, and no more than there are cores, or the smaller of the two if that is
//!    more: workers beyond that would take turns on the cores and get nothing
//!    done that those before them do not. (For those who are blocked spares stand in, which are
//!    not counted here.)
//! 3. What was decided becomes the target, if the plan is still the same; seats are
//!    filled and left by it from the next round on, which comes at once.

mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{Event, Scale};
use crate::shared::Shared;
use crate::staff::Plan;
use load::{Load, Seen};

/// How often the cores are counted.
const COUNT: Duration = Duration::from_secs(1);

/// What the supervisor keeps in mind about the load.
#[derive(Debug, Default)]
pub(super) struct Scaling {
    cores: usize,
    /// When they were counted.
    counted: Option<Instant>,
    load: Load,
    due: Option<Instant>,
}

impl Scaling {
    /// One round. `is_complete` says whether all workers that there are to be have their threads.
    pub(super) fn round(&mut self, shared: &Arc<Shared>, now: Instant, is_complete: bool) {
        let plan = shared.staff.plan();
        self.due = None;
        if plan == Plan::Fixed || shared.is_halting() {
            return;
        }
        self.count(shared, now);
        let workers = shared.workers();
        let decided = match plan {
            Plan::Fixed => None,
            Plan::Cores => {
                let cores = self.cores.clamp(1, shared.config.most_workers);
                (cores != workers).then_some((cores, Scale::Cores))
            }
            Plan::Between { min, max } => {
                let (searching, asleep) = shared.idle.counts();
                let seen = Seen {
                    now,
                    workers,
                    min,
                    max: self.cores.clamp(min, max),
                    is_complete,
                    is_short: searching == 0 && asleep == 0 && shared.has_work(),
                    asleep: asleep as usize,
                };
                let decided = self.load.decide(&seen);
                self.due = self.load.due();
                decided
            }
        };
        let Some((to, why)) = decided else { return };
        let Some(from) = shared.staff.follow((&shared.idle, &shared.teams), plan, to) else {
            return;
        };
        shared.supervisor.ring();
        if from != to {
            shared.announce(|| Some(Event::Scaled { from, to, why }));
        }
    }

    /// When it has to look again although nobody works.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Step 1.
    fn count(&mut self, shared: &Shared, now: Instant) {
        let is_new = self
            .counted
            .is_some_and(|then| now.saturating_duration_since(then) < COUNT);
        if !is_new {
            self.cores = shared.config.cores();
            self.counted = Some(now);
        }
    }
}

#[cfg(test)]
mod tests;
