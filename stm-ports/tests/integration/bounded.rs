//! The queue with a capacity.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use hivework_stm::{TVar, atomically, check, try_atomically};
use proptest::prelude::*;
use stm_ports::{Ordered, TBoundedQueue};

use crate::model::{config, programs, run};
use crate::support::{AGES, Running, start, start_asleep, start_held};

fn of<T: Clone + Send + Sync + 'static>(capacity: usize) -> TBoundedQueue<T> {
    TBoundedQueue::new(NonZeroUsize::new(capacity).unwrap())
}

#[derive(Clone, Debug)]
enum Operation {
    Put(u8),
    Take,
    Batch(usize),
    Peek,
    Ask,
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => any::<u8>().prop_map(Operation::Put),
        3 => Just(Operation::Take),
        1 => (0_usize..4).prop_map(Operation::Batch),
        1 => Just(Operation::Peek),
        2 => Just(Operation::Ask),
        1 => Just(Operation::Clear),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_a_vec_deque_of_a_bounded_length(
        capacity in 1_usize..5,
        program in programs(operation()),
    ) {
        let queue = of(capacity);
        let model = run(&program, VecDeque::new(), |tx, model, operation| {
            match *operation {
                Operation::Put(value) => {
                    let expected = if model.len() < capacity {
                        model.push_back(value);
                        Ok(())
                    } else {
                        Err(value)
                    };
                    assert_eq!(queue.try_put(tx, value)?, expected);
                }
                Operation::Take => assert_eq!(queue.try_take(tx)?, model.pop_front()),
                Operation::Batch(max) => {
                    let expected: Vec<_> = model.drain(..max.min(model.len())).collect();
                    assert_eq!(queue.take_batch(tx, max)?, expected);
                }
                Operation::Peek => assert_eq!(queue.try_peek(tx)?, model.front().copied()),
                Operation::Ask => {
                    assert_eq!(queue.len(tx)?, model.len());
                    assert_eq!(queue.is_empty(tx)?, model.is_empty());
                    assert_eq!(queue.is_full(tx)?, model.len() == capacity);
                }
                Operation::Clear => {
                    queue.clear(tx)?;
                    model.clear();
                }
            }
            Ok(())
        });
        prop_assert_eq!(atomically(|tx| queue.take_batch(tx, 9)), Vec::from(model));
    }
}

#[test]
fn the_kind_traits_do_what_the_queue_does() {
    let queue: Box<dyn Ordered<Item = u8>> = Box::new(of(2));
    atomically(|tx| {
        assert!(queue.is_empty(tx)?);
        queue.put(tx, 1)?;
        queue.put(tx, 2)?;
        assert!(queue.is_full(tx)?);
        assert_eq!(queue.try_put(tx, 3)?, Err(3));
        assert_eq!(queue.len(tx)?, 2);
        assert_eq!(queue.peek(tx)?, 1);
        assert_eq!(queue.take(tx)?, 1);
        assert_eq!(queue.try_take(tx)?, Some(2));
        queue.put(tx, 4)?;
        assert_eq!(queue.take_batch(tx, 9)?, [4]);
        queue.put(tx, 5)?;
        queue.clear(tx)?;
        assert_eq!(queue.try_take(tx)?, None);
        Ok(())
    });
}

#[test]
fn a_full_queue_waits_or_gives_back() {
    let queue = of(1);
    assert_eq!(queue.put_now(1), Ok(()));
    assert_eq!(queue.put_now(2), Err(2));
    assert_eq!(try_atomically(|tx| queue.put(tx, 2)), None);
    assert_eq!(queue.put_timeout(2, Duration::ZERO), Err(2));
    assert_eq!(queue.put_timeout(2, Duration::from_millis(1)), Err(2));
    assert_eq!(queue.take_timeout(AGES), Some(1));
    assert_eq!(queue.take_timeout(Duration::from_millis(1)), None);
    assert_eq!(try_atomically(|tx| queue.take(tx)), None);
    assert_eq!(try_atomically(|tx| queue.peek(tx)), None);
    assert_eq!(queue.put_timeout(2, AGES), Ok(()));
    assert_eq!(queue.take_blocking(), 2);
    assert_eq!(queue.capacity().get(), 1);
    assert!(queue.ptr_eq(&queue.clone()) && !queue.ptr_eq(&of(1)));
    assert!(format!("{queue:?}").starts_with("TBoundedQueue { capacity: 1"));
}

#[test]
fn putters_are_let_in_in_order_of_arrival() {
    let queue = of(2);
    queue.put_blocking(0);
    queue.put_blocking(1);
    let putters: Vec<_> = (2..8)
        .map(|n| {
            let queue = queue.clone();
            start_asleep(move || queue.put_blocking(n))
        })
        .collect();
    for n in 0..8 {
        assert_eq!(queue.take_blocking(), n);
    }
    putters.into_iter().for_each(Running::answer);
    assert!(atomically(|tx| queue.is_empty(tx)));
}

