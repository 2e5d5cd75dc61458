#![allow(
    unsafe_code,
    reason = "items are placed in blocks of memory that go round"
)]
//! The memory of items, which goes [round](shelves) between those who make items and those who give
//! them up.
//!
//! An item that fits one cache line lies on one, so that one line goes from core to core with it.
//! What is larger than four lines, or aligned to more than one, comes from the global allocator
//! each time.
//!
//! Who interprets or checks the program shall see every item as an allocation of its own: in
//! models, under Miri and with `--cfg hivework_checked` nothing goes round.

mod shelves;

use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};

use hivework_stm::facade::MODELLED;
use shelves::{Size, give_up, take};

pub(crate) use shelves::PACE;

const GOES_ROUND: bool = !MODELLED && !cfg!(any(miri, hivework_checked));

/// Memory from the global allocator.
fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: of a size other than zero: `place` sees to it, or it is a slab's.
    let memory = unsafe { alloc::alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| alloc::handle_alloc_error(layout))
}

/// Memory for this layout, of blocks or of the global allocator.
#[inline]
fn get(layout: Layout) -> NonNull<u8> {
    if let (true, Some(size)) = (GOES_ROUND, Size::of(layout)) {
        return take(size);
    }
    allocate(layout)
}

/// What [`get`] got; gives it up.
struct Memory(NonNull<u8>, Layout);

impl Drop for Memory {
    #[inline]
    fn drop(&mut self) {
        let Memory(memory, layout) = *self;
        if let (true, Some(size)) = (GOES_ROUND, Size::of(layout)) {
            // SAFETY: from `get` with the same layout, so `take` with the same size; nobody
            // else has it.
            return unsafe { give_up(size, memory) };
        }
        // SAFETY: from `get` with the same layout, so from the global allocator.
        unsafe { alloc::dealloc(memory.as_ptr(), layout) }
    }
}

/// Gives back what has not been needed since the last call. Answers whether another one, a
/// [pace](PACE) later, may give back more.
pub(crate) fn trim() -> bool {
    GOES_ROUND && shelves::trim()
}

/// Gives back what it can.
pub(crate) fn clear_out() {
    if GOES_ROUND {
        shelves::clear();
    }
}

/// Moves a value into memory of its own.
#[inline]
pub(crate) fn place<T>(value: T) -> NonNull<T> {
    const { assert!(size_of::<T>() > 0, "an item has a head") };
    let place = get(Layout::new::<T>()).cast::<T>();
    // SAFETY: it has the room and the alignment, and nobody else reaches it.
    unsafe { place.write(value) };
    place
}

/// Drops a value that was placed, and gives its memory up, also where dropping it unwinds.
///
/// # Safety
///
/// It comes from [`place`], perhaps with less known of its type, and nobody uses it any more.
#[inline]
pub(crate) unsafe fn clear<T: ?Sized>(placed: NonNull<T>) {
    // SAFETY: a value that is there, by the caller's promise.
    let layout = Layout::for_value(unsafe { placed.as_ref() });
    let _memory = Memory(placed.cast(), layout);
    // SAFETY: as above, and nobody uses it after this.
    unsafe { ptr::drop_in_place(placed.as_ptr()) };
}
