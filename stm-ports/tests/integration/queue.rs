//! The queue, one thread at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hivework_stm::{TVar, abort, atomically, atomically_or, check, try_atomically};
use proptest::prelude::*;
use stm_ports::{Container, Ordered, TQueue};

use crate::model::{config, programs, run};
use crate::support::{Counted, eventually, soon};

#[derive(Clone, Debug)]
enum Operation {
    Put(u64),
    PutBatch(usize),
    Take,
    TakeBatch(usize),
    Peek,
    Look,
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => any::<u64>().prop_map(Operation::Put),
        // Some are worth a segment of their own, and some are longer than any other.
        2 => (0_usize..30).prop_map(Operation::PutBatch),
        1 => (200_usize..600).prop_map(Operation::PutBatch),
        6 => Just(Operation::Take),
        2 => (0_usize..40).prop_map(Operation::TakeBatch),
        1 => (0_usize..700).prop_map(Operation::TakeBatch),
        2 => Just(Operation::Peek),
        2 => Just(Operation::Look),
        1 => Just(Operation::Clear),
    ]
}

/// Numbers lie in the rows themselves, and are not unset; other values do not, and are.
fn agrees<T>(program: &[(Vec<Operation>, bool)], value: impl Fn(u64) -> T)
where
    T: Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static,
{
    let queue = TQueue::new();
    let model = run(program, VecDeque::new(), |tx, model, operation| {
        match *operation {
            Operation::Put(n) => {
                queue.put(tx, value(n))?;
                model.push_back(value(n));
            }
            Operation::PutBatch(len) => {
                let values: Vec<_> = (0..len as u64).map(&value).collect();
                model.extend(values.iter().cloned());
                queue.put_batch(tx, values)?;
            }
            Operation::Take => assert_eq!(queue.try_take(tx)?, model.pop_front()),
            Operation::TakeBatch(max) => {
                let expected: Vec<_> = model.drain(..max.min(model.len())).collect();
                assert_eq!(queue.take_batch(tx, max)?, expected);
            }
            Operation::Peek => assert_eq!(queue.try_peek(tx)?, model.front().cloned()),
            Operation::Look => {
                assert_eq!(queue.len(tx)?, model.len());
                assert_eq!(queue.is_empty(tx)?, model.is_empty());
                assert!(!queue.is_full(tx)?);
            }
            Operation::Clear => {
                queue.clear(tx)?;
                model.clear();
            }
        }
        Ok(())
    });
    let rest = atomically(|tx| queue.take_batch(tx, usize::MAX));
    assert_eq!(rest, Vec::from(model));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_a_vec_deque(program in programs(operation())) {
        agrees(&program, |n| n);
        agrees(&program, |n| n.to_string());
    }
}

#[test]
fn the_kind_traits_do_what_the_queue_does() {
    fn exercise(container: &(impl Ordered<Item = u8> + ?Sized)) {
        atomically(|tx| {
            assert!(container.is_empty(tx)?);
            container.put(tx, 1)?;
            assert_eq!(container.try_put(tx, 2)?, Ok(()));
            container.put(tx, 3)?;
            assert!(!container.is_full(tx)?);
            assert_eq!(container.len(tx)?, 3);
            assert_eq!(container.peek(tx)?, 1);
            assert_eq!(container.take(tx)?, 1);
            assert_eq!(container.try_take(tx)?, Some(2));
            assert_eq!(container.take_batch(tx, 9)?, [3]);
            container.put(tx, 4)?;
            container.clear(tx)?;
            assert_eq!(container.try_take(tx)?, None);
            Ok(())
        });
    }
    exercise(&TQueue::new());
    let dynamic: Box<dyn Ordered<Item = u8>> = Box::new(TQueue::new());
    exercise(&*dynamic);
}

#[test]
fn take_and_peek_wait_where_there_is_nothing() {
    let queue = TQueue::<u8>::new();
    assert_eq!(try_atomically(|tx| queue.take(tx)), None);
    assert_eq!(try_atomically(|tx| queue.peek(tx)), None);
    assert_eq!(queue.take_now(), None);
    assert_eq!(queue.take_timeout(Duration::from_millis(1)), None);
    queue.put_now(7);
    assert_eq!(atomically(|tx| queue.peek(tx)), 7);
    assert_eq!(queue.take_timeout(Duration::from_secs(60)), Some(7));
}

#[test]
fn a_put_that_is_rolled_back_was_never_there() {
    let queue = TQueue::new();
    queue.put_now(1);
    let refused = atomically_or(|tx| {
        queue.put(tx, 2)?;
        queue.put_batch(tx, vec![3, 4])?;
        assert_eq!(queue.take(tx)?, 1);
        abort::<(), _>("no")
    });
    assert_eq!(refused, Err("no"));
    assert_eq!(atomically(|tx| queue.take_batch(tx, 10)), [1]);
}

#[test]
fn a_branch_that_waits_puts_back_what_it_took() {
    let (queue, ready) = (TQueue::new(), TVar::new(false));
    queue.put_now(1);
    let taken = atomically(|tx| {
        tx.or_else(
            |tx| {
                let value = queue.take(tx)?;
                check(ready.read(tx)?)?;
                Ok(Some(value))
            },
            |_| Ok(None),
        )
    });
    assert_eq!(taken, None);
    assert_eq!(queue.take_now(), Some(1));
}

