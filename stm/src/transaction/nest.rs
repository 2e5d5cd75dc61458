//! Savepoints: what `or_else` and `nested` roll back to.
//!
//! Branches share the attempt's logs. A savepoint remembers how long they were;
//! rolling back cuts them to that length. Only one thing is not an append: a
//! branch that writes a variable again that had been written before the branch
//! began. The word it replaces goes to the *undo* list, from where a roll-back puts
//! it back, newest first.
//!
//! *Barrier*: entries of the write log below it are older than the innermost
//! savepoint, so replacing their word must be undoable. Without a savepoint it is
//! 0, which is all that an attempt without branches pays.
//!
//! Reads are never rolled back (see [`super::read_log`]). Words that a roll-back
//! displaces are dropped when the attempt is over.

use std::ptr::NonNull;

use super::hooks::Hooks;
use super::write_log::{Write, WriteLog};
use crate::cell::{Core, Word};
use crate::reclaim::Garbage;

/// What an attempt will do if it commits, and can undo in part until then.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) writes: WriteLog,
    pub(crate) hooks: Hooks,
    /// To be dropped when the attempt is over.
    pub(crate) garbage: Vec<Garbage>,
    undo: Vec<Undo>,
    barrier: usize,
}

/// An entry that a branch has replaced.
#[derive(Debug)]
struct Undo {
    position: usize,
    replaced: Write,
}

/// Where the logs stood when a branch began.
#[derive(Debug)]
#[must_use]
pub(crate) struct Savepoint {
    writes: usize,
    undo: usize,
    barrier: usize,
    on_commit: usize,
    on_abort: usize,
}

impl Effects {
    /// Sets what a variable will hold.
    ///
    /// # Safety
    ///
    /// The core stays allocated until the attempt is over, and the word, which
    /// is given up to the log, is of its type.
    #[inline]
    pub(crate) unsafe fn write(&mut self, core: NonNull<Core>, word: Word) {
        match self.writes.find(core) {
            // SAFETY: passed on from the caller.
            Some(position) => self.rewrite(position, unsafe { Write::new(core, word) }),
            // SAFETY: passed on from the caller; it is not in the log.
            None => self.writes.push(unsafe { Write::new(core, word) }),
        }
    }

    fn rewrite(&mut self, position: usize, write: Write) {
        let replaced = self.writes.replace(position, write);
        if position < self.barrier {
            self.undo.push(Undo { position, replaced });
        } else {
            self.garbage.extend(replaced.take_garbage());
        }
    }

    /// Begins a branch.
    pub(crate) fn save(&mut self) -> Savepoint {
        let savepoint = Savepoint {
            writes: self.writes.len(),
            undo: self.undo.len(),
            barrier: self.barrier,
            on_commit: self.hooks.on_commit.len(),
            on_abort: self.hooks.on_abort.len(),
        };
        self.barrier = savepoint.writes;
        savepoint
    }

    /// Ends a branch and keeps what it did.
    ///
    /// Its undo entries stay: an outer branch may need them.
    pub(crate) fn keep(&mut self, savepoint: &Savepoint) {
        self.barrier = savepoint.barrier;
    }

    /// Ends a branch and undoes what it did.
    pub(crate) fn roll_back_to(&mut self, savepoint: &Savepoint) {
        for Undo { position, replaced } in self.undo.drain(savepoint.undo..).rev() {
            let displaced = self.writes.replace(position, replaced);
            self.garbage.extend(displaced.take_garbage());
        }
        let undone = self.writes.truncate(savepoint.writes);
        self.garbage.extend(undone.filter_map(Write::take_garbage));
        self.hooks
            .roll_back(savepoint.on_commit, savepoint.on_abort);
        self.barrier = savepoint.barrier;
    }

    /// Makes garbage of all that is still pending: after a commit, nothing but
    /// words that branches have replaced.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.barrier = 0;
        if !self.undo.is_empty() {
            let replaced = self.undo.drain(..).map(|undo| undo.replaced);
            self.garbage
                .extend(replaced.filter_map(Write::take_garbage));
        }
        if !self.writes.is_empty() {
            let pending = self.writes.truncate(0);
            self.garbage.extend(pending.filter_map(Write::take_garbage));
        }
    }
}
