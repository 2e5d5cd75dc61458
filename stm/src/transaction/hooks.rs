//! What is to be done once it is known how the attempt ended.
//!
//! Hooks run after the attempt is over: no lock held, unpinned, the thread's
//! transaction state given back. They may run transactions of their own.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use crate::reclaim::garbage::drop_payload;

pub(crate) type Hook = Box<dyn FnOnce()>;

/// The hooks of one attempt, each list in order of registration.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) on_commit: Vec<Hook>,
    pub(crate) on_abort: Vec<Hook>,
    /// Abort hooks of branches that have been rolled back: due in any case.
    pub(crate) rolled_back: Vec<Hook>,
    /// Commit hooks of branches that have been rolled back: dropped in the end.
    pub(crate) dropped: Vec<Hook>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_commit", &self.on_commit.len())
            .field("on_abort", &self.on_abort.len())
            .field("rolled_back", &self.rolled_back.len())
            .finish_non_exhaustive()
    }
}

impl Hooks {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.on_commit.is_empty()
            && self.on_abort.is_empty()
            && self.rolled_back.is_empty()
            && self.dropped.is_empty()
    }

    /// Rolls back to what stood registered when the lists were so long.
    pub(crate) fn roll_back(&mut self, on_commit: usize, on_abort: usize) {
        self.dropped.extend(self.on_commit.drain(on_commit..));
        self.rolled_back.extend(self.on_abort.drain(on_abort..));
    }

    /// Runs what the outcome asks for and drops the rest. Every hook runs even
    /// if one panics; the first panic then goes on, unless the thread is
    /// unwinding already.
    #[cold]
    pub(crate) fn run(self, committed: bool) {
        let Hooks {
            on_commit,
            on_abort,
            rolled_back,
            dropped,
        } = self;
        let (due, idle) = if committed {
            (on_commit, on_abort)
        } else {
            (on_abort, on_commit)
        };
        let mut first_panic = None;
        let mut contain = |f: &mut dyn FnMut()| {
            if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(f)) {
                if first_panic.is_none() {
                    first_panic = Some(payload);
                } else {
                    drop_payload(payload);
                }
            }
        };
        for hook in rolled_back.into_iter().chain(due) {
            let mut hook = Some(hook);
            contain(&mut || {
                if let Some(hook) = hook.take() {
                    hook();
                }
            });
        }
        for hook in idle.into_iter().chain(dropped) {
            let mut hook = Some(hook);
            contain(&mut || drop(hook.take()));
        }
        if let Some(payload) = first_panic {
            if std::thread::panicking() {
                drop_payload(payload);
            } else {
                panic::resume_unwind(payload);
            }
        }
    }
}
