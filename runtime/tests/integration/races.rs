//! Races between ends: deadlines, cancels, roll-backs, and the scheduler's own.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use hivework::{
    Drained, Scheduler, WorkContext, WorkError, WorkHandle, abort, atomically, atomically_or,
    blocking, make_work,
};

#[cfg(target_os = "linux")]
use hivework::internals::lone;

use crate::support::{BOUND, eventually, latch, receive, scheduler, stopped_scheduler};
#[cfg(target_os = "linux")]
use crate::support::{builder, doing};

/// Long enough to be told from "at once", short enough to wait for.
const SOON: Duration = Duration::from_millis(5);

#[test]
fn an_expired_work_that_is_refused_still_calls_back() {
    let scheduler = stopped_scheduler(1);
    let (told, tells) = latch();
    let callback = move |_: &Result<(), WorkError>| told.send(()).unwrap();
    let work = make_work(|| ()).deadline(SOON).on_done(callback);
    let outcome = scheduler.put_work(work).join();
    assert!(matches!(outcome, Err(WorkError::DeadlineExceeded)));
    drop(scheduler);
    receive(&tells);
}

/// The deadline passes while the put's transaction is open, and the put is then
/// refused: no queue holds the item, so nobody would meet its tombstone.
#[test]
fn an_expired_work_whose_put_is_refused_still_calls_back_and_ends() {
    let scheduler = builder().workers(1).queue_capacity(1).build().unwrap();
    let filling = scheduler.put_work(|| ());
    let (told, tells) = latch();
    atomically(|tx| {
        let told = told.clone();
        let work = make_work(|| ())
            .deadline(Duration::ZERO)
            .on_done(move |_| told.send(()).unwrap());
        let handle = scheduler.put_work_in(tx, work)?;
        let outcome = thread::spawn(move || handle.join()).join().unwrap();
        assert!(matches!(outcome, Err(WorkError::DeadlineExceeded)));
        Ok(())
    });
    drop(told);
    receive(&tells);
    scheduler.start().unwrap();
    filling.join().unwrap();
    assert_eq!(scheduler.drain(BOUND), Ok(()));
}

/// The deadline is made to fall close to the end of the work.
#[test]
fn callbacks_run_whichever_comes_first_the_deadline_or_the_end() {
    let scheduler = scheduler(2);
    let _announced = scheduler.events();
    let limit = Duration::from_micros(300);
    for round in 0..2000 {
        let end = Instant::now() + limit + Duration::from_micros(round % 120);
        let (told, tells) = latch();
        let work = make_work(move || while Instant::now() < end {})
            .deadline(limit)
            .on_done(move |_| told.send(()).unwrap());
        let _ = scheduler.put_work(work).join();
        receive(&tells);
    }
}

#[test]
fn the_callbacks_of_a_rolled_back_put_are_not_called() {
    let scheduler = scheduler(1);
    let calls = Arc::new(AtomicUsize::new(0));
    let outcome = atomically_or(|tx| {
        let calls = Arc::clone(&calls);
        let work = make_work(|| ()).on_done(move |_| {
            calls.fetch_add(1, Ordering::SeqCst);
        });
        drop(scheduler.put_work_in(tx, work)?);
        abort::<(), _>(())
    });
    assert_eq!(outcome, Err(()));
    scheduler.drain(Duration::from_secs(60)).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[test]
fn a_drain_waits_for_the_callbacks_of_expired_work() {
    let scheduler = stopped_scheduler(1);
    let (ran, runs) = latch();
    let theirs = scheduler.clone();
    let work = make_work(|| ()).deadline(SOON).on_done(move |_| {
        drop(theirs.put_work(move || ran.send(()).unwrap()));
    });
    assert!(scheduler.put_work(work).join().is_err());
    // Answered, but not over: the callback may put work.
    assert_eq!(
        scheduler.drain(BOUND),
        Err(Drained::NotRunning { queued: 1 })
    );
    scheduler.start().unwrap();
    assert_eq!(scheduler.drain(BOUND), Ok(()));
    assert!(
        runs.try_recv().is_ok(),
        "drained before the callback had put"
    );
}

/// Who meets the tombstone comes between the decision that the item is over and
/// its publication, and must not go before that.
#[cfg(target_os = "linux")]
#[test]
fn a_tombstone_met_before_the_expiry_is_published_is_buried() {
    let (mut handle, item) = lone(|| (), true);
    let calls = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&calls);
    handle.on_done(move |_| {
        theirs.fetch_add(1, Ordering::SeqCst);
    });
    item.settle_expired();
    let (again, theirs) = (item.another(), item.another());
    let burier = thread::Builder::new()
        .name("burier".into())
        .spawn(move || theirs.run())
        .unwrap();
    eventually("it waits, or has gone", || {
        burier.is_finished() || doing("burier") == "S"
    });
    item.publish_expired();
    burier.join().unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1, "it has gone");
    again.run();
    assert_eq!(calls.load(Ordering::SeqCst), 1, "buried twice");
    assert!(matches!(handle.join(), Err(WorkError::DeadlineExceeded)));
}

