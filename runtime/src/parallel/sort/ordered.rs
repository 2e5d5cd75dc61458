//! Slices that need no sorting: in order already, or in strict reverse.
//!
//! The first two items tell which of both it might be, and items that are in no order
//! tell within a few more that it is neither. So one look along the slice costs nothing
//! where it is in vain. It is divided as loops are, by what is left of it; as the items
//! may go to another thread but not be looked at by two, each pair at which the slice is
//! cut is compared before the cut.

use std::cmp::Ordering;

use hivework_stm::facade::atomic::{self, AtomicBool};

use super::super::lazy::is_hungry;
use crate::Fork;

/// How many items are looked at before somebody is asked whether he is hungry.
const BLOCK: usize = 1024;

/// Does what there is to do for a slice in order, or in reverse; answers whether it was
/// one.
pub(super) fn put_in_order<T: Send>(
    fork: &mut Fork<'_>,
    items: &mut [T],
    compare: &(impl Fn(&T, &T) -> Ordering + Sync),
) -> bool {
    let [first, second, ..] = items else {
        return true;
    };
    let less = |one: &T, other: &T| compare(one, other) == Ordering::Less;
    if !less(second, first) {
        return all_fit(fork, items, &|one, next| !less(next, one));
    }
    // Only where no two are equal does reversing keep the order of equals.
    let is_reverse = all_fit(fork, items, &|one, next| less(next, one));
    if is_reverse {
        items.reverse();
    }
    is_reverse
}

fn all_fit<T: Send>(
    fork: &mut Fork<'_>,
    items: &mut [T],
    fits: &(impl Fn(&T, &T) -> bool + Sync),
) -> bool {
    let broken = AtomicBool::new(false);
    look_along(fork, items, fits, &broken);
    // Ordering: Relaxed; whoever stored was joined.
    !broken.load(atomic::Ordering::Relaxed)
}

/// Sets the flag if two neighbours do not fit.
fn look_along<T: Send>(
    fork: &mut Fork<'_>,
    mut items: &mut [T],
    fits: &(impl Fn(&T, &T) -> bool + Sync),
    broken: &AtomicBool,
) {
    while items.len() > 1 {
        // Ordering: Relaxed; a hint.
        if broken.load(atomic::Ordering::Relaxed) {
            return;
        }
        if items.len() > 2 * BLOCK && is_hungry(fork) {
            let at = items.len() / 2;
            if !fits(&items[at - 1], &items[at]) {
                break;
            }
            let (front, back) = items.split_at_mut(at);
            fork.join(
                |fork| look_along(fork, front, fits, broken),
                |fork| look_along(fork, back, fits, broken),
            );
            return;
        }
        let end = items.len().min(BLOCK + 1);
        if !items[..end].is_sorted_by(|one, next| fits(one, next)) {
            break;
        }
        // The last of the block is the first of the next.
        items = &mut items[end - 1..];
    }
    if items.len() > 1 {
        broken.store(true, atomic::Ordering::Relaxed);
    }
}
