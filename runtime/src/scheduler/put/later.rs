//! Putting work that is to wait for its time: steps 2 and 3 of a [put](super) for it.
//!
//! It goes into the timers (`supervisor/timers.rs`) in place of the queue, without a transaction.
//! What the gate would say the timers say: a drain closes them, and so does the going of the
//! last handle. A capacity has no say. When its time has come the supervisor queues the item,
//! beside the transport and whatever the capacity, because it was let in before.

use std::iter;

use hivework_stm::facade::sync::Arc;

use crate::injector::Item;
use crate::shared::Shared;
use crate::supervisor::timers::Added;

/// Gives the item back where a drain has begun, or the last handle has gone.
#[cold]
pub(super) fn put_later(shared: &Arc<Shared>, item: Item) -> Result<(), Item> {
    match shared.supervisor.timers.delay(item, shared.now()) {
        Added::First => shared.supervisor.ring(),
        Added::Later => {}
        // Its deadline may have passed before it came to lie anywhere: somebody has to bury it.
        Added::Over(item) => _ = shared.put_back(iter::once(item)),
        Added::Closed(item) => return Err(item),
    }
    Ok(())
}
