//! Merging two slices in order into a third place, on as many threads as are hungry.
//!
//! 1. Where all of one slice goes before all of the other, both are copied.
//! 2. Else a *block* of steps follows, each of which copies the lesser of the two firsts;
//!    the left one if they are equal. The block has no more steps than the shorter slice
//!    has items, so that no step need look whether a slice is at its end, and there is no
//!    branch on what was compared.
//! 3. When one slice has few items left, each of them is looked for in the other, and all
//!    that goes before it is copied at once.
//! 4. Between blocks the thread asks whether somebody is hungry. If so it cuts what is
//!    left: the longer slice in its middle, the other where that middle item belongs, and
//!    both pairs are merged as two halves of a fork. The cut is found before the fork,
//!    so each item is looked at by one thread at a time.
//!
//! **The items stay where they are.** Merging copies their bytes to places that own
//! nothing, `MaybeUninit`, so it may end anywhere, by a panic too: what the slices hold
//! has not changed. Which of the two copies counts is the caller's to decide. The slices
//! are exclusive because items may be compared by a thread that is not theirs; a
//! comparison may even change an item, through a cell, but not after its bytes were copied.
//!
//! **Why it ends.** Each block and each search uses up an item at least; both parts of a
//! cut are smaller than the whole, because the longer slice is cut in its middle. That
//! holds for comparisons without rhyme or reason, too.

#![allow(
    unsafe_code,
    reason = "an item is copied to where it goes without being moved from where it is"
)]

use std::mem::MaybeUninit;
use std::ptr::copy_nonoverlapping;

use super::super::lazy::is_hungry;
use crate::Fork;

/// How many steps are done before somebody is asked whether he is hungry.
const BLOCK: usize = if cfg!(test) { 8 } else { 1024 };

/// Fewer items than this are looked for one by one.
const FEW: usize = 8;

/// Copies the items of both slices, each of which is in order, into `into`, in order.
///
/// Every place of `into` holds an item's bytes on return.
///
/// # Panics
///
/// If there are not as many places as items, and if `less` does; `into` has then
/// anything.
pub(super) fn merge<T: Send>(
    fork: &mut Fork<'_>,
    mut left: &mut [T],
    mut right: &mut [T],
    mut into: &mut [MaybeUninit<T>],
    less: &(impl Fn(&T, &T) -> bool + Sync),
) {
    assert!(
        left.len() + right.len() == into.len(),
        "a place for each item"
    );
    // Step 1.
    if let ([low, .., high], [other_low, .., other_high]) = (&*left, &*right) {
        if !less(other_low, high) {
            return copy_both(left, right, into);
        }
        if less(other_high, low) {
            return copy_both(right, left, into);
        }
    }
    loop {
        let shorter = left.len().min(right.len());
        if shorter == 0 {
            return copy_both(left, right, into);
        }
        if into.len() > 2 * BLOCK && is_hungry(fork) {
            return divide(fork, left, right, into, less);
        }
        let (steps, from_left) = if shorter >= FEW {
            let steps = shorter.min(BLOCK);
            (steps, copy_lesser(left, right, into, steps, less))
        } else if left.len() == shorter {
            let before = right.partition_point(|item| less(item, &left[0]));
            copy_both(&right[..before], &left[..1], &mut into[..before + 1]);
            (before + 1, 1)
        } else {
            let before = left.partition_point(|item| !less(&right[0], item));
            copy_both(&left[..before], &right[..1], &mut into[..before + 1]);
            (before + 1, before)
        };
        left = &mut left[from_left..];
        right = &mut right[steps - from_left..];
        into = &mut into[steps..];
    }
}

/// Step 4.
#[cold]
#[inline(never)]
fn divide<T: Send>(
    fork: &mut Fork<'_>,
    left: &mut [T],
    right: &mut [T],
    into: &mut [MaybeUninit<T>],
    less: &(impl Fn(&T, &T) -> bool + Sync),
) {
    // Equal items of the left slice go before, of the right one after.
    let (from_left, from_right) = if left.len() >= right.len() {
        let middle = left.len() / 2;
        let before = right.partition_point(|item| less(item, &left[middle]));
        (middle, before)
    } else {
        let middle = right.len() / 2;
        let before = left.partition_point(|item| !less(&right[middle], item));
        (before, middle)
    };
    let left = left.split_at_mut(from_left);
    let right = right.split_at_mut(from_right);
    let into = into.split_at_mut(from_left + from_right);
    fork.join(
        |fork| merge(fork, left.0, right.0, into.0, less),
        |fork| merge(fork, left.1, right.1, into.1, less),
    );
}

/// Step 2: copies so many items, and answers how many of them came from the left.
fn copy_lesser<T>(
    left: &[T],
    right: &[T],
    into: &mut [MaybeUninit<T>],
    steps: usize,
    less: &impl Fn(&T, &T) -> bool,
) -> usize {
    let (left, right) = (&left[..steps], &right[..steps]);
    let mut from_left = 0;
    for (step, place) in into[..steps].iter_mut().enumerate() {
        // SAFETY: `from_left` grows by one a step at most, so it is at most `step`,
        // and `step` is less than `steps`, the length of the slice.
        let one = unsafe { left.get_unchecked(from_left) };
        // SAFETY: for the same reason, between 0 and `step`.
        let other = unsafe { right.get_unchecked(step - from_left) };
        let takes_right = less(other, one);
        let lesser = if takes_right { other } else { one };
        // SAFETY: a reference may be read, `place` written; and it is none of the slices'
        // places, because they are borrowed exclusively.
        unsafe { copy_nonoverlapping(lesser, place.as_mut_ptr(), 1) };
        from_left += usize::from(!takes_right);
    }
    from_left
}

/// Copies one slice and then the other; there must be as many places.
fn copy_both<T>(one: &[T], other: &[T], into: &mut [MaybeUninit<T>]) {
    let (first, second) = into.split_at_mut(one.len());
    copy(one, first);
    copy(other, second);
}

/// Copies the items; there must be as many places.
pub(super) fn copy<T>(items: &[T], into: &mut [MaybeUninit<T>]) {
    assert!(items.len() == into.len(), "a place for each item");
    // SAFETY: both are as long, and they do not overlap, because `into` is borrowed
    // exclusively.
    unsafe { copy_nonoverlapping(items.as_ptr(), into.as_mut_ptr().cast(), items.len()) };
}
