//! The containers whose growth is measured, ours and the standard library's.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Instant;

use hivework_stm::{StmResult, Transaction, atomically};
use stm_ports::{Ordered, TBoundedQueue, TPriorityQueue, TQueue, TStack};

use super::Case;
use super::transacted::{Numbered, Ours};
use crate::workload::Contestant;
use crate::workload::sequence::{below, mixed};

/// The counterpart of one of ours.
pub(super) trait Counterpart: 'static {
    const NAME: &'static str;
    /// With so many elements.
    fn filled(size: usize) -> Self;
    /// Operation number `n`.
    fn operate(&mut self, n: u64);
}

/// On cache lines of its own: where the allocator happens to put a counterpart of a
/// few words would otherwise decide how it grows.
#[repr(align(128))]
struct Apart<T>(T);

pub(super) fn case<O: Ours, C: Counterpart>(name: &'static str) -> Case {
    Case {
        name,
        counterpart: C::NAME,
        ours: |size| Rc::new(Numbered::<O>::filled(size)),
        theirs: |size| {
            let mut theirs = Box::new(Apart(C::filled(size)));
            let mut done = 0;
            Contestant::new(C::NAME, 1, move |operations| {
                let numbers = done..done + operations;
                done = numbers.end;
                let began = Instant::now();
                numbers.for_each(|n| theirs.0.operate(n));
                began.elapsed()
            })
        },
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = vec![
        case::<InAndOut<TQueue<u64>>, VecDeque<u64>>("growth of TQueue: put, then take"),
        case::<InAndOut<TBoundedQueue<u64>>, VecDeque<u64>>(
            "growth of TBoundedQueue: put, then take",
        ),
        case::<InAndOut<TStack<u64>>, Vec<u64>>("growth of TStack: put, then take"),
        case::<InAndOut<TPriorityQueue<u64, u64>>, Heap>(
            "growth of TPriorityQueue: put, then take",
        ),
    ];
    all.extend(super::maps::cases());
    all
}

/// What decides itself which element comes next: an operation puts one and takes
/// one, in a transaction each.
struct InAndOut<C> {
    all: C,
    size: usize,
}

/// One of ours that does.
trait Sequence: Ordered + 'static {
    /// An empty one with room for `elements`.
    fn with_room(elements: usize) -> Self;
    /// Element number `n` of those that are there to begin with.
    fn first(n: u64, size: usize) -> Self::Item;
    /// The element that operation number `n` puts.
    fn element(n: u64, size: usize) -> Self::Item;
}

impl<C: Sequence> Ours for InAndOut<C> {
    const STEPS: u64 = 2;

    fn filled(size: usize) -> Self {
        let all = C::with_room(size + 1);
        for n in 0..size as u64 {
            atomically(|tx| all.put(tx, C::first(n, size)));
        }
        InAndOut { all, size }
    }

    #[inline]
    fn step(&self, tx: &mut Transaction<'_>, step: u64, n: u64) -> StmResult<()> {
        if step == 0 {
            return self.all.put(tx, C::element(n, self.size));
        }
        black_box(self.all.take(tx)?);
        Ok(())
    }
}

impl Sequence for TQueue<u64> {
    fn with_room(_elements: usize) -> Self {
        TQueue::new()
    }

    fn first(n: u64, _size: usize) -> u64 {
        n
    }

    fn element(n: u64, _size: usize) -> u64 {
        n
    }
}

impl Sequence for TBoundedQueue<u64> {
    fn with_room(elements: usize) -> Self {
        TBoundedQueue::new(NonZeroUsize::new(elements).expect("room for at least one"))
    }

    fn first(n: u64, _size: usize) -> u64 {
        n
    }

    fn element(n: u64, _size: usize) -> u64 {
        n
    }
}

impl Sequence for TStack<u64> {
    fn with_room(_elements: usize) -> Self {
        TStack::new()
    }

    fn first(n: u64, _size: usize) -> u64 {
        n
    }

    fn element(n: u64, _size: usize) -> u64 {
        n
    }
}

/// The priority that operation number `n` puts: about that of the last one taken, or up
/// to twice the size beyond it. So as many operations as there are elements go by until
/// it is taken, at every size.
fn priority(n: u64, size: usize) -> u64 {
    n + below(2 * size, mixed(0, n)) as u64
}

/// The priority of element number `n` of those that are there to begin with: the
/// smaller one of two, which is how such operations leave them in the long run.
fn first_priority(n: u64, size: usize) -> u64 {
    let one_of = |thread| below(2 * size, mixed(thread, n)) as u64;
    one_of(1).min(one_of(2))
}

impl Sequence for TPriorityQueue<u64, u64> {
    fn with_room(_elements: usize) -> Self {
        TPriorityQueue::new()
    }

    fn first(n: u64, size: usize) -> (u64, u64) {
        (first_priority(n, size), n)
    }

    fn element(n: u64, size: usize) -> (u64, u64) {
        (priority(n, size), n)
    }
}

impl Counterpart for VecDeque<u64> {
    const NAME: &'static str = "VecDeque";

    fn filled(size: usize) -> Self {
        (0..size as u64).collect()
    }

    #[inline]
    fn operate(&mut self, n: u64) {
        self.push_back(n);
        black_box(self.pop_front());
    }
}

impl Counterpart for Vec<u64> {
    const NAME: &'static str = "Vec";

    fn filled(size: usize) -> Self {
        (0..size as u64).collect()
    }

    #[inline]
    fn operate(&mut self, n: u64) {
        self.push(n);
        // Or the optimiser sees that nothing was done.
        black_box(&mut *self);
        black_box(self.pop());
    }
}

/// A heap that gives the smallest first.
struct Heap {
    all: BinaryHeap<Reverse<(u64, u64)>>,
    size: usize,
}

impl Counterpart for Heap {
    const NAME: &'static str = "BinaryHeap";

    fn filled(size: usize) -> Self {
        let all = (0..size as u64).map(|n| Reverse((first_priority(n, size), n)));
        Heap {
            all: all.collect(),
            size,
        }
    }

    #[inline]
    fn operate(&mut self, n: u64) {
        self.all.push(Reverse((priority(n, self.size), n)));
        black_box(self.all.pop());
    }
}
