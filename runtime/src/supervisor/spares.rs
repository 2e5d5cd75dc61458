//! Making spares for workers that are away; `worker/away.rs` has the protocol.
//!
//! While work is queued and more are away than are stood in for, a spare takes
//! the next number after the workers'. On reaching the bound the subscribers
//! are told, once for as long as it lasts, who waits for what.

use std::sync::Arc;

use crate::crew::{Crew, FillError};
use crate::event::{BlockedWorker, Event, WorkId};
use crate::shared::Shared;

/// What the supervisor keeps in mind about spares.
#[derive(Debug, Default)]
pub(super) struct Spares {
    /// Does the bound keep a needed spare from being made?
    exhausted: bool,
}

impl Spares {
    /// One round.
    pub(super) fn round(&mut self, shared: &Arc<Shared>, mut may_make: impl FnMut() -> bool) {
        self.exhausted = round(shared, self.exhausted, &mut may_make);
    }
}

/// Answers whether the bound keeps a needed spare from being made.
fn round(shared: &Arc<Shared>, exhausted: bool, may_make: &mut impl FnMut() -> bool) -> bool {
    while !shared.is_halting() && shared.away.is_short() && shared.has_work() {
        let (number, spares) = shared.crew.free_number(shared.config.most_workers);
        if spares >= shared.config.max_spares {
            // A spare that rests counts as there: it is called, not made.
            shared.away.call(&**shared);
            let blocked = shared.away.count();
            if !exhausted {
                shared.announce(|| {
                    let waiting = waiting(shared);
                    Some(Event::WorkersExhausted { blocked, waiting })
                });
            }
            return true;
        }
        if !shared.away.enlist() {
            shared.away.call(&**shared);
            return false;
        }
        if !may_make() {
            // Those there were have crashed, one after the other.
            shared.away.discharge();
            return false;
        }
        match Crew::fill(shared, number, true) {
            Ok(()) => shared.announce(|| Some(Event::SpareStarted { worker: number })),
            Err(FillError::Halting) => {
                shared.away.discharge();
                return false;
            }
            Err(error) => {
                shared.away.discharge();
                let reason: Arc<str> = error.to_string().into();
                shared.announce(|| {
                    Some(Event::WorkerSpawnFailed {
                        worker: number,
                        reason,
                    })
                });
                return false;
            }
        }
    }
    false
}

/// Who waits, inside which work and for what.
fn waiting(shared: &Shared) -> Vec<BlockedWorker> {
    let roster = shared.crew.roster();
    let waiting = roster.iter().filter_map(|seat| {
        let wait = seat.current.wait()?;
        let stamp = seat.current.stamp();
        let work = seat
            .current
            .look(stamp, |item| WorkId::of(&item.head().info));
        Some(BlockedWorker {
            worker: seat.number,
            work,
            wait,
        })
    });
    waiting.collect()
}
