//! Replacing workers that ended without having been told to.
//!
//! 1. Members whose threads have ended are taken off the roster: nobody steals
//!    from them anew. Their threads are joined, which is at once but for what
//!    users' thread-local destructors take.
//! 2. What lies in a crashed one's deque is put back into the injector through
//!    its stealer. The owner is dead and pushes no more, so the deque stays
//!    empty; thieves that still know the seat take items for themselves.
//! 3. Vacant seats are filled, unless the run is ending, and as fast as the [damper] lets them
//!    be. Where no thread can be had, the next tick tries again.
//! 4. Workers that are too many are called, so that they retire (`staff.rs`). They are not
//!    waited for: one that is in the middle of a work comes when that is over.
//!
//! The item that a crashed worker was running has answered `Lost` while its
//! thread unwound (`work/task.rs`). Spares are not replaced: whoever needs one
//! calls again.

mod damper;

use std::sync::Arc;
use std::time::Instant;

use crate::crew::{Crew, FillError, Member, Parting};
use crate::event::Event;
use crate::injector::Item;
use crate::shared::Shared;
use crate::supervisor::pass_last_events_on;
use crate::worker::deque::{Steal, Stealer};
use damper::Damper;

/// What the supervisor keeps in mind about the workers' health.
#[derive(Debug, Default)]
pub(super) struct Health {
    damper: Damper,
    /// The numbers of those that crashed and have no successor yet.
    crashed: Vec<usize>,
    /// When the next vacant seat may be filled, where it had to wait.
    due: Option<Instant>,
    /// Has every seat below the target been filled?
    is_complete: bool,
}

impl Health {
    /// One round.
    pub(super) fn round(&mut self, shared: &Arc<Shared>, now: Instant) {
        for member in shared.crew.take_ended() {
            let number = member.seat.number;
            let is_spare = member.seat.is_spare;
            if matches!(bury(shared, member), Parting::Crashed(_)) {
                if !is_spare {
                    self.crashed.push(number);
                }
                if let Some(storm) = self.damper.crashed(now) {
                    shared.announce(|| {
                        Some(Event::RestartsDamped {
                            crashes: storm.crashes,
                            pause: storm.pause,
                        })
                    });
                }
            }
        }
        self.due = None;
        if shared.is_halting() {
            return;
        }
        self.is_complete = self.fill(shared, now);
        call_surplus(shared);
    }

    /// Step 3. Answers whether nothing is vacant any more.
    fn fill(&mut self, shared: &Arc<Shared>, now: Instant) -> bool {
        let mut is_complete = true;
        // Those that stay for teams are needed until these have started, and are replaced.
        for number in shared.crew.vacancies(shared.workers_kept()) {
            let deserted = !shared.crew.has_worker(shared.workers());
            if !self.damper.may_fill(now, deserted) {
                self.due = self.damper.due(deserted);
                return false;
            }
            match Crew::fill(shared, number, false) {
                Ok(()) if self.has_crashed(number) => {
                    shared.announce(|| Some(Event::WorkerRestarted { worker: number }));
                }
                Ok(()) => {}
                Err(FillError::Halting) => return false,
                Err(error) => {
                    is_complete = false;
                    let reason: Arc<str> = error.to_string().into();
                    shared.announce(|| {
                        Some(Event::WorkerSpawnFailed {
                            worker: number,
                            reason,
                        })
                    });
                }
            }
        }
        is_complete
    }

    /// Did the last worker of this number crash? Asked once.
    fn has_crashed(&mut self, number: usize) -> bool {
        let before = self.crashed.len();
        self.crashed.retain(|crashed| *crashed != number);
        self.crashed.len() < before
    }

    /// May a spare be made, or has it to wait because workers crash one after the other?
    pub(super) fn may_make_spare(&mut self, now: Instant) -> bool {
        self.damper.may_fill(now, false)
    }

    /// Does every worker have a thread that there is to be?
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Is a seat vacant that could be filled at once?
    pub(super) fn is_understaffed(&self, shared: &Shared) -> bool {
        self.due.is_none()
            && !shared.is_halting()
            && !shared.crew.vacancies(shared.workers_kept()).is_empty()
    }

    /// When the next vacant seat is to be filled, where it had to wait.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }
}

/// Step 4.
fn call_surplus(shared: &Shared) {
    let workers = shared.workers_kept();
    for seat in shared.crew.roster().iter() {
        // Whether it was called before says nothing: it may be about to take that call and to
        // look at the target as it was.
        if seat.is_surplus(workers) {
            shared.idle.call(&seat.parker);
        }
    }
}

/// Steps 1 and 2 for one member. Answers how it ended.
pub(crate) fn bury(shared: &Shared, member: Member) -> Parting {
    let Member { seat, thread } = member;
    // A worker contains its own panics: there is no news in the answer.
    let _ = thread.join();
    pass_last_events_on(shared, &seat);
    let put_back = shared.put_back(Leftovers(&seat.stealer));
    let worker = seat.number;
    seat.mailbox.vacate();
    let parting = seat.parting();
    match parting.clone() {
        Parting::Crashed(reason) => {
            shared.books.crashes.add(1);
            shared.announce(|| {
                Some(Event::WorkerCrashed {
                    worker,
                    reason,
                    put_back,
                })
            });
        }
        Parting::Retired => shared.announce(|| Some(Event::WorkerRetired { worker })),
        Parting::Left if seat.is_spare => {
            shared.announce(|| Some(Event::SpareRetired { worker }));
        }
        Parting::Left => shared.announce(|| Some(Event::WorkerStopped { worker })),
    }
    parting
}

/// Takes all that is in a deque, or all that its owner has not taken first.
pub(crate) struct Leftovers<'a>(pub(crate) &'a Stealer<Item>);

impl Iterator for Leftovers<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            match self.0.steal() {
                Steal::Taken(item) => return Some(item),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
