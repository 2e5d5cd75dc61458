//! Those who are blocked are served in order of arrival, and nothing is lost on the way to them.
//! Shown on the queue, whose takers stand in a line.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hivework_stm::{BlockHook, abort, atomically, atomically_or, set_block_hook};
use stm_ports::TQueue;

use crate::support::{AGES, Running, start, start_asleep, start_held};

fn taker<T: Clone + Send + Sync + 'static>(queue: &TQueue<T>) -> Running<T> {
    let queue = queue.clone();
    start_asleep(move || queue.take_blocking())
}

#[test]
fn takers_are_served_in_order_of_arrival() {
    let queue = TQueue::new();
    let takers: Vec<_> = (0..8).map(|_| taker(&queue)).collect();
    for n in 0..4 {
        queue.put_now(n);
    }
    atomically(|tx| queue.put_batch(tx, (4..10).collect()));
    for (n, taker) in takers.into_iter().enumerate() {
        assert_eq!(taker.answer(), n);
    }
    assert_eq!(atomically(|tx| queue.take_batch(tx, 9)), [8, 9]);
}

#[test]
fn one_that_leaves_makes_room_for_those_behind() {
    let queue = TQueue::new();
    let leaves = |queue: &TQueue<u8>| {
        let queue = queue.clone();
        start_held(move || queue.take_timeout(Duration::from_millis(1)))
    };
    // First, in the middle and last in the line.
    let first = leaves(&queue);
    let early = taker(&queue);
    let middle = leaves(&queue);
    let late = taker(&queue);
    let last = leaves(&queue);
    for gone in [first, middle, last] {
        assert_eq!(gone.go(), None);
    }
    queue.put_now(1);
    queue.put_now(2);
    queue.put_now(3);
    assert_eq!((early.answer(), late.answer()), (1, 2));
    assert_eq!(queue.take_now(), Some(3));
}

