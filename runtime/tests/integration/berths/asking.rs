//! Who may ask for what, from where, and what is told of it.

use std::sync::mpsc;
use std::time::Duration;

use hivework::{
    BackendCall, BerthEvent, BerthState, BerthsError, Event, Kept, TaskEnd, WorkError, atomically,
    blocking, check,
};

use super::probe::{Probe, Wrong, Yard, berth, tasks};
use crate::support::{BOUND, eventually, join, receive};

#[test]
fn the_scheduler_makes_passes_by_its_clock() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    let mut passes = berths.schedule_every(Duration::from_millis(300)).unwrap();
    // Past its start.
    let runs = |task: &str| {
        let seen = berths.inspect().berths.remove(0);
        let is_there = seen.task.is_some_and(|there| there.id == task.into());
        is_there && seen.state == BerthState::Running
    };
    eventually("the first pass", || runs("a"));
    for second in ["b", "c"] {
        probe.offer(second);
        yard.pass_seconds(1.2);
        eventually("the one that finds it late", || runs(second));
    }
    let calls = [
        "start a",
        "timed_out a",
        "stop a",
        "start b",
        "timed_out b",
        "stop b",
        "start c",
    ];
    assert_eq!(probe.calls(), calls);
    passes.cancel();
    let end = passes.join_timeout(BOUND).unwrap();
    assert!(matches!(end, Err(WorkError::Cancelled)));
}

#[test]
fn passes_end_with_the_last_handle_of_the_berths() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let berths = yard.one([&Probe::new("probe")]);
    let passes = berths.schedule_every(Duration::from_millis(1)).unwrap();
    drop(berths);
    yard.pass_seconds(1.0);
    join(passes).unwrap();
}

#[test]
fn a_failure_ends_no_periodic_passes() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let probe = Probe::new("probe");
    for call in [BackendCall::Poll, BackendCall::Failed] {
        probe.fails(call, Wrong::Panic);
    }
    let berths = yard.one([&probe]);
    let _passes = berths.schedule_every(Duration::from_secs(1)).unwrap();
    eventually("the first pass", || probe.polls() == 1);
    probe.works_again(BackendCall::Poll);
    probe.offer("a");
    yard.pass_seconds(1.0);
    eventually("the next one", || tasks(&berths) == ["a"]);
}

#[test]
fn what_is_asked_of_who_tends_is_done_before_it_leaves() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a", "b"]);
    let berths = yard.one([&probe]);
    let (inside, is_inside) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    probe.within(BackendCall::Start, move || {
        inside.send(()).unwrap();
        receive(&gate);
    });
    let theirs = berths.clone();
    let starting = std::thread::spawn(move || theirs.schedule());
    receive(&is_inside);
    assert_eq!(berths.inspect().berths[0].state, BerthState::Starting);
    // Nobody waits for it.
    assert_eq!(berths.keepalive("a").unwrap(), Kept::Alive);
    assert_eq!(berths.schedule().left, 1);
    assert_eq!(berths.stop("a").unwrap(), TaskEnd::Underway);
    open.send(()).unwrap();
    starting.join().unwrap();
    // To stop is the most urgent; then the look, which finds an empty berth.
    assert_eq!(probe.calls(), ["start a", "stop a", "start b"]);
    assert_eq!(tasks(&berths), ["b"]);
}

#[test]
fn no_look_is_lost_while_another_polls() {
    let yard = Yard::new();
    let probe = Probe::new("probe");
    let berths = yard.one([&probe]);
    let (inside, is_inside) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    probe.within(BackendCall::Poll, move || {
        inside.send(()).unwrap();
        receive(&gate);
    });
    let others = probe.clone();
    let theirs = berths.clone();
    let polling = std::thread::spawn(move || theirs.schedule());
    receive(&is_inside);
    // The poll that goes on may have looked already.
    others.offer("a");
    assert_eq!(berths.schedule().left, 1);
    open.send(()).unwrap();
    let pass = polling.join().unwrap();
    assert_eq!(pass.started().count(), 1);
}

#[test]
fn a_poll_that_has_a_pass_made_is_not_asked_for_ever() {
    let yard = Yard::new();
    let (probe, other) = (Probe::new("probe"), Probe::offering("other", ["a"]));
    let berths = yard
        .builder()
        .berth(berth("one", [&probe]))
        .berth(berth("two", [&other]))
        .build()
        .unwrap();
    let theirs = berths.clone();
    probe.within(BackendCall::Poll, move || {
        // All but the one that it is about.
        let pass = theirs.schedule();
        assert_eq!((pass.left, pass.started().count()), (1, 1));
    });
    assert_eq!(berths.schedule().started().count(), 0);
    assert_eq!(probe.polls(), 1);
    assert_eq!(tasks(&berths), ["", "a"]);
}

