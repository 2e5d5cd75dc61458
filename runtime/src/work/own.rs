//! Where an item is counted: in the books of the worker that runs it, which nobody else
//! writes to, or in those of all other threads.

use std::rc::Rc;

use hivework_stm::facade::sync::Arc;

use super::error::WorkError;
use super::info::Info;
use super::item::Item;
use super::state::Claim;
use crate::books::Ending;
use crate::local::{self, Local};
use crate::shared::Shared;

/// The books for what this thread runs; looked up once an item.
pub(crate) enum Own {
    Worker(Rc<Local>),
    Elsewhere(Arc<Shared>),
    /// The item was never put, or its scheduler has gone.
    Nowhere,
}

impl Own {
    #[inline]
    pub(crate) fn of(info: &Info) -> Own {
        let Some(home) = info.home() else {
            return Own::Nowhere;
        };
        match local::worker_at(home) {
            Some(worker) => Own::Worker(worker),
            None => home.shared().map_or(Own::Nowhere, Own::Elsewhere),
        }
    }

    #[inline]
    pub(crate) fn begun(&self) {
        match self {
            Own::Worker(worker) => worker.seat.books.begun.add(1),
            Own::Elsewhere(shared) => _ = shared.books.elsewhere.begun.add(1),
            Own::Nowhere => {}
        }
    }

    /// Runs it, by `run`. One that a worker's loop has taken out of a queue is what the worker
    /// runs, as others see it.
    #[inline]
    pub(crate) fn show<R>(&self, item: &Item, claim: Claim, run: impl FnOnce() -> R) -> R {
        match self {
            Own::Worker(worker) if claim == Claim::Queue => worker.seat.current.show(item, run),
            _ => run(),
        }
    }

    #[inline]
    pub(crate) fn settled(&self) {
        match self {
            Own::Worker(worker) => worker.seat.books.settled.add(1),
            Own::Elsewhere(shared) => _ = shared.books.elsewhere.settled.add(1),
            Own::Nowhere => {}
        }
    }

    /// It is about to be set aside.
    pub(crate) fn set_aside(&self) {
        match self {
            Own::Worker(worker) => worker.seat.books.aside.add(1),
            Own::Elsewhere(shared) => _ = shared.books.elsewhere.aside.add(1),
            Own::Nowhere => {}
        }
    }

    /// It was set aside, and is about to be queued again, or over.
    pub(crate) fn taken_up(&self) {
        match self {
            Own::Worker(worker) => worker.seat.books.taken_up.add(1),
            Own::Elsewhere(shared) => _ = shared.books.elsewhere.taken_up.add(1),
            Own::Nowhere => {}
        }
    }

    /// Counts how it came to its end, and tells the subscribers.
    #[inline]
    pub(crate) fn count(&self, info: &Info, ending: Ending, why: Option<&WorkError>) {
        let shared = match self {
            Own::Worker(worker) => {
                if ending == Ending::Finished {
                    worker.seat.books.finished.add(1);
                }
                &worker.shared
            }
            Own::Elsewhere(shared) => {
                if ending == Ending::Finished {
                    shared.books.elsewhere.finished.add(1);
                }
                shared
            }
            Own::Nowhere => return,
        };
        shared.work_settled(info, ending, why);
    }

    /// The item and its callbacks are over. A drain hears of it when the worker that ran
    /// it parks, which passes a fence; no item pays for one.
    #[inline]
    pub(crate) fn ended(&self) {
        match self {
            Own::Worker(worker) => worker.seat.books.end(),
            Own::Elsewhere(shared) => shared.work_ended_elsewhere(),
            Own::Nowhere => {}
        }
    }
}
