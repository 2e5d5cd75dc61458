//! `retry`: a wake-up that is lost leaves a thread asleep, which loom reports as
//! a deadlock.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hivework_loom_tests::{model, model_within};
use hivework_stm::facade::sync::{Condvar, Mutex};
use hivework_stm::{TVar, atomically, atomically_async, check, retry};

use crate::support::thread;

#[test]
fn one_variable_one_committer() {
    model("stm: retry, 1 variable, 1 committer", || {
        let x = TVar::new(0);
        let other = thread(&[&x], |v| v[0].store(1));
        atomically(|tx| check(x.read(tx)? == 1));
        other.join().unwrap();
    });
}

#[test]
fn one_variable_two_commits() {
    model_within(2, "stm: retry, 1 variable, 2 commits of one thread", || {
        let x = TVar::new(0);
        let other = thread(&[&x], |v| {
            v[0].store(1);
            v[0].store(2);
        });
        atomically(|tx| check(x.read(tx)? == 2));
        other.join().unwrap();
    });
}

#[test]
fn one_variable_two_committers() {
    model_within(1, "stm: retry, 1 variable, 2 committers", || {
        let x = TVar::new(0);
        let others =
            [(); 2].map(|()| thread(&[&x], |v| atomically(|tx| v[0].modify(tx, |n| n + 1))));
        atomically(|tx| check(x.read(tx)? == 2));
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn two_variables_one_committer() {
    model("stm: retry, 2 variables, 1 committer", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&x, &y], |v| {
            v[0].store(1);
            v[1].store(1);
        });
        atomically(|tx| {
            check(x.read(tx)? == 1)?;
            check(y.read(tx)? == 1)
        });
        other.join().unwrap();
    });
}

#[test]
fn two_variables_two_committers() {
    model_within(1, "stm: retry, 2 variables, 2 committers", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let first = thread(&[&x], |v| v[0].store(1));
        let second = thread(&[&y], |v| v[0].store(1));
        atomically(|tx| {
            let sum = x.read(tx)? + y.read(tx)?;
            check(sum == 2)
        });
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn two_waiters_one_commit() {
    model_within(1, "stm: retry, 2 waiters, 1 commit", || {
        let x = TVar::new(0);
        let one = thread(&[&x], |v| v[0].store(1));
        let other = thread(&[&x], |v| atomically(|tx| check(v[0].read(tx)? == 1)));
        // Here, so that both waiters are asleep before the commit without a preemption.
        atomically(|tx| check(x.read(tx)? == 1));
        one.join().unwrap();
        other.join().unwrap();
    });
}

/// A committer that locks, finds that it has to give up and restores the word
/// must restore what tells of the waiter.
#[test]
fn a_commit_that_gives_up_does_not_lose_a_waiter() {
    model_within(2, "stm: undo with a waiter", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let waiter = thread(&[&x], |v| atomically(|tx| check(v[0].read(tx)? > 0)));
        let other = thread(&[&y], |v| v[0].store(1));
        atomically(|tx| {
            let n = y.read(tx)?;
            x.write(tx, n + 1)
        });
        waiter.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_waiter_with_two_alternatives_wakes_for_either() {
    model("stm: retry, either side of or_else", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&x, &y], |v| {
            // Only the side that was undone can go on.
            v[0].store(1);
        });
        atomically(|tx| tx.or_else(|tx| check(x.read(tx)? == 1), |tx| check(y.read(tx)? == 1)));
        other.join().unwrap();
    });
}

#[test]
fn two_threads_that_wait_for_each_other_in_turn() {
    model_within(2, "stm: ping-pong", || {
        let turn = TVar::new(0);
        let other = thread(&[&turn], |v| {
            atomically(|tx| {
                check(v[0].read(tx)? == 1)?;
                v[0].write(tx, 2)
            });
        });
        turn.store(1);
        atomically(|tx| check(turn.read(tx)? == 2));
        other.join().unwrap();
    });
}

#[test]
fn a_taker_gets_what_is_put_once() {
    model_within(1, "stm: one unit, two takers", || {
        let units = TVar::new(0);
        let others = [(); 2].map(|()| {
            thread(&[&units], |v| {
                atomically(|tx| {
                    let n = v[0].read(tx)?;
                    if n == 0 {
                        return retry();
                    }
                    v[0].write(tx, n - 1)
                });
            })
        });
        units.store(2);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(units.load(), 0);
    });
}

/// Lets its task run again.
#[derive(Default)]
struct Permit {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Permit {
    fn wake(self: Arc<Self>) {
        *self.given.lock() = true;
        self.changed.notify_one();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let permit = Arc::new(Permit::default());
    let waker = Waker::from(Arc::clone(&permit));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut given = permit.given.lock();
        while !*given {
            permit.changed.wait(&mut given);
        }
        *given = false;
    }
}

#[test]
fn a_task_is_woken_as_a_thread_is() {
    model("stm: retry of a future", || {
        let x = TVar::new(0);
        let other = thread(&[&x], |v| v[0].store(1));
        block_on(atomically_async(|tx| check(x.read(tx)? == 1)));
        other.join().unwrap();
    });
}

/// The one that is cancelled takes back its own entry and not the other's.
#[test]
fn a_future_that_is_dropped_costs_no_other_waiter_its_wake_up() {
    model_within(2, "stm: cancelled future beside a waiter", || {
        let x = TVar::new(0);
        let waiter = thread(&[&x], |v| atomically(|tx| check(v[0].read(tx)? == 1)));
        let waker = Waker::from(Arc::new(Permit::default()));
        let mut future = atomically_async(|tx| check(x.read(tx)? == 1));
        let _ = std::pin::Pin::new(&mut future).poll(&mut Context::from_waker(&waker));
        drop(future);
        x.store(1);
        waiter.join().unwrap();
    });
}

#[test]
fn a_future_that_is_dropped_keeps_no_waker() {
    model("stm: cancelled future's waker", || {
        let x = TVar::new(0);
        let other = thread(&[&x], |v| v[0].store(1));
        let permit = Arc::new(Permit::default());
        let waker = Waker::from(Arc::clone(&permit));
        let mut future = atomically_async(|tx| check(x.read(tx)? == 2));
        let _ = std::pin::Pin::new(&mut future).poll(&mut Context::from_waker(&waker));
        drop((future, waker));
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&permit), 1);
    });
}

/// Runs a transaction when it is woken.
struct Storing(TVar<i32>);

impl Wake for Storing {
    fn wake(self: Arc<Self>) {
        self.0.store(1);
    }
}

/// A waker is user code: it is called when the commit is over.
#[test]
fn a_waker_may_run_a_transaction() {
    model("stm: a waker's transaction", || {
        let (x, woken) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&x], |v| v[0].store(1));
        let waker = Waker::from(Arc::new(Storing(woken.clone())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(atomically_async(|tx| check(x.read(tx)? == 1)));
        if future.as_mut().poll(&mut context).is_pending() {
            atomically(|tx| check(woken.read(tx)? == 1));
            assert!(future.poll(&mut context).is_ready());
        }
        other.join().unwrap();
    });
}
