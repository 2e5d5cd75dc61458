//! An item from its put to its last reference: whoever waits is woken, whichever way it
//! waits, and what is on the stage is touched by its owner alone (the facade's cell notices).

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use hivework::WorkError;
use hivework::internals::{LoneHandle, Parker, lone};
use hivework_loom_tests::{model, model_within};
use hivework_stm::facade::atomic::AtomicU64;
use hivework_stm::facade::atomic::Ordering::Relaxed;
use hivework_stm::facade::thread;
use hivework_stm::{TVar, atomically};

struct Unpark(Parker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Awaits the outcome, as an executor does.
fn block_on(handle: &mut LoneHandle<u32>) -> Result<u32, WorkError> {
    let unpark = Arc::new(Unpark(Parker::new()));
    let waker = Waker::from(Arc::clone(&unpark));
    let mut outcome = pin!(poll_fn(|context| {
        match handle.poll(context.waker()) {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }));
    loop {
        match outcome.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => unpark.0.park(None),
        };
    }
}

#[test]
fn a_thread_that_joins_is_woken() {
    model("completion: join against publish", || {
        let (handle, item) = lone(|| 7, false);
        let worker = thread::spawn(move || item.run());
        assert_eq!(handle.join().unwrap(), 7);
        worker.join().unwrap();
    });
}

#[test]
fn a_future_is_woken() {
    model("completion: await against publish", || {
        let (mut handle, item) = lone(|| 7, false);
        let worker = thread::spawn(move || item.run());
        assert_eq!(block_on(&mut handle).unwrap(), 7);
        worker.join().unwrap();
    });
}

#[test]
fn a_transaction_that_waits_is_woken() {
    model_within(2, "completion: wait_in against publish", || {
        let (handle, item) = lone(|| 7, false);
        let worker = thread::spawn(move || item.run());
        assert_eq!(atomically(|tx| handle.wait_in(tx)).unwrap(), 7);
        // The outcome stays where it is.
        assert_eq!(handle.join().unwrap(), 7);
        worker.join().unwrap();
    });
}

#[test]
fn an_outcome_is_never_seen_beside_state_from_before_it() {
    model_within(2, "completion: no zombie beside an outcome", || {
        let balance = TVar::new(0);
        let written = balance.clone();
        let (handle, item) = lone(move || written.store(1), false);
        let worker = thread::spawn(move || item.run());
        let seen = atomically(|tx| {
            let before = balance.read(tx)?;
            let outcome = tx.or_else(|tx| handle.wait_in(tx).map(Some), |_| Ok(None))?;
            // Not even an attempt that will have to run again.
            assert!(
                outcome.is_none() || before == 1,
                "the outcome, and a balance from before it"
            );
            Ok((before, outcome.is_some()))
        });
        assert_ne!(seen, (0, true), "the outcome, and a balance from before it");
        worker.join().unwrap();
    });
}

#[test]
fn no_outcome_yet_is_never_answered_beside_what_was_done_about_it() {
    model_within(
        2,
        "completion: answers of two transactions in one order",
        || {
            let (handle, item) = lone(|| 7, false);
            let handle = Arc::new(handle);
            let acted = TVar::new(false);
            let worker = thread::spawn(move || item.run());
            let (theirs, act) = (Arc::clone(&handle), acted.clone());
            let actor = thread::spawn(move || {
                atomically(|tx| {
                    let over = tx.or_else(|tx| theirs.wait_in(tx).map(|_| true), |_| Ok(false))?;
                    act.write(tx, over)
                });
            });
            let (over, acted) = atomically(|tx| {
                let over = tx.or_else(|tx| handle.wait_in(tx).map(|_| true), |_| Ok(false))?;
                Ok((over, acted.read(tx)?))
            });
            assert!(over || !acted, "done because it was over, and not over");
            actor.join().unwrap();
            worker.join().unwrap();
        },
    );
}

#[test]
fn cancelling_settles_it_once_and_wakes() {
    model_within(1, "completion: cancel against run against join", || {
        let (handle, item) = lone(|| 7, false);
        let theirs = item.another();
        let worker = thread::spawn(move || item.run());
        let canceller = thread::spawn(move || theirs.cancel());
        let outcome = handle.join();
        let asked = canceller.join().unwrap();
        worker.join().unwrap();
        match outcome {
            Ok(seven) => assert_eq!(seven, 7),
            Err(why) => assert!(asked && matches!(why, WorkError::Cancelled)),
        }
    });
}

#[test]
fn a_deadline_against_the_end_settles_it_once_and_wakes() {
    model_within(1, "completion: expire against run against join", || {
        let (handle, item) = lone(|| 7, true);
        let theirs = item.another();
        let worker = thread::spawn(move || item.run());
        let timer = thread::spawn(move || theirs.expire());
        let outcome = handle.join();
        worker.join().unwrap();
        timer.join().unwrap();
        assert!(matches!(outcome, Ok(7) | Err(WorkError::DeadlineExceeded)));
    });
}

#[test]
fn an_item_goes_with_its_last_reference_and_its_result_with_it() {
    model("completion: the handle goes while it runs", || {
        let result = Arc::new(());
        let sent = Arc::clone(&result);
        let (handle, item) = lone(move || sent, false);
        let worker = thread::spawn(move || item.run());
        drop(handle);
        worker.join().unwrap();
        assert_eq!(Arc::strong_count(&result), 1, "a result nobody will take");
    });
}

#[test]
fn a_reference_more_keeps_the_item_and_not_the_result() {
    model_within(2, "completion: a third reference", || {
        let result = Arc::new(());
        let sent = Arc::clone(&result);
        let (handle, item) = lone(move || sent, false);
        let kept = item.another();
        let worker = thread::spawn(move || item.run());
        let other = thread::spawn(move || kept.cancel());
        drop(handle);
        worker.join().unwrap();
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&result), 1, "a result nobody will take");
    });
}

