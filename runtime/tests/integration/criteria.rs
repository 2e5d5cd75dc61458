//! When jobs may start: what a criterion promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hivework::{
    Admit, Consume, Criterion, CriterionError, Event, ManualClock, Scheduler, Slots, Status,
    Stream, StreamScheduler, TVar, WorkContext, WorkError, make_job,
};

use crate::support::{BOUND, builder, eventually, join};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A scheduler by a clock that is turned, so many slots, and a stream whose jobs start if the criterion
/// holds.
fn gated(slots: usize, criterion: Criterion) -> (Scheduler, ManualClock, Slots, Stream) {
    let clock = ManualClock::new();
    let scheduler = builder().workers(2).clock(&clock).start().unwrap();
    let slots = Slots::new(slots).unwrap();
    let streams = StreamScheduler::builder(&scheduler, &slots);
    let streams = streams.admit(criterion).build().unwrap();
    let stream = streams.stream("gated").open().unwrap();
    (scheduler, clock, slots, stream)
}

/// A closure that holds while the flag is up, and how often it was asked.
fn flag() -> (Criterion, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (up, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (theirs, count) = (Arc::clone(&up), Arc::clone(&asked));
    let criterion = Criterion::when(move || {
        count.fetch_add(1, Ordering::SeqCst);
        theirs.load(Ordering::SeqCst)
    });
    (criterion, up, asked)
}

/// Waits until somebody is to ask again at some time.
fn alarm_is_set(scheduler: &Scheduler) {
    eventually("an alarm is set", || scheduler.stats().delayed == 1);
}

fn all_home(slots: &Slots) {
    eventually("all slots are home", || slots.free() == slots.size());
}

#[test]
fn a_closure_is_asked_again_on_its_schedule_and_not_more_often() {
    let (criterion, up, asked) = flag();
    let (scheduler, clock, slots, stream) = gated(2, criterion.every(millis(50)));
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nothing waits");
    let jobs: Vec<_> = (0..20).map(|number| stream.put(move || number)).collect();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!((stream.len(), slots.free()), (20, 2));
    clock.advance(millis(49));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    clock.advance(millis(1));
    eventually("it is asked again", || asked.load(Ordering::SeqCst) == 2);
    alarm_is_set(&scheduler);
    up.store(true, Ordering::SeqCst);
    clock.advance(millis(50));
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(join(job).unwrap(), number);
    }
    // Once for each start, or more often where several drew for one; and twice in vain.
    let times = asked.load(Ordering::SeqCst);
    assert!((22..=22 + 64).contains(&times), "{times}");
    all_home(&slots);
}

#[test]
fn a_closure_can_say_when_it_is_to_be_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // As Jobserver's sleep function: none is "go".
    let criterion = Criterion::when(move || match count.fetch_add(1, Ordering::SeqCst) {
        0 => Some(millis(700)),
        _ => None,
    });
    let (_scheduler, clock, _slots, stream) = gated(1, criterion);
    let job = stream.put(|| "in");
    clock.advance(millis(699));
    assert_eq!((asked.load(Ordering::SeqCst), job.status()), (1, Status::Queued));
    clock.advance(millis(1));
    assert_eq!(join(job).unwrap(), "in");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(Admit::from(None::<Duration>), Admit::Now);
}

#[test]
fn a_transaction_is_asked_again_when_something_changes_that_it_has_read() {
    let (open, asked) = (TVar::new(0), Arc::new(AtomicUsize::new(0)));
    let (gate, count) = (open.clone(), Arc::clone(&asked));
    let criterion = Criterion::transaction(move |tx| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(gate.read(tx)? == 2)
    });
    let (_scheduler, _clock, slots, stream) = gated(1, criterion);
    let job = stream.put(|| "in");
    eventually("it waits", || asked.load(Ordering::SeqCst) >= 2);
    open.store(1);
    eventually("it looks", || asked.load(Ordering::SeqCst) >= 3);
    assert_eq!(job.status(), Status::Queued);
    open.store(2);
    assert_eq!(join(job).unwrap(), "in");
    let again = stream.put(|| "at once");
    assert_eq!(join(again).unwrap(), "at once");
    all_home(&slots);
}

