//! Replacing workers that ended without having been told to.
//!
//! 1. Members whose threads have ended are taken off the roster: nobody steals
//!    from them anew. Their threads are joined, which is at once but for what
//!    users' thread-local destructors take.
//! 2. What lies in a crashed one's deque is put back into the injector through
//!    its stealer. The owner is dead and pushes no more, so the deque stays
//!    empty; thieves that still know the seat take items for themselves.
//! 3. Vacant seats are filled, unless the run is ending. Where no thread can be
//!    had, the next tick tries again.
//!
//! The item that a crashed worker was running has answered `Lost` while its
//! thread unwound (`work/task.rs`). Spares are not replaced: whoever needs one
//! calls again.

use std::sync::Arc;

use crate::crew::{Crew, Member};
use crate::event::Event;
use crate::injector::Item;
use crate::shared::Shared;
use crate::supervisor::pass_last_events_on;
use crate::worker::deque::{Steal, Stealer};

/// What the supervisor keeps in mind about the workers' health.
#[derive(Debug, Default)]
pub(super) struct Health;

impl Health {
    /// One round.
    pub(super) fn round(&mut self, shared: &Arc<Shared>) {
        round(shared);
    }
}

fn round(shared: &Arc<Shared>) {
    for member in shared.crew.take_ended() {
        bury(shared, member);
    }
    if shared.is_halting() {
        return;
    }
    for number in shared.crew.vacancies(shared.workers()) {
        match Crew::fill(shared, number, false) {
            Ok(()) => shared.announce(|| Some(Event::WorkerRestarted { worker: number })),
            Err(error) => {
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
}

/// Is a seat vacant?
pub(super) fn is_understaffed(shared: &Shared) -> bool {
    !shared.is_halting() && !shared.crew.vacancies(shared.workers()).is_empty()
}

/// Steps 1 and 2 for one member.
pub(crate) fn bury(shared: &Shared, member: Member) {
    let Member { seat, thread } = member;
    // A worker contains its own panics: there is no news in the answer.
    let _ = thread.join();
    pass_last_events_on(shared, &seat);
    let put_back = shared.put_back(Leftovers(&seat.stealer));
    let worker = seat.number;
    match seat.crash() {
        Some(reason) => {
            shared.books.crashes.add(1);
            shared.announce(|| {
                Some(Event::WorkerCrashed {
                    worker,
                    reason,
                    put_back,
                })
            });
        }
        None if seat.is_spare => shared.announce(|| Some(Event::SpareRetired { worker })),
        None => shared.announce(|| Some(Event::WorkerStopped { worker })),
    }
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