#[test]
fn a_put_that_is_rolled_back_serves_nobody() {
    let queue = TQueue::new();
    let taker = taker(&queue);
    let refused = atomically_or(|tx| {
        queue.put(tx, 1)?;
        queue.put(tx, 2)?;
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    queue.put_now(3);
    assert_eq!(taker.answer(), 3);
    assert_eq!(queue.take_now(), None);
}

#[test]
fn a_branch_that_waits_serves_nobody() {
    let queue = TQueue::new();
    let taker = taker(&queue);
    atomically(|tx| {
        tx.or_else(
            |tx| {
                queue.put(tx, 1)?;
                hivework_stm::retry()
            },
            |tx| queue.put(tx, 2),
        )
    });
    assert_eq!(taker.answer(), 2);
    assert_eq!(queue.take_now(), None);
}

#[test]
fn a_transaction_beside_the_line_is_served_as_well() {
    let queue = TQueue::new();
    let beside = {
        let queue = queue.clone();
        start_asleep(move || atomically(|tx| queue.take(tx)))
    };
    let blocked = taker(&queue);
    queue.put_now(1);
    queue.put_now(2);
    let mut both = [blocked.answer(), beside.answer()];
    both.sort_unstable();
    assert_eq!(both, [1, 2]);
}

/// To a transaction, what it has put is there, whoever waits for it.
#[test]
fn what_is_put_can_be_taken_back_by_the_same_transaction() {
    let queue = TQueue::new();
    let blocked = taker(&queue);
    let (taken, len) = atomically(|tx| {
        queue.put(tx, 1)?;
        queue.put(tx, 2)?;
        Ok((queue.take(tx)?, queue.len(tx)?))
    });
    assert_eq!((taken, len), (1, 1));
    assert_eq!(blocked.answer(), 2);
}

/// Takers without pause do not queue behind one that sleeps.
#[test]
fn who_comes_while_there_is_a_value_does_not_wait() {
    let queue = TQueue::new();
    let sleeps = {
        let queue = queue.clone();
        start_held(move || queue.take_blocking())
    };
    queue.put_now(1);
    assert_eq!(queue.take_blocking(), 1);
    queue.put_now(2);
    assert_eq!(sleeps.go(), 2);
}

/// Takers with limits so short that about every other one leaves, against puts: each value goes to
/// one of them, or stays.
#[test]
fn a_time_out_beside_a_put_loses_nothing_and_doubles_nothing() {
    const VALUES: u64 = if cfg!(miri) { 20 } else { 5_000 };
    let queue = TQueue::new();
    let done = Arc::new(AtomicBool::new(false));
    let takers: Vec<_> = (0..3)
        .map(|n: u64| {
            let (queue, done) = (queue.clone(), Arc::clone(&done));
            start(move || {
                let mut taken = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    taken.extend(queue.take_timeout(Duration::from_micros(1 + 20 * n)));
                }
                taken
            })
        })
        .collect();
    for n in 0..VALUES {
        queue.put_now(n);
        std::thread::yield_now();
    }
    done.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for taken in takers.into_iter().map(Running::answer) {
        assert!(taken.is_sorted(), "a value was overtaken");
        all.extend(taken);
    }
    all.extend(atomically(|tx| queue.take_batch(tx, usize::MAX)));
    all.sort_unstable();
    assert_eq!(all, (0..VALUES).collect::<Vec<_>>());
}

#[test]
fn a_limit_of_zero_asks_once_and_a_boundless_one_waits() {
    let queue = TQueue::new();
    assert_eq!(queue.take_timeout(Duration::ZERO), None);
    queue.put_now(1);
    assert_eq!(queue.take_timeout(Duration::ZERO), Some(1));
    let taker = {
        let queue = queue.clone();
        start_asleep(move || queue.take_timeout(Duration::MAX))
    };
    queue.put_now(2);
    assert_eq!(taker.answer(), Some(2));
}

/// The waiter is served while it goes to sleep, and panics instead.
#[test]
fn what_a_waiter_was_served_that_panics_goes_to_the_next() {
    #[derive(Debug)]
    struct Serves(TQueue<u8>);
    impl BlockHook for Serves {
        fn block(&self) {
            self.0.put_now(1);
            panic!("in the hook");
        }
        fn unblock(&self) {}
    }
    let queue = TQueue::new();
    let panics = {
        let queue = queue.clone();
        start(move || {
            set_block_hook(Some(Arc::new(Serves(queue.clone()))));
            let taking = std::panic::AssertUnwindSafe(|| queue.take_blocking());
            let panic = std::panic::catch_unwind(taking).unwrap_err();
            panic.downcast_ref::<&str>().copied()
        })
    };
    assert_eq!(panics.answer(), Some("in the hook"));
    assert_eq!(queue.take_timeout(AGES), Some(1));
}

#[test]
fn a_waiter_that_panics_unserved_leaves_the_line() {
    #[derive(Debug)]
    struct Panics;
    impl BlockHook for Panics {
        fn block(&self) {
            panic!("in the hook");
        }
        fn unblock(&self) {}
    }
    let queue = TQueue::<u8>::new();
    let panics = {
        let queue = queue.clone();
        start(move || {
            set_block_hook(Some(Arc::new(Panics)));
            let taking = std::panic::AssertUnwindSafe(|| queue.take_blocking());
            std::panic::catch_unwind(taking).is_err()
        })
    };
    assert!(panics.answer());
    queue.put_now(1);
    assert_eq!(queue.take_now(), Some(1));
}

/// A value whose first clone panics.
#[derive(Debug)]
struct Fragile(Arc<AtomicUsize>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "broken");
        Fragile(Arc::clone(&self.0))
    }
}

#[test]
fn a_value_whose_clone_panics_in_the_waiters_hands_goes_to_the_next() {
    let queue = TQueue::new();
    let breaks = {
        let queue = queue.clone();
        start_asleep(move || {
            let taking = std::panic::AssertUnwindSafe(|| queue.take_blocking());
            std::panic::catch_unwind(taking).is_err()
        })
    };
    let next = taker(&queue);
    let value = Fragile(Arc::default());
    let mut put = Some(value);
    atomically(|tx| match put.take() {
        Some(value) => queue.put(tx, value),
        None => Ok(()),
    });
    assert!(breaks.answer());
    assert!(next.answer().0.load(Ordering::SeqCst) > 1);
}