#[test]
fn what_a_transaction_writes_is_written_with_the_start_and_only_then() {
    let quota = TVar::new(2_u32);
    let theirs = quota.clone();
    let criterion = Criterion::transaction(move |tx| {
        let left = theirs.read(tx)?;
        theirs.write(tx, left.saturating_sub(1))?;
        Ok(left > 0)
    });
    let (_scheduler, _clock, slots, stream) = gated(8, criterion);
    let jobs: Vec<_> = (0..5).map(|_| stream.put(|| ())).collect();
    let done = || jobs.iter().filter(|job| job.status() == Status::Done).count();
    eventually("two are done", || done() == 2);
    all_home(&slots);
    assert_eq!((quota.load(), stream.len(), done()), (0, 3, 2));
    quota.store(9);
    for job in jobs {
        join(job).unwrap();
    }
    assert_eq!(quota.load(), 6);
}

#[test]
fn a_transaction_that_retries_says_no() {
    let open = TVar::new(false);
    let gate = open.clone();
    let criterion = Criterion::transaction(move |tx| {
        hivework::check(gate.read(tx)?)?;
        Ok(true)
    });
    let (_scheduler, _clock, _slots, stream) = gated(1, criterion);
    let job = stream.put(|| "in");
    assert_eq!(job.status(), Status::Queued);
    open.store(true);
    assert_eq!(join(job).unwrap(), "in");
}

#[test]
fn sleep_gate_answers_blocked_at_the_deadline_and_nothing_spins() {
    let (criterion, _up, asked) = flag();
    let (scheduler, clock, slots, stream) = gated(1, criterion.every(millis(100)));
    let job = stream.put(make_job(|| panic!("it starts")).start_within(millis(350)));
    let job: hivework::WorkHandle<()> = job;
    for _ in 0..4 {
        assert_eq!(job.status(), Status::Queued);
        let before = asked.load(Ordering::SeqCst);
        alarm_is_set(&scheduler);
        clock.advance(millis(100));
        eventually("it is asked, or over", || {
            asked.load(Ordering::SeqCst) > before || job.status() == Status::Done
        });
    }
    assert!(matches!(join(job), Err(WorkError::Blocked)));
    assert!(asked.load(Ordering::SeqCst) <= 5);
    eventually("it has left its stream", || stream.is_empty());
    all_home(&slots);
    assert_eq!(scheduler.stats().blocked, 1);
}

#[test]
fn criteria_apply_to_shared_jobs_too() {
    let (open, inner) = (TVar::new(true), TVar::new(None));
    let gate = open.clone();
    let criterion = Criterion::transaction(move |tx| gate.read(tx));
    let (_scheduler, clock, slots, stream) = gated(1, criterion);
    let (below, shut, out) = (stream.clone(), open.clone(), inner.clone());
    let outer = stream.put(move || {
        shut.store(false);
        let job = make_job(|| ()).consume(Consume::Shared);
        out.store(Some(Arc::new(below.put(job.start_within(millis(5))))));
    });
    join(outer).unwrap();
    let shared = inner.load().unwrap();
    assert_eq!((shared.status(), slots.free()), (Status::Queued, 0));
    clock.advance(millis(5));
    eventually("it is blocked", || shared.status() == Status::Done);
    all_home(&slots);
}

#[test]
fn a_criterion_that_panics_leaks_no_slot_is_told_of_and_asked_again_later_and_later() {
    let tries = Arc::new(AtomicUsize::new(0));
    let (one, other) = (Arc::clone(&tries), Arc::clone(&tries));
    let in_closure = Criterion::when(move || {
        assert!(one.fetch_add(1, Ordering::SeqCst) >= 3, "no figures");
        true
    });
    let in_transaction = Criterion::transaction(move |_| {
        assert!(other.fetch_add(1, Ordering::SeqCst) >= 3, "no figures");
        Ok(true)
    });
    let is_told = |event: &Event| match event {
        Event::CriterionFailed { message } => &**message == "no figures",
        _ => false,
    };
    for criterion in [in_closure, in_transaction] {
        tries.store(0, Ordering::SeqCst);
        let (scheduler, clock, slots, stream) = gated(2, criterion);
        let events = scheduler.events();
        let job = stream.put(|| "in");
        let other = stream.put(|| "in");
        assert_eq!((tries.load(Ordering::SeqCst), slots.free()), (1, 2));
        for (pause, so_far) in [(100, 2), (200, 3), (400, 4)] {
            while !is_told(&events.next_timeout(BOUND).expect("it is told of")) {}
            clock.advance(millis(pause - 1));
            assert_eq!(tries.load(Ordering::SeqCst), so_far - 1);
            clock.advance(millis(1));
            eventually("it is asked", || tries.load(Ordering::SeqCst) >= so_far);
        }
        assert_eq!((join(job).unwrap(), join(other).unwrap()), ("in", "in"));
        all_home(&slots);
        assert!(!std::iter::from_fn(|| events.try_next()).any(|event| is_told(&event)));
    }
}

