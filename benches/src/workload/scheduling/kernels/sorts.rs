//! Sorts: two written out with a fork wherever the elements are parted, and the
//! libraries' own.

use std::mem::swap;
use std::time::{Duration, Instant};

use hivework::Scheduler;

use super::super::super::sequence::mixed;
use super::super::super::{Contestant, Subject};
use super::super::forker::Forker;
use super::super::pools::{Pool, WORKERS, hivework};
use super::{HIVEWORK, Kernel, RAYON, SEQUENTIAL};

/// Below this many elements an insertion sort is faster than any other.
const FEW: usize = 20;

fn random(elements: usize) -> Vec<u64> {
    (0..elements as u64).map(|n| mixed(0, n)).collect()
}

fn insertion(elements: &mut [u64]) {
    for end in 1..elements.len() {
        let element = elements[end];
        let mut place = end;
        while place > 0 && elements[place - 1] > element {
            elements[place] = elements[place - 1];
            place -= 1;
        }
        elements[place] = element;
    }
}

/// Elements in disorder, and room for them to be sorted in.
struct Elements {
    disorder: Vec<u64>,
    sorted: Vec<u64>,
}

impl Elements {
    fn new(elements: usize) -> Self {
        let disorder = random(elements);
        Elements {
            sorted: disorder.clone(),
            disorder,
        }
    }

    fn mix(&mut self) {
        self.sorted.copy_from_slice(&self.disorder);
    }

    fn are_sorted(&self) -> bool {
        let sum = |elements: &[u64]| elements.iter().fold(0, |sum: u64, e| sum.wrapping_add(*e));
        self.sorted.is_sorted() && sum(&self.sorted) == sum(&self.disorder)
    }
}

/// Quicksort with the median of three as its pivot.
pub(super) struct Quick(Elements);

impl Quick {
    pub(super) fn new(elements: usize) -> Self {
        Quick(Elements::new(elements))
    }
}

impl Kernel for Quick {
    fn portion(&self) -> u64 {
        self.0.disorder.len() as u64
    }

    fn prepare(&mut self) {
        self.0.mix();
    }

    fn compute<F: Forker>(&mut self, at: &mut F::At<'_>) {
        quick::<F>(at, &mut self.0.sorted);
    }

    fn is_right(&self) -> bool {
        self.0.are_sorted()
    }
}

fn quick<F: Forker>(at: &mut F::At<'_>, elements: &mut [u64]) {
    if elements.len() <= FEW {
        return insertion(elements);
    }
    let pivot = parted(elements);
    let (less, rest) = elements.split_at_mut(pivot);
    F::join(
        at,
        |at| quick::<F>(at, less),
        |at| quick::<F>(at, &mut rest[1..]),
    );
}

/// Brings what is less than a pivot before it; answers where the pivot is.
fn parted(elements: &mut [u64]) -> usize {
    let (middle, last) = (elements.len() / 2, elements.len() - 1);
    if elements[middle] < elements[0] {
        elements.swap(middle, 0);
    }
    if elements[last] < elements[0] {
        elements.swap(last, 0);
    }
    // The median of the three becomes the last.
    if elements[middle] < elements[last] {
        elements.swap(middle, last);
    }
    let pivot = elements[last];
    let mut less = 0;
    for place in 0..last {
        // Without a branch: which way one would go is a toss-up.
        let is_less = elements[place] < pivot;
        elements.swap(place, less);
        less += usize::from(is_less);
    }
    elements.swap(less, last);
    less
}

/// Merge sort that merges to and fro between two buffers.
pub(super) struct Merge {
    elements: Elements,
    room: Vec<u64>,
}

impl Merge {
    pub(super) fn new(elements: usize) -> Self {
        Merge {
            elements: Elements::new(elements),
            room: vec![0; elements],
        }
    }
}

impl Kernel for Merge {
    fn portion(&self) -> u64 {
        self.elements.disorder.len() as u64
    }

    fn prepare(&mut self) {
        self.elements.mix();
    }

    fn compute<F: Forker>(&mut self, at: &mut F::At<'_>) {
        merge_sort::<F>(at, &mut self.elements.sorted, &mut self.room, false);
    }

    fn is_right(&self) -> bool {
        self.elements.are_sorted()
    }
}

