use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use hivework::{
    BlockedWorker, BuildError, Event, Events, ManualClock, Member, OverrunPolicy, Scheduler, Stall,
    TVar, Wait, WorkContext, WorkError, WorkId, atomically, blocking, check, make_future,
    make_work,
};

use crate::support::{BOUND, builder, eventually, join, latch, receive};

const MS: Duration = Duration::from_millis(1);

/// What the next overrun of the work with this name says.
struct Overrun {
    worker: usize,
    elapsed: Duration,
    stall: Stall,
    cancelled: bool,
}

fn overrun(events: &Events, wanted: &str) -> Overrun {
    loop {
        let event = events.next_timeout(BOUND).expect("never reported");
        if let Event::WorkOverran {
            work: WorkId { name, .. },
            worker,
            elapsed,
            stall,
            cancelled,
        } = event
        {
            if name.as_deref() == Some(wanted) {
                return Overrun {
                    worker,
                    elapsed,
                    stall,
                    cancelled,
                };
            }
        }
    }
}

/// How many overruns lie with a subscriber.
fn overruns(events: &Events) -> usize {
    let mut count = 0;
    while let Some(event) = events.try_next() {
        count += usize::from(matches!(event, Event::WorkOverran { .. }));
    }
    count
}

/// With slices long enough for a busy machine to let a thread do something in them.
fn slow(workers: usize) -> Scheduler {
    let builder = builder().workers(workers).time_slice(5 * MS);
    builder.start().unwrap()
}

/// A work that computes until it is told to stop.
fn hog(stop: &Arc<AtomicBool>) -> impl FnOnce() + Send + 'static {
    let stop = Arc::clone(stop);
    move || {
        while !stop.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
    }
}

#[test]
fn a_work_that_computes_for_too_long_is_reported_once() {
    let scheduler = slow(1);
    let events = scheduler.events();
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let work = scheduler.put_work(make_work(hog(&stop)).name("hog"));
    let told = overrun(&events, "hog");
    let passed = began.elapsed();
    // As long again, and a little.
    thread::park_timeout(60 * MS);
    stop.store(true, Ordering::SeqCst);
    join(work).unwrap();
    assert_eq!(told.worker, 0);
    assert!(told.elapsed >= 50 * MS && told.elapsed <= passed);
    if cfg!(target_os = "linux") && !cfg!(miri) {
        assert_eq!(told.stall, Stall::Computing);
    }
    assert!(!told.cancelled);
    assert_eq!(overruns(&events), 0);
    assert_eq!(scheduler.stats().overran, 1);
}

#[test]
fn a_work_that_waits_unseen_is_reported_as_blocked() {
    let scheduler = slow(2);
    let events = scheduler.events();
    let (open, gate) = latch();
    let asleep = scheduler.put_work(make_work(move || receive(&gate)).name("asleep"));
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().unwrap();
    let theirs = Arc::clone(&lock);
    let locked = make_work(move || drop(theirs.lock().unwrap())).name("locked");
    // Not side by side: the order of the reports would be open.
    let first = overrun(&events, "asleep");
    let locked = scheduler.put_work(locked);
    let second = overrun(&events, "locked");
    assert_ne!(first.worker, second.worker);
    if cfg!(target_os = "linux") && !cfg!(miri) {
        assert_eq!(
            (first.stall, second.stall),
            (Stall::Blocked, Stall::Blocked)
        );
    }
    drop(held);
    open.send(()).unwrap();
    join(asleep).unwrap();
    join(locked).unwrap();
}

#[test]
fn a_work_that_is_put_into_an_idle_scheduler_is_found() {
    let scheduler = slow(2);
    let events = scheduler.events();
    for _ in 0..3 {
        eventually("nothing runs", || scheduler.stats().running == 0);
        thread::park_timeout(10 * MS);
        let (open, gate) = latch();
        let work = scheduler.put_work(make_work(move || receive(&gate)).name("late"));
        overrun(&events, "late");
        open.send(()).unwrap();
        join(work).unwrap();
    }
}

#[test]
fn a_work_that_was_away_is_found_when_it_goes_on() {
    let scheduler = slow(1);
    let events = scheduler.events();
    let (open, gate) = latch();
    let stop = Arc::new(AtomicBool::new(false));
    let hog = hog(&stop);
    let work = make_work(move || {
        blocking(|| receive(&gate));
        hog();
    });
    let work = scheduler.put_work(work.name("back"));
    eventually("it waits", || scheduler.stats().blocked_workers == 1);
    // Longer than its budget, by the clock: what a wait costs is the subject.
    thread::park_timeout(60 * MS);
    assert_eq!(overruns(&events), 0);
    open.send(()).unwrap();
    overrun(&events, "back");
    stop.store(true, Ordering::SeqCst);
    join(work).unwrap();
}

#[test]
fn the_policy_of_the_scheduler_ends_a_work_at_its_checkpoint() {
    let builder = builder().workers(1).on_overrun(OverrunPolicy::Cancel);
    let scheduler = builder.start().unwrap();
    let events = scheduler.events();
    let work = |work: &WorkContext| -> Result<(), WorkError> {
        loop {
            work.checkpoint()?;
        }
    };
    let work = scheduler.put_work(make_work(work).name("endless"));
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
    assert!(overrun(&events, "endless").cancelled);
    assert_eq!(scheduler.stats().cancelled, 1);
}

