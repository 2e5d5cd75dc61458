//! One run of a transaction, from begin to end, whichever end it is.
//!
//! 1. `begin`: take the thread's context, which panics inside another
//!    transaction; pin. No clock is read.
//! 2. The closure runs on a [`Transaction`].
//! 3. `commit`, or register to wait, or neither.
//! 4. `end`, which a panic reaches as well, through Drop: clear the logs, unpin,
//!    give the context back, and only then run foreign code: wake those whose
//!    variables changed, run hooks, drop values.

use std::mem::ManuallyDrop;

use super::Transaction;
use super::commit::Commit;
use super::nest::Foreign;
use crate::contention::Contention;
use crate::context::{Context, Here};
use crate::parker::Waiter;
use crate::probe::{self, Point};
use crate::reclaim::Pinned;
use crate::reclaim::garbage::contain;
use crate::stats::Count;
use crate::trace::{How, Watch};
use crate::wait::{Changed, Registration};

/// After so many commits a thread sees to what it has displaced, however little that is,
/// and to what its logs have grown to.
const TIDY: u64 = 1 << 14;

/// A run that is not over: pinned, and the only user of the thread's context.
#[derive(Debug)]
pub(crate) struct Attempt {
    here: Here,
    pinned: Pinned,
    watch: Watch,
}

impl Attempt {
    /// Step 1.
    #[inline]
    pub(crate) fn begin(contention: &Contention) -> Attempt {
        let here = Here::get();
        here.enter();
        let watch = Watch::begin();
        probe::begin();
        let pinned = here.member().pin();
        let mut attempt = Attempt {
            here,
            pinned,
            watch,
        };
        attempt.set_elder(contention);
        attempt
    }

    /// Takes over what the transaction has become after a conflict, for an
    /// attempt that is committed again.
    #[inline]
    pub(crate) fn set_elder(&mut self, contention: &Contention) {
        self.context().elder = contention.is_elder();
    }

    #[inline]
    fn context(&mut self) -> &mut Context {
        // SAFETY: `begin` has entered and the attempt is not over; `self` is
        // borrowed for as long as the result.
        unsafe { self.here.context() }
    }

    /// What the closure works on.
    #[inline]
    pub(crate) fn transaction(&mut self) -> Transaction<'_> {
        Transaction::new(self.context())
    }

    /// Has an operation met a conflict, whatever became of its error?
    #[inline]
    pub(crate) fn is_poisoned(&mut self) -> bool {
        self.context().poisoned
    }

    /// Step 3. After a conflict the attempt can be committed again or ended.
    #[inline]
    pub(crate) fn commit(&mut self) -> Commit {
        let here = self.here;
        self.context().commit(here.member())
    }

    /// Steps 3 and 4 of an attempt that asked to retry: registers to be woken by the next
    /// change of what was read.
    ///
    /// # Panics
    ///
    /// When nothing was read: nothing could ever wake it.
    pub(crate) fn wait(self, waiter: Waiter) -> Result<Registration, Changed> {
        // A local, so that where this panics the attempt is over before the waiter is
        // dropped: a task's waker is foreign code.
        let mut attempt = self;
        let context = attempt.context();
        assert!(
            !context.reads.is_empty(),
            "a transaction that has read no variable asked to retry: nothing could ever wake it. \
             Read what it waits for with `TVar::read` before `retry`"
        );
        let registered = Registration::new(&context.reads, waiter);
        if registered.is_ok() {
            context.tally.count(Count::Waits);
        }
        attempt.end(false);
        registered
    }

    /// Counts what has become of it.
    #[inline]
    pub(crate) fn count(&mut self, what: Count) {
        self.context().tally.count(what);
    }

    /// It will not commit, for this reason.
    #[inline]
    pub(crate) fn note(&mut self, how: How) {
        self.watch.note(how);
    }

    /// Step 4.
    #[inline]
    pub(crate) fn end(self, committed: bool) {
        ManuallyDrop::new(self).finish(committed);
    }

    #[inline]
    fn finish(&mut self, committed: bool) {
        probe::end(committed);
        let (here, pinned) = (self.here, self.pinned);
        let context = self.context();
        context.reads.clear();
        if committed {
            if context.tally.count(Count::Commits) % TIDY == 0 {
                context.tidy();
                here.member().hurry();
            }
            if context.elder {
                context.tally.count(Count::Elders);
            }
        } else {
            // A commit has done with its writes, and was not poisoned.
            context.effects.discard_all();
            context.poisoned = false;
        }
        let foreign = context.effects.take_foreign();
        probe::point(Point::Unpinning);
        here.member().unpin(pinned);
        here.leave();
        self.watch.end(committed);
        match foreign {
            None => here.settle(),
            Some(foreign) => foreign.run(committed),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.finish(false);
    }
}

impl Foreign {
    #[cold]
    fn run(self, committed: bool) {
        let Foreign {
            woken,
            hooks,
            garbage,
        } = self;
        let _settle = Settle;
        for waiter in woken {
            // A task's waker that panics must not cost the others theirs.
            contain(|| waiter.notify());
            contain(|| drop(waiter));
        }
        // Garbage contains its panics; a hook's panic goes on from here, and
        // drops the garbage on its way.
        hooks.run(committed);
        drop(garbage);
    }
}

/// Drops what has become free, as the very last thing, also where a hook's panic
/// goes on.
struct Settle;

impl Drop for Settle {
    fn drop(&mut self) {
        // Foreign code has run since the attempt's own look: it may have settled.
        Here::get().settle();
    }
}
