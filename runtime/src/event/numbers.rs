//! The numbers of events, by which those of several threads are brought into an order.
//!
//! 1. Who makes an event *takes* a number for it, and then sends it into a queue: a
//!    worker into its own, anybody else into one that all others share.
//! 2. Who passes events on *cuts*: the last number that has been given. Then it
//!    empties the queues, and passes on, by number, what is not above the cut. What
//!    is waits for the next time.
//!
//! So what was sent comes before what came of it, wherever the two lie. Let *b* be
//! passed on, and *a* have been sent before *b* took its number. The number of *b*
//! is not above the cut, so the cut reads from the taking of *b* or from one after it, and
//! sees all that came before: *a* is in its queue when that is emptied, or
//! has been passed on before. And its number is the smaller one.
//!
//! No queue need be looked at at the same moment as another, and nobody who sends
//! meets anybody but at the number.

use crossbeam_utils::CachePadded;
use hivework_stm::facade::atomic::{AtomicU64, Ordering};

/// See the [module](self).
#[derive(Debug)]
pub struct Numbers(CachePadded<AtomicU64>);

impl Default for Numbers {
    fn default() -> Self {
        Numbers::new()
    }
}

impl Numbers {
    /// None has been given.
    #[must_use]
    pub fn new() -> Self {
        Numbers(CachePadded::new(AtomicU64::new(0)))
    }

    /// Step 1: the next one, from 1.
    #[must_use]
    pub fn take(&self) -> u64 {
        // Ordering: Release hands on what was sent before, through the takings that
        // come after, which are read-modify-writes; partner: the Acquire in `cut`.
        self.0.fetch_add(1, Ordering::Release) + 1
    }

    /// Step 2: the last one that was given.
    #[must_use]
    pub fn cut(&self) -> u64 {
        // Ordering: Acquire; partner: the Release in `take`. It comes before the look
        // into the queues.
        self.0.load(Ordering::Acquire)
    }
}
