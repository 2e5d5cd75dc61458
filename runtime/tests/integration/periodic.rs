//! Works that are run again and again, by a clock that is turned by hand.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use hivework::{
    Event, ManualClock, Scheduler, Status, Work, WorkContext, WorkError, WorkHandle, atomically,
};

use crate::support::{BOUND, builder, eventually, join, latch, receive};
use crate::timers::{MS, by_hand};

/// A series that tells how long after its making each turn began, and takes as long as said.
fn series(
    make: fn(Duration, Turn) -> Work<()>,
    every: Duration,
    takes: Duration,
    clock: &ManualClock,
) -> (Work<()>, Receiver<Duration>) {
    let (tells, told) = latch();
    let (clock, start) = (clock.clone(), clock.now());
    let turn = move || {
        let began = clock.now() - start;
        if !takes.is_zero() {
            clock.advance(takes);
        }
        // Who does not listen any more does not care.
        let _ = tells.send(began);
    };
    (make(every, Box::new(turn)), told)
}

type Turn = Box<dyn FnMut() + Send>;

fn rate(period: Duration, turn: Turn) -> Work<()> {
    Work::every(period, turn)
}

fn pause(pause: Duration, turn: Turn) -> Work<()> {
    Work::every_after(pause, turn)
}

/// Waits until the series sleeps.
fn asleep(scheduler: &Scheduler) {
    eventually("asleep", || scheduler.stats().delayed == 1);
}

#[test]
fn turns_come_at_their_times_and_not_before() {
    let (scheduler, clock) = by_hand(2);
    for make in [rate, pause] {
        let (work, told) = series(make, 10 * MS, Duration::ZERO, &clock);
        let work = scheduler.put_work(work);
        for turn in 0..5 {
            assert_eq!(receive(&told), 10 * MS * turn);
            asleep(&scheduler);
            clock.advance(9 * MS);
            assert_eq!(scheduler.stats().delayed, 1);
            clock.advance(MS);
        }
        assert_eq!(receive(&told), 50 * MS);
        asleep(&scheduler);
        assert!(work.cancel());
        assert!(matches!(join(work), Err(WorkError::Cancelled)));
        assert_eq!(scheduler.stats().delayed, 0);
        clock.advance(100 * MS);
        assert!(told.try_recv().is_err());
    }
    assert_eq!(scheduler.stats().skipped, 0);
}

#[test]
fn a_rate_does_not_drift_and_a_pause_counts_from_the_end() {
    for (make, every) in [(rate as fn(_, _) -> _, 10), (pause, 13)] {
        let (scheduler, clock) = by_hand(1);
        let (work, told) = series(make, 10 * MS, 3 * MS, &clock);
        let _series = scheduler.put_work(work).cancel_on_drop();
        for turn in 0..5 {
            assert_eq!(receive(&told), every * MS * turn);
            asleep(&scheduler);
            clock.advance((every - 3) * MS);
        }
    }
}

#[test]
fn a_turn_that_takes_longer_than_its_period_leaves_out_what_it_missed() {
    let (scheduler, clock) = by_hand(1);
    let events = scheduler.events();
    let (work, told) = series(rate, 10 * MS, 35 * MS, &clock);
    let work = scheduler.put_work(work.name("slow"));
    for turn in 0..4 {
        assert_eq!(receive(&told), 40 * MS * turn);
        asleep(&scheduler);
        assert_eq!(scheduler.stats().skipped, u64::from(turn + 1) * 3);
        clock.advance(5 * MS);
    }
    work.cancel();
    loop {
        let event = events.next_timeout(BOUND).expect("never told");
        if let Event::PeriodsSkipped { work, skipped } = event {
            assert_eq!((work.name.as_deref(), skipped), (Some("slow"), 3));
            break;
        }
    }
}

