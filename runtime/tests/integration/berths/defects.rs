//! What task_semaphore does wrong, each by name, is not done here.

use std::sync::Arc;
use std::sync::mpsc;

use hivework::{
    BackendCall, Berths, BerthsError, Kept, MemoryStore, Record, Store, StoreError, TaskEnd,
    TaskError, TaskId, blocking,
};

use super::probe::{Probe, Wrong, Yard, berth, tasks};
use crate::support::receive;

/// Two sets of berths over one store, as two processes have them.
fn twins(yard: &Yard, left: &Arc<Probe>, right: &Arc<Probe>) -> (Berths, Berths, MemoryStore) {
    let store = MemoryStore::new();
    let build = |probe: &Arc<Probe>| {
        let builder = yard.builder().store(store.clone());
        builder.berth(berth("one", [probe])).build().unwrap()
    };
    (build(left), build(right), store)
}

#[test]
fn of_two_who_fill_a_berth_at_once_one_does() {
    // There: the lock is looked at, and then set.
    let yard = Yard::new();
    let left = Probe::offering("probe", ["left"]);
    let right = Probe::offering("probe", ["right"]);
    let (here, there, _) = twins(&yard, &left, &right);
    let others = there.clone();
    // While the one polls, the other does all of it.
    left.within(BackendCall::Poll, move || {
        assert_eq!(others.schedule().started().count(), 1);
    });
    let pass = here.schedule();
    assert_eq!(pass.started().count(), 0);
    assert_eq!(left.calls(), ["failed start"], "it was never started");
    assert_eq!(right.calls(), ["start right"]);
    assert_eq!(
        (tasks(&here), tasks(&there)),
        (vec!["right".into()], vec!["right".into()])
    );
    let failure = pass.failures().next().unwrap().to_string();
    assert!(failure.contains("filled by somebody else"), "{failure}");
}

#[test]
fn of_two_who_start_the_same_task_one_does_and_both_know_it() {
    let yard = Yard::new();
    let left = Probe::offering("probe", ["a"]);
    let right = Probe::offering("probe", ["a"]);
    let (here, there, _) = twins(&yard, &left, &right);
    let others = there.clone();
    left.within(BackendCall::Poll, move || drop(others.schedule()));
    assert_eq!(here.schedule().started().count(), 0);
    assert_eq!(
        (left.calls(), right.calls()),
        (vec!["failed start".into()], vec!["start a".into()])
    );
    assert_eq!(here.keepalive("a").unwrap(), Kept::Alive);
    assert_eq!(here.stop("a").unwrap(), TaskEnd::Stopped);
    assert_eq!(left.calls(), ["kept_alive a", "stop a"]);
}

#[test]
fn a_record_is_never_deleted_or_overwritten_by_who_has_not_seen_it() {
    // There: an expired holder deletes another's lock.
    let store = MemoryStore::new();
    let record = |revision| Record::new(revision, None, Vec::new());
    store.save("one", 0, &record(1)).unwrap();
    store.save("one", 1, &record(2)).unwrap();
    let refused = store.save("one", 1, &record(3));
    assert!(matches!(refused, Err(StoreError::Newer { found: 2 })));
    let refused = store.save("one", 0, &record(3));
    assert!(matches!(refused, Err(StoreError::Newer { found: 2 })));
    assert_eq!(store.load("one").unwrap().unwrap().revision, 2);
}

#[test]
fn stop_and_keepalive_from_inside_a_callback_do_not_wait_for_themselves() {
    let yard = Yard::new();
    for call in [BackendCall::Start, BackendCall::KeptAlive] {
        let probe = Probe::offering("probe", ["a"]);
        let berths = yard.one([&probe]);
        let (sender, receiver) = mpsc::channel();
        let theirs = berths.clone();
        probe.within(call, move || {
            let answers = (theirs.keepalive("a").unwrap(), theirs.stop("a").unwrap());
            sender.send((answers, theirs.schedule().left)).unwrap();
        });
        berths.schedule();
        if call == BackendCall::KeptAlive {
            assert_eq!(berths.keepalive("a").unwrap(), Kept::Alive);
        }
        assert_eq!(receive(&receiver), ((Kept::Alive, TaskEnd::Underway), 1));
        // It is stopped once the call is over, and not before.
        assert_eq!(tasks(&berths), [""], "{call}");
        let calls = probe.calls();
        assert_eq!(calls.last().unwrap(), "stop a", "{calls:?}");
        assert_eq!(calls.iter().filter(|call| *call == "stop a").count(), 1);
    }
}

