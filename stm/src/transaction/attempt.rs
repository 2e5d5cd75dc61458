//! One run of a transaction, from begin to end, whichever end it is.
//!
//! 1. `begin`: take the thread's context, which panics inside another
//!    transaction; pin. No clock is read.
//! 2. The closure runs on a [`Transaction`].
//! 3. `commit`, or register to wait, or neither.
//! 4. `end`, which a panic reaches as well, through Drop: clear the logs, unpin,
//!    give the context back, and only then run foreign code: wake those whose
//!    variables changed, run hooks, drop values.

use std::mem;

use super::Transaction;
use super::commit::Commit;
use super::hooks::Hooks;
use crate::contention::Contention;
use crate::context::Context;
use crate::parker::Unpark;
use crate::probe::{self, Point};
use crate::reclaim::{self, Pin, contain};
use crate::wait::{Changed, Registration};

/// A run that is not over.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// None only while `end` takes the parts apart.
    parts: Option<(Box<Context>, Pin)>,
}

impl Attempt {
    /// Step 1.
    #[inline]
    pub(crate) fn begin(contention: &Contention) -> Attempt {
        let context = Context::enter();
        probe::begin();
        // Pinning may collect garbage, but runs no user code.
        let mut attempt = Attempt {
            parts: Some((context, reclaim::pin())),
        };
        attempt.set_elder(contention);
        attempt
    }

    /// Takes over what the transaction has become after a conflict, for an
    /// attempt that is committed again.
    #[inline]
    pub(crate) fn set_elder(&mut self, contention: &Contention) {
        self.parts().0.elder = contention.is_elder();
    }

    #[inline]
    fn parts(&mut self) -> (&mut Context, &Pin) {
        match &mut self.parts {
            Some((context, pin)) => (context, pin),
            None => unreachable!("taken by `end` only"),
        }
    }

    /// What the closure works on.
    #[inline]
    pub(crate) fn transaction(&mut self) -> Transaction<'_> {
        Transaction::new(self.parts().0)
    }

    /// Has an operation met a conflict, whatever became of its error?
    #[inline]
    pub(crate) fn is_poisoned(&mut self) -> bool {
        self.parts().0.poisoned
    }

    /// Step 3. After a conflict the attempt can be committed again or ended.
    #[inline]
    pub(crate) fn commit(&mut self) -> Commit {
        let (context, pin) = self.parts();
        context.commit(pin)
    }

    /// Registers to be woken by the next change of what was read.
    ///
    /// # Panics
    ///
    /// When nothing was read: nothing could ever wake it.
    pub(crate) fn wait(&mut self, unpark: Unpark) -> Result<Registration, Changed> {
        let reads = &self.parts().0.reads;
        assert!(
            !reads.is_empty(),
            "a transaction that has read no variable asked to retry: nothing could ever wake it. \
             Read what it waits for with `TVar::read` before `retry`"
        );
        Registration::new(reads, unpark)
    }

    /// Step 4.
    #[inline]
    pub(crate) fn end(mut self, committed: bool) {
        self.finish(committed);
    }

    #[inline]
    fn finish(&mut self, committed: bool) {
        let Some((mut context, pin)) = self.parts.take() else {
            return;
        };
        probe::end(committed);
        context.effects.clear();
        context.reads.clear();
        context.poisoned = false;
        let foreign = Foreign::take(&mut context);
        probe::point(Point::Unpinning);
        drop(pin);
        context.leave();
        // Also where a hook's panic goes on from here.
        let _drain = Drain;
        if let Some(foreign) = foreign {
            foreign.run(committed);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.finish(false);
    }
}

/// Drops what has become free, as the very last thing.
struct Drain;

impl Drop for Drain {
    #[inline]
    fn drop(&mut self) {
        reclaim::drain();
    }
}

/// Foreign code that is due when the attempt is over.
struct Foreign {
    woken: Vec<crate::facade::sync::Arc<crate::wait::Waiter>>,
    hooks: Hooks,
    garbage: Vec<reclaim::Garbage>,
}

impl Foreign {
    #[inline]
    fn take(context: &mut Context) -> Option<Foreign> {
        let Context { woken, effects, .. } = context;
        if woken.is_empty() && effects.hooks.is_empty() && effects.garbage.is_empty() {
            return None;
        }
        Some(Foreign {
            woken: mem::take(woken),
            hooks: mem::take(&mut effects.hooks),
            garbage: mem::take(&mut effects.garbage),
        })
    }

    #[cold]
    fn run(self, committed: bool) {
        let Foreign {
            woken,
            hooks,
            garbage,
        } = self;
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
