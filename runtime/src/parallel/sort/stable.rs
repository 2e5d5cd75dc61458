//! Sorting by merges: each half on its own, and both together, to and fro between the
//! slice and a room for copies.
//!
//! 1. A piece that is not worth dividing, or for whose half nobody is hungry, is sorted
//!    where it lies, and then copied if it is wanted in the room.
//! 2. Else its halves are sorted as two halves of a fork, each to where the whole is *not*
//!    wanted, and merged to where it is (`sort/merge.rs`).
//!
//! **Each item is in the slice once, whenever somebody may look**: on return, and when a
//! comparison panics.
//!
//! * A piece wanted in the room: its halves were sorted in the slice, and merging them
//!   changes nothing there. So the slice has its items, and the room copies of the bytes.
//!   They are the same bytes, even where comparing changes items through cells: the copy
//!   is made when an item has been compared for the last time.
//! * A piece wanted in the slice: its halves' items lie in the slice still, and copied in
//!   the room. From then on the room's are compared, and hence the ones that count. Merging
//!   writes to the slice in some order, so a guard, made before, copies the whole
//!   room over the slice if merging unwinds. By then all threads have ended their part:
//!   the guard is outside of the fork.
//! * One half panics: each has its items in the slice, by this same argument.
//!
//! The room owns nothing: it is dropped as places, not as items.

#![allow(
    unsafe_code,
    reason = "items are compared in one place and dropped in another"
)]

use std::cmp::Ordering;
use std::mem::MaybeUninit;
use std::slice::from_raw_parts_mut;

use super::super::lazy::is_hungry;
use super::merge::{copy, merge};
use super::{COARSE, FINE};
use crate::Fork;

/// Where a piece is wanted.
#[derive(Clone, Copy)]
enum Wanted {
    InSlice,
    InRoom,
}

pub(super) fn sort<T: Send, C: Fn(&T, &T) -> Ordering + Sync>(
    fork: &mut Fork<'_>,
    items: &mut [T],
    compare: &C,
) {
    let mut room = Vec::with_capacity(items.len());
    let room = &mut room.spare_capacity_mut()[..items.len()];
    divide(fork, items, room, Wanted::InSlice, compare);
}

/// Sorts the items. If they are wanted in the room, each of its places holds the bytes of
/// an item on return, in order, and in `items` are the same items in some order.
fn divide<T: Send, C: Fn(&T, &T) -> Ordering + Sync>(
    fork: &mut Fork<'_>,
    items: &mut [T],
    room: &mut [MaybeUninit<T>],
    wanted: Wanted,
    compare: &C,
) {
    let len = items.len();
    if len <= FINE || len <= COARSE && !is_hungry(fork) {
        items.sort_by(compare);
        if let Wanted::InRoom = wanted {
            copy(items, room);
        }
        return;
    }
    let halves = match wanted {
        Wanted::InSlice => Wanted::InRoom,
        Wanted::InRoom => Wanted::InSlice,
    };
    let middle = len / 2;
    {
        let items = items.split_at_mut(middle);
        let room = room.split_at_mut(middle);
        fork.join(
            |fork| divide(fork, items.0, room.0, halves, compare),
            |fork| divide(fork, items.1, room.1, halves, compare),
        );
    }
    let less = |one: &T, other: &T| compare(one, other) == Ordering::Less;
    match wanted {
        Wanted::InRoom => {
            let (left, right) = items.split_at_mut(middle);
            merge(fork, left, right, room, &less);
        }
        Wanted::InSlice => {
            let back = Back::new(items, room);
            // SAFETY: the slice's places, which are used through this reference alone until
            // it is over; the guard does nothing before. Places that may hold anything
            // may stand for items here, because what is written to them is either all of
            // the items, by `merge`, or overwritten by the guard.
            let places = unsafe { from_raw_parts_mut(back.items.cast(), len) };
            // SAFETY: the room's places, likewise. Both halves were wanted in the room, so
            // each place holds an item's bytes. They are compared there, never moved or
            // dropped.
            let copies = unsafe { from_raw_parts_mut(back.room, len) };
            let (left, right) = copies.split_at_mut(middle);
            merge(fork, left, right, places, &less);
            // The slice has all of the items.
            std::mem::forget(back);
        }
    }
}

/// Copies the room over the slice when it is dropped; see the head of the file.
struct Back<T> {
    items: *mut T,
    room: *mut T,
    len: usize,
}

impl<T> Back<T> {
    fn new(items: &mut [T], room: &mut [MaybeUninit<T>]) -> Back<T> {
        assert!(items.len() == room.len(), "a place for each item");
        Back {
            items: items.as_mut_ptr(),
            room: room.as_mut_ptr().cast(),
            len: items.len(),
        }
    }
}

impl<T> Drop for Back<T> {
    fn drop(&mut self) {
        // SAFETY: both are slices of this length, apart, and still borrowed exclusively by
        // the frame that made the guard; what it had derived from them is over. The room
        // holds the bytes of all items, as at its making.
        unsafe { std::ptr::copy_nonoverlapping(self.room, self.items, self.len) };
    }
}