#[test]
fn a_callback_that_waits_for_its_own_cancelled_work_is_told_so() {
    let scheduler = stopped_scheduler(1);
    let slot: Arc<OnceLock<WorkHandle<()>>> = Arc::default();
    let theirs = Arc::clone(&slot);
    let (told, tells) = latch();
    let work = make_work(|| ()).on_done(move |_| {
        let handle = theirs.get().unwrap();
        told.send(atomically(|tx| handle.wait_in(tx))).unwrap();
    });
    slot.set(scheduler.put_work(work)).unwrap();
    let canceller = thread::spawn(move || slot.get().unwrap().cancel());
    assert!(matches!(receive(&tells), Err(WorkError::WouldDeadlock)));
    assert!(canceller.join().unwrap());
}

#[test]
fn a_join_with_a_limit_keeps_it_inside_work() {
    let scheduler = scheduler(2);
    let (open, gate) = latch();
    let outer = scheduler.put_work(move |work: &WorkContext| {
        let mut slow = work.scheduler().unwrap().put_work(move || receive(&gate));
        slow.join_timeout(SOON).is_none()
    });
    assert!(outer.join().unwrap(), "ran what it was to wait for");
    open.send(()).unwrap();
}

#[test]
fn a_worker_is_away_once_however_deep_it_waits() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let waiting = scheduler.put_work(move || {
        blocking(|| {
            blocking(|| {
                begun.send(()).unwrap();
                receive(&gate);
            });
        });
    });
    receive(&begins);
    assert_eq!(scheduler.stats().blocked_workers, 1);
    open.send(()).unwrap();
    waiting.join().unwrap();
    eventually("it is back", || scheduler.stats().blocked_workers == 0);
}

/// The work keeps the last handle where only the end of its thread drops it.
#[test]
fn the_last_handle_may_go_in_a_workers_thread_local_destructor() {
    thread_local! {
        static KEPT: RefCell<Option<Scheduler>> = const { RefCell::new(None) };
    }
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let (open, gate) = latch();
    let waiting = scheduler.put_work(move || blocking(|| receive(&gate)));
    // Runs on a spare, which retires.
    let kept = scheduler.put_work(move |work: &WorkContext| {
        KEPT.with(|kept| *kept.borrow_mut() = work.scheduler());
        open.send(()).unwrap();
    });
    kept.join().unwrap();
    waiting.join().unwrap();
    drop(scheduler);
    // The events end when the scheduler has.
    while events.next().is_some() {}
}

/// The transaction puts, drops the last handle, and is still open when what is
/// left has been answered; it reads the gate, so it runs again and finds nobody.
#[test]
fn a_put_that_would_commit_after_the_end_runs_again() {
    let mut last = Some(stopped_scheduler(1));
    let events = last.as_ref().unwrap().events();
    let mut attempts = 0;
    let handle = atomically(|tx| {
        attempts += 1;
        let Some(scheduler) = last.take() else {
            return Ok(None);
        };
        let handle = scheduler.put_work_in(tx, || 1)?;
        drop(scheduler);
        // The closing thread has nothing to wait for: its last word can be seen
        // from in here, without a transaction.
        eventually("closed", || format!("{events:?}").contains("closed: true"));
        Ok(Some(handle))
    });
    assert!(
        handle.is_none() && attempts == 2,
        "committed into a queue that nobody reads"
    );
}

#[test]
fn a_drop_answers_what_running_work_waits_for() {
    // A spare could run the queued item before the drop is heard of.
    let scheduler = builder().workers(1).max_spares(0).start().unwrap();
    let (begun, begins) = latch();
    let running = scheduler.put_work(move |work: &WorkContext| {
        let queued = work.scheduler().unwrap().put_work(|| 2);
        begun.send(()).unwrap();
        eventually("the last handle goes", || work.scheduler().is_none());
        atomically(|tx| queued.wait_in(tx))
    });
    receive(&begins);
    drop(scheduler);
    assert!(matches!(running.join().unwrap(), Err(WorkError::Stopped)));
}

#[test]
fn joins_deeper_than_a_thread_bears_end_while_the_scheduler_stops() {
    fn chain(scheduler: Scheduler, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let theirs = scheduler.clone();
        let next = scheduler.put_work(move || chain(theirs, depth - 1));
        next.join().unwrap() + 1
    }
    let scheduler = scheduler(2);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let theirs = scheduler.clone();
    let joins = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
        chain(theirs, 100)
    });
    receive(&begins);
    let stopped = scheduler.clone();
    let stopper = thread::spawn(move || stopped.stop());
    eventually("it stops", || !scheduler.is_running());
    open.send(()).unwrap();
    assert_eq!(joins.join().unwrap(), 100);
    stopper.join().unwrap().unwrap();
}
