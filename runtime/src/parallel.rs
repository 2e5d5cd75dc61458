//! Loops over many items, on all workers.
//!
//! Free functions for the pool that the caller runs in: inside work, inside
//! [`Scheduler::install`](crate::Scheduler::install) or a fork that is its workers';
//! outside of any they are plain loops. How a loop is divided is told in `lazy.rs`, sorting
//! in `sort.rs`.

mod collect;
mod fold;
pub(crate) mod input;
mod lazy;
mod search;
pub(crate) mod sort;

use collect::{Collect, collect};
use fold::{Count, Each, Reduce};
use input::{ParInput, Part};
use lazy::gather;
use search::{Search, Sought};

/// Calls `f` with each item and answers the results, in the order of the items.
///
/// Runs on the pool that the caller runs in. How many items a thread takes at once is
/// found out on the way: an item may be an addition or a second's work, and they may differ.
///
/// # Panics
///
/// If `f` does, once all threads have ended their part; what the other calls returned is
/// dropped.
///
/// ```
/// use hivework::{make_scheduler, par_map};
///
/// let scheduler = make_scheduler();
/// let words = ["all", "of", "these"];
/// let lengths = scheduler.install(|| par_map(&words, |word| word.len()));
/// assert_eq!(lengths, [3, 2, 5]);
///
/// let squares = par_map(0..4, |x| x * x);
/// assert_eq!(squares, [0, 1, 4, 9]);
/// ```
pub fn par_map<I: ParInput, R: Send>(input: I, f: impl Fn(I::Item) -> R + Sync) -> Vec<R> {
    let part = input.into_part();
    collect(part.len(), |stretch| {
        gather(part, &Collect::new(f), stretch)
    })
}

/// Calls `f` with each item.
///
/// # Panics
///
/// If `f` does, once all threads have ended their part.
///
/// ```
/// use hivework::par_for_each;
///
/// let mut prices = vec![100, 250, 80];
/// par_for_each(&mut prices, |price| *price += *price / 10);
/// assert_eq!(prices, [110, 275, 88]);
/// ```
pub fn par_for_each<I: ParInput>(input: I, f: impl Fn(I::Item) + Sync) {
    gather(input.into_part(), &Each(f), ());
}

/// Calls `map` with each item and combines the results into one; `None` if there are no
/// items.
///
/// `combine` must be associative: whether `(a b) c` or `a (b c)` is computed differs from
/// call to call. It need not be commutative, because results are combined in order, left
/// to right.
///
/// # Panics
///
/// If `map` or `combine` does, once all threads have ended their part.
///
/// ```
/// use hivework::par_map_reduce;
///
/// let words = ["in", "order", "of", "appearance"];
/// let line = par_map_reduce(&words, |word| word.to_string(), |a, b| a + " " + &b);
/// assert_eq!(line.as_deref(), Some("in order of appearance"));
///
/// let squares = par_map_reduce(1..=10, |x: u64| x * x, |a, b| a + b);
/// assert_eq!(squares, Some(385));
/// ```
pub fn par_map_reduce<I: ParInput, R: Send>(
    input: I,
    map: impl Fn(I::Item) -> R + Sync,
    combine: impl Fn(R, R) -> R + Sync,
) -> Option<R> {
    gather(input.into_part(), &Reduce { map, combine }, None)
}

/// Combines all items into one; `None` if there are none. As [`par_map_reduce`], with the
/// items themselves.
///
/// # Panics
///
/// If `combine` does, once all threads have ended their part.
///
/// ```
/// use hivework::par_reduce;
///
/// assert_eq!(par_reduce(0..1_000_000_u64, |a, b| a + b), Some(499_999_500_000));
/// assert_eq!(par_reduce(&["b", "a", "c"], |a, b| a.max(b)), Some(&"c"));
/// assert_eq!(par_reduce(0..0, |a, b| a + b), None);
/// ```
pub fn par_reduce<I>(
    input: I,
    combine: impl Fn(I::Item, I::Item) -> I::Item + Sync,
) -> Option<I::Item>
where
    I: ParInput,
    I::Item: Send,
{
    par_map_reduce(input, |item| item, combine)
}

/// How many items are there of which `predicate` says yes?
///
/// # Panics
///
/// If `predicate` does, once all threads have ended their part.
///
/// ```
/// use hivework::par_count;
///
/// assert_eq!(par_count(1..=100, |x| x % 7 == 0), 14);
/// ```
pub fn par_count<I: ParInput>(input: I, predicate: impl Fn(I::Item) -> bool + Sync) -> usize {
    gather(input.into_part(), &Count(predicate), 0)
}

/// An item of which `predicate` says yes, whichever is found first; `None` if there is
/// none.
///
/// Soon after one is found no thread looks any further.
///
/// # Panics
///
/// If `predicate` does, once all threads have ended their part.
///
/// ```
/// use hivework::par_find_any;
///
/// let found = par_find_any(2..u64::MAX, |n| 1_000_003 * 7 % n == 0);
/// assert!(matches!(found, Some(7 | 1_000_003 | 7_000_021)));
/// ```
pub fn par_find_any<I>(input: I, predicate: impl Fn(&I::Item) -> bool + Sync) -> Option<I::Item>
where
    I: ParInput,
    I::Item: Send,
{
    let search = Search::any(|item| predicate(&item).then_some(item));
    gather(input.into_part(), &search, Sought::begin()).found()
}

/// The first item, in order, of which `predicate` says yes; `None` if there is none.
///
/// Soon after one is found no thread looks any further behind it.
///
/// # Panics
///
/// If `predicate` does, once all threads have ended their part; perhaps for an item
/// behind the first.
///
/// ```
/// use hivework::par_find_first;
///
/// let words = ["so", "much", "to", "look", "through"];
/// assert_eq!(par_find_first(&words, |word| word.len() == 4), Some(&"much"));
/// ```
pub fn par_find_first<I>(input: I, predicate: impl Fn(&I::Item) -> bool + Sync) -> Option<I::Item>
where
    I: ParInput,
    I::Item: Send,
{
    let search = Search::first(|item| predicate(&item).then_some(item));
    gather(input.into_part(), &search, Sought::begin()).found()
}

/// Is there an item of which `predicate` says yes? Not among no items.
///
/// Soon after one is found no thread looks any further.
///
/// # Panics
///
/// If `predicate` does, once all threads have ended their part.
///
/// ```
/// use hivework::par_any;
///
/// assert!(par_any(&[3, 5, 8], |x| x % 2 == 0));
/// ```
pub fn par_any<I: ParInput>(input: I, predicate: impl Fn(I::Item) -> bool + Sync) -> bool {
    let search = Search::any(|item| predicate(item).then_some(()));
    let found = gather(input.into_part(), &search, Sought::begin());
    found.found().is_some()
}

/// Does `predicate` say yes of all items? It does of no items.
///
/// Soon after one is found of which it says no, no thread looks any further.
///
/// # Panics
///
/// If `predicate` does, once all threads have ended their part.
///
/// ```
/// use hivework::par_all;
///
/// assert!(par_all(1..100, |x: i32| x.is_positive()));
/// ```
pub fn par_all<I: ParInput>(input: I, predicate: impl Fn(I::Item) -> bool + Sync) -> bool {
    !par_any(input, |item| !predicate(item))
}

// The tests of the promises once more, in a build that takes somebody for hungry again and
// again: so the loops are divided wherever they can be, on one thread too.
#[cfg(test)]
#[path = "../tests/integration/parallel.rs"]
mod promises;
