//! A variable's words in memory: its version, its data, its count of handles.
//!
//! The data word holds the value's bits when `T` is a *word*, one of a closed
//! list of types of at most pointer size, and otherwise a pointer to a box that
//! is never written to again: a commit replaces the box. Both are one atomic,
//! so a reader that comes at a bad time reads an old or a new value, never half
//! of each, and learns from the version which.
//!
//! The list of words is closed on purpose. "Small and without Drop" would take
//! in types with padding, whose bytes are uninitialised and must not be read.
//!
//! A [`Core`] is a variable alone. It fills one cache line of its own, so that variables that
//! share no transaction share no line. [`crate::row`] has many in one allocation.
//!
//! | word | written | by |
//! |---|---|---|
//! | `version` | always | commits, waiters ([`crate::version`]) |
//! | `data` | while the version is locked | the commit that holds the lock |
//! | `handles` | always | `TVar`'s Clone and Drop |
//!
//! A core goes when its last handle does. Transactions keep raw pointers to it
//! in their logs and may even commit to it after that; they are pinned, so it
//! is retired ([`crate::reclaim`]), not freed.

use std::any::TypeId;
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};

use crate::facade::atomic::{AtomicPtr, Ordering};
use crate::handles::Handles;
use crate::reclaim::Member;
use crate::reclaim::garbage::Garbage;
use crate::version::AtomicVersion;

/// Is `T` kept in the data word itself?
#[inline]
pub(crate) fn is_word<T: 'static>() -> bool {
    macro_rules! one_of {
        ($($word:ty)*) => { $(TypeId::of::<T>() == TypeId::of::<$word>())||* };
    }
    size_of::<T>() <= size_of::<*mut ()>()
        && align_of::<T>() <= align_of::<*mut ()>()
        && one_of!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize bool char f32 f64)
}

/// A value as it stands in a data word: bits, or a box.
pub(crate) type Word = *mut ();

/// Puts a value into the form of the data word. A boxed one is then owned by
/// whoever holds the word.
#[inline]
pub(crate) fn into_word<T: 'static>(value: T) -> Word {
    if !is_word::<T>() {
        return Box::into_raw(Box::new(value)).cast();
    }
    let mut bits = 0_usize;
    // SAFETY: `is_word` says that T is no larger and no more aligned than the
    // bits, and has no padding and no Drop.
    unsafe { (&raw mut bits).cast::<T>().write(value) };
    ptr::without_provenance_mut(bits)
}

/// Lends the value of a word.
///
/// # Safety
///
/// `word` came from `into_word::<T>` and, if boxed, is not freed meanwhile.
#[inline]
pub(crate) unsafe fn with_word<T: 'static, R>(word: Word, f: impl FnOnce(&T) -> R) -> R {
    if !is_word::<T>() {
        // SAFETY: a live box of a T, by the caller's promise; nobody writes
        // to a box that has become a word.
        return f(unsafe { &*word.cast::<T>() });
    }
    let bits = word.addr();
    // SAFETY: the bits were written as a T by `into_word`.
    f(unsafe { &*(&raw const bits).cast::<T>() })
}

/// How a word of an erased type is dropped; nothing to do for bits.
pub(crate) type DropWord = Option<unsafe fn(Word)>;

#[inline]
pub(crate) fn drop_word<T: 'static>() -> DropWord {
    unsafe fn drop_box<T>(word: Word) {
        // SAFETY: the caller hands over the box that `into_word` made.
        drop(unsafe { Box::from_raw(word.cast::<T>()) });
    }
    (!is_word::<T>()).then_some(drop_box::<T>)
}

/// A word as something to be dropped, if that needs doing.
///
/// # Safety
///
/// The word is null or of the type that is dropped so, which may be dropped on any thread,
/// and belongs to the caller, who gives it up.
#[inline]
pub(crate) unsafe fn garbage(word: Word, drop: DropWord) -> Option<Garbage> {
    // SAFETY: by the caller's promise; dropped once, since the caller gives it up.
    let garbage = |drop| unsafe { Garbage::new(word, drop) };
    drop.filter(|_| !word.is_null()).map(garbage)
}

/// What a transaction works on.
///
/// All bits zero, they are those of a variable of a row that nobody has set.
#[repr(align(16))]
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) version: AtomicVersion,
    pub(crate) data: AtomicPtr<()>,
}

impl Words {
    #[inline]
    pub(crate) fn new(data: Word) -> Words {
        Words {
            version: AtomicVersion::new(),
            data: AtomicPtr::new(data),
        }
    }
}

/// What all handles of a variable share.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Core {
    /// First, as [`crate::place`] wants it.
    pub(crate) words: Words,
    pub(crate) handles: Handles,
    drop_word: DropWord,
    name: Option<&'static str>,
}

impl Core {
    /// A new variable with one handle.
    pub(crate) fn allocate<T: Send + Sync + 'static>(
        value: T,
        name: Option<&'static str>,
    ) -> NonNull<Core> {
        let core = Core {
            words: Words::new(into_word(value)),
            handles: Handles::one(),
            drop_word: drop_word::<T>(),
            name,
        };
        NonNull::from(Box::leak(Box::new(core)))
    }

    pub(crate) fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// Frees a variable whose last handle is gone, and its value, once nobody
    /// who is pinned can touch it any more.
    ///
    /// # Safety
    ///
    /// `handles` has lost its last.
    pub(crate) unsafe fn retire(core: NonNull<Core>, member: &Member) {
        unsafe fn drop_core(core: *mut ()) {
            // SAFETY: `allocate` made it from a Box, and only this frees it.
            let core = unsafe { Box::from_raw(core.cast::<Core>()) };
            // Ordering: Relaxed; the grace period lies between every access of
            // others and this one.
            let word = core.words.data.load(Ordering::Relaxed);
            // SAFETY: the core owned its current word; `allocate` demands T: Send.
            drop(unsafe { garbage(word, core.drop_word) });
        }
        // SAFETY: the last handle is gone, so nobody else retires it, and it
        // may be freed anywhere because its value is Send.
        member.retire(unsafe { Garbage::new(core.as_ptr().cast(), drop_core) });
    }
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use super::*;

    fn round_trip<T: Clone + PartialEq + std::fmt::Debug + 'static>(value: T, word: bool) {
        assert_eq!(is_word::<T>(), word);
        let data = into_word(value.clone());
        // SAFETY: made by `into_word` just now.
        unsafe { with_word::<T, _>(data, |found| assert_eq!(*found, value)) };
        if let Some(drop) = drop_word::<T>() {
            // SAFETY: the box is ours and not used again.
            unsafe { drop(data) };
        }
    }

    #[test]
    fn values_survive_their_word() {
        round_trip(0x12_u8, true);
        round_trip(-7_i16, true);
        round_trip('ß', true);
        round_trip(true, true);
        round_trip(f64::MIN_POSITIVE, true);
        round_trip(u64::MAX, true);
        round_trip((1_u8, 2_u32), false);
        round_trip(Some(3_u32), false);
        round_trip(String::from("boxed"), false);
        round_trip((), false);
        round_trip(u128::MAX, false);
    }

    #[test]
    fn a_core_is_one_cache_line() {
        assert_eq!((size_of::<Core>(), align_of::<Core>()), (64, 64));
    }
}
