//! Where an item is counted: in the books of the worker that runs it, which nobody else
//! writes to, or in those of all other threads.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Arc;

use super::error::WorkError;
use super::info::Info;
use super::item::Item;
use super::limits;
use super::state::Claim;
use super::unwind::shield;
use crate::books::{Ending, is_sample};
use crate::local::{self, Local};
use crate::shared::Shared;

/// The books for what this thread runs, looked up once an item, or once a turn; and the time
/// that it takes, if it is timed.
pub(crate) struct Own {
    pub(crate) whose: Whose,
    is_timed: Cell<bool>,
    /// Since when it runs, if it is timed and does.
    since: Cell<Option<Instant>>,
    /// How long it ran before.
    ran: Cell<Duration>,
}

pub(crate) enum Whose {
    Worker(Rc<Local>),
    Elsewhere(Arc<Shared>),
    /// The item was never put, or its scheduler has gone.
    Nobody,
}

impl Own {
    #[inline]
    pub(crate) fn of(info: &Info) -> Own {
        Own {
            whose: Whose::of(info),
            is_timed: Cell::new(false),
            since: Cell::new(None),
            ran: Cell::new(Duration::ZERO),
        }
    }

    /// The item begins, and the subscribers are told; from here on it is timed, if it is to be: each
    /// that has a name is, and one of the others now and then.
    #[inline]
    pub(crate) fn begun(&self, item: &Item) {
        let info = &item.head().info;
        let before = match &self.whose {
            Whose::Worker(worker) => {
                let before = worker.seat.books.begun.add(1);
                worker.shared.tell_started(info, Some(worker.seat.number));
                before
            }
            Whose::Elsewhere(shared) => {
                let before = shared.books.elsewhere.begun.add(1);
                shared.tell_started(info, None);
                before
            }
            Whose::Nobody => return,
        };
        let is_sample = is_sample(before);
        if is_sample || info.rare().is_some() {
            self.begun_timed(item, is_sample);
        }
    }

    #[cold]
    fn begun_timed(&self, item: &Item, is_sample: bool) {
        let info = &item.head().info;
        if let Some(shared) = self.shared().filter(|_| info.limits().is_some()) {
            limits::begin(shared, item);
        }
        if let Some(attendant) = info.attendant() {
            shield(|| attendant.begun(info));
        }
        match info.books() {
            Some(name) => name.begun(),
            None if !is_sample => return,
            None => {}
        }
        self.run_on(Duration::ZERO);
    }

    fn now(&self) -> Option<Instant> {
        match &self.whose {
            Whose::Worker(worker) => Some(worker.shared.now()),
            Whose::Elsewhere(shared) => Some(shared.now()),
            Whose::Nobody => None,
        }
    }

    /// It is timed, goes on now, and ran for so long before.
    pub(crate) fn run_on(&self, ran: Duration) {
        self.is_timed.set(true);
        self.since.set(self.now());
        self.ran.set(ran);
    }

    /// It runs no longer, and did for so long in all its turns, if it was timed.
    pub(crate) fn set_ran(&self, ran: Option<Duration>) {
        self.is_timed.set(ran.is_some());
        self.since.set(None);
        self.ran.set(ran.unwrap_or_default());
    }

    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.is_timed.get()
    }

    /// How long it has run by now, if it is timed.
    pub(crate) fn ran(&self) -> Option<Duration> {
        if !self.is_timed() {
            return None;
        }
        let turn = self.since.get().zip(self.now());
        let turn = turn.map(|(since, now)| now.saturating_duration_since(since));
        Some(self.ran.get().saturating_add(turn.unwrap_or_default()))
    }

    /// The item ran for so long; `complete` says whether to its end. Comes before
    /// [`settled`](Own::settled), so that no run is missing of what is over.
    pub(crate) fn has_run(&self, info: &Info, ran: Duration, complete: bool) {
        match (info.books(), &self.whose) {
            (Some(name), _) => name.ran(ran, complete),
            (None, Whose::Worker(worker)) => worker.seat.books.unnamed.record(ran),
            (None, Whose::Elsewhere(shared)) => shared.books.elsewhere.unnamed.record(ran),
            (None, Whose::Nobody) => {}
        }
    }

    /// Runs it, by `run`. One that a worker's loop has taken out of a queue is what the worker
    /// runs, as others see it.
    #[inline]
    pub(crate) fn show<R>(&self, item: &Item, claim: Claim, run: impl FnOnce() -> R) -> R {
        match &self.whose {
            Whose::Worker(worker) if claim == Claim::Queue => worker.seat.current.show(item, run),
            _ => run(),
        }
    }

    /// It was begun, and its end is about to be counted.
    pub(crate) fn settled(&self) {
        match &self.whose {
            Whose::Worker(worker) => _ = worker.seat.books.settled.add(1),
            Whose::Elsewhere(shared) => _ = shared.books.elsewhere.settled.add(1),
            Whose::Nobody => {}
        }
    }

    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        match &self.whose {
            Whose::Worker(worker) => Some(&worker.shared),
            Whose::Elsewhere(shared) => Some(shared),
            Whose::Nobody => None,
        }
    }

    /// It is about to be set aside.
    pub(crate) fn set_aside(&self, info: &Info) {
        match &self.whose {
            Whose::Worker(worker) => worker.seat.books.aside.add(1),
            Whose::Elsewhere(shared) => shared.books.elsewhere.aside.add(1),
            Whose::Nobody => return,
        };
        if let Some(name) = info.books() {
            name.set_aside();
        }
    }

    /// It was set aside, and is about to be queued again, or over.
    pub(crate) fn taken_up(&self, info: &Info) {
        match &self.whose {
            Whose::Worker(worker) => worker.seat.books.taken_up.add(1),
            Whose::Elsewhere(shared) => shared.books.elsewhere.taken_up.add(1),
            Whose::Nobody => return,
        };
        if let Some(name) = info.books() {
            name.taken_up();
        }
    }

    /// Counts it as [settled](Own::settled), and how it came to its end, but not under its name; and
    /// tells the subscribers.
    #[inline]
    pub(crate) fn count(&self, info: &Info, ending: Ending, why: Option<&WorkError>) {
        let shared = match &self.whose {
            Whose::Worker(worker) => {
                let books = &worker.seat.books;
                books.settled.add(1);
                if ending == Ending::Finished {
                    books.finished.add(1);
                }
                &worker.shared
            }
            Whose::Elsewhere(shared) => {
                let books = &shared.books.elsewhere;
                books.settled.add(1);
                if ending == Ending::Finished {
                    books.finished.add(1);
                }
                shared
            }
            Whose::Nobody => return,
        };
        shared.settled_unnamed(info, ending, why);
    }

    /// The item and its callbacks are over. A drain hears of it when the worker that ran
    /// it parks, which passes a fence; no item pays for one.
    #[inline]
    pub(crate) fn ended(&self) {
        match &self.whose {
            Whose::Worker(worker) => worker.seat.books.end(),
            Whose::Elsewhere(shared) => shared.work_ended_elsewhere(),
            Whose::Nobody => {}
        }
    }
}

impl Whose {
    #[inline]
    fn of(info: &Info) -> Whose {
        let Some(home) = info.home() else {
            return Whose::Nobody;
        };
        match local::worker_at(home) {
            Some(worker) => Whose::Worker(worker),
            None => home.shared().map_or(Whose::Nobody, Whose::Elsewhere),
        }
    }
}
