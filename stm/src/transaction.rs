//! A running transaction, as its closure sees it.
//!
//! The mechanisms, one a file: [`read_log`] and [`write_log`], [`snapshot`]
//! (what may be read), [`commit`], [`nest`] (savepoints), [`hooks`], and
//! [`attempt`] (one run from begin to end).

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use self::nest::Savepoint;
use self::write_log::Write;

use crate::cell::{DropWord, Word, drop_word, into_word, with_word};
use crate::context::Context;
use crate::outcome::{Abort, Cause, StmError, StmResult};
use crate::place::Place;
use crate::version::Version;

pub(crate) mod attempt;
pub(crate) mod commit;
pub(crate) mod hooks;
pub(crate) mod nest;
pub(crate) mod read_log;
pub(crate) mod snapshot;
pub(crate) mod write_log;

/// A running transaction.
///
/// [`atomically`](crate::atomically()) and its variants hand one out to their
/// closure, and the operations of [`TVar`](crate::TVar) take it. It cannot
/// leave the closure, its thread or its attempt:
///
/// ```compile_fail
/// use hivework_stm::atomically;
///
/// let mut kept = None;
/// atomically(|tx| {
///     kept = Some(tx); // borrowed data escapes
///     Ok(())
/// });
/// ```
///
/// ```compile_fail
/// use hivework_stm::{TVar, atomically};
///
/// let var = TVar::new(1);
/// atomically(|tx| std::thread::scope(|s| s.spawn(|| var.read(tx)).join().unwrap())); // not Send
/// ```
pub struct Transaction<'t> {
    context: &'t mut Context,
    /// Invariant in `'t`, neither Send nor Sync.
    marker: PhantomData<(Cell<&'t ()>, *mut ())>,
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("reads", &self.context.reads.len())
            .field("writes", &self.context.effects.writes.len())
            .finish_non_exhaustive()
    }
}

impl<'t> Transaction<'t> {
    /// The closure's view of an attempt, which is pinned and outlives it.
    fn new(context: &'t mut Context) -> Self {
        Transaction {
            context,
            marker: PhantomData,
        }
    }

    /// Runs `first`; if it [`retry`](crate::retry)s, undoes it and runs `second`
    /// instead. If both do, the transaction waits until something that *either*
    /// has read changes.
    ///
    /// What is undone are writes and commit hooks; abort hooks of the undone
    /// side run when the attempt is over. A conflict in `first` does not lead
    /// to `second`: the whole transaction runs again.
    ///
    /// ```
    /// use hivework_stm::{TVar, atomically, check};
    ///
    /// let (left, right) = (TVar::new(0), TVar::new(5));
    /// let take = |var: &TVar<i32>, tx: &mut hivework_stm::Transaction<'_>| {
    ///     let n = var.read(tx)?;
    ///     check(n > 0)?;
    ///     var.write(tx, n - 1)
    /// };
    /// atomically(|tx| tx.or_else(|tx| take(&left, tx), |tx| take(&right, tx)));
    /// assert_eq!((left.load(), right.load()), (0, 4));
    /// ```
    ///
    /// # Errors
    ///
    /// What the branch that was taken answers, a conflict of either, or the
    /// retry of both.
    ///
    /// Follows Harris, Marlow, Peyton Jones, Herlihy, *Composable Memory
    /// Transactions* (PPoPP 2005).
    pub fn or_else<R>(
        &mut self,
        first: impl FnOnce(&mut Self) -> StmResult<R>,
        second: impl FnOnce(&mut Self) -> StmResult<R>,
    ) -> StmResult<R> {
        let (savepoint, outcome) = self.branch(first);
        if self.context.poisoned {
            self.context.effects.keep(&savepoint);
            return Err(StmError::CONFLICT);
        }
        match outcome {
            Err(StmError(Cause::Retry)) => {
                self.context.effects.roll_back_to(&savepoint);
                drop(outcome);
                let (savepoint, outcome) = self.branch(second);
                self.context.effects.keep(&savepoint);
                outcome
            }
            outcome => {
                self.context.effects.keep(&savepoint);
                outcome
            }
        }
    }

