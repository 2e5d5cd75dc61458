#![allow(
    unsafe_code,
    reason = "it is an item, and reached as one; `item.rs` has the rules"
)]
//! An item that is not of this process's making, or comes back from a transport. It has no
//! handle here and no outcome: it runs, or it is refused.

use hivework_stm::facade::sync::Arc;
use stm_ports::{Refusal, WorkItem};

use super::error::WorkError;
use super::item::{Head, Item, Kind, Runs};
use super::memory;
use super::priority::Priority;

/// See the [module](self).
#[repr(C)]
struct Foreign {
    head: Head,
    inner: Arc<dyn WorkItem>,
}

// SAFETY: see its definition, and where it is made.
unsafe impl Kind for Foreign {}

impl Item {
    /// What came out of a transport, as something that can be queued.
    pub(crate) fn received(inner: Arc<dyn WorkItem>) -> Item {
        let priority = Priority::of(inner.urgency());
        let foreign = memory::place(Foreign {
            head: Head::of::<Foreign>(),
            inner,
        });
        // SAFETY: its place, and one of the two references that the word began with.
        let item = unsafe { Item::counted(foreign.cast()) };
        item.head().state.set_priority(priority);
        // It has no handle, whose reference goes here; the other one is the item's.
        let _ = item.head().state.detach();
        item
    }
}

impl Runs for Foreign {
    fn run(&self, _: &Item) {
        Arc::clone(&self.inner).run();
    }

    fn refuse(&self, why: Refusal) {
        Arc::clone(&self.inner).refuse(why);
    }

    // What follows is asked of items that this process has put.

    fn run_here(&self, _: &Item) {}

    fn expire(&self, _: &Item) {}

    fn roll_back(&self) {}

    fn withdraw(&self, _: WorkError) {}

    fn cancel(&self) -> bool {
        false
    }

    fn wake(&self) {}

    fn nudge(&self) {}
}
