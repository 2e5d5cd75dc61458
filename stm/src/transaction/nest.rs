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

use crate::cell::Word;
use crate::context::Context;

/// A word that a branch has replaced.
#[derive(Debug)]
pub(crate) struct Undo {
    position: usize,
    word: Word,
}

/// The state of all savepoints together.
#[derive(Debug, Default)]
pub(crate) struct Nest {
    undo: Vec<Undo>,
    barrier: usize,
}

impl Nest {
    /// Must replacing the word of this entry be undoable?
    #[inline]
    pub(crate) fn protects(&self, position: usize) -> bool {
        position < self.barrier
    }

    /// Remembers a replaced word, and with it owns it.
    pub(crate) fn remember(&mut self, position: usize, word: Word) {
        self.undo.push(Undo { position, word });
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.undo.is_empty()
    }
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

impl Context {
    /// Begins a branch.
    pub(crate) fn save(&mut self) -> Savepoint {
        let savepoint = Savepoint {
            writes: self.writes.len(),
            undo: self.nest.undo.len(),
            barrier: self.nest.barrier,
            on_commit: self.hooks.on_commit.len(),
            on_abort: self.hooks.on_abort.len(),
        };
        self.nest.barrier = savepoint.writes;
        savepoint
    }

    /// Ends a branch and keeps what it did.
    ///
    /// Its undo entries stay: an outer branch may need them.
    pub(crate) fn keep(&mut self, savepoint: &Savepoint) {
        self.nest.barrier = savepoint.barrier;
    }

    /// Ends a branch and undoes what it did, its reads excepted.
    pub(crate) fn roll_back_to(&mut self, savepoint: &Savepoint) {
        while self.nest.undo.len() > savepoint.undo {
            let Some(Undo { position, word }) = self.nest.undo.pop() else {
                break;
            };
            let displaced = self.writes.replace(position, word);
            // SAFETY: the displaced word stood in that entry a moment ago.
            self.garbage
                .extend(unsafe { self.writes.garbage(position, displaced) });
        }
        for write in self.writes.truncate(savepoint.writes) {
            self.garbage.extend(write.take_garbage());
        }
        self.hooks
            .roll_back(savepoint.on_commit, savepoint.on_abort);
        self.nest.barrier = savepoint.barrier;
    }

    /// Gives up the remembered words at the end of an attempt.
    #[cold]
    pub(crate) fn forget_undo(&mut self) {
        while let Some(Undo { position, word }) = self.nest.undo.pop() {
            // SAFETY: the word stood in that entry, which is still in the log,
            // and belonged to the undo list since.
            self.garbage
                .extend(unsafe { self.writes.garbage(position, word) });
        }
        self.nest.barrier = 0;
    }
}