    /// Runs a part that can fail on its own: when `f` ends in the caller's
    /// error, what it did is undone, the rest of the transaction stands, and
    /// the error is handed out for the transaction to act on.
    ///
    /// ```
    /// use hivework_stm::{TVar, abort, atomically};
    ///
    /// let (stock, log) = (TVar::new(3_u32), TVar::new(0_u32));
    /// let taken = atomically(|tx| {
    ///     log.modify(tx, |n| n + 1)?;
    ///     tx.nested(|tx| {
    ///         let left = stock.read(tx)?;
    ///         stock.write(tx, 0)?;
    ///         if left < 5 { abort("not enough") } else { Ok(left) }
    ///     })
    /// });
    /// assert_eq!(taken, Err("not enough"));
    /// assert_eq!((stock.load(), log.load()), (3, 1));
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict or retry inside `f`, which ends the whole attempt; the
    /// caller's own error is the inner `Result`.
    pub fn nested<R, E>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<R, Abort<E>>,
    ) -> StmResult<Result<R, E>> {
        let (savepoint, outcome) = self.branch(f);
        if self.context.poisoned {
            self.context.effects.keep(&savepoint);
            return Err(StmError::CONFLICT);
        }
        match outcome {
            Ok(value) => {
                self.context.effects.keep(&savepoint);
                Ok(Ok(value))
            }
            Err(Abort::Caller(error)) => {
                self.context.effects.roll_back_to(&savepoint);
                Ok(Err(error))
            }
            Err(Abort::Stm(error)) => {
                self.context.effects.keep(&savepoint);
                Err(error)
            }
        }
    }

    /// Runs a branch, to be kept or rolled back by the caller. One that panics
    /// is rolled back here: its panic may be caught inside the transaction, which
    /// must not go on with half a branch.
    fn branch<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> (Savepoint, R) {
        struct Branch<'a, 't>(&'a mut Transaction<'t>, Option<Savepoint>);

        impl Drop for Branch<'_, '_> {
            fn drop(&mut self) {
                if let Some(savepoint) = self.1.take() {
                    self.0.context.effects.roll_back_to(&savepoint);
                }
            }
        }

        let savepoint = self.context.effects.save();
        let mut branch = Branch(self, Some(savepoint));
        let outcome = f(branch.0);
        match branch.1.take() {
            Some(savepoint) => (savepoint, outcome),
            None => unreachable!("taken when the branch ends"),
        }
    }

    /// Has `f` run once, after the transaction has committed.
    ///
    /// By then it is over: `f` may run transactions, block, and do what cannot
    /// be rolled back. Hooks run in order on the thread that committed, before
    /// `atomically` returns; each runs even if another panics, and the first
    /// panic then goes on to the caller. A hook of an attempt or a branch that
    /// is rolled back is dropped unrun.
    pub fn on_commit(&mut self, f: impl FnOnce() + 'static) {
        self.context.effects.hooks_mut().on_commit.push(Box::new(f));
    }

    /// Has `f` run once if what has been done so far is rolled back: if this
    /// attempt does not commit, or the branch that registered it (of `or_else`
    /// or `nested`) is undone.
    ///
    /// It runs when the attempt is over, before the next one begins, under the
    /// same conditions as a commit hook. An attempt that registers it again
    /// will have it run again.
    pub fn on_abort(&mut self, f: impl FnOnce() + 'static) {
        self.context.effects.hooks_mut().on_abort.push(Box::new(f));
    }

    /// The word of a variable as this transaction sees it, and the version that was read:
    /// [`Version::NONE`] of its own write.
    ///
    /// The word lasts as long as the attempt, `'t`: one that was committed is retired at worst,
    /// and the attempt is pinned; one that is pending, if it is displaced, is kept until the
    /// attempt is over ([`nest`]).
    #[inline]
    pub(crate) fn find(&mut self, place: Place) -> StmResult<(Word, Version)> {
        match self.context.effects.writes.find(place) {
            Some(position) => Ok((self.context.effects.writes.word(position), Version::NONE)),
            // SAFETY: the caller has a handle now, and the attempt is pinned:
            // the variable stays allocated until the attempt is over.
            None => unsafe { self.context.read_committed(place) },
        }
    }

    /// The word that this transaction would write, if it has written the variable.
    #[inline]
    pub(crate) fn written(&self, place: Place) -> Option<Word> {
        let writes = &self.context.effects.writes;
        writes.find(place).map(|position| writes.word(position))
    }

    /// Lends the value of a variable as this transaction sees it.
    #[inline]
    pub(crate) fn read<T: 'static, R>(
        &mut self,
        place: Place,
        f: impl FnOnce(&T) -> R,
    ) -> StmResult<R> {
        let (word, _) = self.find(place)?;
        // SAFETY: a word of a TVar<T> is a T, and lasts as long as the attempt.
        Ok(unsafe { with_word(word, f) })
    }

    /// Replaces what the variable holds by what `f` makes of it: a read and a write, with
    /// one look into the log.
    #[inline]
    pub(crate) fn modify<T: Clone + 'static>(
        &mut self,
        place: Place,
        f: impl FnOnce(T) -> T,
    ) -> StmResult<()> {
        let effects = &mut self.context.effects;
        if let Some(position) = effects.writes.find(place) {
            // SAFETY: a word of a TVar<T> is a T, and a pending one belongs to the log.
            let value = unsafe { with_word(effects.writes.word(position), T::clone) };
            effects.rewrite(position, into_word(f(value)));
            return Ok(());
        }
        // SAFETY: as in `find`.
        let (word, read) = unsafe { self.context.read_committed(place)? };
        // SAFETY: as in `read`.
        let value = unsafe { with_word(word, T::clone) };
        // `f` has no way to the transaction, so the variable is not in the log now, either.
        let word = into_word(f(value));
        // SAFETY: as in `write`.
        let write = unsafe { Write::new(place, word, drop_word::<T>(), read) };
        self.context.effects.writes.push(write);
        Ok(())
    }

    /// Sets what the variable will hold.
    #[inline]
    pub(crate) fn write<T: 'static>(&mut self, place: Place, value: T) {
        // SAFETY: a word of a T.
        unsafe { self.write_word(place, into_word(value), drop_word::<T>()) }
    }

    /// Sets the word that the variable will have.
    ///
    /// # Safety
    ///
    /// The word, which is given up, is of the variable's type, which is dropped so.
    #[inline]
    pub(crate) unsafe fn write_word(&mut self, place: Place, word: Word, drop: DropWord) {
        let read = self.context.reads.just_read(place);
        // SAFETY: the variable as in `find`; the word by the caller's promise.
        unsafe { self.context.effects.write(place, word, drop, read) }
    }
}
