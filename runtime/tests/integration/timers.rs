//! Delays and the clock that is turned by hand. Deadlines by real time are in `deadlines`,
//! works that are run again and again in `periodic`.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hivework::{
    ManualClock, Scheduler, Status, TVar, TryPutError, Work, WorkError, WorkHandle, abort,
    atomically, atomically_or, check, make_future, make_transaction, make_work,
};

use crate::support::{BOUND, builder, eventually, join, latch, receive};

pub(crate) const MS: Duration = Duration::from_millis(1);
const NS: Duration = Duration::from_nanos(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A scheduler that runs, and the clock that it goes by.
pub(crate) fn by_hand(workers: usize) -> (Scheduler, ManualClock) {
    let clock = ManualClock::new();
    let scheduler = builder().workers(workers).clock(&clock).start().unwrap();
    (scheduler, clock)
}

fn delayed<T: Send + 'static>(
    delay: Duration,
    closure: impl FnOnce() -> T + Send + 'static,
) -> Work<T> {
    make_work(closure).delay(delay)
}

fn is_stopped<T: Send + 'static>(handle: WorkHandle<T>) -> bool {
    matches!(join(handle), Err(WorkError::Stopped))
}

#[test]
fn a_delayed_work_runs_at_its_time_and_not_before() {
    let (scheduler, clock) = by_hand(2);
    let start = clock.now();
    let theirs = clock.clone();
    let work = scheduler.put_work(delayed(10 * MS, move || theirs.now() - start));
    assert_eq!(
        (work.status(), scheduler.stats().delayed),
        (Status::Queued, 1)
    );
    clock.advance(10 * MS - NS);
    assert_eq!(
        (work.status(), scheduler.stats().delayed),
        (Status::Queued, 1)
    );
    clock.advance(NS);
    assert_eq!(scheduler.stats().delayed, 0);
    assert_eq!(join(work).unwrap(), 10 * MS);
}

#[test]
fn no_delay_is_none() {
    let (scheduler, _clock) = by_hand(1);
    assert_eq!(
        join(scheduler.put_work(delayed(Duration::ZERO, || 1))).unwrap(),
        1
    );
}

#[test]
fn a_delay_beyond_all_time_is_for_ever() {
    let (scheduler, clock) = by_hand(1);
    let never = scheduler.put_work(delayed(Duration::MAX, || ()));
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    let put_at_the_end_of_time = scheduler.put_work(delayed(MS, || ()));
    clock.advance(HOUR);
    drop(scheduler);
    for work in [never, put_at_the_end_of_time] {
        // There is no later time, so both were due at its end or never.
        assert!(matches!(join(work), Ok(()) | Err(WorkError::Stopped)));
    }
}

