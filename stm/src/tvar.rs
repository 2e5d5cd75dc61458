//! The public handle of a transactional variable.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

use crate::atomically::atomically;
use crate::cell::{Core, Words, with_word};
use crate::contention::{Contention, Spin};
use crate::context::Here;
use crate::facade::atomic::Ordering;
use crate::lent::Ref;
use crate::outcome::StmResult;
use crate::place::Place;
use crate::reclaim::Pinned;
use crate::transaction::Transaction;
use crate::transaction::attempt::Attempt;
use crate::transaction::commit::Commit;

/// A variable that transactions read and write.
///
/// A handle: clones share the variable, and it lives as long as one of them.
/// Small numbers, `bool` and `char` are kept in place; every other value in an
/// immutable box that a write replaces, so that readers are never in a
/// writer's way. Replaced values are dropped when no running transaction can be
/// reading them any more; see [`flush`](crate::flush).
///
/// They are dropped at the end of some transaction, on whichever thread runs it.
/// So a value's `Drop` must not take a lock that somebody holds around a
/// transaction, or rely on its thread.
///
/// ```
/// use hivework_stm::{TVar, atomically};
///
/// let names = TVar::new(vec!["Ada"]);
/// let shared = names.clone();
/// atomically(|tx| shared.modify(tx, |mut names| { names.push("Grace"); names }));
/// assert_eq!(names.load(), ["Ada", "Grace"]);
/// ```
pub struct TVar<T> {
    core: NonNull<Core>,
    /// Invariant in `T`: a handle both gives and takes values.
    marker: PhantomData<*mut T>,
}

// SAFETY: a handle lets its thread clone, lend and drop a T that other threads
// share (Sync) and drop one that another thread made (Send).
unsafe impl<T: Send + Sync> Send for TVar<T> {}
// SAFETY: as above; `&TVar` can be cloned into a TVar.
unsafe impl<T: Send + Sync> Sync for TVar<T> {}

// A panic rolls a transaction back: no variable is ever seen half-changed.
impl<T> UnwindSafe for TVar<T> {}
impl<T> RefUnwindSafe for TVar<T> {}

impl<T: Send + Sync + 'static> TVar<T> {
    /// A new variable.
    ///
    /// Making one is no event in the order of transactions: to a transaction
    /// that runs it has always been there. A transaction that is handed it from
    /// outside, through a channel say, rather than by reading another `TVar`,
    /// may see it beside an older state than it was made from.
    #[must_use]
    pub fn new(value: T) -> Self {
        TVar {
            core: Core::allocate(value, None),
            marker: PhantomData,
        }
    }

    /// A new variable with a name by which reports call it.
    #[must_use]
    pub fn named(name: &'static str, value: T) -> Self {
        TVar {
            core: Core::allocate(value, Some(name)),
            marker: PhantomData,
        }
    }

    /// The value, as this transaction sees it: its own last write, or else what
    /// was committed when it looked.
    ///
    /// # Errors
    ///
    /// A conflict: the variable has changed in a way that does not fit what the
    /// transaction has read already.
    #[inline]
    pub fn read(&self, tx: &mut Transaction<'_>) -> StmResult<T>
    where
        T: Clone,
    {
        tx.read(self.place(), T::clone)
    }

    /// As [`TVar::read`], but lends the value instead of cloning it.
    ///
    /// # Errors
    ///
    /// As [`TVar::read`].
    #[inline]
    pub fn read_with<R>(&self, tx: &mut Transaction<'_>, f: impl FnOnce(&T) -> R) -> StmResult<R> {
        tx.read(self.place(), f)
    }

    /// As [`TVar::read`], but lends the value for as long as the attempt lasts, so that a
    /// structure of variables can be walked without cloning handles.
    ///
    /// What is lent is the value that the transaction sees now; a later write of the same
    /// transaction does not change it.
    ///
    /// ```
    /// use hivework_stm::{TVar, atomically};
    ///
    /// struct Node { value: i32, next: Option<TVar<Node>> }
    /// let last = TVar::new(Node { value: 2, next: None });
    /// let list = TVar::new(Node { value: 1, next: Some(last) });
    /// let sum = atomically(|tx| {
    ///     let mut node = list.read_ref(tx)?.into_ref();
    ///     let mut sum = node.value;
    ///     while let Some(next) = &node.next {
    ///         node = next.read_ref(tx)?.into_ref();
    ///         sum += node.value;
    ///     }
    ///     Ok(sum)
    /// });
    /// assert_eq!(sum, 3);
    /// ```
    ///
    /// It cannot leave the attempt:
    ///
    /// ```compile_fail
    /// use hivework_stm::{TVar, atomically};
    ///
    /// let name = TVar::new(String::from("Ada"));
    /// let kept = atomically(|tx| name.read_ref(tx)); // borrowed data escapes
    /// ```
    ///
    /// # Errors
    ///
    /// As [`TVar::read`].
    #[inline]
    pub fn read_ref<'t>(&self, tx: &mut Transaction<'t>) -> StmResult<Ref<'t, T>> {
        let (word, _) = tx.find(self.place())?;
        // SAFETY: a word of a TVar<T> is a T, found by the attempt of `'t`.
        Ok(unsafe { Ref::new(word) })
    }

    /// Sets the value that the variable has once the transaction commits.
    ///
    /// # Errors
    ///
    /// None at present; hand the result on with `?` like every other.
    #[inline]
    pub fn write(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        tx.write(self.place(), value);
        Ok(())
    }

    /// Replaces the value by what `f` makes of it.
    ///
    /// # Errors
    ///
    /// As [`TVar::read`].
    #[inline]
    pub fn modify(&self, tx: &mut Transaction<'_>, f: impl FnOnce(T) -> T) -> StmResult<()>
    where
        T: Clone,
    {
        tx.modify(self.place(), f)
    }

    /// Sets the value and answers the one before.
    ///
    /// # Errors
    ///
    /// As [`TVar::read`].
    #[inline]
    pub fn replace(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<T>
    where
        T: Clone,
    {
        let before = self.read(tx)?;
        self.write(tx, value)?;
        Ok(before)
    }

    /// The committed value, read without a transaction.
    ///
    /// Inside a transaction, too, this is what was last committed: neither what
    /// the transaction has written nor part of what it has read. Use
    /// [`TVar::read`] there.
    #[must_use]
    pub fn load(&self) -> T
    where
        T: Clone,
    {
        // SAFETY: this variable's words.
        unsafe { load(&self.core().words) }
    }

    /// Sets the value: a transaction of one write.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`TVar::write`] there.
    pub fn store(&self, value: T) {
        store(self.place(), value);
    }

    /// Replaces the value by what `f` makes of it, in a transaction of its own;
    /// `f` may run several times.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`TVar::modify`] there.
    pub fn update(&self, mut f: impl FnMut(T) -> T)
    where
        T: Clone,
    {
        atomically(|tx| self.modify(tx, &mut f));
    }
}

impl<T> TVar<T> {
    #[inline]
    fn core(&self) -> &Core {
        // SAFETY: this handle keeps the core allocated.
        unsafe { self.core.as_ref() }
    }

    #[inline]
    pub(crate) fn place(&self) -> Place {
        Place::of_core(self.core)
    }

    /// By what waiters are queued.
    #[cfg(all(test, not(hivework_loom)))]
    pub(crate) fn address(&self) -> usize {
        self.core.as_ptr().addr()
    }

    /// Are these handles of the same variable?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.core == other.core
    }

    /// The name it was given, if it was.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.core().name()
    }
}

