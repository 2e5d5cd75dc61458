//! Who attends to an item: decides when it may run, and is told what becomes of it.
//!
//! # An attended item's life
//!
//! 1. *Held*: it is put, counted, and told of, as any item, but lies in no queue, and its handle
//!    cannot claim it. It counts as set aside: nothing goes on for it. Where it can be found is for
//!    its attendant to know ([rooms](crate::rooms)). One with a delay waits for that in the timers
//!    first, as any item; then the worker that finds it in its queue hands it over
//!    ([`arrived`](Attendant::arrived)).
//! 2. *Let in* (`scheduler/put/held.rs`): it is queued, past the gate and the capacity, because it
//!    was put before.
//! 3. *Begun*, by one thread, once.
//!    One that can be sent back ([`asked`](super::asked)) may go *back* from here to 1, any number of
//!    times: its slot is free, it counts as set aside, and it is let in again as it was the first
//!    time. It has begun all the same, and is not begun again.
//! 4. *Left*: nothing of it runs, or will run. What it was to run has been dropped. Its callbacks
//!    have not been called, and its handle has not been answered, unless its deadline has passed. Once,
//!    whatever ends it and from whichever step; but an item whose put is rolled back is left as
//!    well, and was never held as far as anybody can see.
//! 5. *Over*: its callbacks have been called, its handle has been answered. Once, after 4, on the same thread.
//!
//! An item that is cancelled or withdrawn while it is held goes from 1 to 4 on the thread that does
//! so. One whose deadline passes meanwhile is queued as a tombstone, because the supervisor runs
//! nobody's code: the worker that meets it goes to 4. Letting an item in may come after 4 as
//! well, where the two meet: then a worker finds a tombstone.
//!
//! A drain counts a work as live until after 5: what an attendant lets in from there is waited for.

use hivework_stm::facade::sync::Arc;

use super::error::WorkError;
use super::info::Info;
use super::item::Item;
use crate::books::Ending;
use crate::scheduler::put::held;
use crate::slots::slot::Slot;

/// See the [module](self). Panics are contained.
pub(crate) trait Attendant: Send + Sync {
    /// Step 1, for an item whose delay is over, on a worker.
    fn arrived(&self, item: &Item);

    /// Step 3, before anything of it runs.
    fn begun(&self, info: &Info);

    /// It has gone back to step 1, because it was asked to: nothing of it runs until it is let in
    /// again. Before that only [`left`](Attendant::left) can come. Only who asks items to go back
    /// need keep them; anybody else lets it go on.
    fn back(&self, info: &Info, item: &Item) {
        if let Some(shared) = info.shared() {
            held::let_in(&shared, item.clone());
        }
    }

    /// Step 4. `why` is the error that it answers with, if it does.
    fn left(&self, info: &Info, ending: Ending, why: Option<&WorkError>);

    /// Step 5.
    fn over(&self, info: &Info);

    /// The slot that the item has, for what it puts and what is to share it.
    fn slot(&self) -> Option<Arc<Slot>>;
}
