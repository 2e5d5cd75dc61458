//! How long a work may wait, and how long it may run.

use std::future::pending;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use hivework::{
    Event, ManualClock, Scheduler, Status, StopReason, WorkContext, WorkError, WorkHandle,
    make_future, make_restartable, make_work,
};

use crate::support::{BOUND, builder, eventually, join, latch, receive};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A scheduler of one worker, by a clock that is turned.
fn timed() -> (Scheduler, ManualClock) {
    let clock = ManualClock::new();
    let scheduler = builder().workers(1).clock(&clock).start().unwrap();
    (scheduler, clock)
}

/// A work that runs until something is sent, or the sender dropped; it runs when this returns.
fn busy(scheduler: &Scheduler) -> (WorkHandle<()>, Sender<()>) {
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let work = scheduler.put_work(move || {
        begun.send(()).unwrap();
        let _ = gate.recv();
    });
    receive(&begins);
    (work, open)
}

/// A work that says that it runs, and then runs until it is to stop; it answers why.
fn patient() -> (hivework::Work<Option<StopReason>>, Receiver<()>) {
    let (begun, begins) = latch();
    let work = make_work(move |work: &WorkContext| {
        begun.send(()).unwrap();
        while !work.cancelled() {
            std::thread::yield_now();
        }
        work.stop_reason()
    });
    (work, begins)
}

#[test]
fn a_work_that_has_not_begun_in_time_is_blocked_and_never_begins() {
    let (scheduler, clock) = timed();
    let events = scheduler.events();
    let (first, open) = busy(&scheduler);
    let (told, tells) = latch();
    let work = make_work(|| panic!("it begins")).start_within(secs(3));
    let work = work.on_done(move |outcome: &Result<(), WorkError>| {
        told.send(matches!(outcome, Err(WorkError::Blocked)))
            .unwrap();
    });
    let work = scheduler.put_work(work);
    clock.advance(secs(2));
    assert_eq!(work.status(), Status::Queued);
    clock.advance(secs(1));
    let id = work.id();
    assert!(matches!(join(work), Err(WorkError::Blocked)));
    drop(open);
    join(first).unwrap();
    assert!(receive(&tells));
    assert_eq!(
        (scheduler.stats().blocked, scheduler.stats().overdue),
        (1, 0)
    );
    let is_told = |event| matches!(event, Event::WorkBlocked(work) if work.id == id);
    while !is_told(events.next_timeout(BOUND).expect("it is told of")) {}
}

#[test]
fn a_work_that_has_begun_in_time_is_blocked_no_more() {
    let (scheduler, clock) = timed();
    let (open, gate) = latch::<()>();
    let (begun, begins) = latch();
    let work = make_work(move || {
        begun.send(()).unwrap();
        let _ = gate.recv();
        7
    });
    let work = scheduler.put_work(work.start_within(secs(1)));
    receive(&begins);
    clock.advance(secs(5));
    assert_eq!(work.status(), Status::Running);
    drop(open);
    assert_eq!(join(work).unwrap(), 7);
    assert_eq!(scheduler.stats().blocked, 0);
}

#[test]
fn a_time_out_counts_from_the_beginning() {
    let (scheduler, clock) = timed();
    let (first, open) = busy(&scheduler);
    let (work, begins) = patient();
    let work = scheduler.put_work(work.timeout(secs(5)));
    clock.advance(secs(10));
    assert_eq!(work.status(), Status::Queued);
    drop(open);
    join(first).unwrap();
    receive(&begins);
    // The beginning is told before the time-out is set, which goes by the same clock: by then at the latest.
    clock.advance(secs(4));
    assert_eq!(work.status(), Status::Running);
    clock.advance(secs(1));
    assert!(matches!(join(work), Err(WorkError::DeadlineExceeded)));
    eventually("its late result is dropped", || {
        scheduler.drain(secs(1)).is_ok()
    });
    assert_eq!(scheduler.stats().overdue, 1);
}

#[test]
fn of_two_limits_the_earlier_counts() {
    let (scheduler, clock) = timed();
    let (first, open) = busy(&scheduler);
    let put = |start, deadline| {
        let work = make_work(|| ()).start_within(secs(start));
        scheduler.put_work(work.deadline(secs(deadline)))
    };
    let (blocked, overdue, both) = (put(1, 2), put(2, 1), put(3, 3));
    clock.advance(secs(1));
    assert!(matches!(join(blocked), Err(WorkError::Blocked)));
    assert!(matches!(join(overdue), Err(WorkError::DeadlineExceeded)));
    clock.advance(secs(2));
    assert!(matches!(join(both), Err(WorkError::Blocked)));
    drop(open);
    join(first).unwrap();

    for (timeout, deadline) in [(1, 9), (9, 1)] {
        let (work, begins) = patient();
        let work = work.timeout(secs(timeout)).deadline(secs(deadline));
        let work = scheduler.put_work(work.start_within(secs(3)));
        receive(&begins);
        clock.advance(secs(1));
        assert!(matches!(join(work), Err(WorkError::DeadlineExceeded)));
    }
    assert_eq!(scheduler.stats().blocked, 2);
}

#[test]
fn a_thread_that_waits_for_work_of_a_stopped_scheduler_watches_its_limits() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(1).clock(&clock).build().unwrap();
    let work = scheduler.put_work(make_work(|| ()).start_within(secs(1)).deadline(secs(9)));
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| join(work));
        while !answer.is_finished() {
            clock.advance(secs(1));
            std::thread::yield_now();
        }
        assert!(matches!(answer.join().unwrap(), Err(WorkError::Blocked)));
    });
}

#[test]
fn what_runs_in_turns_keeps_its_limits() {
    let (scheduler, clock) = timed();
    let future = make_future(pending::<()>())
        .start_within(secs(1))
        .timeout(secs(5));
    let future = scheduler.put_work(future);
    let (steps, stepped) = latch();
    let work = make_restartable(0_u64, move |_: &WorkContext, turns: &mut u64| {
        *turns += 1;
        let _ = steps.send(*turns);
        std::ops::ControlFlow::<()>::Continue(())
    });
    let endless = scheduler.put_work(work.timeout(secs(5)));
    while receive(&stepped) < 3 {}
    eventually("both have begun", || future.status() == Status::Running);
    clock.advance(secs(4));
    assert_eq!(
        (future.status(), endless.status()),
        (Status::Running, Status::Running)
    );
    clock.advance(secs(1));
    assert!(matches!(join(future), Err(WorkError::DeadlineExceeded)));
    assert!(matches!(join(endless), Err(WorkError::DeadlineExceeded)));
    scheduler.drain(secs(60)).unwrap();
}

#[test]
fn a_restartable_work_that_nobody_interrupts_is_drained_to_its_end() {
    let (scheduler, _clock) = timed();
    let work = make_restartable(0, |_: &WorkContext, turns: &mut u32| {
        *turns += 1;
        match turns {
            100 => std::ops::ControlFlow::Break(*turns),
            _ => std::ops::ControlFlow::Continue(()),
        }
    });
    let work = scheduler.put_work(work);
    scheduler.drain(secs(60)).unwrap();
    assert_eq!(join(work).unwrap(), 100);
}
