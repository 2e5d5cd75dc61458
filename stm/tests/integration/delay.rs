//! `after`: points in time that transactions wait for.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hivework_stm::{
    Delay, TVar, Transaction, after, atomically, atomically_async, atomically_timeout, check,
    in_transaction, retry, try_atomically,
};

use crate::support::{HANGS, asleep, finishes, joined, rounds, sleeper};

/// Long enough that a test that waits for it has failed.
const NEVER: Duration = Duration::from_secs(1_000_000);

const SOON: Duration = Duration::from_millis(2);

fn is_over(delay: &Delay) -> bool {
    atomically(|tx| delay.is_over(tx))
}

#[test]
fn a_delay_is_never_over_early() {
    finishes(|| {
        for micros in [0, 1, 10, 100, 1_000, 10_000, 30_000] {
            let limit = Duration::from_micros(micros);
            let begin = Instant::now();
            let delay = after(limit);
            atomically(|tx| delay.wait(tx));
            assert!(begin.elapsed() >= limit, "{limit:?} took less");
            assert!(is_over(&delay), "and stays over");
        }
    });
}

#[test]
fn a_delay_of_zero_is_over_from_the_start() {
    let delay = after(Duration::ZERO);
    assert!(is_over(&delay));
    assert_eq!(try_atomically(|tx| delay.wait(tx)), Some(()));
}

#[test]
fn a_delay_of_any_length_can_be_made_and_given_up() {
    for limit in [
        Duration::from_secs(u64::from(u32::MAX) * 1_000),
        Duration::from_secs(i64::MAX as u64 / 4),
        Duration::from_secs(i64::MAX as u64),
        Duration::MAX,
    ] {
        let (delay, soon) = (after(limit), after(SOON));
        assert_eq!(try_atomically(|tx| delay.wait(tx)), None, "{limit:?}");
        // It neither ends nor keeps others from ending.
        let first = atomically(|tx| {
            tx.or_else(
                |tx| delay.wait(tx).map(|()| "it"),
                |tx| soon.wait(tx).map(|()| "the other"),
            )
        });
        assert_eq!(first, "the other", "{limit:?}");
    }
}

#[test]
fn delays_end_in_the_order_of_their_deadlines_whatever_that_of_their_making() {
    let gap = Duration::from_millis(10);
    let limits = [3, 1, 5, 2, 4].map(|n| gap * n);
    finishes(move || {
        let delays = loop {
            let begin = Instant::now();
            let delays = limits.map(after);
            // If making them took longer, their deadlines are in another order.
            if begin.elapsed() < gap {
                break delays;
            }
        };
        thread::scope(|scope| {
            for (limit, delay) in limits.iter().zip(&delays) {
                let delays = &delays;
                scope.spawn(move || {
                    atomically(|tx| {
                        delay.wait(tx)?;
                        for (earlier, other) in limits.iter().zip(delays) {
                            let ordered = earlier > limit || other.is_over(tx)?;
                            assert!(ordered, "{limit:?} before {earlier:?}");
                        }
                        Ok(())
                    });
                });
            }
        });
    });
}

#[test]
fn of_two_delays_the_later_one_is_never_over_alone() {
    finishes(|| {
        for n in 1..rounds(300) as u64 {
            let limit = Duration::from_micros(n);
            let (first, second) = (after(limit), after(limit));
            atomically(|tx| {
                // Read in the order in which a gap would show.
                let second = second.is_over(tx)?;
                assert!(first.is_over(tx)? || !second, "the second before the first");
                check(second)
            });
        }
    });
}

fn take(queue: &TVar<Vec<u32>>, tx: &mut Transaction<'_>) -> hivework_stm::StmResult<u32> {
    let mut items = queue.read(tx)?;
    let Some(item) = items.pop() else {
        return retry();
    };
    queue.write(tx, items)?;
    Ok(item)
}

fn take_until(queue: &TVar<Vec<u32>>, delay: &Delay) -> Option<u32> {
    atomically(|tx| {
        tx.or_else(
            |tx| take(queue, tx).map(Some),
            |tx| delay.wait(tx).map(|()| None),
        )
    })
}

#[test]
fn a_take_from_a_queue_can_be_given_a_limit() {
    let queue = TVar::new(vec![7]);
    let delay = after(SOON);
    assert_eq!(take_until(&queue, &delay), Some(7));
    assert_eq!(take_until(&queue, &delay), None, "its time runs out");
    queue.store(vec![8]);
    assert_eq!(take_until(&queue, &delay), Some(8), "the first side first");
}

#[test]
fn a_commit_wakes_who_waits_for_it_or_for_a_delay() {
    let queue = TVar::new(vec![]);
    let own = queue.clone();
    let (thread, sleeps) = sleeper(move || take_until(&own, &after(NEVER)));
    asleep(&sleeps);
    queue.store(vec![3]);
    assert_eq!(joined(thread), Some(3));
}

#[test]
fn the_end_of_a_delay_wakes_each_who_waits_for_it_once() {
    let delay = after(Duration::from_millis(20));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let delay = delay.clone();
            thread::spawn(move || {
                let mut runs = 0;
                atomically(|tx| {
                    runs += 1;
                    delay.wait(tx)
                });
                runs
            })
        })
        .collect();
    drop(delay);
    for thread in threads {
        assert!(joined(thread) <= 2, "woken for nothing");
    }
}

#[test]
fn is_over_lets_a_transaction_do_something_else_meanwhile() {
    let (delay, var) = (after(SOON), TVar::new(0));
    let mut before = 0;
    finishes(move || {
        loop {
            let over = atomically(|tx| {
                var.modify(tx, |n| n + 1)?;
                delay.is_over(tx)
            });
            if over {
                break;
            }
            before += 1;
        }
        assert_eq!(var.load(), before + 1);
    });
}