#[test]
fn a_kept_alive_that_keeps_alive_is_called_once() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    let (theirs, clock) = (berths.clone(), yard.clock.clone());
    probe.within(BackendCall::KeptAlive, move || {
        clock.advance(Duration::from_millis(1));
        assert_eq!(theirs.keepalive("a").unwrap(), Kept::Alive);
    });
    berths.keepalive("a").unwrap();
    assert_eq!(probe.calls(), ["start a", "kept_alive a"]);
    // The later time counts, and is written down.
    let seen = berths.inspect().berths.remove(0);
    let task = seen.task.unwrap();
    assert_eq!(
        task.kept_alive_at,
        task.started_at + Duration::from_millis(1)
    );
    assert!(seen.saved);
}

#[test]
fn a_keepalive_before_the_look_makes_it_not_late() {
    let yard = Yard::new();
    let (first, probe) = (Probe::new("first"), Probe::offering("probe", ["a"]));
    let berths = yard
        .builder()
        .berth(berth("one", [&first]))
        .berth(berth("two", [&probe]))
        .build()
        .unwrap();
    berths.schedule();
    yard.pass_seconds(2.0);
    let theirs = berths.clone();
    // The pass has begun, and is not there yet.
    first.within(BackendCall::Poll, move || {
        theirs.keepalive("a").unwrap();
    });
    assert_eq!(berths.schedule().timed_out().count(), 0);
    assert_eq!(probe.calls(), ["start a", "kept_alive a"]);
}

#[test]
fn works_wait_for_what_is_at_the_berths() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    let theirs = berths.clone();
    let over = yard
        .scheduler
        .put_transaction(move |tx| check(theirs.running_in(tx)?.is_empty()));
    let there = atomically(|tx| berths.running_in(tx));
    assert_eq!((&*there[0].0, there[0].1.id.as_str()), ("one", "a"));
    berths.stop("a").unwrap();
    join(over).unwrap();
}

#[test]
fn the_scheduler_tells_what_happens_at_berths() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let events = yard.scheduler.events();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    berths.stop("a").unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        let event = events.next_timeout(BOUND).expect("it is told");
        if let Event::User(event) = event {
            told.extend(event.downcast_ref::<BerthEvent>().cloned());
        }
    }
    assert!(
        matches!(&told[0], BerthEvent::Started(task) if task.to_string() == "a of probe at one")
    );
    assert!(matches!(&told[1], BerthEvent::Stopped(task) if task.task == "a".into()));
}

#[test]
fn a_backend_may_wait_on_a_worker() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    let (open, gate) = mpsc::channel::<()>();
    probe.within(BackendCall::Start, move || blocking(|| receive(&gate)));
    let mut passes = Vec::new();
    for _ in 0..4 {
        let theirs = berths.clone();
        passes.push(yard.scheduler.put_work(move || theirs.schedule().left));
    }
    // The others do not wait for it.
    let left = || {
        passes
            .iter()
            .filter(|pass| pass.status() == hivework::Status::Done)
            .count()
    };
    eventually("the others are done", || left() == 3);
    open.send(()).unwrap();
    let left: usize = passes.into_iter().map(|pass| join(pass).unwrap()).sum();
    assert_eq!((left, tasks(&berths)), (3, vec!["a".to_owned()]));
}

#[test]
fn who_is_killed_in_a_call_leaves_the_berth_to_others() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    probe.within(BackendCall::Start, || {
        std::panic::resume_unwind(Box::new(hivework::internals::Crash));
    });
    let theirs = berths.clone();
    let pass = yard.scheduler.put_work(move || theirs.schedule().left);
    assert!(matches!(join(pass), Err(WorkError::Lost(_))));
    eventually("somebody else can be at it", || berths.schedule().left == 0);
    // It may have been started, so it counts as running until it is late.
    assert_eq!(tasks(&berths), ["a"]);
    yard.pass_seconds(2.0);
    assert_eq!(berths.schedule().timed_out().count(), 1);
}

#[test]
fn berths_go_on_without_their_scheduler() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    let clock = yard.clock.clone();
    drop(yard);
    assert_eq!(berths.schedule().started().count(), 1);
    clock.advance(Duration::from_secs(2));
    assert_eq!(berths.schedule().timed_out().count(), 1);
    let passes = berths.schedule_every(Duration::from_secs(1));
    assert!(matches!(passes, Err(BerthsError::NoScheduler)));
}