impl<T> Clone for TVar<T> {
    /// Another handle of the same variable.
    fn clone(&self) -> Self {
        self.core().handles.add();
        TVar {
            core: self.core,
            marker: PhantomData,
        }
    }
}

impl<T> Drop for TVar<T> {
    fn drop(&mut self) {
        if !self.core().handles.remove() {
            return;
        }
        let here = Here::get();
        // SAFETY: that was the last handle.
        unsafe { Core::retire(self.core, here.member()) };
        here.settle();
    }
}

/// The committed value of a variable.
///
/// # Safety
///
/// The words of a variable of type `T`.
pub(crate) unsafe fn load<T: Clone + 'static>(words: &Words) -> T {
    let pin = Pin::new();
    let mut spin = Spin::default();
    while words.version.load().is_locked() {
        spin.wait_on();
    }
    // Ordering: Acquire, pairs with the commit's Release store of the data.
    //
    // One look at the lock, before, is enough. The word is at least as new
    // as the version just seen, since that was published after its data.
    // If it is newer, it is that of a commit that locked meanwhile, and a
    // commit stores no data before it is certain: it counts as done, and
    // whoever goes on from here finds its other variables locked until they
    // are stored, too.
    let word = words.data.load(Ordering::Acquire);
    // SAFETY: a word of this variable is a T, and we are pinned.
    let value = unsafe { with_word(word, T::clone) };
    drop(pin);
    value
}

/// A transaction of one write, of a variable that the caller has a handle of and whose type is
/// `T`.
pub(crate) fn store<T: 'static>(place: Place, value: T) {
    let mut contention = Contention::default();
    let mut attempt = Attempt::begin(&contention);
    attempt.transaction().write(place, value);
    // It has read nothing, so a conflict is no more than a lock that was
    // held for long: the same attempt may try again.
    while attempt.commit() == Commit::Conflict {
        contention.back_off();
        attempt.set_elder(&contention);
    }
    drop(contention);
    attempt.end(true);
}

/// A pin, outside or inside a transaction, until it is dropped.
struct Pin(Here, Pinned);

impl Pin {
    #[inline]
    fn new() -> Self {
        let here = Here::get();
        Pin(here, here.member().pin())
    }
}

impl Drop for Pin {
    #[inline]
    fn drop(&mut self) {
        self.0.member().unpin(self.1);
        self.0.settle();
    }
}

impl<T: Default + Send + Sync + 'static> Default for TVar<T> {
    fn default() -> Self {
        TVar::new(T::default())
    }
}

impl<T: Send + Sync + 'static> From<T> for TVar<T> {
    fn from(value: T) -> Self {
        TVar::new(value)
    }
}

impl<T: fmt::Debug + Clone + Send + Sync + 'static> fmt::Debug for TVar<T> {
    /// Shows the committed value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TVar");
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        shown.field("value", &self.load()).finish()
    }
}
