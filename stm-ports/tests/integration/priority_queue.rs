//! The priority queue.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::thread;
use std::time::Duration;

use hivework_stm::{StmResult, Transaction, abort, atomically, atomically_or, try_atomically};
use stm_ports::{Ordered, TPriorityQueue};

use crate::support::{Random, start_asleep};

/// A random program of operations, in transactions of random length of which some are rolled
/// back, does to the queue what it does to a `BinaryHeap` of priorities and turns.
#[test]
fn agrees_with_a_binary_heap() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let queue = TPriorityQueue::new();
        let mut model = BinaryHeap::new();
        let mut turns = 0;
        for _ in 0..80 {
            let before = random.next();
            let steps = 1 + random.below(12);
            let roll_back = random.below(4) == 0;
            let (mut after, mut turn) = (model.clone(), turns);
            let outcome = atomically_or(|tx| {
                // The closure may run again: it begins with the same numbers.
                let mut random = Random::new(before);
                after.clone_from(&model);
                turn = turns;
                for _ in 0..steps {
                    step(&mut random, tx, &queue, &mut after, &mut turn)?;
                }
                if roll_back { abort(()) } else { Ok(()) }
            });
            assert_eq!(outcome.is_err(), roll_back, "seed {seed}");
            if !roll_back {
                (model, turns) = (after, turn);
            }
        }
        while let Some(Reverse((priority, turn))) = model.pop() {
            assert_eq!(queue.take_now(), Some((priority, turn)), "seed {seed}");
        }
        assert_eq!(queue.take_now(), None);
    }
}

fn step(
    random: &mut Random,
    tx: &mut Transaction<'_>,
    queue: &TPriorityQueue<usize, u64>,
    model: &mut BinaryHeap<Reverse<(usize, u64)>>,
    turn: &mut u64,
) -> StmResult<()> {
    match random.below(10) {
        0..=4 => {
            let priority = random.below(5) * random.below(5);
            queue.put(tx, priority, *turn)?;
            model.push(Reverse((priority, *turn)));
            *turn += 1;
        }
        5..=6 => assert_eq!(queue.try_take(tx)?, model.pop().map(|first| first.0)),
        7 => {
            let max = random.below(4);
            let taken: Vec<_> = std::iter::from_fn(|| model.pop()).take(max).collect();
            let taken: Vec<_> = taken.into_iter().map(|first| first.0).collect();
            assert_eq!(queue.take_batch(tx, max)?, taken);
        }
        8 => {
            assert_eq!(queue.try_peek(tx)?, model.peek().map(|first| first.0));
            assert_eq!(queue.len(tx)?, model.len());
            assert_eq!(queue.is_empty(tx)?, model.is_empty());
        }
        _ if random.below(10) == 0 => {
            queue.clear(tx)?;
            model.clear();
        }
        _ => {}
    }
    Ok(())
}

#[test]
fn the_kind_traits_do_what_the_queue_does() {
    fn exercise(queue: &(impl Ordered<Item = (u8, char)> + ?Sized)) {
        atomically(|tx| {
            assert!(queue.is_empty(tx)?);
            queue.put(tx, (2, 'c'))?;
            assert_eq!(queue.try_put(tx, (1, 'a'))?, Ok(()));
            queue.put(tx, (1, 'b'))?;
            assert!(!queue.is_full(tx)?);
            assert_eq!(queue.len(tx)?, 3);
            assert_eq!(queue.peek(tx)?, (1, 'a'));
            assert_eq!(queue.take(tx)?, (1, 'a'));
            assert_eq!(queue.try_take(tx)?, Some((1, 'b')));
            assert_eq!(queue.take_batch(tx, 9)?, [(2, 'c')]);
            queue.put(tx, (4, 'x'))?;
            queue.clear(tx)?;
            assert_eq!(queue.try_take(tx)?, None);
            Ok(())
        });
    }
    exercise(&TPriorityQueue::new());
    let dynamic: Box<dyn Ordered<Item = (u8, char)>> = Box::new(TPriorityQueue::new());
    exercise(&*dynamic);
}

#[test]
fn take_and_peek_wait_where_there_is_nothing() {
    let queue = TPriorityQueue::<u8, u8>::new();
    assert_eq!(try_atomically(|tx| queue.take(tx)), None);
    assert_eq!(try_atomically(|tx| queue.peek(tx)), None);
    assert_eq!(queue.take_timeout(Duration::from_millis(1)), None);
    let taker = {
        let queue = queue.clone();
        start_asleep(move || queue.take_blocking())
    };
    queue.put_now(3, 4);
    assert_eq!(taker.answer(), (3, 4));
}

#[test]
fn reversed_priorities_take_the_greatest_first() {
    let queue = TPriorityQueue::new();
    for n in [3, 9, 5] {
        queue.put_now(Reverse(n), n);
    }
    let taken = atomically(|tx| queue.take_batch(tx, 3));
    assert_eq!(
        taken.into_iter().map(|first| first.1).collect::<Vec<_>>(),
        [9, 5, 3]
    );
}

/// Also among equals of one putter, while others put and take.
#[test]
fn each_putters_values_come_in_order_and_once() {
    const EACH: u64 = 3_000;
    let queue = TPriorityQueue::new();
    let taken = thread::scope(|scope| {
        for putter in 0..2_u64 {
            let queue = &queue;
            scope.spawn(move || {
                let mut random = Random::new(putter);
                for n in 0..EACH {
                    queue.put_now(random.below(3), (putter, n));
                }
            });
        }
        let takers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..EACH).map(|_| queue.take_blocking()).collect::<Vec<_>>()))
            .collect();
        let taken = takers.into_iter().map(|taker| taker.join().unwrap());
        taken.collect::<Vec<_>>()
    });
    for taken in &taken {
        for putter in 0..2 {
            for priority in 0..3 {
                let own = taken
                    .iter()
                    .filter(|(p, (by, _))| (*p, *by) == (priority, putter));
                assert!(
                    own.map(|(_, (_, n))| n)
                        .is_sorted_by(|one, other| one < other)
                );
            }
        }
    }
    let mut all: Vec<_> = taken.concat().into_iter().map(|first| first.1).collect();
    all.sort_unstable();
    let put: Vec<_> = (0..2)
        .flat_map(|putter| (0..EACH).map(move |n| (putter, n)))
        .collect();
    assert_eq!(all, put);
}
