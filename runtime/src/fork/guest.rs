//! A thread that is no worker, while it forks on a scheduler.
//!
//! It takes part itself, with a lane of its own: nothing is handed over, and nobody is woken
//! on its way. The lane is made and registered with the scheduler at the first
//! section and kept for the next, until the thread ends or the scheduler has gone.

use std::cell::RefCell;
use std::rc::Rc;

use hivework_stm::facade::local;
use hivework_stm::facade::sync::{Arc, Weak};

use super::Fork;
use super::lane::{Around, Lane, Seed};
use crate::local;
use crate::shared::Shared;

struct Guest {
    shared: Weak<Shared>,
    lane: Rc<Lane>,
}

impl Guest {
    fn new(shared: &Arc<Shared>) -> Self {
        let seed = Seed::new(false);
        shared.crew.welcome(seed.peer());
        let around: Arc<dyn Around> = Arc::<Shared>::clone(shared);
        Guest {
            shared: Arc::downgrade(shared),
            lane: Rc::new(seed.grow(Arc::downgrade(&around))),
        }
    }

    fn is_of(&self, shared: &Arc<Shared>) -> bool {
        std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(shared))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.crew.dismiss(self.lane.peer());
        }
    }
}

local! {
    static GUESTS: RefCell<Vec<Guest>> = const { RefCell::new(Vec::new()) };
}

/// This thread's lane with the scheduler, made where there is none yet.
fn lane_of(shared: &Arc<Shared>) -> Rc<Lane> {
    let known = GUESTS.try_with(|guests| {
        let mut guests = guests.borrow_mut();
        if let Some(guest) = guests.iter().find(|guest| guest.is_of(shared)) {
            return Rc::clone(&guest.lane);
        }
        // An address is free again only when no weak reference is left, so none is
        // mistaken for another.
        guests.retain(|guest| guest.shared.strong_count() > 0);
        let guest = Guest::new(shared);
        let lane = Rc::clone(&guest.lane);
        guests.push(guest);
        lane
    });
    known.unwrap_or_else(|_| {
        // The thread is ending: a lane for this once, which nobody knows of.
        let around: Arc<dyn Around> = Arc::<Shared>::clone(shared);
        Rc::new(Seed::new(false).grow(Arc::downgrade(&around)))
    })
}

/// Ends a section, also by unwinding.
struct Section<'a>(&'a Lane);

impl Drop for Section<'_> {
    fn drop(&mut self) {
        self.0.peer().turn();
    }
}

/// Runs `f` in a section of this scheduler on this thread.
pub(super) fn enter<R>(shared: &Arc<Shared>, f: impl FnOnce(&mut Fork<'_>) -> R) -> R {
    let worker = local::worker_of(shared);
    if let Some(worker) = &worker {
        let _seat = worker.lane.sit();
        return f(&mut worker.lane.fork());
    }
    let lane = lane_of(shared);
    let _seat = lane.sit();
    if lane.tail.get().is_some() {
        // A section on another scheduler lies between.
        return f(&mut lane.fork());
    }
    lane.begin();
    lane.peer().turn();
    let _section = Section(&lane);
    f(&mut lane.fork())
}