#[test]
fn a_first_turn_can_be_delayed() {
    let (scheduler, clock) = by_hand(1);
    let (work, told) = series(rate, 10 * MS, Duration::ZERO, &clock);
    let work = scheduler.put_work(work.delay(5 * MS));
    assert_eq!(
        (work.status(), scheduler.stats().delayed),
        (Status::Queued, 1)
    );
    // It comes late, and the second is in time all the same.
    clock.advance(7 * MS);
    assert_eq!(receive(&told), 7 * MS);
    asleep(&scheduler);
    clock.advance(8 * MS);
    assert_eq!(receive(&told), 15 * MS);
    work.cancel();
}

#[test]
fn it_ends_with_what_a_turn_breaks_with() {
    let (scheduler, clock) = by_hand(1);
    let mut left = 3;
    let work = scheduler.put_work(
        Work::every(MS, move |work: &WorkContext| {
            left -= 1;
            match left {
                0 => ControlFlow::Break(work.name().map(str::to_owned)),
                _ => ControlFlow::Continue(()),
            }
        })
        .name("countdown"),
    );
    eventually("over", || {
        clock.advance(MS);
        work.status() == Status::Done
    });
    assert_eq!(join(work).unwrap().as_deref(), Some("countdown"));
    let stats = scheduler.stats();
    assert_eq!((stats.delayed, stats.finished, stats.waiting), (0, 1, 0));
}

#[test]
fn a_panic_ends_it() {
    let (scheduler, clock) = by_hand(1);
    let mut turns = 0;
    let work = scheduler.put_work(Work::every_after(MS, move || {
        turns += 1;
        assert!(turns < 3, "enough");
    }));
    eventually("over", || {
        clock.advance(MS);
        work.status() == Status::Done
    });
    let ended = join(work).unwrap_err();
    assert_eq!(ended.panic_message(), Some("enough"));
    assert_eq!(scheduler.stats().delayed, 0);
}

#[test]
fn a_cancel_during_a_turn_ends_it_after_that() {
    let (scheduler, clock) = by_hand(1);
    let (begun, begins) = latch();
    let (open, gate) = latch();
    let work = scheduler.put_work(Work::every(MS, move || {
        begun.send(()).unwrap();
        receive(&gate);
    }));
    receive(&begins);
    assert!(work.cancel());
    open.send(()).unwrap();
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
    clock.advance(10 * MS);
    assert!(begins.try_recv().is_err());
    assert_eq!(scheduler.stats().delayed, 0);
}

#[test]
fn its_deadline_is_that_of_all_turns_together() {
    let (scheduler, clock) = by_hand(1);
    let (work, told) = series(rate, 10 * MS, Duration::ZERO, &clock);
    let work = scheduler.put_work(work.deadline(25 * MS));
    for turn in 0..3 {
        assert_eq!(receive(&told), 10 * MS * turn);
        asleep(&scheduler);
        clock.advance(10 * MS);
    }
    assert!(matches!(join(work), Err(WorkError::DeadlineExceeded)));
    eventually("dropped", || told.recv().is_err());
    assert_eq!(scheduler.stats().delayed, 0);
}

#[test]
fn a_period_of_zero_lets_everybody_else_have_his_turn() {
    for make in [rate, pause] {
        let (scheduler, _clock) = by_hand(1);
        let turns = Arc::new(AtomicU32::new(0));
        let theirs = Arc::clone(&turns);
        let work = make(
            Duration::ZERO,
            Box::new(move || {
                theirs.fetch_add(1, Ordering::SeqCst);
            }),
        );
        let work = scheduler.put_work(work);
        for _ in 0..10 {
            let before = turns.load(Ordering::SeqCst);
            join(scheduler.put_work(|| ())).unwrap();
            eventually("a turn", || turns.load(Ordering::SeqCst) > before);
        }
        scheduler.drain(BOUND).unwrap();
        assert!(matches!(join(work), Err(WorkError::Stopped)));
        assert_eq!(scheduler.stats().skipped, 0);
    }
}

#[test]
fn a_period_beyond_all_time_has_one_turn() {
    let (scheduler, clock) = by_hand(1);
    for make in [rate, pause] {
        let (work, told) = series(make, Duration::MAX, Duration::ZERO, &clock);
        let work = scheduler.put_work(work);
        receive(&told);
        asleep(&scheduler);
        clock.advance(Duration::from_secs(1 << 30));
        assert_eq!(scheduler.stats().delayed, 1);
        assert!(work.cancel());
    }
}