#[test]
fn a_clear_lets_in_as_many_putters_as_there_is_room_for() {
    let queue = of(2);
    queue.put_blocking(0);
    queue.put_blocking(1);
    let putters: Vec<_> = (2..4)
        .map(|n| {
            let queue = queue.clone();
            start_asleep(move || queue.put_blocking(n))
        })
        .collect();
    atomically(|tx| queue.clear(tx));
    putters.into_iter().for_each(Running::answer);
    assert_eq!(atomically(|tx| queue.take_batch(tx, 9)), [2, 3]);
}

#[test]
fn takers_are_served_in_order_of_arrival() {
    let queue = of(1);
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            start_asleep(move || queue.take_blocking())
        })
        .collect();
    (0..5).for_each(|n| queue.put_blocking(n));
    for (n, taker) in takers.into_iter().enumerate() {
        assert_eq!(taker.answer(), n);
    }
    assert_eq!(queue.take_now(), Some(4));
}

#[test]
fn a_putter_that_gives_up_leaves_the_line_with_its_value() {
    let queue = of(1);
    queue.put_blocking(0);
    let gives_up = {
        let queue = queue.clone();
        start_held(move || queue.put_timeout(1, Duration::from_millis(1)))
    };
    let stays = {
        let queue = queue.clone();
        start_asleep(move || queue.put_blocking(2))
    };
    assert_eq!(gives_up.go(), Err(1));
    assert_eq!(queue.take_now(), Some(0));
    stays.answer();
    assert_eq!(queue.take_now(), Some(2));
    assert_eq!(queue.take_now(), None);
}

#[test]
fn a_put_in_a_transaction_waits_with_all_of_it_until_there_is_room() {
    let (queue, sent) = (of(1), TVar::new(0));
    queue.put_blocking(0);
    let putter = {
        let (queue, sent) = (queue.clone(), sent.clone());
        start_asleep(move || {
            atomically(|tx| {
                sent.modify(tx, |n| n + 1)?;
                queue.put(tx, 1)
            })
        })
    };
    assert_eq!(sent.load(), 0);
    assert_eq!(queue.take_now(), Some(0));
    putter.answer();
    assert_eq!((sent.load(), queue.take_now()), (1, Some(1)));
}

#[test]
fn a_transaction_beside_the_line_puts_as_well() {
    let queue = of(1);
    queue.put_blocking(0);
    let beside = {
        let queue = queue.clone();
        start_asleep(move || atomically(|tx| queue.put(tx, 2)))
    };
    let blocked = {
        let queue = queue.clone();
        start_asleep(move || queue.put_blocking(1))
    };
    assert_eq!(queue.take_now(), Some(0));
    let mut both = [queue.take_blocking(), queue.take_blocking()];
    both.sort_unstable();
    assert_eq!(both, [1, 2]);
    blocked.answer();
    beside.answer();
}

/// Producers and consumers of every form over a short queue, some of which give up now and then:
/// each value arrives once, in its producer's order, and there are never too many.
#[test]
fn nothing_is_lost_doubled_or_overtaken() {
    const EACH: u64 = if cfg!(miri) { 10 } else { 2_000 };
    const CAPACITY: usize = 3;
    let queue = of(CAPACITY);
    let left = TVar::new(4 * EACH);
    let producers: Vec<_> = (0..4_u64)
        .map(|form| {
            let queue = queue.clone();
            start(move || {
                for n in 0..EACH {
                    let value = (form, n);
                    match form {
                        0 => queue.put_blocking(value),
                        1 => atomically(|tx| queue.put(tx, value)),
                        2 => while queue.put_timeout(value, Duration::from_micros(5)).is_err() {},
                        _ => {
                            while queue.put_now(value).is_err() {
                                std::thread::yield_now();
                            }
                        }
                    }
                }
            })
        })
        .collect();
    let consumers: Vec<_> = (0..3)
        .map(|form| {
            let (queue, left) = (queue.clone(), left.clone());
            start(move || {
                let mut taken: Vec<(u64, u64)> = Vec::new();
                while left.load() > 0 {
                    let before = taken.len();
                    match form {
                        0 => taken.extend(queue.take_timeout(Duration::from_millis(1))),
                        1 => taken.extend(atomically(|tx| {
                            assert!(queue.len(tx)? <= CAPACITY);
                            let values = queue.take_batch(tx, 2)?;
                            check(!values.is_empty() || left.read(tx)? == 0)?;
                            Ok(values)
                        })),
                        _ => taken.extend(queue.take_timeout(Duration::from_micros(1))),
                    }
                    left.update(|left| left - (taken.len() - before) as u64);
                }
                taken
            })
        })
        .collect();
    producers.into_iter().for_each(Running::answer);
    let mut all = Vec::new();
    for taken in consumers.into_iter().map(Running::answer) {
        for producer in 0..4 {
            let seen: Vec<_> = taken.iter().filter(|value| value.0 == producer).collect();
            assert!(seen.is_sorted(), "a value of {producer} was overtaken");
        }
        all.extend(taken);
    }
    all.sort_unstable();
    let expected: Vec<_> = (0..4)
        .flat_map(|form| (0..EACH).map(move |n| (form, n)))
        .collect();
    assert_eq!(all, expected);
}

#[test]
#[should_panic(expected = "inside another")]
fn a_blocking_put_inside_a_transaction_panics() {
    let queue = of(1);
    atomically(|_| {
        queue.put_blocking(1);
        Ok(())
    });
}