/// Nobody asked the scheduler's own works to be quick, and nobody could put them anew.
#[test]
fn the_policy_of_the_scheduler_ends_no_subscription_and_no_team() {
    let builder = builder().workers(2).on_overrun(OverrunPolicy::Cancel);
    let scheduler = builder.start().unwrap();
    let events = scheduler.events();
    let (go_on, gate) = latch();
    let gate = std::sync::Mutex::new(gate);
    let (handled, handles) = latch();
    let subscription = scheduler.on(
        move |event| {
            let is_slow = matches!(event, Event::User(event) if event.downcast_ref() == Some(&1));
            if is_slow {
                receive(&gate.lock().unwrap());
            }
            matches!(event, Event::User(_))
        },
        move |event| handled.send(event).unwrap(),
    );
    scheduler.emit(1);
    assert!(!overrun(&events, "subscription").cancelled);
    go_on.send(()).unwrap();
    scheduler.emit(2);
    receive(&handles);
    receive(&handles);
    drop(subscription);
    let stop = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stop);
    let mut team = scheduler
        .put_team(1, move |_: &Member| hog(&theirs)())
        .unwrap();
    loop {
        let event = events.next_timeout(BOUND).expect("never reported");
        if let Event::WorkOverran { cancelled, .. } = event {
            assert!(!cancelled);
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert_eq!(team.join_timeout(BOUND).unwrap().unwrap().len(), 1);
}

#[test]
fn a_work_of_few_slices_can_be_cancelled_alone() {
    let patient = builder().workers(1).time_slice(BOUND).start().unwrap();
    let events = patient.events();
    let work = |work: &WorkContext| {
        while !work.cancelled() {
            std::hint::spin_loop();
        }
        7
    };
    let other = patient.put_work(make_work(work).name("patient"));
    eventually("it has begun", || patient.stats().running == 1);
    let hasty = self::builder().workers(1).time_slice(MS).start().unwrap();
    let told = hasty.events();
    let work = hasty.put_work(
        make_work(work)
            .name("hasty")
            .time_slices(2)
            .cancel_on_overrun(),
    );
    let said = overrun(&told, "hasty");
    assert!(said.cancelled && said.elapsed >= 2 * MS);
    // It asked, and went on to its end: the result is its own.
    assert_eq!(join(work).unwrap(), 7);
    assert_eq!(overruns(&events), 0);
    assert!(other.cancel());
    assert_eq!(join(other).unwrap(), 7);
}

#[test]
fn a_work_of_many_slices_has_that_long() {
    let scheduler = builder().workers(1).start().unwrap();
    let events = scheduler.events();
    let (open, gate) = latch();
    let work = make_work(move || receive(&gate))
        .name("long")
        .time_slices(40);
    let work = scheduler.put_work(work);
    assert!(overrun(&events, "long").elapsed >= 40 * MS);
    open.send(()).unwrap();
    join(work).unwrap();
    assert_eq!(scheduler.stats().overran, 1);
}

#[test]
fn what_a_work_waits_for_does_not_count() {
    // Turned by hand: on a busy machine what they do beside waiting could take that long.
    let clock = ManualClock::new();
    let scheduler = builder().workers(1).clock(&clock).start().unwrap();
    let events = scheduler.events();
    let ready = TVar::new(false);
    let theirs = ready.clone();
    let retrying = scheduler.put_work(move || atomically(|tx| check(theirs.read(tx)?)));
    let (open, gate) = latch();
    let blocked = scheduler.put_work(move || blocking(|| receive(&gate)));
    let (free, held) = latch();
    let awaited = scheduler.put_work(move || blocking(|| receive(&held)));
    eventually("three wait", || scheduler.stats().blocked_workers == 3);
    let joining = scheduler.put_work(move || awaited.join().unwrap());
    eventually("four wait", || scheduler.stats().blocked_workers == 4);
    for _ in 0..3 {
        clock.advance(60 * MS);
    }
    ready.store(true);
    open.send(()).unwrap();
    free.send(()).unwrap();
    join(retrying).unwrap();
    join(blocked).unwrap();
    join(joining).unwrap();
    assert_eq!((overruns(&events), scheduler.stats().overran), (0, 0));
}

#[test]
fn a_part_of_a_work_is_the_work() {
    let scheduler = slow(1);
    let events = scheduler.events();
    let inner = scheduler.clone();
    let (open, gate) = latch();
    let outer = make_work(move || {
        let part = make_work(move || receive(&gate)).name("inner");
        inner.put_work(part).join().unwrap();
    });
    let outer = scheduler.put_work(outer.name("outer"));
    overrun(&events, "outer");
    open.send(()).unwrap();
    join(outer).unwrap();
    assert_eq!(scheduler.stats().overran, 1);
}

#[test]
fn a_turn_of_a_future_counts_by_itself() {
    let builder = builder().workers(1).on_overrun(OverrunPolicy::Cancel);
    let scheduler = builder.start().unwrap();
    let events = scheduler.events();
    let (open, gate) = latch();
    let mut gate = Some(gate);
    let mut polls = 0;
    let future = std::future::poll_fn(move |context| {
        polls += 1;
        match polls {
            // Many turns are no long turn.
            1..50 => context.waker().wake_by_ref(),
            50 => receive(&gate.take().unwrap()),
            _ => unreachable!("it is cancelled"),
        }
        std::task::Poll::<()>::Pending
    });
    let work = scheduler.put_work(make_future(future).name("future"));
    assert!(overrun(&events, "future").cancelled);
    open.send(()).unwrap();
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
}

#[test]
fn a_work_is_watched_while_its_scheduler_stops_and_after_the_next_start() {
    let scheduler = slow(1);
    let events = scheduler.events();
    for _ in 0..2 {
        let (open, gate) = latch();
        let (begun, begins) = latch();
        let work = make_work(move || {
            begun.send(()).unwrap();
            receive(&gate);
        });
        let work = scheduler.put_work(work.name("last"));
        receive(&begins);
        let theirs = scheduler.clone();
        let stopping = thread::spawn(move || theirs.stop().unwrap());
        overrun(&events, "last");
        open.send(()).unwrap();
        join(work).unwrap();
        stopping.join().unwrap();
        scheduler.start().unwrap();
    }
    assert_eq!(scheduler.stats().overran, 2);
}

#[test]
fn a_slice_of_zero_is_an_error() {
    let built = builder().time_slice(Duration::ZERO).build();
    let error = built.map(drop).unwrap_err();
    assert!(matches!(error, BuildError::ZeroTimeSlice));
    assert!(error.to_string().contains("time_slices"));
}

#[test]
fn who_is_exhausted_says_what_everybody_waits_for() {
    let scheduler = builder().workers(1).max_spares(2).start().unwrap();
    let events = scheduler.events();
    let ready = TVar::new(false);
    let (open, gate) = latch();
    let theirs = ready.clone();
    let retry = make_work(move || atomically(|tx| check(theirs.read(tx)?)));
    let retry = scheduler.put_work(retry.name("retry"));
    eventually("one waits", || scheduler.stats().blocked_workers == 1);
    let blocked = make_work(move || blocking(|| receive(&gate)));
    let blocked = scheduler.put_work(blocked.name("blocked"));
    eventually("two wait", || scheduler.stats().blocked_workers == 2);
    let joined = scheduler.put_work(make_work(move || blocked.join().unwrap()).name("joined"));
    eventually("all wait", || scheduler.stats().blocked_workers == 3);
    let queued = scheduler.put_work(|| 1);
    let waiting = loop {
        let event = events.next_timeout(BOUND).expect("never exhausted");
        if let Event::WorkersExhausted { waiting, .. } = event {
            break waiting;
        }
    };
    let mut said: Vec<_> = waiting
        .into_iter()
        .map(
            |BlockedWorker {
                 worker, work, wait, ..
             }| { (worker, work.unwrap().name.unwrap().to_string(), wait) },
        )
        .collect();
    said.sort_by_key(|(worker, ..)| *worker);
    let told = said.iter().map(|(_, name, wait)| (name.as_str(), *wait));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("retry", Wait::Transaction),
            ("blocked", Wait::Blocking),
            ("joined", Wait::Join)
        ]
    );
    ready.store(true);
    open.send(()).unwrap();
    join(retry).unwrap();
    join(joined).unwrap();
    assert_eq!(join(queued).unwrap(), 1);
}