#[test]
fn a_clear_that_is_rolled_back_clears_nothing() {
    let queue = TQueue::new();
    atomically(|tx| queue.put_batch(tx, (0..200).collect()));
    let refused = atomically_or(|tx| {
        queue.clear(tx)?;
        queue.put(tx, 1000)?;
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    let all = atomically(|tx| queue.take_batch(tx, usize::MAX));
    assert_eq!(all, (0..200).collect::<Vec<_>>());
}

#[test]
fn a_clear_leaves_what_is_put_after_it() {
    let queue = TQueue::new();
    atomically(|tx| {
        queue.put_batch(tx, (0..200).collect())?;
        queue.clear(tx)?;
        queue.put(tx, 1000)
    });
    queue.put_now(1001);
    assert_eq!(atomically(|tx| queue.len(tx)), 2);
    assert_eq!(atomically(|tx| queue.take_batch(tx, 5)), [1000, 1001]);
}

#[test]
fn debug_tells_the_length() {
    let queue = TQueue::new();
    queue.put_now(1);
    queue.put_now(2);
    assert_eq!(format!("{queue:?}"), "TQueue { len: 2, .. }");
}

#[test]
fn clones_are_the_same_queue() {
    let queue = TQueue::new();
    let other = queue.clone();
    other.put_now(5);
    assert!(queue.ptr_eq(&other) && !queue.ptr_eq(&TQueue::new()));
    assert_eq!(queue.take_now(), Some(5));
}

/// A chain of a million links goes without a stack frame for each, and its values
/// go soon, not one for each grace period.
#[test]
fn a_queue_of_a_million_values_drops_all_of_them() {
    const MILLION: usize = 1_000_000;
    let count = Arc::new(AtomicUsize::new(0));
    let queue = TQueue::new();
    for _ in 0..MILLION / 1000 {
        let values = (0..1000).map(|_| Arc::new(Counted::new(&count))).collect();
        let mut values = Some(values);
        atomically(|tx| queue.put_batch(tx, values.take().unwrap_or_default()));
    }
    assert_eq!(count.load(Ordering::SeqCst), MILLION);
    drop(queue);
    soon("nearly all dropped", || count.load(Ordering::SeqCst) < 1000);
    eventually("all dropped", || count.load(Ordering::SeqCst) == 0);
}

#[test]
fn a_queue_dropped_inside_a_transaction_drops_its_values() {
    let count = Arc::new(AtomicUsize::new(0));
    let mut queue = Some(TQueue::new());
    for _ in 0..100_000 {
        queue.as_ref().unwrap().put_now(Counted::new(&count));
    }
    let other = TVar::new(0);
    atomically(|tx| {
        queue = None;
        other.write(tx, 1)
    });
    soon("nearly all dropped", || count.load(Ordering::SeqCst) < 1000);
    eventually("all dropped", || count.load(Ordering::SeqCst) == 0);
}

#[test]
fn a_cleared_queue_drops_its_values() {
    let count = Arc::new(AtomicUsize::new(0));
    let queue = TQueue::new();
    for _ in 0..100_000 {
        queue.put_now(Counted::new(&count));
    }
    atomically(|tx| queue.clear(tx));
    soon("nearly all dropped", || count.load(Ordering::SeqCst) < 1000);
    eventually("all dropped", || count.load(Ordering::SeqCst) == 0);
    assert!(queue.take_now().is_none());
}

/// Were the links that are passed not cut, they would go one for each grace period
/// of the engine, and nearly all would still be there at the end.
#[test]
fn a_busy_queue_keeps_no_trail_of_taken_values() {
    let count = Arc::new(AtomicUsize::new(0));
    let queue = TQueue::new();
    for round in 0..25_000 {
        queue.put_now(Counted::new(&count));
        queue.put_now(Counted::new(&count));
        if round % 2 == 0 {
            assert_eq!(atomically(|tx| queue.take_batch(tx, 2)).len(), 2);
        } else {
            assert!(queue.take_now().is_some() && queue.take_now().is_some());
        }
    }
    soon("the trail is gone", || count.load(Ordering::SeqCst) < 1000);
}

#[test]
#[should_panic(expected = "inside another")]
fn a_blocking_take_inside_a_transaction_panics() {
    let queue = TQueue::<u8>::new();
    atomically(|_| Ok(queue.take_blocking()));
}

/// Links that are made filled hang on each other, even though nobody ever sees
/// them.
#[test]
fn a_batch_that_is_rolled_back_drops_its_values() {
    let count = Arc::default();
    let queue = TQueue::new();
    let rolled_back = atomically_or(|tx| {
        let values = (0..10_000).map(|_| Counted::new(&count)).collect();
        queue.put_batch(tx, values)?;
        abort::<(), _>(())
    });
    assert_eq!(rolled_back, Err(()));
    soon("nearly all dropped", || count.load(Ordering::SeqCst) < 100);
}