#[test]
fn from_inside_stop_it_is_too_late_for_either() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a", "b"]);
    let berths = yard.one([&probe]);
    berths.schedule();
    let (sender, receiver) = mpsc::channel();
    let theirs = berths.clone();
    probe.within(BackendCall::Stop, move || {
        sender
            .send((theirs.keepalive("a"), theirs.stop("a"), theirs.schedule()))
            .unwrap();
    });
    assert_eq!(berths.stop("a").unwrap(), TaskEnd::Stopped);
    let (kept, stopped, pass) = receive(&receiver);
    assert!(matches!(kept, Err(TaskError::Ending { .. })));
    assert_eq!(stopped.unwrap(), TaskEnd::Underway);
    // The pass is made up for when the berth is free.
    assert_eq!((pass.left, tasks(&berths)), (1, vec!["b".to_owned()]));
}

#[test]
fn a_task_that_another_process_started_is_known() {
    let yard = Yard::new();
    let (left, right) = (Probe::offering("probe", ["a"]), Probe::new("probe"));
    let (here, there, _) = twins(&yard, &left, &right);
    here.schedule();
    assert_eq!(there.keepalive("a").unwrap(), Kept::Alive);
    assert_eq!(there.stop("a").unwrap(), TaskEnd::Stopped);
    assert_eq!(right.calls(), ["kept_alive a", "stop a"]);
    assert!(matches!(
        here.keepalive("a"),
        Err(TaskError::Unknown { .. })
    ));
    assert_eq!(left.calls(), ["start a"]);
}

#[test]
fn a_stale_keepalive_never_overwrites_a_newer_record() {
    let yard = Yard::new();
    let left = Probe::offering("probe", ["a"]);
    let right = Probe::offering("probe", ["b"]);
    let (here, there, store) = twins(&yard, &left, &right);
    here.schedule();
    // The other one ends it and starts the next.
    there.stop("a").unwrap();
    there.schedule();
    let record = store.load("one").unwrap();
    let stale = here.keepalive("a");
    assert!(matches!(stale, Err(TaskError::Unknown { .. })), "{stale:?}");
    assert_eq!(store.load("one").unwrap(), record);
    assert_eq!(record.unwrap().task.unwrap().id, TaskId::from("b"));
    assert_eq!(tasks(&here), ["b"]);
    // And it was not told.
    assert_eq!(left.calls(), ["start a"]);
}

#[test]
fn of_two_keepalives_the_later_counts() {
    let yard = Yard::new();
    let (left, right) = (Probe::offering("probe", ["a"]), Probe::new("probe"));
    let (here, there, store) = twins(&yard, &left, &right);
    here.schedule();
    yard.pass_seconds(0.5);
    there.keepalive("a").unwrap();
    let kept = store
        .load("one")
        .unwrap()
        .unwrap()
        .task
        .unwrap()
        .kept_alive_at;
    // What the one knows is older, and it does not act by it.
    yard.pass_seconds(0.9);
    assert_eq!(here.schedule().timed_out().count(), 0);
    let now = here.inspect().berths[0].task.clone().unwrap();
    assert_eq!(now.kept_alive_at, kept);
}

#[test]
fn a_changed_list_of_backends_wins_over_the_stored_names() {
    let yard = Yard::new();
    let store = MemoryStore::new();
    let (old, new) = (Probe::offering("old", ["a"]), Probe::offering("new", ["b"]));
    let build = |probe: &Arc<Probe>| {
        let builder = yard.builder().store(store.clone());
        builder.berth(berth("one", [probe])).build().unwrap()
    };
    build(&old).schedule();
    let berths = build(&new);
    let backends = berths.inspect().berths.remove(0).backends;
    assert_eq!(backends.len(), 1);
    assert_eq!(&*backends[0].name, "new");
    // Whose backend has gone is kept like any other, though nobody can be told.
    assert_eq!(tasks(&berths), ["a"]);
    assert_eq!(berths.keepalive("a").unwrap(), Kept::Alive);
    assert_eq!(store.load("one").unwrap().unwrap().backends, ["new".into()]);
    yard.pass_seconds(1.001);
    let pass = berths.schedule();
    assert_eq!((pass.timed_out().count(), pass.failures().count()), (1, 2));
    assert_eq!(tasks(&berths), ["b"]);
}

