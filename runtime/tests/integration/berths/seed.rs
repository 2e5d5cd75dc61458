//! The tests of task_semaphore, by their names there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hivework::{
    BackendCall, BerthState, Berths, Kept, MemoryStore, RunningTask, TaskEnd, TaskError,
};

use super::probe::{Probe, Wrong, Yard, berth, tasks};

fn only(berths: &Berths) -> Option<RunningTask> {
    berths.inspect().berths.remove(0).task
}

#[test]
fn load_config() {
    let yard = Yard::new();
    let kind = |name: &'static str| move || Probe::offering(name, [name]);
    let berths = yard
        .builder()
        .kind("mail", kind("mail"))
        .kind("print", kind("print"))
        .berth(
            hivework::Berth::new("one")
                .backend_of("mail")
                .backend_of("print"),
        )
        .berth(hivework::Berth::new("two").backend_of("print"))
        .build()
        .unwrap();
    let seen = berths.inspect();
    let names: Vec<&str> = seen.berths.iter().map(|berth| &*berth.name).collect();
    assert_eq!(names, ["one", "two"]);
    let of_one = seen.berths[0].backends.iter().map(|backend| &*backend.name);
    assert_eq!(of_one.collect::<Vec<_>>(), ["mail", "print"]);
    // Unless it is said, eight hours, as there.
    assert_eq!(seen.berths[0].timeout, Duration::from_secs(8 * 3600));
    // Each berth has a fresh one, so that both have something to offer.
    berths.schedule();
    assert_eq!(tasks(&berths), ["mail", "print"]);
}

#[test]
fn load_and_dump_config_inst() {
    let yard = Yard::new();
    let (mail, print) = (Probe::new("mail"), Probe::new("print"));
    let store = MemoryStore::new();
    let berths = yard
        .builder()
        .store(store.clone())
        .berth(berth("one", [&mail, &print]))
        .build()
        .unwrap();
    mail.offer("letter");
    berths.schedule();
    let record = hivework::Store::load(&store, "one").unwrap().unwrap();
    assert_eq!(record.backends, ["mail".into(), "print".into()]);
    assert_eq!(record.task, only(&berths));
}

#[test]
fn all_backends_are_polled() {
    let yard = Yard::new();
    let (empty, full) = (Probe::new("empty"), Probe::offering("full", ["a"]));
    let berths = yard.one([&empty, &full]);
    berths.schedule();
    assert_eq!((empty.polls(), full.polls()), (1, 1));
    let task = only(&berths).unwrap();
    assert_eq!((task.id.as_str(), &*task.backend), ("a", "full"));
}

#[test]
fn stop_polling_after_a_backend_responded() {
    let yard = Yard::new();
    let (first, second) = (
        Probe::offering("first", ["a"]),
        Probe::offering("second", ["b"]),
    );
    let berths = yard.one([&first, &second]);
    berths.schedule();
    assert_eq!((first.polls(), second.polls()), (1, 0));
    // It is there now, so nobody is asked.
    berths.schedule();
    assert_eq!((first.polls(), second.polls()), (1, 0));
    assert_eq!(tasks(&berths), ["a"]);
}

#[test]
fn multiple_slots() {
    let yard = Yard::new();
    let both = Probe::offering("both", ["a", "b", "c"]);
    let berths = yard
        .builder()
        .berth(berth("one", [&both]))
        .berth(berth("two", [&both]))
        .build()
        .unwrap();
    assert_eq!(berths.schedule().started().count(), 2);
    assert_eq!(tasks(&berths), ["a", "b"]);
    assert_eq!(both.calls(), ["start a", "start b"]);
}

#[test]
fn schedule_nothing_to_do() {
    let yard = Yard::new();
    let idle = Probe::new("idle");
    let berths = yard.one([&idle]);
    let pass = berths.schedule();
    assert!(pass.events.is_empty() && pass.left == 0 && pass.without_slot == 0);
    assert_eq!((idle.polls(), only(&berths)), (1, None));
    assert!(idle.calls().is_empty());
}

#[test]
fn stop() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    assert_eq!(berths.stop("a").unwrap(), TaskEnd::Stopped);
    assert_eq!(only(&berths), None);
    assert_eq!(probe.calls(), ["start a", "stop a"]);
    // There it is a WrongTaskIdError.
    let error = berths.stop("a").unwrap_err();
    assert!(matches!(&error, TaskError::Unknown { task } if task.as_str() == "a"));
    assert_eq!(
        error.to_string(),
        "the task a is at none of the berths: it may be over"
    );
}

