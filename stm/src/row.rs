//! Many variables in one allocation.
//!
//! ```text
//! +--------+---------+---------+---------+ ... +---------+
//! | Header | Words 0 | Words 1 | Words 2 |     | Words n |
//! +--------+---------+---------+---------+ ... +---------+
//! ```
//!
//! Each is a variable of its own to every transaction, at 16 bytes instead of a cache line; in
//! exchange neighbours share a line, and all of them go together, when the row's last handle has
//! gone. As with a [`Core`](crate::cell::Core), transactions may hold places in a row that
//! nobody has a handle of any more: it is retired, not freed.
//!
//! A new row is zeroed memory, which a large one gets without being written to: every variable
//! of it has the version of what nobody has written, and null, which is no boxed value. A *filled*
//! one has values from the start, under that same version: as with
//! [`TVar::new`](crate::TVar::new), that is no event in the order of transactions.

use std::alloc::{self, Layout};
use std::marker::PhantomData;
use std::mem::needs_drop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::{self, NonNull};

use crate::cell::{DropWord, Words, drop_word, garbage, into_word};
use crate::context::Here;
use crate::facade::MODELLED;
use crate::facade::atomic::Ordering;
use crate::handles::Handles;
use crate::place::Place;
use crate::reclaim::garbage::Garbage;

/// What comes before the variables.
#[derive(Debug)]
struct Header {
    handles: Handles,
    len: usize,
    drop_word: DropWord,
    /// Every variable had a value from the start.
    filled: bool,
}

/// Where the first variable begins, counted from the header.
const FIRST: usize = size_of::<Header>().next_multiple_of(align_of::<Words>());

/// The row's memory.
fn layout(len: usize) -> Layout {
    let row =
        Layout::array::<Words>(len).and_then(|variables| Layout::new::<Header>().extend(variables));
    match row {
        Ok((row, first)) => {
            debug_assert_eq!(first, FIRST);
            row
        }
        Err(_) => panic!("{len} variables in a row are more than memory can hold"),
    }
}

/// A handle of a row of variables of type `T`.
pub(crate) struct Row<T> {
    header: NonNull<Header>,
    /// Invariant in `T`, as a `TVar` is.
    marker: PhantomData<*mut T>,
}

// SAFETY: as for `TVar`: a handle lets its thread clone, lend and drop a T that other threads
// share (Sync) and drop one that another thread made (Send).
unsafe impl<T: Send + Sync> Send for Row<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Row<T> {}

// As for `TVar`: no variable is ever seen half-changed.
impl<T> UnwindSafe for Row<T> {}
impl<T> RefUnwindSafe for Row<T> {}

impl<T: Send + Sync + 'static> Row<T> {
    /// A row of `len` variables that nobody has set.
    pub(crate) fn new(len: usize) -> Self {
        Row::allocate(len, false)
    }

    /// A row of variables that have these values from the start.
    pub(crate) fn filled(values: Vec<T>) -> Self {
        let row = Row::allocate(values.len(), true);
        for (position, value) in values.into_iter().enumerate() {
            // Ordering: Relaxed; whoever gets a handle of the row comes after this.
            row.words(position)
                .data
                .store(into_word(value), Ordering::Relaxed);
        }
        row
    }

    fn allocate(len: usize, filled: bool) -> Self {
        let layout = layout(len);
        // SAFETY: a header has a size.
        let memory = NonNull::new(unsafe { alloc::alloc_zeroed(layout) });
        let Some(memory) = memory else {
            alloc::handle_alloc_error(layout)
        };
        let header = memory.cast::<Header>();
        let content = Header {
            handles: Handles::one(),
            len,
            drop_word: drop_word::<T>(),
            filled,
        };
        // SAFETY: allocated for it, and nobody else's.
        unsafe { header.write(content) };
        if MODELLED {
            // The model checker's atomics are no plain memory.
            for position in 0..len {
                // SAFETY: one of the `len` that there is room for.
                let words = unsafe { variable(header, position) };
                // SAFETY: allocated for it, and nobody else's.
                unsafe { words.write(Words::new(ptr::null_mut())) };
            }
        }
        Row {
            header,
            marker: PhantomData,
        }
    }
}

impl<T> Row<T> {
    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: this handle keeps the row allocated.
        unsafe { self.header.as_ref() }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.header().len
    }

    /// Had every variable a value from the start?
    #[inline]
    pub(crate) fn is_filled(&self) -> bool {
        self.header().filled
    }

    /// Where a variable lies, if there are more than `position`.
    #[inline]
    pub(crate) fn try_place(&self, position: usize) -> Option<Place> {
        // SAFETY: looked at just before.
        let variable = || unsafe { variable(self.header, position) };
        (position < self.len()).then(|| Place::in_row(variable()))
    }

    /// Where a variable lies.
    ///
    /// # Panics
    ///
    /// If there are no more than `position`.
    #[inline]
    pub(crate) fn place(&self, position: usize) -> Place {
        match self.try_place(position) {
            Some(place) => place,
            None => panic!("variable {position} of a row of {}", self.len()),
        }
    }

    /// The words of a variable.
    ///
    /// # Panics
    ///
    /// If there are no more than `position`.
    #[inline]
    pub(crate) fn words(&self, position: usize) -> &Words {
        let place = self.place(position);
        // SAFETY: this handle keeps the row allocated.
        unsafe { place.words() }
    }

    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

/// Where a variable's words are.
///
/// # Safety
///
/// The row has more than `position` variables.
#[inline]
unsafe fn variable(header: NonNull<Header>, position: usize) -> NonNull<Words> {
    // SAFETY: where `layout` has put the first one.
    let first = unsafe { header.byte_add(FIRST) }.cast::<Words>();
    // SAFETY: by the caller's promise.
    unsafe { first.add(position) }
}

impl<T> Clone for Row<T> {
    fn clone(&self) -> Self {
        self.header().handles.add();
        Row {
            header: self.header,
            marker: PhantomData,
        }
    }
}

impl<T> Drop for Row<T> {
    fn drop(&mut self) {
        if !self.header().handles.remove() {
            return;
        }
        let here = Here::get();
        // SAFETY: the last handle is gone, so nobody else retires it, and it may be freed
        // anywhere because its values are Send.
        let garbage = unsafe { Garbage::new(self.header.as_ptr().cast(), free) };
        here.member().retire(garbage);
        here.settle();
    }
}

/// Frees a row and the values in it.
///
/// # Safety
///
/// `row` points to a header that `Row::new` has made, and to which nobody else has a way.
unsafe fn free(row: *mut ()) {
    // SAFETY: not null, by the caller's promise.
    let header = unsafe { NonNull::new_unchecked(row.cast::<Header>()) };
    // SAFETY: by the caller's promise; it is not read again.
    let Header { len, drop_word, .. } = unsafe { header.read() };
    if drop_word.is_some() || needs_drop::<Words>() {
        for position in 0..len {
            // SAFETY: one of them.
            let words = unsafe { variable(header, position) };
            // SAFETY: nobody else has a way to it.
            let words = unsafe { words.read() };
            // Ordering: Relaxed; the grace period lies between every access of others and
            // this one.
            let word = words.data.load(Ordering::Relaxed);
            // SAFETY: the row owned the word. One that panics is contained, and keeps no
            // other from its drop.
            drop(unsafe { garbage(word, drop_word) });
        }
    }
    // SAFETY: allocated so.
    unsafe { alloc::dealloc(header.as_ptr().cast(), layout(len)) };
}