/// On a clock that is turned by hand: exact at any interval.
#[test]
fn an_overrun_is_reported_by_the_second_tick_after_the_slices_are_over() {
    for interval in [MS, 10 * MS, 100 * MS] {
        let clock = ManualClock::new();
        let scheduler = builder()
            .workers(1)
            .run_interval(interval)
            .clock(&clock)
            .start()
            .unwrap();
        let events = scheduler.events();
        let (begins, begun) = latch();
        let hog = make_work(move |work: &WorkContext| {
            begins.send(()).unwrap();
            while !work.cancelled() {
                thread::yield_now();
            }
        });
        let hog = scheduler.put_work(hog.name("hog"));
        receive(&begun);
        let start = clock.now();
        let mut ticks_over = 0;
        while scheduler.stats().overran == 0 {
            clock.advance(interval);
            let is_over = clock.now() - start >= 10 * MS;
            ticks_over += u32::from(is_over);
            assert!(is_over || scheduler.stats().overran == 0, "too early");
            assert!(ticks_over <= 2, "too late at {interval:?}");
        }
        let overrun = overrun(&events, "hog");
        assert!(overrun.elapsed >= 10 * MS && overrun.elapsed <= clock.now() - start);
        assert_eq!((overrun.worker, overrun.cancelled), (0, false));
        // Once.
        (0..3).for_each(|_| clock.advance(interval));
        assert_eq!(scheduler.stats().overran, 1);
        hog.cancel();
        join(hog).unwrap();
    }
}