#[test]
fn a_poll_that_raises_does_not_abort_the_pass() {
    let yard = Yard::new();
    for wrong in [Wrong::Error, Wrong::Panic] {
        let (bad, good) = (Probe::new("bad"), Probe::offering("good", ["a", "b"]));
        bad.fails(BackendCall::Poll, wrong);
        let berths = yard
            .builder()
            .berth(berth("one", [&bad, &good]))
            .berth(berth("two", [&bad, &good]))
            .build()
            .unwrap();
        let pass = berths.schedule();
        assert_eq!((pass.started().count(), pass.failures().count()), (2, 2));
        assert_eq!(bad.calls(), ["failed poll", "failed poll"]);
    }
}

#[test]
fn a_timed_out_that_fails_does_not_keep_the_task_from_being_stopped() {
    let yard = Yard::new();
    for wrong in [Wrong::Error, Wrong::Panic] {
        let probe = Probe::offering("probe", ["a"]);
        let berths = yard.one([&probe]);
        berths.schedule();
        probe.fails(BackendCall::TimedOut, wrong);
        probe.gives_up();
        yard.pass_seconds(2.0);
        assert_eq!(berths.schedule().timed_out().count(), 1);
        assert_eq!(
            probe.calls(),
            ["start a", "timed_out a", "failed timed_out", "stop a"]
        );
        assert_eq!(tasks(&berths), [""]);
    }
}

#[test]
fn an_idle_berth_has_no_task_that_could_be_stopped() {
    // There `stop(None)` matches one. Here that does not compile; the next best is an empty id.
    let yard = Yard::new();
    let probe = Probe::offering("probe", [""]);
    let berths = yard.one([&probe]);
    assert!(matches!(berths.stop(""), Err(TaskError::Unknown { .. })));
    // It cannot come in, either.
    let pass = berths.schedule();
    assert_eq!((pass.started().count(), pass.failures().count()), (0, 1));
    assert_eq!(tasks(&berths), [""]);
    assert!(matches!(berths.stop(""), Err(TaskError::Unknown { .. })));
}

#[test]
fn duplicate_ids_are_refused() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let two = |name: &str| {
        let builder = yard.builder().berth(berth("one", [&probe]));
        builder.berth(berth(name, [&probe])).build()
    };
    assert!(matches!(
        two("one"),
        Err(BerthsError::DuplicateBerth { berth }) if &*berth == "one"
    ));
    let berths = two("two").unwrap();
    probe.offer("a");
    // Of tasks, too: the second one would be stopped and kept alive by the name of the first.
    let pass = berths.schedule();
    assert_eq!((pass.started().count(), pass.failures().count()), (1, 1));
    assert_eq!(tasks(&berths), ["a", ""]);
    assert_eq!(probe.calls(), ["start a", "failed poll"]);
}

#[test]
fn start_runs_under_no_lock_and_after_the_save() {
    let yard = Yard::new();
    let store = MemoryStore::new();
    let probe = Probe::offering("probe", ["a"]);
    let other = Probe::offering("other", ["b"]);
    let berths = yard
        .builder()
        .store(store.clone())
        .berth(berth("one", [&probe]))
        .berth(berth("two", [&other]))
        .build()
        .unwrap();
    let (sender, receiver) = mpsc::channel();
    let theirs = berths.clone();
    probe.within(BackendCall::Start, move || {
        let saved = store.load("one").unwrap().unwrap().task.unwrap().id;
        // Another thread has its way meanwhile, at this berth and at the others.
        let elsewhere = theirs.clone();
        let pass = std::thread::spawn(move || {
            let pass = elsewhere.schedule();
            (
                pass.left,
                pass.started().count(),
                elsewhere.keepalive("a").unwrap(),
            )
        });
        let pass = blocking(|| pass.join().unwrap());
        sender.send((saved, pass)).unwrap();
    });
    berths.schedule();
    let (saved, pass) = receive(&receiver);
    assert_eq!(saved, TaskId::from("a"));
    assert_eq!(pass, (1, 1, Kept::Alive));
    // What it was left was done: the backend has heard that its task is alive.
    assert_eq!(probe.calls(), ["start a", "kept_alive a"]);
}

#[test]
fn a_failed_start_tries_the_next_backend() {
    let yard = Yard::new();
    let (bad, good) = (
        Probe::offering("bad", ["a"]),
        Probe::offering("good", ["b"]),
    );
    bad.fails(BackendCall::Start, Wrong::Panic);
    let berths = yard.one([&bad, &good]);
    let pass = berths.schedule();
    assert_eq!((pass.started().count(), pass.failures().count()), (1, 1));
    assert_eq!(tasks(&berths), ["b"]);
    // And the id is free again.
    bad.works_again(BackendCall::Start);
    bad.offer("a");
    berths.stop("b").unwrap();
    berths.schedule();
    assert_eq!(tasks(&berths), ["a"]);
}
