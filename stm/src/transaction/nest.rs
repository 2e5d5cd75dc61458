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

use std::mem;

use super::hooks::Hooks;
use super::write_log::{Pending, Write, WriteLog};
use crate::cell::{DropWord, Word};
use crate::facade::sync::Arc;
use crate::parker::Waiter;
use crate::place::Place;
use crate::reclaim::garbage::Garbage;
use crate::version::Version;

/// What an attempt will do if it commits, and can undo in part until then.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) writes: WriteLog,
    pub(crate) hooks: Hooks,
    /// To be dropped when the attempt is over.
    garbage: Vec<Garbage>,
    undo: Vec<Undo>,
    barrier: usize,
    /// To be notified when the attempt is over.
    pub(super) woken: Vec<Arc<Waiter>>,
    /// There is more here than writes.
    pub(super) rich: bool,
}

/// A word that a branch has replaced.
#[derive(Debug)]
struct Undo {
    position: usize,
    replaced: Pending,
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
    /// Sets what a variable will hold. `read` is the version that was just read of
    /// it, or NONE.
    ///
    /// # Safety
    ///
    /// The variable stays allocated until the attempt is over, and the word, which
    /// is given up to the log, is of its type, which is dropped so.
    #[inline]
    pub(crate) unsafe fn write(&mut self, place: Place, word: Word, drop: DropWord, read: Version) {
        match self.writes.find(place) {
            Some(position) => self.rewrite(position, word),
            // SAFETY: passed on from the caller; it is not in the log.
            None => self
                .writes
                .push(unsafe { Write::new(place, word, drop, read) }),
        }
    }

    /// The same where the variable's place in the log is known.
    pub(crate) fn rewrite(&mut self, position: usize, word: Word) {
        let replaced = self.writes.replace(position, word);
        if position < self.barrier {
            self.undo.push(Undo { position, replaced });
            self.rich = true;
        } else {
            self.discard(replaced);
        }
    }

    /// Keeps a word that is not used until the attempt is over.
    #[inline]
    fn discard(&mut self, pending: Pending) {
        if let Some(garbage) = pending.into_garbage() {
            self.garbage.push(garbage);
            self.rich = true;
        }
    }

    /// The hooks, to add one.
    pub(crate) fn hooks_mut(&mut self) -> &mut Hooks {
        self.rich = true;
        &mut self.hooks
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
        while self.undo.len() > savepoint.undo {
            if let Some(Undo { position, replaced }) = self.undo.pop() {
                let displaced = self.writes.put_back(position, replaced);
                self.discard(displaced);
            }
        }
        self.discard_writes(savepoint.writes);
        self.hooks
            .roll_back(savepoint.on_commit, savepoint.on_abort);
        self.barrier = savepoint.barrier;
    }

    /// Makes garbage of the newest writes, down to `len`.
    fn discard_writes(&mut self, len: usize) {
        while self.writes.len() > len {
            if let Some(write) = self.writes.pop() {
                self.discard(write.into_pending());
            }
        }
        self.writes.shrunk();
    }

    /// Makes garbage of what is still pending.
    pub(crate) fn discard_all(&mut self) {
        if !self.writes.is_empty() {
            self.discard_writes(0);
        }
    }

    /// What is to be run and dropped when the attempt is over, its writes being done
    /// or discarded.
    #[inline]
    pub(crate) fn take_foreign(&mut self) -> Option<Foreign> {
        if self.rich { self.take_rich() } else { None }
    }

    #[cold]
    #[inline(never)]
    fn take_rich(&mut self) -> Option<Foreign> {
        self.rich = false;
        // Words that branches have replaced, and nobody has put back.
        while let Some(undo) = self.undo.pop() {
            self.garbage.extend(undo.replaced.into_garbage());
        }
        let any = !(self.woken.is_empty() && self.garbage.is_empty() && self.hooks.is_empty());
        any.then(|| Foreign {
            woken: mem::take(&mut self.woken),
            hooks: mem::take(&mut self.hooks),
            garbage: mem::take(&mut self.garbage),
        })
    }
}

/// Foreign code that is due when the attempt is over.
pub(crate) struct Foreign {
    pub(super) woken: Vec<Arc<Waiter>>,
    pub(super) hooks: Hooks,
    pub(super) garbage: Vec<Garbage>,
}
