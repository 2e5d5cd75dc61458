//! Sorting, on all workers: stable by merging, unstable by partitioning.
//!
//! Both divide the slice and have the standard library sort the pieces, which nobody does
//! faster on one thread. How far they divide depends on who is hungry, as with loops
//! (`lazy.rs`): a piece of [`FINE`] size is never divided, one above [`COARSE`] size
//! always, because nobody can take anything from a piece that is being sorted; and one
//! between only while somebody looks for work. Before all that, one look along the slice
//! finds those that are in order or in reverse (`sort/ordered.rs`).
//!
//! A comparison that is no total order leaves the items in some order; one that panics,
//! too. Each of them is there once, whatever happens.

mod merge;
mod ordered;
mod quick;
mod stable;

use std::cmp::Ordering;

use crate::Fork;
use crate::fork::in_section;

/// Sorts the slice; equal items stay in order.
///
/// As [`slice::sort`], on the pool that the caller runs in; needs room for a copy of the
/// slice.
///
/// # Panics
///
/// If the comparison does, once all threads have ended their part; the slice then has all
/// its items in some order. So it has if the comparison is no total order, which may panic
/// or not.
///
/// ```
/// use hivework::par_sort;
///
/// let mut words = vec!["so", "much", "to", "do"];
/// par_sort(&mut words);
/// assert_eq!(words, ["do", "much", "so", "to"]);
/// ```
pub fn par_sort<T: Ord + Send>(items: &mut [T]) {
    par_sort_by(items, T::cmp);
}

/// Sorts the slice by a comparison; equal items stay in order.
///
/// As [`slice::sort_by`], on the pool that the caller runs in; needs room for a copy of
/// the slice.
///
/// # Panics
///
/// As [`par_sort`].
///
/// ```
/// use hivework::par_sort_by;
///
/// let mut heights = vec![1.7, 1.9, 1.6];
/// par_sort_by(&mut heights, f64::total_cmp);
/// assert_eq!(heights, [1.6, 1.7, 1.9]);
/// ```
pub fn par_sort_by<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering + Sync) {
    sort_by(items, &compare, stable::sort, |items| {
        items.sort_by(&compare)
    });
}

/// Sorts the slice by a key; items with equal keys stay in order.
///
/// As [`slice::sort_by_key`], on the pool that the caller runs in; needs room for a copy of
/// the slice. The key is computed at each comparison.
///
/// # Panics
///
/// As [`par_sort`], and if `key` does.
///
/// ```
/// use hivework::par_sort_by_key;
///
/// let mut words = vec!["three", "two", "one", "four"];
/// par_sort_by_key(&mut words, |word| word.len());
/// assert_eq!(words, ["two", "one", "four", "three"]);
/// ```
pub fn par_sort_by_key<T: Send, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K + Sync) {
    par_sort_by(items, |one, other| key(one).cmp(&key(other)));
}

/// Sorts the slice; equal items may change places.
///
/// As [`slice::sort_unstable`], on the pool that the caller runs in; needs no room.
///
/// # Panics
///
/// As [`par_sort`].
///
/// ```
/// use hivework::par_sort_unstable;
///
/// let mut numbers = vec![4, -5, 1, -3, 2];
/// par_sort_unstable(&mut numbers);
/// assert_eq!(numbers, [-5, -3, 1, 2, 4]);
/// ```
pub fn par_sort_unstable<T: Ord + Send>(items: &mut [T]) {
    par_sort_unstable_by(items, T::cmp);
}

/// Sorts the slice by a comparison; equal items may change places.
///
/// As [`slice::sort_unstable_by`], on the pool that the caller runs in; needs no room.
///
/// # Panics
///
/// As [`par_sort`].
///
/// ```
/// use hivework::par_sort_unstable_by;
///
/// let mut numbers = vec![4, -5, 1, -3, 2];
/// par_sort_unstable_by(&mut numbers, |a, b| b.cmp(a));
/// assert_eq!(numbers, [4, 2, 1, -3, -5]);
/// ```
pub fn par_sort_unstable_by<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering + Sync) {
    sort_by(items, &compare, quick::sort, |items| {
        items.sort_unstable_by(&compare);
    });
}

/// Sorts the slice by a key; items with equal keys may change places.
///
/// As [`slice::sort_unstable_by_key`], on the pool that the caller runs in; needs no room.
/// The key is computed at each comparison.
///
/// # Panics
///
/// As [`par_sort`], and if `key` does.
///
/// ```
/// use hivework::par_sort_unstable_by_key;
///
/// let mut numbers = vec![4_i32, -5, 1, -3, 2];
/// par_sort_unstable_by_key(&mut numbers, |number| number.abs());
/// assert_eq!(numbers, [1, 2, -3, 4, -5]);
/// ```
pub fn par_sort_unstable_by_key<T: Send, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K + Sync) {
    par_sort_unstable_by(items, |one, other| key(one).cmp(&key(other)));
}

/// What both kinds have in common: what need not be divided, what need not be sorted.
fn sort_by<T: Send, C: Fn(&T, &T) -> Ordering + Sync>(
    items: &mut [T],
    compare: &C,
    sort: impl FnOnce(&mut Fork<'_>, &mut [T], &C),
    sort_alone: impl FnOnce(&mut [T]),
) {
    // Items without a size cannot be told apart, and the standard library knows it.
    if items.len() <= FINE || size_of::<T>() == 0 {
        return sort_alone(items);
    }
    in_section(|fork| match fork {
        Some(fork) => {
            if !ordered::put_in_order(fork, items, compare) {
                sort(fork, items, compare);
            }
        }
        None => sort_alone(items),
    });
}

/// The piece that is sorted faster than divided; tests and interpreters need not sort much.
const FINE: usize = if cfg!(test) { 32 } else { 2048 };

/// The piece that is divided even if nobody is hungry yet: somebody may be later.
const COARSE: usize = 16 * FINE;
