//! Completion: whoever waits is woken, whichever way it waits.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hivework::WorkError;
use hivework::internals::{Begin, Cancel, Claim, Completion, Expire, Finish, Parker, Withdraw};
use hivework_loom_tests::{model, model_within};
use hivework_stm::facade::thread;
use hivework_stm::{TVar, atomically};

type Shared = Arc<Completion<u32>>;

fn queued() -> Shared {
    let completion = Completion::new();
    completion.state.commit();
    Arc::new(completion)
}

/// What a worker does with the item that it finds in a queue.
fn run(completion: &Completion<u32>) {
    if completion.state.begin(Claim::Queue) == Begin::Begun
        && matches!(completion.state.finish(), Finish::Mine { .. })
    {
        completion.publish(Ok(7));
    }
}

struct Unpark(Parker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Awaits the outcome, as an executor does.
fn block_on(completion: &Completion<u32>) -> Result<u32, WorkError> {
    let unpark = Arc::new(Unpark(Parker::new()));
    let waker = Waker::from(Arc::clone(&unpark));
    let mut outcome = pin!(poll_fn(|context| {
        match completion.poll(context.waker()) {
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
        let completion = queued();
        let theirs = Arc::clone(&completion);
        let worker = thread::spawn(move || run(&theirs));
        assert!(completion.wait(None));
        assert_eq!(completion.take().unwrap(), 7);
        worker.join().unwrap();
    });
}

#[test]
fn a_future_is_woken() {
    model("completion: await against publish", || {
        let completion = queued();
        let theirs = Arc::clone(&completion);
        let worker = thread::spawn(move || run(&theirs));
        assert_eq!(block_on(&completion).unwrap(), 7);
        worker.join().unwrap();
    });
}

#[test]
fn a_transaction_that_waits_is_woken() {
    model_within(2, "completion: wait_in against publish", || {
        let completion = queued();
        let theirs = Arc::clone(&completion);
        let worker = thread::spawn(move || run(&theirs));
        assert_eq!(atomically(|tx| completion.wait_in(tx)).unwrap(), 7);
        // The outcome stays where it is.
        assert_eq!(completion.take().unwrap(), 7);
        worker.join().unwrap();
    });
}

#[test]
fn an_outcome_is_never_seen_beside_state_from_before_it() {
    model_within(2, "completion: no zombie beside an outcome", || {
        let (completion, balance) = (queued(), TVar::new(0));
        let (theirs, written) = (Arc::clone(&completion), balance.clone());
        let worker = thread::spawn(move || {
            assert_eq!(theirs.state.begin(Claim::Queue), Begin::Begun);
            written.store(1);
            assert!(matches!(theirs.state.finish(), Finish::Mine { .. }));
            theirs.publish(Ok(7));
        });
        let seen = atomically(|tx| {
            let before = balance.read(tx)?;
            let outcome = tx.or_else(|tx| completion.wait_in(tx).map(Some), |_| Ok(None))?;
            Ok((before, outcome.is_some()))
        });
        assert_ne!(seen, (0, true), "the outcome, and a balance from before it");
        worker.join().unwrap();
    });
}

#[test]
fn cancelling_settles_it_once_and_wakes() {
    model("completion: cancel against run against join", || {
        let completion = queued();
        let theirs = Arc::clone(&completion);
        let worker = thread::spawn(move || run(&theirs));
        let theirs = Arc::clone(&completion);
        let canceller = thread::spawn(move || {
            let withdrawn = theirs.state.cancel() == Cancel::Withdrawn;
            if withdrawn {
                theirs.publish(Err(WorkError::Cancelled));
            }
            withdrawn
        });
        assert!(completion.wait(None));
        let outcome = completion.take();
        let cancelled = canceller.join().unwrap();
        worker.join().unwrap();
        assert_eq!(cancelled, matches!(outcome, Err(WorkError::Cancelled)));
    });
}

#[test]
fn a_deadline_against_the_end_settles_it_once_and_wakes() {
    model("completion: expire against run against join", || {
        let completion = queued();
        let theirs = Arc::clone(&completion);
        let worker = thread::spawn(move || run(&theirs));
        let theirs = Arc::clone(&completion);
        let timer = thread::spawn(move || {
            let expired = theirs.state.expire() != Expire::TooLate;
            if expired {
                theirs.publish_expired(false);
            }
            expired
        });
        assert!(completion.wait(None));
        let outcome = completion.take();
        let expired = timer.join().unwrap();
        worker.join().unwrap();
        assert_eq!(expired, matches!(outcome, Err(WorkError::DeadlineExceeded)));
    });
}

#[test]
fn a_detached_result_goes_with_its_publisher_or_its_handle() {
    model("completion: detach against publish", || {
        let (completion, result) = (Arc::new(Completion::new()), Arc::new(()));
        completion.state.commit();
        let (theirs, sent) = (Arc::clone(&completion), Arc::clone(&result));
        let worker = thread::spawn(move || {
            assert_eq!(theirs.state.begin(Claim::Queue), Begin::Begun);
            assert!(matches!(theirs.state.finish(), Finish::Mine { .. }));
            theirs.publish(Ok(sent));
        });
        completion.detach();
        worker.join().unwrap();
        assert_eq!(Arc::strong_count(&result), 1, "a result nobody will take");
    });
}

#[test]
fn a_callback_added_while_it_ends_is_called_once() {
    model("completion: on_done against publish", || {
        let completion = queued();
        let theirs = Arc::clone(&completion);
        let worker = thread::spawn(move || run(&theirs));
        let called = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let calls = Arc::clone(&called);
        completion.on_done(Box::new(move |outcome| {
            assert!(matches!(outcome, Ok(7)));
            calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }));
        worker.join().unwrap();
        assert_eq!(called.load(std::sync::atomic::Ordering::SeqCst), 1);
        assert_eq!(completion.take().unwrap(), 7);
    });
}

#[test]
fn a_withdrawn_item_answers_whoever_waits() {
    model("completion: withdraw against join", || {
        let completion = queued();
        let theirs = Arc::clone(&completion);
        let closer = thread::spawn(move || {
            assert_eq!(theirs.state.withdraw(), Withdraw::Mine);
            theirs.publish(Err(WorkError::Stopped));
        });
        assert!(completion.wait(None));
        assert!(matches!(completion.take(), Err(WorkError::Stopped)));
        closer.join().unwrap();
    });
}
