use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hivework::{WorkContext, WorkError, make_work};

use crate::support::{
    BOUND, block_on, builder, eventually, join, latch, receive, scheduler, stopped_scheduler,
};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn work_whose_deadline_passes_in_the_queue_never_begins() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let blocker = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    receive(&begins);
    let ran = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&ran);
    let work = make_work(move || theirs.store(true, Ordering::SeqCst)).deadline(SOON);
    let late = block_on(scheduler.put_work(work));
    assert!(matches!(late, Err(WorkError::DeadlineExceeded)));
    open.send(()).unwrap();
    join(blocker).unwrap();
    join(scheduler.put_work(|| ())).unwrap();
    assert!(!ran.load(Ordering::SeqCst));
    assert_eq!(scheduler.stats().overdue, 1);
}

/// Tries with ever longer deadlines, until the work has begun before its own: how
/// long that takes depends on the machine and on what carries the work.
fn with_a_deadline_after_its_beginning(mut attempt: impl FnMut(Duration) -> bool) {
    let mut limit = SOON;
    while !attempt(limit) {
        limit *= 4;
        assert!(limit < BOUND, "the work never begins");
    }
}

#[test]
fn work_whose_deadline_passes_while_it_runs_answers_at_once_and_can_see_it() {
    let scheduler = scheduler(1);
    with_a_deadline_after_its_beginning(|limit| {
        let (begun, begins) = latch();
        let (seen, sees) = latch();
        let work = make_work(move |work: &WorkContext| {
            begun.send(()).unwrap();
            while !work.cancelled() {
                std::thread::yield_now();
            }
            seen.send(matches!(
                work.checkpoint(),
                Err(WorkError::DeadlineExceeded)
            ))
            .unwrap();
            "too late"
        });
        let late = block_on(scheduler.put_work(work.deadline(limit)));
        assert!(matches!(late, Err(WorkError::DeadlineExceeded)));
        let has_begun = begins.try_recv().is_ok();
        assert!(!has_begun || receive(&sees));
        has_begun
    });
}

#[test]
fn a_late_result_is_dropped() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let scheduler = scheduler(1);
    with_a_deadline_after_its_beginning(|limit| {
        let drops = Arc::new(AtomicUsize::new(0));
        let result = Counts(Arc::clone(&drops));
        let (begun, begins) = latch();
        let (open, gate) = latch();
        let work = make_work(move || {
            begun.send(()).unwrap();
            receive(&gate);
            result
        });
        let late = join(scheduler.put_work(work.deadline(limit)));
        assert!(matches!(late, Err(WorkError::DeadlineExceeded)));
        if begins.try_recv().is_err() {
            return false;
        }
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        open.send(()).unwrap();
        eventually("dropped", || drops.load(Ordering::SeqCst) == 1);
        true
    });
}

#[test]
fn a_deadline_is_not_rounded_to_ticks() {
    let scheduler = builder()
        .workers(1)
        .run_interval(Duration::from_secs(3600))
        .start()
        .unwrap();
    let (open, gate) = latch();
    let work = make_work(move || receive(&gate)).deadline(SOON);
    let start = Instant::now();
    assert!(matches!(
        block_on(scheduler.put_work(work)),
        Err(WorkError::DeadlineExceeded)
    ));
    assert!(start.elapsed() >= SOON);
    open.send(()).unwrap();
}

#[test]
fn work_that_ends_in_time_answers_its_result() {
    let scheduler = scheduler(2);
    for n in 0..1000 {
        let work = make_work(move || n).deadline(Duration::from_secs(3600));
        assert_eq!(join(scheduler.put_work(work)).unwrap(), n);
    }
}

#[test]
fn without_a_run_the_one_who_joins_watches_the_deadline() {
    let scheduler = stopped_scheduler(1);
    let work = scheduler.put_work(make_work(|| 1).deadline(SOON));
    assert!(matches!(work.join(), Err(WorkError::DeadlineExceeded)));
}

#[test]
fn callbacks_follow_a_passed_deadline_on_a_worker() {
    let scheduler = stopped_scheduler(1);
    let (told, tells) = latch();
    let work = make_work(|| 1).deadline(SOON).on_done(move |outcome| {
        let thread = std::thread::current().name().map(str::to_owned);
        let overdue = matches!(outcome, Err(WorkError::DeadlineExceeded));
        told.send((overdue, thread)).unwrap();
    });
    let work = scheduler.put_work(work);
    assert!(matches!(work.join(), Err(WorkError::DeadlineExceeded)));
    scheduler.start().unwrap();
    let (overdue, thread) = receive(&tells);
    assert!(overdue);
    assert_eq!(thread.as_deref(), Some("hivework-0"));
}
