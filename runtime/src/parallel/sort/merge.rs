//! Merging two slices in order into a third place, on as many threads as are hungry.
//!
//! 1. Where all of one slice goes before all of the other, both are copied.
//! 2. Else a *block* of steps follows. Each copies the lesser of the two firsts to the
//!    front, the left one if they are equal, and the greater of the two lasts to the back:
//!    two chains that do not wait for each other. A block has no more steps than the shorter
//!    slice has pairs of items, so that no step need look whether a slice is at its end,
//!    and there is no branch on what was compared.
//! 3. When a block's front came from one slice alone, or the other has few items left, the first of
//!    the other is looked for in it, and all that goes before is copied at once.
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

/// Where the next items come from.
#[derive(Clone, Copy)]
enum Source {
    Left,
    Right,
    Both,
}

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
    let mut last = Source::Both;
    loop {
        let shorter = left.len().min(right.len());
        if shorter == 0 {
            return copy_both(left, right, into);
        }
        if into.len() > 2 * BLOCK && is_hungry(fork) {
            return divide(fork, left, right, into, less);
        }
        let source = match last {
            Source::Both if shorter >= FEW => Source::Both,
            Source::Both if left.len() > right.len() => Source::Left,
            Source::Both => Source::Right,
            one => one,
        };
        let (steps, from_left) = match source {
            Source::Both => {
                let steps = (shorter / 2).min(BLOCK / 2);
                let (from_left, back_from_left) = copy_both_ends(left, right, into, steps, less);
                let (left_end, right_end) = (
                    left.len() - back_from_left,
                    right.len() - (steps - back_from_left),
                );
                left = &mut left[..left_end];
                right = &mut right[..right_end];
                let end = into.len() - steps;
                into = &mut into[..end];
                (steps, from_left)
            }
            Source::Left => {
                let before = left.partition_point(|item| !less(&right[0], item));
                copy_both(&left[..before], &right[..1], &mut into[..before + 1]);
                (before + 1, before)
            }
            Source::Right => {
                let before = right.partition_point(|item| less(item, &left[0]));
                copy_both(&right[..before], &left[..1], &mut into[..before + 1]);
                (before + 1, 1)
            }
        };
        last = match (source, from_left) {
            (Source::Both, 0) => Source::Right,
            (Source::Both, all) if all == steps => Source::Left,
            _ => Source::Both,
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

/// Step 2: copies so many items to the front and as many to the back, and answers how many
/// of each came from the left.
fn copy_both_ends<T>(
    left: &[T],
    right: &[T],
    into: &mut [MaybeUninit<T>],
    steps: usize,
    less: &impl Fn(&T, &T) -> bool,
) -> (usize, usize) {
    // No item is copied twice: in so many steps each end uses up half of a slice at most.
    assert!(2 * steps <= left.len().min(right.len()));
    let (left_back, right_back) = (&left[left.len() - steps..], &right[right.len() - steps..]);
    let (left, right) = (&left[..steps], &right[..steps]);
    let (front, rest) = into.split_at_mut(steps);
    let rest_len = rest.len();
    let back = &mut rest[rest_len - steps..];
    let (mut from_left, mut back_from_left) = (0, 0);
    for (step, (place, back_place)) in front.iter_mut().zip(back.iter_mut().rev()).enumerate() {
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

        // SAFETY: as in front, counted from the end.
        let one = unsafe { left_back.get_unchecked(steps - 1 - back_from_left) };
        // SAFETY: as in front, counted from the end.
        let other = unsafe { right_back.get_unchecked(steps - 1 - (step - back_from_left)) };
        let takes_left = less(other, one);
        let greater = if takes_left { one } else { other };
        // SAFETY: as in front.
        unsafe { copy_nonoverlapping(greater, back_place.as_mut_ptr(), 1) };
        back_from_left += usize::from(takes_left);
    }
    (from_left, back_from_left)
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