#[test]
fn a_join_that_runs_the_item_meets_a_worker() {
    model_within(2, "completion: two claims on one closure", || {
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let (handle, item) = lone(move || count.fetch_add(1, Ordering::SeqCst), false);
        let worker = thread::spawn(move || item.run());
        handle.run_here();
        assert_eq!(handle.join().unwrap(), 0);
        worker.join().unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_callback_added_while_it_ends_is_called_once() {
    model("completion: on_done against publish", || {
        let (mut handle, item) = lone(|| 7, false);
        let worker = thread::spawn(move || item.run());
        let called = Arc::new(AtomicUsize::new(0));
        let calls = Arc::clone(&called);
        handle.on_done(move |outcome| {
            assert!(matches!(outcome, Ok(7)));
            calls.fetch_add(1, Ordering::SeqCst);
        });
        worker.join().unwrap();
        assert_eq!(called.load(Ordering::SeqCst), 1);
        assert_eq!(handle.join().unwrap(), 7);
    });
}

/// Notes who was called, a digit each, in a word of the models': others can come between.
fn note(calls: &Arc<AtomicU64>, digit: u64) -> impl FnOnce(&Result<u32, WorkError>) + Send + use<> {
    let calls = Arc::clone(calls);
    move |_| {
        // Ordering: Relaxed; each callback comes after the one before, whoever calls it.
        let before = calls.load(Relaxed);
        calls.store(10 * before + digit, Relaxed);
    }
}

#[test]
fn a_callback_added_after_a_deadline_overtakes_none_that_it_left_over() {
    model("completion: on_done against the late caller", || {
        let calls = Arc::new(AtomicU64::new(0));
        let (mut handle, item) = lone(|| 7, true);
        handle.on_done(note(&calls, 1));
        handle.on_done(note(&calls, 2));
        item.expire();
        let worker = thread::spawn(move || item.run());
        handle.on_done(note(&calls, 3));
        worker.join().unwrap();
        assert_eq!(calls.load(Relaxed), 123, "who was called, in order");
        assert!(matches!(handle.join(), Err(WorkError::DeadlineExceeded)));
    });
}

#[test]
fn a_callback_added_while_end_and_deadline_meet_is_called_in_order() {
    model_within(1, "completion: on_done against expire against run", || {
        let calls = Arc::new(AtomicU64::new(0));
        let (mut handle, item) = lone(|| 7, true);
        handle.on_done(note(&calls, 1));
        let theirs = item.another();
        let worker = thread::spawn(move || item.run());
        let timer = thread::spawn(move || theirs.expire());
        handle.on_done(note(&calls, 2));
        worker.join().unwrap();
        timer.join().unwrap();
        assert_eq!(calls.load(Relaxed), 12, "who was called, in order");
        assert!(matches!(
            handle.join(),
            Ok(7) | Err(WorkError::DeadlineExceeded)
        ));
    });
}

#[test]
fn a_withdrawn_item_answers_whoever_waits() {
    model("completion: stop against join", || {
        let (handle, item) = lone(|| 7, false);
        let closer = thread::spawn(move || item.stop());
        assert!(matches!(handle.join(), Err(WorkError::Stopped)));
        closer.join().unwrap();
    });
}