#[test]
fn it_never_overlaps_itself() {
    let (scheduler, clock) = by_hand(4);
    let inside = Arc::new(Mutex::new(()));
    let (begun, begins) = latch();
    let theirs = (Arc::clone(&inside), clock.clone());
    let work = scheduler.put_work(Work::every(MS, move || {
        let _alone = theirs.0.try_lock().expect("alone");
        theirs.1.advance(5 * MS);
        begun.send(()).unwrap();
    }));
    for _ in 0..20 {
        clock.advance(MS);
        receive(&begins);
    }
    work.cancel();
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
}

#[test]
fn a_stop_interrupts_it_and_what_it_misses_is_left_out() {
    let (scheduler, clock) = by_hand(1);
    let (work, told) = series(rate, 10 * MS, Duration::ZERO, &clock);
    let work = scheduler.put_work(work);
    assert_eq!(receive(&told), Duration::ZERO);
    asleep(&scheduler);
    scheduler.stop().unwrap();
    clock.advance(35 * MS);
    assert!(told.try_recv().is_err());
    scheduler.start().unwrap();
    // The one that was due comes late, the next in time.
    assert_eq!(receive(&told), 35 * MS);
    asleep(&scheduler);
    assert_eq!(scheduler.stats().skipped, 2);
    clock.advance(5 * MS);
    assert_eq!(receive(&told), 40 * MS);
    work.cancel();
}

#[test]
fn a_drain_ends_it_between_two_turns_and_after_the_one_that_runs() {
    let clock = ManualClock::new();
    for wait in [true, false] {
        let scheduler = builder().workers(1).clock(&clock).start().unwrap();
        let (work, told) = series(rate, 10 * MS, Duration::ZERO, &clock);
        let work = scheduler.put_work(work);
        receive(&told);
        if wait {
            asleep(&scheduler);
        }
        scheduler.drain(BOUND).unwrap();
        assert!(matches!(join(work), Err(WorkError::Stopped)));
        let stats = scheduler.stats();
        assert_eq!((stats.delayed, stats.waiting, stats.running), (0, 0, 0));
    }
}

#[test]
fn the_last_handle_goes_and_it_answers_stopped() {
    let (scheduler, clock) = by_hand(1);
    let (work, told) = series(rate, 10 * MS, Duration::ZERO, &clock);
    let work = scheduler.put_work(work);
    receive(&told);
    drop(scheduler);
    assert!(matches!(join(work), Err(WorkError::Stopped)));
}

#[test]
fn a_series_can_be_put_in_a_transaction() {
    let (scheduler, clock) = by_hand(1);
    let (tells, told) = latch();
    let work: WorkHandle<()> = atomically(|tx| {
        let tells = tells.clone();
        scheduler.put_work_in(tx, Work::every(MS, move || _ = tells.send(())))
    });
    receive(&told);
    asleep(&scheduler);
    clock.advance(MS);
    receive(&told);
    work.cancel();
}

#[test]
fn nothing_is_told_of_a_series_that_is_over() {
    let (scheduler, clock) = by_hand(1);
    let events = scheduler.events();
    let theirs = clock.clone();
    let slow = Work::every(10 * MS, move || theirs.advance(35 * MS));
    let slow = scheduler.put_work(slow.deadline(20 * MS));
    assert!(matches!(join(slow), Err(WorkError::DeadlineExceeded)));
    scheduler.drain(BOUND).unwrap();
    assert_eq!(scheduler.stats().skipped, 3);
    let mut is_over = false;
    loop {
        match events.next_timeout(BOUND).expect("never told") {
            Event::WorkOverdue(_) => is_over = true,
            Event::PeriodsSkipped { .. } => assert!(!is_over),
            Event::Stopped => break,
            _ => {}
        }
    }
    assert!(is_over);
}
