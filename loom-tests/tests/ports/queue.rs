//! The queue where its ends meet: empty, or nearly so.

use hivework_loom_tests::{model, model_within};
use hivework_stm::atomically;
use hivework_stm::facade::thread;
use stm_ports::TQueue;

fn rest(queue: &TQueue<u8>) -> Vec<u8> {
    atomically(|tx| {
        let len = queue.len(tx)?;
        let values = queue.take_batch(tx, usize::MAX)?;
        assert_eq!(len, values.len());
        assert!(queue.is_empty(tx)?);
        Ok(values)
    })
}

#[test]
fn a_put_into_an_empty_queue_is_taken_or_still_there() {
    model("queue: put against take, empty", || {
        let queue = TQueue::new();
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(1))
        };
        let taken = queue.take_now();
        putter.join().unwrap();
        let rest = rest(&queue);
        assert_eq!(taken.into_iter().chain(rest).collect::<Vec<_>>(), [1]);
    });
}

#[test]
fn a_waiting_take_gets_the_put() {
    model("queue: put against a take that waits", || {
        let queue = TQueue::new();
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(1))
        };
        assert_eq!(queue.take_blocking(), 1);
        putter.join().unwrap();
        assert_eq!(rest(&queue), []);
    });
}

#[test]
fn puts_beside_takes_keep_their_order() {
    model("queue: two puts against two takes", || {
        let queue = TQueue::new();
        queue.put_now(1);
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(2))
        };
        let taken = [queue.take_now(), queue.take_now()];
        putter.join().unwrap();
        let rest = rest(&queue);
        let all: Vec<_> = taken.into_iter().flatten().chain(rest).collect();
        assert_eq!(all, [1, 2]);
    });
}

#[test]
fn one_value_goes_to_one_taker() {
    model("queue: take against take", || {
        let queue = TQueue::new();
        queue.put_now(1);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || queue.take_now())
        };
        let taken = [queue.take_now(), other.join().unwrap()];
        assert!(taken == [Some(1), None] || taken == [None, Some(1)]);
    });
}

#[test]
fn puts_of_two_threads_are_both_there() {
    model_within(2, "queue: put against batch", || {
        let queue = TQueue::new();
        let other = {
            let queue = queue.clone();
            thread::spawn(move || atomically(|tx| queue.put_batch(tx, vec![1, 2])))
        };
        queue.put_now(3);
        other.join().unwrap();
        let all = rest(&queue);
        assert!(all == [1, 2, 3] || all == [3, 1, 2]);
    });
}

/// What was passed is cut after the clearing has committed, when the link at which
/// it ends may be filled already.
#[test]
fn a_put_beside_a_clear_is_cleared_or_stays() {
    model_within(2, "queue: put against clear", || {
        let queue = TQueue::new();
        queue.put_now(1);
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(2))
        };
        atomically(|tx| queue.clear(tx));
        putter.join().unwrap();
        queue.put_now(3);
        let all = rest(&queue);
        assert!(all == [3] || all == [2, 3]);
    });
}