#[test]
fn works_are_queued_by_their_time_and_then_by_their_put() {
    let (scheduler, clock) = by_hand(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let put = |nth: u32| {
        let order = Arc::clone(&order);
        let delay = (nth * 7 % 5) * MS + MS;
        scheduler.put_work(delayed(delay, move || {
            order.lock().unwrap().push((delay, nth))
        }))
    };
    // Fewer than a worker takes in a row from the place where it found them.
    let works: Vec<_> = (0..50).map(put).collect();
    clock.advance(10 * MS);
    for work in works {
        join(work).unwrap();
    }
    let order = order.lock().unwrap();
    assert_eq!(order.len(), 50);
    assert!(order.is_sorted());
}

#[test]
fn every_way_to_put_takes_a_delay() {
    let clock = ManualClock::new();
    // A capacity has no say: a delayed work lies beside the queue.
    let full = builder().workers(1).queue_capacity(1).clock(&clock);
    let scheduler = full.build().unwrap();
    let queued = scheduler.put_work(|| 0);
    let flag = TVar::new(true);
    let mut works = vec![
        scheduler.put_work(delayed(MS, || 1)),
        scheduler.try_put_work(delayed(MS, || 2)).ok().unwrap(),
        atomically(|tx| scheduler.put_work_in(tx, delayed(MS, || 3))),
        scheduler.put_work(make_future(async { 4 }).delay(MS)),
        scheduler.put_work(make_transaction(move |tx| check(flag.read(tx)?).map(|()| 5)).delay(MS)),
    ];
    works.extend(scheduler.put_batch([delayed(MS, || 6), delayed(2 * MS, || 7)]));
    assert_eq!(scheduler.stats().delayed, 7);
    scheduler.start().unwrap();
    works.push(
        join(scheduler.put_work({
            let scheduler = scheduler.clone();
            move || scheduler.put_work(delayed(MS, || 8))
        }))
        .unwrap(),
    );
    works.extend(scheduler.put_batch([make_work(|| 9), delayed(MS, || 10)]));
    clock.advance(Duration::ZERO);
    let unqueued = works.iter().filter(|work| work.status() == Status::Queued);
    assert!(unqueued.count() >= 9);
    assert_eq!(scheduler.stats().delayed, 9);
    clock.advance(2 * MS);
    assert_eq!(scheduler.stats().delayed, 0);
    let answers: Vec<_> = works.into_iter().map(|work| join(work).unwrap()).collect();
    assert_eq!(answers, (1..=10).collect::<Vec<_>>());
    assert_eq!(join(queued).unwrap(), 0);
}

#[test]
fn a_delay_in_a_transaction_counts_from_the_commit() {
    let (scheduler, clock) = by_hand(1);
    let turned = AtomicBool::new(false);
    let work = atomically(|tx| {
        let work = scheduler.put_work_in(tx, delayed(10 * MS, || ()))?;
        if !turned.swap(true, Ordering::SeqCst) {
            let clock = clock.clone();
            thread::spawn(move || clock.advance(5 * MS)).join().unwrap();
        }
        Ok(work)
    });
    clock.advance(10 * MS - NS);
    assert_eq!(work.status(), Status::Queued);
    clock.advance(NS);
    join(work).unwrap();
}

#[test]
fn a_delayed_work_of_a_transaction_that_was_rolled_back_leaves_nothing() {
    let (scheduler, clock) = by_hand(1);
    let mut put = None;
    let rolled_back = atomically_or(|tx| {
        put = Some(scheduler.put_work_in(tx, delayed(MS, || ()))?);
        abort::<(), _>(())
    });
    assert!(rolled_back.is_err());
    assert_eq!(scheduler.stats().delayed, 0);
    clock.advance(HOUR);
    assert!(matches!(join(put.unwrap()), Err(WorkError::Cancelled)));
    assert_eq!(scheduler.stats().put, 0);
}

#[test]
fn a_cancelled_delay_ends_at_once_and_keeps_no_memory() {
    let (scheduler, clock) = by_hand(1);
    let kept = Arc::new(());
    let put = |n: u32| {
        let kept = Arc::clone(&kept);
        scheduler.put_work(delayed(n * MS, move || drop(kept)))
    };
    let works: Vec<_> = (1..=100).map(put).collect();
    for work in &works {
        assert!(work.cancel());
        assert!(!work.cancel());
    }
    assert_eq!(
        (Arc::strong_count(&kept), scheduler.stats().delayed),
        (1, 0)
    );
    clock.advance(HOUR);
    for work in works {
        assert!(matches!(join(work), Err(WorkError::Cancelled)));
    }
    assert_eq!(scheduler.stats().cancelled, 100);
}

#[test]
fn a_deadline_passes_during_the_delay_and_callbacks_follow_on_a_worker() {
    let (scheduler, clock) = by_hand(1);
    let (told, tells) = latch();
    let work = delayed(20 * MS, || ())
        .deadline(10 * MS)
        .on_done(move |outcome| {
            let thread = thread::current().name().map(str::to_owned);
            told.send((outcome.is_err(), thread)).unwrap();
        });
    let late = scheduler.put_work(work);
    let in_time = scheduler.put_work(delayed(10 * MS, || ()).deadline(20 * MS));
    clock.advance(10 * MS);
    assert!(matches!(join(late), Err(WorkError::DeadlineExceeded)));
    let (is_late, thread) = receive(&tells);
    assert!(is_late && thread.is_some_and(|thread| thread.starts_with("hivework-")));
    join(in_time).unwrap();
    let stats = scheduler.stats();
    assert_eq!((stats.delayed, stats.overdue, stats.finished), (0, 1, 1));
}

#[test]
fn who_joins_a_delayed_work_from_inside_waits_for_its_time() {
    let (scheduler, clock) = by_hand(1);
    let theirs = scheduler.clone();
    let (there, is_there) = latch();
    let outer = scheduler.put_work(move || {
        let inner = theirs.put_work(delayed(10 * MS, || "inner"));
        there.send(()).unwrap();
        inner.join()
    });
    receive(&is_there);
    eventually("away", || scheduler.stats().blocked_workers == 1);
    clock.advance(10 * MS - NS);
    assert_eq!(scheduler.stats().delayed, 1);
    clock.advance(NS);
    assert_eq!(join(outer).unwrap().unwrap(), "inner");
}

#[test]
fn a_stop_during_such_a_join_ends_when_the_time_has_come() {
    let (scheduler, clock) = by_hand(1);
    let theirs = scheduler.clone();
    let outer = scheduler.put_work(move || theirs.put_work(delayed(10 * MS, || 1)).join());
    eventually("away", || scheduler.stats().blocked_workers == 1);
    let stopper = {
        let scheduler = scheduler.clone();
        thread::spawn(move || scheduler.stop())
    };
    eventually("stopping", || !scheduler.is_running());
    assert_eq!(scheduler.stats().delayed, 1);
    clock.advance(10 * MS);
    stopper.join().unwrap().unwrap();
    assert_eq!(join(outer).unwrap().unwrap(), 1);
}

#[test]
fn a_stop_keeps_delayed_works_and_their_time_goes_on() {
    let (scheduler, clock) = by_hand(1);
    let before = scheduler.put_work(delayed(10 * MS, || "before"));
    scheduler.stop().unwrap();
    let between = scheduler.put_work(delayed(30 * MS, || "between"));
    clock.advance(20 * MS);
    assert_eq!(scheduler.stats().delayed, 2);
    scheduler.start().unwrap();
    assert_eq!(join(before).unwrap(), "before");
    assert_eq!(between.status(), Status::Queued);
    clock.advance(10 * MS);
    assert_eq!(join(between).unwrap(), "between");
}

#[test]
fn a_drain_answers_what_is_delayed_and_what_is_put_with_a_delay_meanwhile() {
    let (scheduler, clock) = by_hand(1);
    let waiting = scheduler.put_work(delayed(HOUR, || ()));
    let theirs = scheduler.clone();
    let (begun, begins) = latch();
    let inside = scheduler.put_work(move || {
        begun.send(()).unwrap();
        // Those of before the drain are answered by its sweep, the last by its put.
        let mut put = Vec::new();
        loop {
            let work = theirs.put_work(delayed(HOUR, || ()));
            let refused = work.status() == Status::Done;
            put.push(work);
            if refused {
                return put;
            }
            thread::yield_now();
        }
    });
    receive(&begins);
    scheduler.drain(BOUND).unwrap();
    assert!(is_stopped(waiting));
    assert!(join(inside).unwrap().into_iter().all(is_stopped));
    assert_eq!(scheduler.stats().delayed, 0);
    // It is over: what is put now waits for the next start.
    let after = scheduler.put_work(delayed(MS, || 1));
    assert_eq!(after.status(), Status::Queued);
    scheduler.start().unwrap();
    clock.advance(MS);
    assert_eq!(join(after).unwrap(), 1);
}

#[test]
fn a_delayed_work_that_a_drain_declines_comes_back_with_its_delay() {
    let (scheduler, clock) = by_hand(1);
    let (open, gate) = latch();
    let blocker = scheduler.put_work(move || receive(&gate));
    let drain = {
        let scheduler = scheduler.clone();
        thread::spawn(move || scheduler.drain(BOUND))
    };
    let mut work = delayed(10 * MS, || 1);
    let work = loop {
        match scheduler.try_put_work(work) {
            Ok(put) => assert!(put.cancel() || is_stopped(put)),
            Err(TryPutError::Stopped(back)) => break back,
            Err(other) => panic!("{other}"),
        }
        work = delayed(10 * MS, || 1);
        thread::yield_now();
    };
    open.send(()).unwrap();
    drain.join().unwrap().unwrap();
    join(blocker).unwrap();
    scheduler.start().unwrap();
    let work = scheduler.put_work(work);
    clock.advance(10 * MS - NS);
    assert_eq!(work.status(), Status::Queued);
    clock.advance(NS);
    assert_eq!(join(work).unwrap(), 1);
}

#[test]
fn the_last_handle_goes_and_delayed_works_answer_stopped() {
    let (scheduler, _clock) = by_hand(1);
    let running = scheduler.put_work(delayed(HOUR, || ()));
    drop(scheduler);
    assert!(is_stopped(running));
    let clock = ManualClock::new();
    let scheduler = builder().clock(clock).build().unwrap();
    let never_started = scheduler.put_work(delayed(HOUR, || ()));
    drop(scheduler);
    assert!(is_stopped(never_started));
}

#[test]
fn a_crowd_that_is_due_at_once_is_queued_in_one_turn_and_in_portions() {
    let (scheduler, clock) = by_hand(2);
    let ran = Arc::new(AtomicUsize::new(0));
    let put = |_| {
        let ran = Arc::clone(&ran);
        scheduler.put_work(delayed(MS, move || ran.fetch_add(1, Ordering::SeqCst)))
    };
    let works: Vec<_> = (0..1000).map(put).collect();
    let before = scheduler.stats().ticks;
    clock.advance(MS);
    let stats = scheduler.stats();
    assert_eq!(stats.delayed, 0);
    assert!(stats.ticks - before >= 4, "{} rounds", stats.ticks - before);
    for work in works {
        join(work).unwrap();
    }
    assert_eq!(ran.load(Ordering::SeqCst), 1000);
}

#[test]
fn many_timers_pend_are_cancelled_and_fire() {
    let count = if cfg!(miri) {
        100
    } else if cfg!(debug_assertions) {
        20_000
    } else {
        1_000_000
    };
    let (scheduler, clock) = by_hand(2);
    let ran = Arc::new(AtomicUsize::new(0));
    let mut works: Vec<_> = (0..count)
        .map(|nth: u64| {
            let ran = Arc::clone(&ran);
            // In no order, and all within a second.
            let at = nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_000_000;
            let work = move || _ = ran.fetch_add(1, Ordering::Relaxed);
            scheduler.put_work(delayed(Duration::from_nanos(at + 1), work))
        })
        .collect();
    assert_eq!(scheduler.stats().delayed, count);
    // A tick looks at none of them.
    let ticks = scheduler.stats().ticks;
    clock.advance(Duration::ZERO);
    assert!(scheduler.stats().ticks - ticks < 10);
    let mut nth = 0;
    works.retain(|work| {
        nth += 1;
        nth % 2 == 0 || !work.cancel()
    });
    assert_eq!(scheduler.stats().delayed, count / 2);
    clock.advance(Duration::from_secs(1));
    assert_eq!(scheduler.stats().delayed, 0);
    for work in works {
        join(work).unwrap();
    }
    assert_eq!(ran.load(Ordering::Relaxed) as u64, count / 2);
}

#[test]
fn schedulers_share_a_clock_and_only_those_that_run_are_waited_for() {
    let (one, clock) = by_hand(1);
    let other = builder().workers(1).clock(&clock).start().unwrap();
    let first = [&one, &other].map(|each| each.put_work(delayed(MS, || ())));
    clock.advance(MS);
    assert_eq!((one.stats().delayed, other.stats().delayed), (0, 0));
    for work in first {
        join(work).unwrap();
    }
    other.stop().unwrap();
    let second = [&one, &other].map(|each| each.put_work(delayed(MS, || ())));
    clock.advance(MS);
    assert_eq!((one.stats().delayed, other.stats().delayed), (0, 1));
    drop(one);
    clock.advance(MS);
    drop(other);
    clock.advance(MS);
    let [ran, stopped] = second;
    assert!(matches!(join(ran), Ok(()) | Err(WorkError::Stopped)));
    assert!(is_stopped(stopped));
}

#[test]
fn turning_the_clock_never_hangs_while_schedulers_come_and_go() {
    let clock = ManualClock::new();
    let rounds = if cfg!(miri) { 2 } else { 30 };
    thread::scope(|scope| {
        let turners = [(), ()].map(|()| {
            scope.spawn(|| {
                for _ in 0..10 * rounds {
                    clock.advance(MS);
                }
            })
        });
        for _ in 0..rounds {
            let scheduler = builder().workers(1).clock(&clock).start().unwrap();
            let work = scheduler.put_work(delayed(MS, || ()));
            drop(scheduler);
            assert!(matches!(join(work), Ok(()) | Err(WorkError::Stopped)));
        }
        for turner in turners {
            turner.join().unwrap();
        }
    });
}

#[test]
fn a_work_can_turn_the_clock() {
    let (scheduler, clock) = by_hand(1);
    let soon = scheduler.put_work(delayed(MS, || ()));
    let theirs = clock.clone();
    // Alone on its worker, and in need of a spare.
    let turner = scheduler.put_work(move || {
        theirs.advance(MS);
        soon.join()
    });
    join(turner).unwrap().unwrap();
}

#[test]
fn the_supervisor_can_turn_the_clock() {
    struct Turns(ManualClock, AtomicUsize);
    impl Wake for Turns {
        fn wake(self: Arc<Self>) {
            self.0.advance(MS);
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (scheduler, clock) = by_hand(1);
    let turns = Arc::new(Turns(clock.clone(), AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&turns));
    let mut work = scheduler.put_work(delayed(HOUR, || ()).deadline(MS));
    let polled = std::pin::Pin::new(&mut work).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let next = scheduler.put_work(delayed(2 * MS, || ()));
    clock.advance(MS);
    assert_eq!(turns.1.load(Ordering::SeqCst), 1);
    join(next).unwrap();
    assert!(matches!(join(work), Err(WorkError::DeadlineExceeded)));
}

#[test]
#[should_panic(expected = "advance inside a transaction")]
fn the_clock_is_not_turned_inside_a_transaction() {
    let clock = ManualClock::new();
    atomically(|_| {
        clock.advance(MS);
        Ok(())
    });
}

#[test]
fn real_time_answers_no_deadline_of_a_manual_clock() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(1).clock(&clock).build().unwrap();
    // Joined while the scheduler is stopped: who joins watches the deadline.
    let mut work = scheduler.put_work(make_work(|| ()).deadline(MS));
    assert!(work.join_timeout(10 * MS).is_none());
    let waiter = thread::spawn(move || join(work));
    clock.advance(MS - NS);
    clock.advance(NS);
    assert!(matches!(
        waiter.join().unwrap(),
        Err(WorkError::DeadlineExceeded)
    ));
    // And while it runs.
    scheduler.start().unwrap();
    let (open, gate) = latch();
    let mut work = scheduler.put_work(make_work(move || receive(&gate)).deadline(MS));
    assert!(work.join_timeout(10 * MS).is_none());
    clock.advance(MS);
    assert!(matches!(join(work), Err(WorkError::DeadlineExceeded)));
    // It may not have begun, and then it never did.
    let _ = open.send(());
}

#[test]
fn a_clock_that_stands_makes_no_ticks() {
    let (scheduler, clock) = by_hand(1);
    let (open, gate) = latch();
    let busy = scheduler.put_work(move || receive(&gate));
    clock.advance(Duration::ZERO);
    eventually("begun", || busy.status() == Status::Running);
    if std::env::var_os("HIVEWORK_TRANSPORT").is_none() {
        let before = scheduler.stats().ticks;
        // Twenty ticks by real time.
        assert!(scheduler.put_work(|| ()).join_timeout(20 * MS).is_none());
        assert!(scheduler.stats().ticks - before <= 3);
    }
    open.send(()).unwrap();
    join(busy).unwrap();
}

#[test]
fn a_delay_is_not_rounded_to_ticks() {
    let interval = Duration::from_secs(10);
    let scheduler = builder().workers(1).run_interval(interval).start().unwrap();
    let put = Instant::now();
    let ran = join(scheduler.put_work(delayed(5 * MS, Instant::now))).unwrap();
    assert!(ran - put >= 5 * MS);
    assert!(ran - put < interval / 2, "after {:?}", ran - put);
}