/// Sorts `elements`, into `room` if `away`.
fn merge_sort<F: Forker>(at: &mut F::At<'_>, elements: &mut [u64], room: &mut [u64], away: bool) {
    if elements.len() <= FEW {
        insertion(elements);
        if away {
            room.copy_from_slice(elements);
        }
        return;
    }
    let half = elements.len() / 2;
    {
        let (left, right) = elements.split_at_mut(half);
        let (left_room, right_room) = room.split_at_mut(half);
        F::join(
            at,
            |at| merge_sort::<F>(at, left, left_room, !away),
            |at| merge_sort::<F>(at, right, right_room, !away),
        );
    }
    let (mut from, mut to) = (room, elements);
    if away {
        swap(&mut from, &mut to);
    }
    let (left, right) = from.split_at(half);
    merge::<F>(at, left, right, to);
}

/// Below this many elements a merge is not parted.
const MERGED_AT_ONCE: usize = 4096;

/// Merges two sorted runs; long ones in halves, so that the last merges do not leave
/// all but one thread without work.
fn merge<F: Forker>(at: &mut F::At<'_>, left: &[u64], right: &[u64], to: &mut [u64]) {
    if to.len() <= MERGED_AT_ONCE {
        return merge_at_once(left, right, to);
    }
    let (longer, shorter) = match left.len() >= right.len() {
        true => (left, right),
        false => (right, left),
    };
    let cut = longer.len() / 2;
    let (low, high) = longer.split_at(cut);
    let (low_too, high_too) = shorter.split_at(shorter.partition_point(|e| *e < high[0]));
    let (to_low, to_high) = to.split_at_mut(low.len() + low_too.len());
    F::join(
        at,
        |at| merge::<F>(at, low, low_too, to_low),
        |at| merge::<F>(at, high, high_too, to_high),
    );
}

fn merge_at_once(mut left: &[u64], mut right: &[u64], to: &mut [u64]) {
    let mut filled = 0;
    while let ([l, ..], [r, ..]) = (left, right) {
        let from_left = l <= r;
        to[filled] = if from_left { *l } else { *r };
        left = &left[usize::from(from_left)..];
        right = &right[usize::from(!from_left)..];
        filled += 1;
    }
    let to = &mut to[filled..];
    let (to_left, to_right) = to.split_at_mut(left.len());
    to_left.copy_from_slice(left);
    to_right.copy_from_slice(right);
}

/// Which of the libraries' sorts.
#[derive(Clone, Copy)]
pub(super) struct Library {
    ours: fn(&mut [u64]),
    rayons: fn(&mut [u64]),
    sequential: fn(&mut [u64]),
}

impl Library {
    pub(super) const STABLE: Library = Library {
        ours: |elements| hivework::par_sort(elements),
        rayons: |elements| rayon::slice::ParallelSliceMut::par_sort(elements),
        sequential: |elements| elements.sort(),
    };
    pub(super) const UNSTABLE: Library = Library {
        ours: |elements| hivework::par_sort_unstable(elements),
        rayons: |elements| rayon::slice::ParallelSliceMut::par_sort_unstable(elements),
        sequential: |elements| elements.sort_unstable(),
    };
}

type Sort = Box<dyn Fn(&mut [u64])>;

pub(super) fn library(name: &'static str, elements: usize, sorts: Library) -> Subject {
    let contestant = move |name, sort: Sort| {
        let mut elements = Elements::new(elements);
        Contestant::in_portions(name, elements.disorder.len() as u64, move |times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                elements.mix();
                let began = Instant::now();
                sort(&mut elements.sorted);
                took += began.elapsed();
                assert!(elements.are_sorted(), "{name} does not sort");
            }
            took
        })
    };
    Subject::new(name, move || {
        let scheduler: Scheduler = hivework(WORKERS);
        let pool: std::sync::Arc<rayon::ThreadPool> = Pool::make();
        vec![
            contestant(
                HIVEWORK,
                Box::new(move |elements| scheduler.install(|| (sorts.ours)(elements))),
            ),
            contestant(
                RAYON,
                Box::new(move |elements| pool.install(|| (sorts.rayons)(elements))),
            ),
            contestant(SEQUENTIAL, Box::new(sorts.sequential)),
        ]
    })
    .brief()
}

#[cfg(test)]
mod tests {
    use super::super::super::forker::Sequential;
    use super::*;

    #[test]
    fn both_sort() {
        for elements in [0, 1, FEW, FEW + 1, 1000, 20_000] {
            let (mut quick, mut merge) = (Quick::new(elements), Merge::new(elements));
            quick.prepare();
            quick.compute::<Sequential>(&mut ());
            assert!(quick.is_right());
            merge.prepare();
            merge.compute::<Sequential>(&mut ());
            assert!(merge.is_right());
        }
    }

    #[test]
    fn a_lost_element_is_not_right() {
        let mut elements = Elements::new(100);
        elements.sorted.sort_unstable();
        assert!(elements.are_sorted());
        elements.sorted[1] = elements.sorted[0];
        assert!(!elements.are_sorted());
    }
}
