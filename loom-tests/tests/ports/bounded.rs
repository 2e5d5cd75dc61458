//! The queue with a capacity: puts against takes at the limit.
//!
//! Several transactions each: fewer preemptions than elsewhere keep them to seconds.

use std::num::NonZeroUsize;
use std::time::Duration;

use hivework_loom_tests::model_within;
use hivework_stm::atomically;
use hivework_stm::facade::thread;
use stm_ports::TBoundedQueue;

const LIMIT: Duration = Duration::from_secs(1);

/// A queue for one value, which is in it.
fn full() -> TBoundedQueue<u8> {
    let queue = TBoundedQueue::new(NonZeroUsize::MIN);
    queue.put_now(1).unwrap();
    queue
}

#[test]
fn a_blocked_putter_gets_the_room_of_a_take() {
    model_within(1, "bounded: take against a put that is blocked", || {
        let queue = full();
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_blocking(2))
        };
        assert_eq!(queue.take_blocking(), 1);
        assert_eq!(queue.take_blocking(), 2);
        putter.join().unwrap();
        assert_eq!(queue.take_now(), None);
    });
}

#[test]
fn a_retrying_putter_is_woken_by_a_take() {
    model_within(1, "bounded: take against a put that retries", || {
        let queue = full();
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || atomically(|tx| queue.put(tx, 2)))
        };
        assert_eq!(queue.take_blocking(), 1);
        assert_eq!(queue.take_blocking(), 2);
        putter.join().unwrap();
    });
}

#[test]
fn a_value_is_let_in_or_given_back_when_the_time_runs_out() {
    model_within(1, "bounded: take against a put within a limit", || {
        let queue = full();
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_timeout(2, LIMIT))
        };
        assert_eq!(queue.take_now(), Some(1));
        let put = putter.join().unwrap();
        assert_eq!(queue.take_now(), put.ok().map(|()| 2));
    });
}

#[test]
fn two_putters_do_not_share_one_place() {
    model_within(2, "bounded: put against put", || {
        let queue = TBoundedQueue::new(NonZeroUsize::MIN);
        let other = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(1))
        };
        let ours = queue.put_now(2);
        let theirs = other.join().unwrap();
        assert!(ours.is_ok() != theirs.is_ok());
        assert_eq!(queue.take_now(), Some(if ours.is_ok() { 2 } else { 1 }));
        assert_eq!(queue.take_now(), None);
    });
}

/// Empty and full at once, nearly: both ends meet, each side blocked in turn.
#[test]
fn a_queue_for_one_value_passes_two_in_their_order() {
    model_within(1, "bounded: two puts against two takes", || {
        let queue = TBoundedQueue::new(NonZeroUsize::MIN);
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || {
                queue.put_blocking(1);
                queue.put_blocking(2);
            })
        };
        assert_eq!([queue.take_blocking(), queue.take_blocking()], [1, 2]);
        putter.join().unwrap();
    });
}
