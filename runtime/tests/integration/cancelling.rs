use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hivework::{Status, TVar, WorkContext, WorkError, abort, atomically, atomically_or};

use crate::support::{join, latch, receive, scheduler, stopped_scheduler};

#[test]
fn work_cancelled_in_the_queue_never_begins() {
    let scheduler = stopped_scheduler(1);
    let ran = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&ran);
    let work = scheduler.put_work(move || theirs.store(true, Ordering::SeqCst));
    assert_eq!(work.status(), Status::Queued);
    assert!(work.cancel());
    assert!(!work.cancel(), "it was over");
    assert_eq!(work.status(), Status::Done);
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
    scheduler.start().unwrap();
    join(scheduler.put_work(|| ())).unwrap();
    assert!(!ran.load(Ordering::SeqCst));
    assert_eq!(scheduler.stats().cancelled, 1);
}

#[test]
fn a_cancelled_closure_is_dropped_at_once() {
    let scheduler = stopped_scheduler(1);
    let held = Arc::new(());
    let theirs = Arc::clone(&held);
    let work = scheduler.put_work(move || drop(theirs));
    assert!(work.cancel());
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn running_work_stops_at_its_checkpoint() {
    let scheduler = scheduler(1);
    let (begun, begins) = latch();
    let work = scheduler.put_work(move |work: &WorkContext| {
        begun.send(()).unwrap();
        loop {
            work.checkpoint()?;
            std::thread::yield_now();
        }
        #[allow(unreachable_code)]
        Ok::<(), WorkError>(())
    });
    receive(&begins);
    assert_eq!(work.status(), Status::Running);
    assert!(work.cancel());
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
}

#[test]
fn running_work_that_goes_on_answers_its_result() {
    let scheduler = scheduler(1);
    let (begun, begins) = latch();
    let (open, gate) = latch();
    let work = scheduler.put_work(move |work: &WorkContext| {
        begun.send(()).unwrap();
        receive(&gate);
        work.cancelled()
    });
    receive(&begins);
    assert!(work.cancel());
    open.send(()).unwrap();
    assert!(join(work).unwrap(), "it saw the request and went on");
}

#[test]
fn finished_work_cannot_be_cancelled() {
    let scheduler = scheduler(1);
    let work = scheduler.put_work(|| 1);
    crate::support::eventually("it is done", || work.status() == Status::Done);
    assert!(!work.cancel());
    assert_eq!(join(work).unwrap(), 1);
}

#[test]
fn cancelling_takes_effect_when_the_transaction_commits() {
    let scheduler = stopped_scheduler(1);
    let work = scheduler.put_work(|| 1);
    let cancelled = TVar::new(0);
    let rolled_back: Result<(), &str> = atomically_or(|tx| {
        work.cancel_in(tx);
        abort("changed my mind")
    });
    assert_eq!(rolled_back, Err("changed my mind"));
    assert_eq!(work.status(), Status::Queued);
    atomically(|tx| {
        cancelled.modify(tx, |n| n + 1)?;
        work.cancel_in(tx);
        Ok(())
    });
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
}

#[test]
fn cancelling_against_running_settles_it_once() {
    let scheduler = scheduler(2);
    for _ in 0..2000 {
        let ran = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&ran);
        let work = scheduler.put_work(move || theirs.store(true, Ordering::SeqCst));
        let _ = work.cancel();
        match join(work) {
            Ok(()) => assert!(ran.load(Ordering::SeqCst)),
            Err(WorkError::Cancelled) => assert!(!ran.load(Ordering::SeqCst)),
            Err(other) => panic!("{other}"),
        }
    }
}