#[test]
fn is_over_is_part_of_what_a_retry_waits_for() {
    let delay = after(SOON);
    let runs = finishes(move || {
        let mut runs = 0;
        atomically(|tx| {
            runs += 1;
            if delay.is_over(tx)? { Ok(()) } else { retry() }
        });
        runs
    });
    assert!(runs <= 2, "it has run {runs} times");
}

#[test]
fn a_delay_and_a_limit_of_the_waiting_do_not_disturb_each_other() {
    let delay = after(NEVER);
    assert_eq!(atomically_timeout(SOON, |tx| delay.wait(tx)), None);
    let delay = after(SOON);
    assert_eq!(atomically_timeout(HANGS, |tx| delay.wait(tx)), Some(()));
}

#[test]
fn ten_thousand_delays_all_end() {
    let n = rounds(10_000);
    let delays: Vec<_> = (0..n)
        .map(|n| after(Duration::from_micros((n as u64 * 7_919) % 20_000)))
        .collect();
    let last = delays.clone();
    finishes(move || atomically(|tx| last.iter().try_for_each(|delay| delay.wait(tx))));
    assert!(delays.iter().all(is_over));
}

#[test]
fn delays_made_and_given_up_on_many_threads_do_not_hold_up_the_rest() {
    finishes(|| {
        let kept = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut kept = Vec::new();
                        for n in 0..rounds(2_000) as u64 {
                            let delay = after(Duration::from_micros(n % 500));
                            drop(after(NEVER));
                            if n % 3 == 0 {
                                kept.push(delay);
                            }
                        }
                        kept
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("makes delays"))
                .collect::<Vec<_>>()
        });
        for delay in kept {
            atomically(|tx| delay.wait(tx));
        }
    });
}

#[test]
fn an_earlier_delay_is_not_overslept_for_a_later_one() {
    finishes(|| {
        let later = after(NEVER);
        // The timer has looked at it: another delay has come and gone since.
        for _ in 0..3 {
            let sooner = after(SOON);
            atomically(|tx| sooner.wait(tx));
        }
        assert!(!is_over(&later));
    });
}

#[test]
fn a_delay_may_be_made_and_dropped_inside_a_transaction() {
    let mut runs = 0;
    let seen = atomically(|tx| {
        runs += 1;
        let (past, future) = (after(Duration::ZERO), after(NEVER));
        Ok((past.is_over(tx)?, future.is_over(tx)?))
    });
    assert_eq!((seen, runs), ((true, false), 1));
    let made = atomically(|_| Ok(after(SOON)));
    finishes(move || atomically(|tx| made.wait(tx)));
}

#[test]
fn a_delay_given_up_by_the_transaction_that_waits_for_it_does_no_harm() {
    // The attempt waits for a variable whose last handle goes as it ends; the other
    // one wakes it.
    let var = TVar::new(0);
    let own = var.clone();
    let (thread, sleeps) = sleeper(move || {
        atomically(|tx| {
            let lost = after(NEVER);
            tx.or_else(|tx| lost.wait(tx), |tx| check(own.read(tx)? > 0))
        });
    });
    asleep(&sleeps);
    var.store(1);
    joined(thread);
}

/// Tells that it was woken, and that it was outside of a transaction.
struct Tells(Sender<bool>);

impl Wake for Tells {
    fn wake(self: std::sync::Arc<Self>) {
        let _ = self.0.send(in_transaction());
    }
}

#[test]
fn the_end_of_a_delay_wakes_a_future() {
    let (word, words) = channel();
    let waker = Waker::from(std::sync::Arc::new(Tells(word)));
    let mut task = Context::from_waker(&waker);
    let delay = after(Duration::from_millis(20));
    let mut future = pin!(atomically_async(|tx| delay.wait(tx)));
    if future.as_mut().poll(&mut task).is_pending() {
        assert_eq!(words.recv_timeout(HANGS), Ok(false));
        assert_eq!(future.as_mut().poll(&mut task), Poll::Ready(()));
    }
}

#[test]
fn a_waker_that_panics_does_not_stop_the_timer() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("in the waker");
        }
    }
    let waker = Waker::from(std::sync::Arc::new(Panics));
    let delay = after(Duration::from_millis(20));
    let mut future = pin!(atomically_async(|tx| delay.wait(tx)));
    let _ = future.as_mut().poll(&mut Context::from_waker(&waker));
    let next = after(Duration::from_millis(25));
    finishes(move || atomically(|tx| next.wait(tx)));
    assert!(is_over(&delay));
}

#[test]
fn a_waker_may_make_delays_and_run_transactions() {
    struct Makes(Sender<Delay>);
    impl Wake for Makes {
        fn wake(self: std::sync::Arc<Self>) {
            let delay = after(SOON);
            assert_eq!(try_atomically(|tx| delay.wait(tx)), None);
            let _ = self.0.send(delay);
        }
    }
    let (sender, made) = channel();
    let waker = Waker::from(std::sync::Arc::new(Makes(sender)));
    let delay = after(Duration::from_millis(20));
    let mut future = pin!(atomically_async(|tx| delay.wait(tx)));
    if future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        let next = made.recv_timeout(HANGS).expect("woken");
        finishes(move || atomically(|tx| next.wait(tx)));
    }
}

#[test]
fn debug_says_whether_it_is_over() {
    assert_eq!(
        format!("{:?} {:?}", after(Duration::ZERO), after(Duration::MAX)),
        "Delay { over: true, .. } Delay { over: false, .. }"
    );
}
