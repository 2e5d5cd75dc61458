//! Where an item is counted: in the books of the worker that runs it, which nobody else
//! writes to, or in those of all other threads.

use std::rc::Rc;
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Arc;

use super::error::WorkError;
use super::info::Info;
use super::item::Item;
use super::state::Claim;
use crate::books::{Ending, is_sample};
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

    /// The item begins, and the subscribers are told. Says when, if it is to be timed: each that has a name is, and one of the
    /// others now and then.
    #[inline]
    pub(crate) fn begun(&self, info: &Info) -> Option<Instant> {
        let before = match self {
            Own::Worker(worker) => {
                let before = worker.seat.books.begun.add(1);
                worker.shared.tell_started(info, Some(worker.seat.number));
                before
            }
            Own::Elsewhere(shared) => {
                let before = shared.books.elsewhere.begun.add(1);
                shared.tell_started(info, None);
                before
            }
            Own::Nowhere => return None,
        };
        let is_sample = is_sample(before);
        if info.rare().is_none() && !is_sample {
            return None;
        }
        self.begun_timed(info, is_sample)
    }

    #[cold]
    fn begun_timed(&self, info: &Info, is_sample: bool) -> Option<Instant> {
        match info.books() {
            Some(name) => name.begun(),
            None if !is_sample => return None,
            None => {}
        }
        self.now()
    }

    /// What time it is for the scheduler of the item.
    fn now(&self) -> Option<Instant> {
        match self {
            Own::Worker(worker) => Some(worker.shared.now()),
            Own::Elsewhere(shared) => Some(shared.now()),
            Own::Nowhere => None,
        }
    }

    /// How long it is since then; none where it is not to be known.
    #[inline]
    pub(crate) fn since(&self, then: Option<Instant>) -> Option<Duration> {
        let then = then?;
        Some(self.now()?.saturating_duration_since(then))
    }

    /// What follows goes on with an item that was timed before.
    pub(crate) fn goes_on(&self, ran: Option<Duration>) -> Option<Instant> {
        ran.and_then(|_| self.now())
    }

    /// The item is over that ran for so long, if it was timed; `complete` says whether to its
    /// end. Comes before [`settled`](Own::settled), so that no run is missing of what is over.
    #[inline]
    pub(crate) fn ran(&self, info: &Info, ran: Option<Duration>, complete: bool) {
        if let Some(ran) = ran {
            self.ran_timed(info, ran, complete);
        }
    }

    #[cold]
    fn ran_timed(&self, info: &Info, ran: Duration, complete: bool) {
        match (info.books(), self) {
            (Some(name), _) => name.ran(ran, complete),
            (None, Own::Worker(worker)) => worker.seat.books.unnamed.record(ran),
            (None, Own::Elsewhere(shared)) => shared.books.elsewhere.unnamed.record(ran),
            (None, Own::Nowhere) => {}
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
    pub(crate) fn settled(&self, info: &Info) {
        match self {
            Own::Worker(worker) => worker.seat.books.settled.add(1),
            Own::Elsewhere(shared) => shared.books.elsewhere.settled.add(1),
            Own::Nowhere => return,
        };
        if let Some(name) = info.books() {
            name.settled();
        }
    }

    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        match self {
            Own::Worker(worker) => Some(&worker.shared),
            Own::Elsewhere(shared) => Some(shared),
            Own::Nowhere => None,
        }
    }

    /// It is about to be set aside.
    pub(crate) fn set_aside(&self, info: &Info) {
        match self {
            Own::Worker(worker) => worker.seat.books.aside.add(1),
            Own::Elsewhere(shared) => shared.books.elsewhere.aside.add(1),
            Own::Nowhere => return,
        };
        if let Some(name) = info.books() {
            name.set_aside();
        }
    }

    /// It was set aside, and is about to be queued again, or over.
    pub(crate) fn taken_up(&self, info: &Info) {
        match self {
            Own::Worker(worker) => worker.seat.books.taken_up.add(1),
            Own::Elsewhere(shared) => shared.books.elsewhere.taken_up.add(1),
            Own::Nowhere => return,
        };
        if let Some(name) = info.books() {
            name.taken_up();
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
