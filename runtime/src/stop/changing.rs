//! Who starts, stops or drains: one thread at a time, and each waits only for as long as it must.
//!
//! # State
//!
//! The *holder*, a variable: the number of the thread that is at it. And how many stops *ask* for
//! it, a count that a drain looks at.
//!
//! # Steps
//!
//! - Whoever is to change something writes its number into the holder, in a transaction that
//!   retries while another's is there; and takes it out again when it is done, also if it panics.
//! - A *start* looks at the gate in the same transaction. It does not wait where a drain is at it,
//!   because the scheduler still runs; it waits for a stop to be done, and then there is something to
//!   start.
//! - A *drain* waits for no longer than its limit, for others as for works.
//! - A *stop* asks before it waits. It adds itself to those who ask, passes a `fence(SeqCst)`, and
//!   rings the drain's bell (`quiet.rs`), which looks at the count as it looks at the books. So a
//!   drain that is at it ends, with what is left, as if its time were over. Whoever stops holds
//!   nobody up for longer than works that run do.
//!
//! # Who must not wait
//!
//! The one that is at it waits for works: for those that run, and a drain for the callbacks of all
//! others. So a thread that runs a work, or answers one, or is the holder itself (which
//! calls users' code: callbacks, what a closure drops, a transport), would wait for itself. It is
//! told so ([`local::is_inside`] and [`Changing::is_mine`]).

use std::time::Duration;

use hivework_stm::facade::atomic::{AtomicUsize, Ordering, fence};
use hivework_stm::{StmResult, TVar, Transaction, atomically, atomically_timeout, check};

use super::quiet::Quiet;
use crate::gate::Gate;
use crate::local;

/// See the [module](self).
pub(crate) struct Changing {
    holder: TVar<Option<u64>>,
    stops: AtomicUsize,
}

/// This thread is the holder, for as long as this lives.
#[must_use]
pub(crate) struct Change<'a>(&'a Changing);

impl Changing {
    pub(crate) fn new() -> Self {
        Changing {
            holder: TVar::new(None),
            stops: AtomicUsize::new(0),
        }
    }

    /// Is this thread the holder?
    pub(crate) fn is_mine(&self) -> bool {
        let me = local::thread_number();
        me != 0 && self.holder.load() == Some(me)
    }

    fn take_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        check(self.holder.read(tx)?.is_none())?;
        self.holder.write(tx, Some(local::thread_number()))
    }

    /// For a start; none where there is nothing to start. `waits` says whether it may wait for
    /// others.
    pub(crate) fn take_to_start(&self, gate: &TVar<u8>, waits: bool) -> Option<Change<'_>> {
        let is_mine = atomically(|tx| {
            let gate = Gate::read(gate, tx)?;
            let is_held = self.holder.read(tx)?.is_some();
            if gate == Gate::Draining || (is_held && !waits) {
                return Ok(false);
            }
            // The gate is open before a start is done, and when a stop has just begun.
            check(!is_held)?;
            if gate != Gate::Closed {
                return Ok(false);
            }
            self.take_in(tx).map(|()| true)
        });
        is_mine.then(|| Change(self))
    }

    /// For a drain; none when the time is over.
    pub(crate) fn take_within(&self, limit: Duration) -> Option<Change<'_>> {
        atomically_timeout(limit, |tx| self.take_in(tx)).map(|()| Change(self))
    }

    /// For a stop.
    pub(crate) fn take(&self, quiet: &Quiet) -> Change<'_> {
        struct Asks<'a>(&'a AtomicUsize);

        impl Drop for Asks<'_> {
            fn drop(&mut self) {
                // Ordering: Relaxed; a drain that still reads it was about to end its run.
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }

        // Ordering: ordered by the fence below.
        self.stops.fetch_add(1, Ordering::Relaxed);
        let _asks = Asks(&self.stops);
        // Ordering: SeqCst fence between the count and the look at the drain's flag; partner:
        // the fence in `Quiet::wait`.
        fence(Ordering::SeqCst);
        quiet.tell();
        atomically(|tx| self.take_in(tx));
        Change(self)
    }

    /// Does a stop wait for the holder?
    pub(crate) fn is_asked(&self) -> bool {
        // Ordering: ordered by the fence in `Quiet::wait` and that in `take`.
        self.stops.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.holder.store(None);
    }
}
