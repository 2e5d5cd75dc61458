//! A row of variables each of which may be unset: what containers are built of.

use std::fmt;
use std::mem::needs_drop;
use std::ptr;

use crate::cell::{Word, drop_word, is_word};
use crate::facade::atomic::Ordering;
use crate::lent::Ref;
use crate::outcome::StmResult;
use crate::place::Place;
use crate::row::Row;
use crate::transaction::Transaction;
use crate::tvar::TVar;
use crate::version::Version;

/// A row of variables, each unset until it is set for the first time, unless the row is made
/// filled.
///
/// A handle: clones share the row. Whether a number, a `bool` or a `char` is set is told by its
/// version, as all bits may be the value's, so it cannot be unset again; every other value can.
///
/// # Panics
///
/// All but [`Slots::get`], where a position is not below the length that the row was made with.
pub struct Slots<T>(Row<T>);

impl<T: Send + Sync + 'static> Slots<T> {
    /// A row of `len` variables, all unset.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Slots(Row::new(len))
    }

    /// A row of variables that have these values from the start.
    #[must_use]
    pub fn filled(values: Vec<T>) -> Self {
        Slots(Row::filled(values))
    }

    /// How many variables there are.
    #[inline]
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a row of none is of no use")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value, if it is set; none where there is no variable at this position.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn get<'t>(
        &self,
        tx: &mut Transaction<'t>,
        position: usize,
    ) -> StmResult<Option<Ref<'t, T>>> {
        let Some(place) = self.0.try_place(position) else {
            return Ok(None);
        };
        let (word, version) = tx.find(place)?;
        // SAFETY: found by the attempt of `'t`.
        Ok(unsafe { self.lend(word, version) })
    }

    /// The committed value of this moment, or what this transaction has set, if it is set.
    ///
    /// No part of the transaction's snapshot: the commit does not depend on it.
    #[inline]
    #[must_use]
    pub fn peek<'t>(&self, tx: &Transaction<'t>, position: usize) -> Option<Ref<'t, T>> {
        // SAFETY: this handle keeps it allocated.
        let (word, version) = unsafe { peek_word(tx, self.0.place(position)) };
        // SAFETY: a word of this row's type, which lasts as long as the attempt.
        unsafe { self.lend(word, version) }
    }

    /// Lends what was found of a variable of the row, if it is set.
    ///
    /// # Safety
    ///
    /// Lasts during `'t`.
    #[inline]
    unsafe fn lend<'t>(&self, word: Word, version: Version) -> Option<Ref<'t, T>> {
        let set = if is_word::<T>() {
            !version.is(Version::INITIAL) || self.0.is_filled()
        } else {
            !word.is_null()
        };
        // SAFETY: by the caller's promise, and set.
        set.then(|| unsafe { Ref::new(word) })
    }

    /// Sets a value.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn set(&self, tx: &mut Transaction<'_>, position: usize, value: T) -> StmResult<()> {
        tx.write(self.0.place(position), value);
        Ok(())
    }

    /// Unsets a value.
    ///
    /// # Errors
    ///
    /// A conflict.
    ///
    /// # Panics
    ///
    /// If it is a number, a `bool` or a `char`.
    #[inline]
    pub fn unset(&self, tx: &mut Transaction<'_>, position: usize) -> StmResult<()> {
        assert!(!is_word::<T>(), "a small value cannot be unset");
        let place = self.0.place(position);
        // SAFETY: null is every boxed value's absence here.
        unsafe { tx.write_word(place, ptr::null_mut(), drop_word::<T>()) };
        Ok(())
    }

    /// Unsets a value that nobody will ask for again, if that is needed for it to be dropped.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn let_go(&self, tx: &mut Transaction<'_>, position: usize) -> StmResult<()> {
        if needs_drop::<T>() {
            self.unset(tx, position)?;
        }
        Ok(())
    }
}

impl<T> Slots<T> {
    /// Are these handles of the same row?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

/// What a variable holds now, past the transaction's snapshot, or what the transaction has
/// written; lasts as long as the attempt.
///
/// # Safety
///
/// The variable is allocated.
#[inline]
unsafe fn peek_word(tx: &Transaction<'_>, place: Place) -> (Word, Version) {
    if let Some(word) = tx.written(place) {
        return (word, Version::NONE);
    }
    // SAFETY: by the caller's promise.
    let words = unsafe { place.words() };
    let version = words.version.load();
    // Ordering: Acquire, pairs with the commit's Release store of the data. After the version:
    // who has seen the first one that was published finds a value. The attempt is pinned, so
    // what is found lasts.
    (words.data.load(Ordering::Acquire), version.unlocked())
}

/// The committed value of this moment, or what this transaction has written.
///
/// No part of the transaction's snapshot: the commit does not depend on it.
#[inline]
#[must_use]
pub fn peek_ref<'t, T: Send + Sync + 'static>(var: &TVar<T>, tx: &Transaction<'t>) -> Ref<'t, T> {
    // SAFETY: the handle keeps it allocated.
    let (word, _) = unsafe { peek_word(tx, var.place()) };
    // SAFETY: a word of a TVar<T>, which lasts as long as the attempt.
    unsafe { Ref::new(word) }
}

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Slots(self.0.clone())
    }
}

impl<T> fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("len", &self.0.len())
            .finish_non_exhaustive()
    }
}
