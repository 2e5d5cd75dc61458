//! The queue across its segments, which hold one or two values in a model: an end that moves on to
//! the next segment, against everything that could miss it.

use hivework_loom_tests::model_within;
use hivework_stm::facade::thread;
use hivework_stm::{TVar, atomically};
use stm_ports::TQueue;

/// A queue of these, one put after the other.
fn queue<T: Clone + Send + Sync + 'static>(values: &[T]) -> TQueue<T> {
    let queue = TQueue::new();
    for value in values {
        queue.put_now(value.clone());
    }
    queue
}

fn take_all<T: Clone + Send + Sync + 'static>(queue: &TQueue<T>) -> Vec<T> {
    atomically(|tx| {
        let len = queue.len(tx)?;
        let values = queue.take_batch(tx, usize::MAX)?;
        assert_eq!(len, values.len());
        Ok(values)
    })
}

#[test]
fn of_two_puts_that_append_none_is_lost() {
    model_within(2, "segments: put against put, both append", || {
        let queue = queue(&[1]);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(2))
        };
        queue.put_now(3);
        other.join().unwrap();
        let all = take_all(&queue);
        assert!(all == [1, 2, 3] || all == [1, 3, 2]);
    });
}

#[test]
fn a_take_finds_the_segment_that_is_appended_or_the_next_does() {
    model_within(2, "segments: a put that appends against takes", || {
        let queue = queue(&[1]);
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || {
                queue.put_now(2);
                queue.put_now(3);
            })
        };
        let taken = [queue.take_now(), queue.take_now()];
        putter.join().unwrap();
        let rest = take_all(&queue);
        let all: Vec<_> = taken.into_iter().flatten().chain(rest).collect();
        assert_eq!(all, [1, 2, 3]);
    });
}

#[test]
fn two_takers_pass_to_the_next_segment_in_order() {
    model_within(1, "segments: take against take across segments", || {
        let queue = queue(&[1, 2, 3]);
        assert_eq!(queue.take_now(), Some(1));
        let other = {
            let queue = queue.clone();
            thread::spawn(move || queue.take_now())
        };
        let taken = [queue.take_now(), other.join().unwrap()];
        assert!(taken == [Some(2), Some(3)] || taken == [Some(3), Some(2)]);
        assert_eq!(take_all(&queue), []);
    });
}

/// The guess at how many were taken is old, and the slot it leads to is that of another.
#[test]
fn a_take_beside_takes_gets_what_is_first() {
    model_within(1, "segments: take against two takes", || {
        let queue = TQueue::new();
        atomically(|tx| queue.put_batch(tx, vec![1, 2, 3]));
        let other = {
            let queue = queue.clone();
            thread::spawn(move || [queue.take_now(), queue.take_now()])
        };
        let ours = queue.take_now();
        let theirs = other.join().unwrap();
        let mut all: Vec<_> = theirs.into_iter().chain([ours]).flatten().collect();
        assert!(theirs[0] < theirs[1]);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
    });
}

#[test]
fn a_batch_across_segments_is_the_front_of_the_queue() {
    model_within(2, "segments: take_batch against put", || {
        let queue = queue(&[1, 2]);
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(3))
        };
        let taken = atomically(|tx| queue.take_batch(tx, usize::MAX));
        putter.join().unwrap();
        let rest = take_all(&queue);
        assert!(taken == [1, 2] || taken == [1, 2, 3]);
        assert_eq!([taken, rest].concat(), [1, 2, 3]);
    });
}

#[test]
fn a_batch_beside_a_put_stays_together() {
    model_within(2, "segments: batch against put, behind a value", || {
        let queue = queue(&[0]);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || atomically(|tx| queue.put_batch(tx, vec![1, 2])))
        };
        queue.put_now(3);
        other.join().unwrap();
        let all = take_all(&queue);
        assert!(all == [0, 1, 2, 3] || all == [0, 3, 1, 2]);
    });
}

#[test]
fn a_value_is_taken_or_cleared() {
    model_within(2, "segments: clear against take", || {
        let queue = queue(&[1, 2]);
        let taker = {
            let queue = queue.clone();
            thread::spawn(move || queue.take_now())
        };
        atomically(|tx| queue.clear(tx));
        let taken = taker.join().unwrap();
        assert!(taken.is_none_or(|value| value == 1));
        assert_eq!(take_all(&queue), []);
        queue.put_now(3);
        assert_eq!(take_all(&queue), [3]);
    });
}

#[test]
fn two_clearings_leave_a_queue_that_works() {
    model_within(1, "segments: clear against clear and put", || {
        let queue = queue(&[1, 2]);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || {
                atomically(|tx| queue.clear(tx));
                queue.put_now(3);
            })
        };
        atomically(|tx| queue.clear(tx));
        other.join().unwrap();
        let all = take_all(&queue);
        assert!(all.is_empty() || all == [3]);
        queue.put_now(4);
        assert_eq!(take_all(&queue), [4]);
    });
}

/// A filled row has its values under no commit's version: what leads to it must vouch for it.
#[test]
fn a_batch_is_seen_with_what_was_written_beside_it() {
    model_within(2, "segments: a batch and a flag against a reader", || {
        let (queue, flag) = (TQueue::new(), TVar::new(false));
        let putter = {
            let (queue, flag) = (queue.clone(), flag.clone());
            thread::spawn(move || {
                atomically(|tx| {
                    flag.write(tx, true)?;
                    queue.put_batch(tx, vec![1_u8, 2])
                });
            })
        };
        atomically(|tx| {
            let before = flag.read(tx)?;
            let seen = queue.try_peek(tx)?;
            assert_eq!(seen.is_some(), before);
            assert_eq!(queue.len(tx)?, if before { 2 } else { 0 });
            Ok(())
        });
        putter.join().unwrap();
    });
}

#[test]
fn a_batch_that_is_taken_comes_with_what_was_written_beside_it() {
    model_within(2, "segments: a batch and a flag against a take", || {
        let (queue, flag) = (queue(&[0_u8]), TVar::new(false));
        let putter = {
            let (queue, flag) = (queue.clone(), flag.clone());
            thread::spawn(move || {
                atomically(|tx| {
                    queue.put_batch(tx, vec![1, 2])?;
                    flag.write(tx, true)
                });
            })
        };
        let taken = atomically(|tx| {
            let taken = [queue.try_take(tx)?, queue.try_take(tx)?];
            assert_eq!(taken[0], Some(0));
            assert_eq!(taken[1].is_some(), flag.read(tx)?);
            Ok(taken)
        });
        putter.join().unwrap();
        let all: Vec<_> = taken
            .into_iter()
            .flatten()
            .chain(take_all(&queue))
            .collect();
        assert_eq!(all, [0, 1, 2]);
    });
}
