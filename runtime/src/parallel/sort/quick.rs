//! Sorting by partitions: what is less than the pivot to its left, the rest to its right,
//! and both sides at once.
//!
//! 1. The pivot is the median of three medians of three, from all over the slice.
//! 2. The partition swaps its way through the slice, without a branch on what it compares
//!    (Lomuto's scheme). Items only ever change places, so a comparison that panics finds
//!    each of them there.
//! 3. If few are less than the pivot, perhaps many equal it. A second partition puts them
//!    beside it, and they are done with. So a slice with few distinct values takes
//!    two passes for each, not more.
//! 4. The sides are sorted as two halves of a fork.
//!
//! **Why it ends, and soon.** A pivot leaves each side. When too many
//! partitions have been lopsided, as many as the length has bits, what is left goes to
//! the standard library, which takes n log n steps at worst.

use std::cmp::Ordering;

use super::super::lazy::is_hungry;
use super::{COARSE, FINE};
use crate::Fork;

pub(super) fn sort<T: Send, C: Fn(&T, &T) -> Ordering + Sync>(
    fork: &mut Fork<'_>,
    items: &mut [T],
    compare: &C,
) {
    let patience = items.len().ilog2();
    divide(fork, items, compare, patience);
}

/// Sorts the slice; `patience` lopsided partitions are allowed.
fn divide<T: Send, C: Fn(&T, &T) -> Ordering + Sync>(
    fork: &mut Fork<'_>,
    items: &mut [T],
    compare: &C,
    patience: u32,
) {
    let len = items.len();
    let is_whole = len <= FINE || len <= COARSE && !is_hungry(fork);
    if is_whole || patience == 0 {
        return items.sort_unstable_by(compare);
    }
    let less = |one: &T, other: &T| compare(one, other) == Ordering::Less;
    let pivot = choose_pivot(items, less);
    let at = partition(items, pivot, less);
    let few = len / 8;
    let patience = patience - u32::from(at.min(len - at) < few);
    let (left, right) = items.split_at_mut(at);
    fork.join(
        |fork| divide(fork, left, compare, patience),
        |fork| {
            // The pivot is the first of these.
            let done = if at < few {
                partition(right, 0, |item, pivot| !less(pivot, item))
            } else {
                0
            };
            divide(fork, &mut right[done + 1..], compare, patience);
        },
    );
}

/// Puts items that go left of the pivot there, and answers where the pivot is then.
fn partition<T>(items: &mut [T], pivot: usize, goes_left: impl Fn(&T, &T) -> bool) -> usize {
    items.swap(0, pivot);
    let mut left = 0;
    if let [pivot, items @ ..] = &mut *items {
        for at in 0..items.len() {
            let goes_left = goes_left(&items[at], pivot);
            items.swap(left, at);
            left += usize::from(goes_left);
        }
    }
    items.swap(0, left);
    left
}

/// Where an item is that about as many are less than as are not.
fn choose_pivot<T>(items: &[T], less: impl Fn(&T, &T) -> bool) -> usize {
    let median = |[a, b, c]: [usize; 3]| {
        let (low, high) = if less(&items[b], &items[a]) {
            (b, a)
        } else {
            (a, b)
        };
        if less(&items[c], &items[low]) {
            low
        } else if less(&items[high], &items[c]) {
            high
        } else {
            c
        }
    };
    let ninth = items.len() / 9;
    let of_three = |third: usize| median([0, 1, 2].map(|at| (3 * third + at) * ninth + ninth / 2));
    median([0, 1, 2].map(of_three))
}
