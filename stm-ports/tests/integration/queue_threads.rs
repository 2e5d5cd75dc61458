//! The queue, many threads at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hivework_stm::{TVar, atomically, check};
use stm_ports::TQueue;

use crate::support::{Counted, Random, soon, start, start_asleep};

const PUTTERS: u64 = 3;
const TAKERS: u64 = 3;
const EACH: u64 = 4_000;

/// Every value is taken exactly once, and each taker sees the values of each
/// putter in the order in which they were put, however puts and takes are batched.
#[test]
fn nothing_is_lost_doubled_or_overtaken() {
    let queue = TQueue::new();
    let putters: Vec<_> = (0..PUTTERS)
        .map(|putter| {
            let queue = queue.clone();
            start(move || {
                let mut random = Random::new(putter);
                let mut next = 0;
                while next < EACH {
                    let count = (1 + random.below(4) as u64).min(EACH - next);
                    let values: Vec<_> = (next..next + count).map(|n| (putter, n)).collect();
                    if count == 1 {
                        queue.put_now(values[0]);
                    } else {
                        atomically(|tx| queue.put_batch(tx, values.clone()));
                    }
                    next += count;
                }
            })
        })
        .collect();
    let left = TVar::new(PUTTERS * EACH);
    let takers: Vec<_> = (0..TAKERS)
        .map(|taker| {
            let (queue, left) = (queue.clone(), left.clone());
            start(move || {
                let mut random = Random::new(100 + taker);
                let mut taken = Vec::new();
                loop {
                    let max = 1 + random.below(4);
                    let values = atomically(|tx| {
                        let remaining = left.read(tx)?;
                        if remaining == 0 {
                            return Ok(Vec::new());
                        }
                        let values = queue.take_batch(tx, max)?;
                        check(!values.is_empty())?;
                        left.write(tx, remaining - values.len() as u64)?;
                        Ok(values)
                    });
                    if values.is_empty() {
                        return taken;
                    }
                    taken.extend(values);
                }
            })
        })
        .collect();
    for putter in putters {
        putter.answer();
    }
    let mut all = Vec::new();
    for taken in takers.into_iter().map(|taker| taker.answer()) {
        for putter in 0..PUTTERS {
            let seen: Vec<_> = taken.iter().filter(|value| value.0 == putter).collect();
            assert!(seen.is_sorted(), "a value of {putter} was overtaken");
        }
        all.extend(taken);
    }
    all.sort_unstable();
    let expected: Vec<_> = (0..PUTTERS)
        .flat_map(|putter| (0..EACH).map(move |n| (putter, n)))
        .collect();
    assert_eq!(all, expected);
}

#[test]
fn a_blocking_take_is_woken_by_a_put() {
    let (queue, answers) = (TQueue::new(), TQueue::new());
    let taker = start({
        let (queue, answers) = (queue.clone(), answers.clone());
        move || {
            for _ in 0..1000 {
                answers.put_now(queue.take_blocking() + 1);
            }
        }
    });
    // Each side waits for the other a thousand times.
    for n in 0..1000 {
        queue.put_now(n);
        assert_eq!(answers.take_blocking(), n + 1);
    }
    taker.answer();
}

#[test]
fn every_waiting_taker_gets_one_of_a_batch() {
    let queue = TQueue::new();
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            start_asleep(move || queue.take_blocking())
        })
        .collect();
    atomically(|tx| queue.put_batch(tx, vec![1, 2, 3, 4]));
    let mut taken: Vec<i32> = takers.into_iter().map(|taker| taker.answer()).collect();
    taken.sort_unstable();
    assert_eq!(taken, [1, 2, 3, 4]);
}

/// What moves from one queue to another is in exactly one of them at any time.
#[test]
fn a_move_between_queues_is_one_step() {
    const VALUES: usize = 8;
    let (here, there) = (TQueue::new(), TQueue::new());
    atomically(|tx| here.put_batch(tx, (0..VALUES).collect()));
    let stop = Arc::new(AtomicBool::new(false));
    let movers: Vec<_> = [(&here, &there), (&there, &here)]
        .map(|(from, to)| {
            let (from, to, stop) = (from.clone(), to.clone(), Arc::clone(&stop));
            start(move || {
                while !stop.load(Ordering::Relaxed) {
                    atomically(|tx| match from.try_take(tx)? {
                        Some(value) => to.put(tx, value),
                        None => Ok(()),
                    });
                }
            })
        })
        .into_iter()
        .collect();
    for _ in 0..2000 {
        let seen = atomically(|tx| Ok(here.len(tx)? + there.len(tx)?));
        assert_eq!(seen, VALUES);
    }
    stop.store(true, Ordering::Relaxed);
    for mover in movers {
        mover.answer();
    }
}

/// Clearing beside putters and takers: what is taken and what was cleared is all
/// there was.
#[test]
fn a_clear_beside_puts_and_takes_loses_count_of_nothing() {
    let queue = TQueue::new();
    let putter = start({
        let queue = queue.clone();
        move || (0..5_000_u32).for_each(|n| queue.put_now(n))
    });
    let taker = start({
        let queue = queue.clone();
        move || {
            let mut taken = Vec::new();
            while taken.last() != Some(&u32::MAX) {
                taken.push(queue.take_blocking());
            }
            taken
        }
    });
    let mut cleared = 0;
    for _ in 0..500 {
        cleared += atomically(|tx| {
            let len = queue.len(tx)?;
            queue.clear(tx)?;
            Ok(len)
        });
    }
    putter.answer();
    queue.put_now(u32::MAX);
    let taken = taker.answer();
    assert!(taken.is_sorted());
    assert_eq!(taken.len() + cleared, 5_001);
}

/// The last handles go on two threads, one of which ends, with a value inside.
#[test]
fn what_is_in_a_queue_goes_whichever_thread_lets_go_of_it_last() {
    const ROUNDS: usize = if cfg!(miri) { 3 } else { 2_000 };
    let alive = Arc::new(AtomicUsize::new(0));
    for _ in 0..ROUNDS {
        let queue = TQueue::new();
        queue.put_now(Counted::new(&alive));
        let other = {
            let (queue, alive) = (queue.clone(), Arc::clone(&alive));
            start(move || {
                queue.put_now(Counted::new(&alive));
                drop(queue);
            })
        };
        drop(queue.take_now());
        drop(queue);
        other.answer();
    }
    soon("all values have gone", || alive.load(Ordering::SeqCst) == 0);
}