#[test]
fn keepalive() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    let mut last = only(&berths).unwrap().kept_alive_at;
    for _ in 0..2 {
        yard.pass_seconds(0.5);
        assert_eq!(berths.keepalive("a").unwrap(), Kept::Alive);
        let kept = only(&berths).unwrap().kept_alive_at;
        assert_eq!(kept, last + Duration::from_millis(500));
        last = kept;
    }
    assert_eq!(probe.calls(), ["start a", "kept_alive a", "kept_alive a"]);
    assert!(matches!(
        berths.keepalive("b"),
        Err(TaskError::Unknown { .. })
    ));
}

#[test]
fn timeout() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a", "b"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    yard.pass_seconds(0.5);
    assert!(berths.schedule().events.is_empty());
    // After exactly its time-out it is not late, strictly.
    yard.pass_seconds(0.5);
    assert!(berths.schedule().events.is_empty());
    yard.pass_seconds(0.001);
    let pass = berths.schedule();
    assert_eq!(pass.timed_out().count(), 1);
    assert_eq!(
        probe.calls(),
        ["start a", "timed_out a", "stop a", "start b"]
    );
    let task = only(&berths).unwrap();
    assert_eq!(
        (task.id.as_str(), task.started_at),
        ("b", task.kept_alive_at)
    );
}

#[test]
fn start_error_handling() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    probe.fails(BackendCall::Start, Wrong::Error);
    let berths = yard.one([&probe]);
    let pass = berths.schedule();
    assert_eq!(only(&berths), None);
    assert_eq!(probe.calls(), ["start a", "failed start"]);
    let failure = pass.failures().next().unwrap();
    assert_eq!(
        failure.to_string(),
        "berth one: start of the backend probe failed for the task a: start is out of order"
    );
}

#[test]
fn keepalive_error_handling() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    probe.fails(BackendCall::KeptAlive, Wrong::Error);
    assert_eq!(berths.keepalive("a").unwrap(), Kept::Alive);
    assert_eq!(
        probe.calls(),
        ["start a", "kept_alive a", "failed kept_alive"]
    );
    assert_eq!(tasks(&berths), ["a"]);
}

#[test]
fn keepalive_no_tolerance() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    probe.fails(BackendCall::KeptAlive, Wrong::Panic);
    probe.gives_up();
    assert_eq!(berths.keepalive("a").unwrap(), Kept::Freed);
    // It has given it up itself: it is not told to stop it.
    assert_eq!(
        probe.calls(),
        ["start a", "kept_alive a", "failed kept_alive"]
    );
    assert_eq!(only(&berths), None);
}

#[test]
fn start_double_error() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    probe.fails(BackendCall::Start, Wrong::Error);
    probe.fails(BackendCall::Failed, Wrong::Panic);
    let berths = yard.one([&probe]);
    let pass = berths.schedule();
    assert_eq!(only(&berths), None);
    let failed: Vec<BackendCall> = pass.failures().map(|failure| failure.call).collect();
    assert_eq!(failed, [BackendCall::Start, BackendCall::Failed]);
}

#[test]
fn inspect() {
    let yard = Yard::new();
    let (busy, idle) = (Probe::offering("busy", ["a"]), Probe::new("idle"));
    let berths = yard
        .builder()
        .berth(berth("one", [&busy]))
        .berth(berth("two", [&idle]))
        .build()
        .unwrap();
    berths.schedule();
    let seen = berths.inspect();
    let states: Vec<BerthState> = seen.berths.iter().map(|berth| berth.state).collect();
    assert_eq!(states, [BerthState::Running, BerthState::Free]);
    assert!(seen.berths.iter().all(|berth| berth.saved));
    let says = |berth: usize| seen.berths[berth].backends[0].says.clone().unwrap();
    assert_eq!((&*says(0)["polls"], &*says(1)["polls"]), ("1", "1"));
    let task = seen.berths[0].task.as_ref().unwrap();
    assert!(task.started_at <= SystemTime::now() && task.kept_alive_at == task.started_at);
    assert!(seen.elsewhere.unwrap().is_empty());
}

#[test]
fn storage_stores_and_reloads() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let store = MemoryStore::new();
    let build = |probe: &Arc<Probe>| {
        let builder = yard.builder().store(store.clone());
        builder.berth(berth("one", [probe])).build().unwrap()
    };
    let first = build(&probe);
    first.schedule();
    yard.pass_seconds(0.25);
    first.keepalive("a").unwrap();
    let before = only(&first).unwrap();
    drop(first);
    let again = Probe::new("probe");
    let second = build(&again);
    assert_eq!(only(&second), Some(before));
    // It is that one's task now, with all that goes with it.
    yard.pass_seconds(1.0);
    assert_eq!(second.schedule().timed_out().count(), 0);
    yard.pass_seconds(0.001);
    assert_eq!(second.schedule().timed_out().count(), 1);
    assert_eq!(again.calls(), ["timed_out a", "stop a"]);
}
