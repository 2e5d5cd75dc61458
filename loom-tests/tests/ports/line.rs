//! The line of those who are blocked, as it stands at a queue: turns, leaving, roll-back.
//!
//! In a model a limit stands for any moment: who waits within one looks once and leaves.

use std::time::Duration;

use hivework_loom_tests::model_within;
use hivework_stm::facade::thread;
use hivework_stm::{abort, atomically, atomically_or};
use stm_ports::TQueue;

const LIMIT: Duration = Duration::from_secs(1);

#[test]
fn what_comes_as_the_time_runs_out_is_taken_or_stays() {
    model_within(1, "line: put against a take within a limit", || {
        let queue = TQueue::new();
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(1))
        };
        let taken = queue.take_timeout(LIMIT);
        putter.join().unwrap();
        assert_eq!(taken.or_else(|| queue.take_now()), Some(1));
        assert_eq!(queue.take_now(), None);
    });
}

/// Either may be first in the line, and the value goes to one of them at most.
#[test]
fn one_put_serves_one_of_two_and_none_who_has_left() {
    model_within(0, "line: put against two takes within a limit", || {
        let queue = TQueue::new();
        let other = {
            let queue = queue.clone();
            thread::spawn(move || queue.take_timeout(LIMIT))
        };
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || queue.put_now(1))
        };
        let taken = [queue.take_timeout(LIMIT), other.join().unwrap()];
        putter.join().unwrap();
        let all = taken.into_iter().chain([queue.take_now()]);
        assert_eq!(all.flatten().collect::<Vec<_>>(), [1]);
    });
}

#[test]
fn a_put_that_is_rolled_back_serves_nobody() {
    model_within(2, "line: a put that is rolled back against a take", || {
        let queue = TQueue::new();
        let putter = {
            let queue = queue.clone();
            thread::spawn(move || {
                let refused = atomically_or(|tx| {
                    queue.put(tx, 1)?;
                    abort::<(), _>(())
                });
                assert!(refused.is_err());
                queue.put_now(2);
            })
        };
        assert_eq!(queue.take_blocking(), 2);
        putter.join().unwrap();
        assert_eq!(queue.take_now(), None);
    });
}

/// Both are woken by the first value, and one of them by the second.
#[test]
fn a_transaction_beside_the_line_gets_the_second_value() {
    model_within(
        0,
        "line: two puts against a blocked take and a retrying one",
        || {
            let queue = TQueue::new();
            let beside = {
                let queue = queue.clone();
                thread::spawn(move || atomically(|tx| queue.take(tx)))
            };
            let putter = {
                let queue = queue.clone();
                thread::spawn(move || {
                    queue.put_now(1);
                    queue.put_now(2);
                })
            };
            let taken = [queue.take_blocking(), beside.join().unwrap()];
            putter.join().unwrap();
            assert!(taken == [1, 2] || taken == [2, 1]);
        },
    );
}
