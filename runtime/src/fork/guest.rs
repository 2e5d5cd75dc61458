//! A thread that is no worker, while it forks on a scheduler.
//!
//! It takes part itself, with a list of its own: nothing is handed over, and nobody is woken
//! on its way. The list is made and registered with the scheduler at the first
//! section and kept for the next, until the thread ends or the scheduler has gone.

use std::cell::RefCell;
use std::rc::Rc;

use hivework_stm::facade::local;
use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{BlockHook, set_block_hook};

use super::Fork;
use super::latents::{Around, Latents, Seed};
use crate::local;
use crate::shared::Shared;

struct Guest {
    shared: Weak<Shared>,
    latents: Rc<Latents>,
}

impl Guest {
    fn new(shared: &Arc<Shared>) -> Self {
        let seed = Seed::new(false);
        shared.crew.welcome(seed.peer());
        hook_in();
        let around: Arc<dyn Around> = Arc::<Shared>::clone(shared);
        Guest {
            shared: Arc::downgrade(shared),
            latents: Rc::new(seed.grow(Arc::downgrade(&around))),
        }
    }

    fn is_of(&self, shared: &Arc<Shared>) -> bool {
        std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(shared))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.crew.dismiss(self.latents.peer());
        }
    }
}

/// A guest that waits in a transaction, as a worker, leaves to others what it has forked.
#[derive(Debug)]
struct InTransaction;

impl BlockHook for InTransaction {
    fn block(&self) {
        super::hand_over();
    }

    fn unblock(&self) {}
}

/// A worker has a hook of its own, which does this as well.
fn hook_in() {
    if let Some(hook) = set_block_hook(Some(Arc::new(InTransaction))) {
        set_block_hook(Some(hook));
    }
}

local! {
    static GUESTS: RefCell<Vec<Guest>> = const { RefCell::new(Vec::new()) };
}

/// This thread's list with the scheduler, made where there is none yet.
fn latents_of(shared: &Arc<Shared>) -> Rc<Latents> {
    let known = GUESTS.try_with(|guests| {
        let mut guests = guests.borrow_mut();
        if let Some(guest) = guests.iter().find(|guest| guest.is_of(shared)) {
            return Rc::clone(&guest.latents);
        }
        // An address is free again only when no weak reference is left, so none is
        // mistaken for another.
        guests.retain(|guest| guest.shared.strong_count() > 0);
        let guest = Guest::new(shared);
        let latents = Rc::clone(&guest.latents);
        guests.push(guest);
        latents
    });
    known.unwrap_or_else(|_| {
        // The thread is ending: a list for this once, which nobody knows of.
        let around: Arc<dyn Around> = Arc::<Shared>::clone(shared);
        Rc::new(Seed::new(false).grow(Arc::downgrade(&around)))
    })
}

/// The scheduler of the section that this thread is in, if it is in one.
pub(super) fn home() -> Option<Arc<Shared>> {
    let current = Latents::with_current(|current| current.map(std::ptr::from_ref))?;
    let worker = local::worker().filter(|worker| std::ptr::eq(&worker.latents, current));
    if let Some(worker) = worker {
        return Some(Arc::clone(&worker.shared));
    }
    let guest = GUESTS.try_with(|guests| {
        let guests = guests.borrow();
        let guest = guests
            .iter()
            .find(|guest| std::ptr::eq(&*guest.latents, current));
        guest.and_then(|guest| guest.shared.upgrade())
    });
    guest.ok().flatten()
}

/// Ends a section, also by unwinding.
struct Section<'a>(&'a Latents);

impl Drop for Section<'_> {
    fn drop(&mut self) {
        self.0.peer().cross();
    }
}

/// Runs `f` in a section of this scheduler on this thread.
pub(super) fn enter<R>(shared: &Arc<Shared>, f: impl FnOnce(&mut Fork<'_>) -> R) -> R {
    let worker = local::worker_of(shared);
    if let Some(worker) = &worker {
        let _current = worker.latents.make_current();
        return f(&mut worker.latents.fork());
    }
    let latents = latents_of(shared);
    let _current = latents.make_current();
    if latents.peer().is_in_section() {
        // The innermost section is this scheduler's already, or another's lies between.
        return f(&mut latents.fork());
    }
    latents.begin();
    latents.peer().cross();
    let _section = Section(&latents);
    f(&mut latents.fork())
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use super::latents_of;
    use crate::Scheduler;

    #[test]
    fn a_section_in_a_section_is_no_end_of_it() {
        let scheduler = Scheduler::builder().workers(1).build().unwrap();
        let latents = latents_of(scheduler.shared());
        scheduler.install(|| {
            assert!(scheduler.fork(|_| latents.peer().is_in_section()));
            assert!(latents.peer().is_in_section());
        });
        assert!(!latents.peer().is_in_section());
    }
}
