//! The buffer of a parallel map: written in pieces, by several threads, in no order.
//!
//! A [`Stretch`] is a piece of the spare room of a vector, of which the first `filled`
//! places hold values. It begins as the whole room, with none filled. From then on:
//!
//! 1. *Fill* writes values to its next places.
//! 2. *Split* gives a part of its unfilled places to a new stretch.
//! 3. *Append* puts together two stretches of which one is full and ends where the other
//!    begins. What is filled is then the first places of the whole again.
//! 4. At the end a stretch that is all room, and full, becomes the vector's contents.
//!
//! Invariants, on which the unsafe code rests:
//!
//! * **Room**: the places `start .. start + room` lie in the spare capacity of one
//!   vector, which is borrowed exclusively for `'a`; `origin` is where that begins.
//! * **Apart**: no place belongs to two stretches. A split divides, an append
//!   takes in the other whole, and there is no other way to get one.
//! * **Filled**: the first `filled` places hold values, which belong to the stretch: its
//!   drop drops them. `filled` is at most `room`.
//!
//! So whatever unwinds between the steps drops each value once, and the vector, whose
//! length is 0 until step 4, drops none.

#![allow(
    unsafe_code,
    reason = "places of a vector are filled from several threads before it has a length"
)]

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::ptr::{NonNull, slice_from_raw_parts_mut};

use super::lazy::Gather;

/// Places of a vector's spare room; see the head of the file.
pub(super) struct Stretch<'a, R> {
    origin: NonNull<R>,
    start: NonNull<R>,
    filled: usize,
    room: usize,
    // Exclusive use of the places, and ownership of values.
    _places: PhantomData<(&'a mut R, R)>,
}

// SAFETY: a stretch is exclusive use of its places (Apart) and owns the values in them
// (Filled). Both may go to another thread if the values may.
unsafe impl<R: Send> Send for Stretch<'_, R> {}

impl<'a, R> Stretch<'a, R> {
    /// The spare room of the vector: `room` places, or more.
    fn of(vec: &'a mut Vec<R>, room: usize) -> Stretch<'a, R> {
        let spare = &mut vec.spare_capacity_mut()[..room];
        let start = NonNull::from(spare).cast();
        Stretch {
            origin: start,
            start,
            filled: 0,
            room,
            _places: PhantomData,
        }
    }

    /// Step 1. Values for which there is no room are not asked for.
    fn fill(&mut self, values: impl Iterator<Item = R>) {
        // The count is in a register until the end of the loop, or the compiler would
        // store it with each value; the guard writes it back if `next` unwinds.
        struct Count<'c>(&'c mut usize, usize);
        impl Drop for Count<'_> {
            fn drop(&mut self) {
                *self.0 = self.1;
            }
        }

        let room = self.room;
        let start = self.start;
        let filled = self.filled;
        let mut count = Count(&mut self.filled, filled);
        for value in values.take(room - filled) {
            // SAFETY: `take` lets at most `room - filled` values through, so the place
            // lies among those of the stretch, in one allocation (Room).
            let place = unsafe { start.add(count.1) };
            // SAFETY: the place may be written to (Room) and nobody else accesses it
            // (Apart); it holds no value that would be lost (Filled).
            unsafe { place.write(value) };
            count.1 += 1;
        }
    }

    /// Step 2: the places beyond the next `at`.
    fn split_off(&mut self, at: usize) -> Stretch<'a, R> {
        let kept = self.filled + at;
        assert!(kept <= self.room, "a split lies within what is split");
        // SAFETY: `kept` is at most `room`, so this is within the places or one past
        // them, in one allocation (Room).
        let start = unsafe { self.start.add(kept) };
        let room = self.room - kept;
        self.room = kept;
        Stretch {
            origin: self.origin,
            start,
            filled: 0,
            room,
            _places: PhantomData,
        }
    }

    /// Step 3.
    fn append(&mut self, next: Stretch<'a, R>) {
        assert!(self.filled == self.room, "what comes before is full");
        // SAFETY: within the places or one past them (Room).
        let end = unsafe { self.start.add(self.room) };
        assert!(
            end == next.start && self.origin == next.origin,
            "stretches of one vector, side by side"
        );
        // One origin means one vector: two cannot be borrowed at once and begin at one
        // address, unless the places have no size, when there is nothing to confuse.
        self.room += next.room;
        self.filled += next.filled;
        // The values belong to this stretch now.
        std::mem::forget(next);
    }
}

impl<R> Drop for Stretch<'_, R> {
    fn drop(&mut self) {
        let filled = slice_from_raw_parts_mut(self.start.as_ptr(), self.filled);
        // SAFETY: these places hold values of this stretch, which nobody else drops or
        // looks at (Filled, Apart).
        unsafe { filled.drop_in_place() };
    }
}

/// The vector of `len` values that `fill` makes of the stretch it is given.
pub(super) fn collect<R>(
    len: usize,
    fill: impl for<'a> FnOnce(Stretch<'a, R>) -> Stretch<'a, R>,
) -> Vec<R> {
    let mut vec = Vec::with_capacity(len);
    let origin = NonNull::from(vec.spare_capacity_mut()).cast();
    let stretch = fill(Stretch::of(&mut vec, len));
    assert!(
        stretch.start == origin && stretch.room == len && stretch.filled == len,
        "every place has its value"
    );
    std::mem::forget(stretch);
    // SAFETY: there is capacity for `len`. The stretch began where the vector's room does
    // and was full, so the first `len` places hold values (Filled); it was forgotten, so
    // they are the vector's alone. It is this vector's: only one that is borrowed can
    // have a stretch (Room), and `fill`, which cannot choose the lifetime, got no other.
    unsafe { vec.set_len(len) };
    vec
}

/// Gathers what the closure makes of the items into a stretch that lasts for `'a`.
pub(super) struct Collect<'a, F>(F, PhantomData<fn(&'a mut ())>);

impl<F> Collect<'_, F> {
    pub(super) fn new(f: F) -> Self {
        Collect(f, PhantomData)
    }
}

impl<'a, I, R: Send + 'a, F: Fn(I) -> R + Sync> Gather<I> for Collect<'a, F> {
    type State = Stretch<'a, R>;

    fn take(&self, state: &mut Stretch<'a, R>, items: impl Iterator<Item = I>) -> ControlFlow<()> {
        state.fill(items.map(&self.0));
        ControlFlow::Continue(())
    }

    fn split_off(&self, state: &mut Stretch<'a, R>, at: usize) -> Stretch<'a, R> {
        state.split_off(at)
    }

    fn merge(&self, mut front: Stretch<'a, R>, back: Stretch<'a, R>) -> Stretch<'a, R> {
        front.append(back);
        front
    }
}