#[test]
fn a_drain_answers_what_a_criterion_holds_back() {
    let never = || Criterion::when(|| false);
    let closed = TVar::new(false);
    let shut = Criterion::transaction(move |tx| closed.read(tx));
    for criterion in [never(), shut.clone(), never().and(shut)] {
        let (scheduler, _clock, slots, stream) = gated(1, criterion);
        let job = stream.put(|| ());
        scheduler.drain(BOUND).unwrap();
        assert!(matches!(join(job), Err(WorkError::Stopped)));
        all_home(&slots);
    }
}

#[test]
fn after_a_drain_and_a_start_the_criterion_is_asked_as_before() {
    let open = TVar::new(false);
    let gate = open.clone();
    let (criterion, up, _asked) = flag();
    let criterion = criterion.and(Criterion::transaction(move |tx| gate.read(tx)));
    let (scheduler, clock, _slots, stream) = gated(1, criterion);
    for _ in 0..2 {
        up.store(false, Ordering::SeqCst);
        open.store(false);
        let held = stream.put(|| ());
        scheduler.drain(BOUND).unwrap();
        assert!(matches!(join(held), Err(WorkError::Stopped)));
        scheduler.start().unwrap();
        up.store(true, Ordering::SeqCst);
        // An alarm of before the drain is answered by it; what was asked last counts until its time.
        clock.advance(millis(100));
        let job = stream.put(|| "in");
        assert_eq!(job.status(), Status::Queued);
        open.store(true);
        assert_eq!(join(job).unwrap(), "in");
    }
}

#[test]
fn what_a_criterion_holds_back_is_answered_when_the_scheduler_goes() {
    let (criterion, ..) = flag();
    let closed = TVar::new(false);
    let criterion = criterion.and(Criterion::transaction(move |tx| closed.read(tx)));
    let (scheduler, _clock, _slots, stream) = gated(1, criterion);
    let job = stream.put(|| ());
    drop(scheduler);
    assert!(matches!(join(job), Err(WorkError::Stopped)));
}

#[test]
fn no_token_leaks_when_a_callback_fails() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(1).clock(&clock).start().unwrap();
    let slots = Slots::new(1).unwrap();
    let streams = StreamScheduler::new(&scheduler, &slots);
    let stream = streams
        .stream("careless")
        .on_job_started(|_| panic!("at the start"))
        .on_job_ended(|_, _| panic!("at the end"))
        .on_emptied(|_| panic!("at last"))
        .open()
        .unwrap();
    for _ in 0..3 {
        let job = make_job(|_: &WorkContext| "done").on_start(|_| panic!("its own"));
        let job = stream.put(job.on_end(|_, _| panic!("its own")));
        assert_eq!(join(job).unwrap(), "done");
    }
    all_home(&slots);
}

#[test]
fn the_machine_says_what_it_has_left() {
    let known = Criterion::memory_available(0);
    if cfg!(target_os = "linux") {
        assert!(known.is_ok());
        for (criterion, holds) in [
            (known.unwrap(), true),
            (Criterion::memory_available(u64::MAX).unwrap(), false),
            (Criterion::load_below(1e9).unwrap(), true),
        ] {
            let (scheduler, _clock, _slots, stream) = gated(1, criterion);
            let job = stream.put(|| ());
            scheduler.drain(BOUND).unwrap();
            assert_eq!(join(job).is_ok(), holds);
        }
    } else {
        assert!(matches!(known, Err(CriterionError::Unsupported { .. })));
    }
    for load in [0.0, -1.0, f64::NAN] {
        assert!(matches!(
            Criterion::load_below(load),
            Err(CriterionError::Senseless { .. })
        ));
    }
}
