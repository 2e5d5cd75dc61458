//! A value that a transaction lends for as long as its attempt lasts.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use crate::cell::{Word, is_word, with_word};

/// A value as the transaction saw it when it read it; lasts as long as the attempt.
///
/// [`TVar::read_ref`](crate::TVar::read_ref) gives it.
pub struct Ref<'t, T> {
    word: Word,
    /// Lends a T for `'t`; the pointer keeps it on its thread, as the word may be the value.
    marker: PhantomData<(&'t T, *mut ())>,
}

impl<T> Clone for Ref<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<'_, T> {}

impl<'t, T: 'static> Ref<'t, T> {
    /// # Safety
    ///
    /// The word is a T, and is not freed during `'t`.
    #[inline]
    pub(crate) unsafe fn new(word: Word) -> Self {
        Ref {
            word,
            marker: PhantomData,
        }
    }

    /// The value itself, where it has a place of its own: not if it is a number, a `bool` or a
    /// `char`, of which this is a copy.
    ///
    /// # Panics
    ///
    /// If `T` is one of those.
    #[inline]
    #[must_use]
    pub fn into_ref(self) -> &'t T {
        assert!(
            !is_word::<T>(),
            "a small value is lent as a copy, which ends with the `Ref`: dereference that"
        );
        // SAFETY: a boxed T, by the promise to `new`, which nobody writes to.
        unsafe { &*self.word.cast::<T>() }
    }
}

impl<T: 'static> Deref for Ref<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        if is_word::<T>() {
            // SAFETY: the bits of a T, by the promise to `new`.
            unsafe { &*(&raw const self.word).cast::<T>() }
        } else {
            self.into_ref()
        }
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: a T that lasts, by the promise to `new`.
        unsafe { with_word(self.word, |value: &T| value.fmt(f)) }
    }
}
