//! Berths that draw on a budget of slots: each task holds one.

use hivework::{BackendCall, MemoryStore, Slots};

use super::probe::{Probe, Wrong, Yard, berth, tasks};
use crate::support::eventually;

#[test]
fn each_task_holds_a_slot_and_each_way_out_gives_it_back() {
    let yard = Yard::new();
    let slots = Slots::new(1).unwrap();
    let probe = Probe::new("probe");
    let berths = yard
        .builder()
        .slots(&slots)
        .berth(berth("one", [&probe]))
        .build()
        .unwrap();
    // Nothing to start.
    berths.schedule();
    assert_eq!(slots.free(), 1);
    // Stopped.
    probe.offer("a");
    berths.schedule();
    assert_eq!(slots.free(), 0);
    berths.stop("a").unwrap();
    assert_eq!(slots.free(), 1);
    // Late.
    probe.offer("b");
    berths.schedule();
    yard.pass_seconds(2.0);
    berths.schedule();
    assert_eq!((slots.free(), tasks(&berths)), (1, vec![String::new()]));
    // Not started.
    probe.fails(BackendCall::Start, Wrong::Panic);
    probe.offer("c");
    berths.schedule();
    assert_eq!(slots.free(), 1);
    probe.works_again(BackendCall::Start);
    // Given up.
    probe.offer("d");
    berths.schedule();
    assert_eq!(slots.free(), 0);
    probe.fails(BackendCall::KeptAlive, Wrong::Error);
    probe.gives_up();
    berths.keepalive("d").unwrap();
    assert_eq!(slots.free(), 1);
    // Left, with the last handle.
    probe.offer("e");
    berths.schedule();
    assert_eq!(slots.free(), 0);
    drop(berths);
    assert_eq!(slots.free(), 1);
}

#[test]
fn without_a_slot_no_backend_is_asked_and_a_slot_that_comes_home_brings_a_pass() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let slots = Slots::new(2).unwrap();
    let (held, also) = (slots.take(), slots.take());
    let probe = Probe::offering("probe", ["a", "b", "c"]);
    let builder = ["one", "two", "three"]
        .into_iter()
        .fold(yard.builder(), |builder, name| {
            builder.berth(berth(name, [&probe]))
        });
    let berths = builder.slots(&slots).build().unwrap();
    let pass = berths.schedule();
    assert_eq!((pass.without_slot, probe.polls()), (3, 0));
    drop(held);
    // At whichever berth it is: a pass that goes on takes a slot where it comes.
    let is_there = |task: &str| tasks(&berths).contains(&task.to_owned());
    eventually("a pass by itself", || is_there("a"));
    drop(also);
    eventually("another", || is_there("b"));
    assert_eq!((probe.polls(), slots.free()), (2, 0));
    // By the slot that it gives back.
    berths.stop("a").unwrap();
    eventually("filled again", || is_there("c"));
}

#[test]
fn a_late_task_leaves_its_slot_to_the_next_at_its_berth() {
    let yard = Yard::new();
    let slots = Slots::new(1).unwrap();
    let probe = Probe::offering("probe", ["a", "b"]);
    let berths = yard
        .builder()
        .slots(&slots)
        .berth(berth("one", [&probe]))
        .berth(berth("two", [&probe]))
        .build()
        .unwrap();
    assert_eq!(berths.schedule().without_slot, 1);
    yard.pass_seconds(2.0);
    let pass = berths.schedule();
    assert_eq!((pass.timed_out().count(), pass.started().count()), (1, 1));
    assert_eq!(tasks(&berths), ["b", ""]);
}

#[test]
fn a_task_that_is_found_has_a_slot_as_soon_as_there_is_one() {
    let yard = Yard::new();
    let store = MemoryStore::new();
    let probe = Probe::offering("probe", ["a"]);
    let builder = yard.builder().store(store.clone());
    builder
        .berth(berth("one", [&probe]))
        .build()
        .unwrap()
        .schedule();
    let slots = Slots::new(1).unwrap();
    let held = slots.take();
    let builder = yard.builder().store(store).slots(&slots);
    let berths = builder.berth(berth("one", [&probe])).build().unwrap();
    assert_eq!(tasks(&berths), ["a"]);
    berths.schedule();
    drop(held);
    assert_eq!(slots.free(), 1);
    berths.schedule();
    assert_eq!(slots.free(), 0);
    berths.stop("a").unwrap();
    assert_eq!(slots.free(), 1);
}

#[test]
fn two_that_share_a_budget_do_not_wake_each_other_for_ever() {
    let yard = Yard::new();
    yard.scheduler.start().unwrap();
    let slots = Slots::new(1).unwrap();
    let probes = [Probe::new("probe"), Probe::new("probe")];
    let both = probes.each_ref().map(|probe| {
        let builder = yard.builder().slots(&slots);
        let builder = builder.berth(berth("one", [probe]));
        builder.berth(berth("two", [probe])).build().unwrap()
    });
    let held = slots.take();
    for berths in &both {
        assert_eq!(berths.schedule().without_slot, 2);
    }
    drop(held);
    eventually("all have looked", || {
        probes.iter().all(|probe| probe.polls() > 0)
    });
    // Each was in vain at most once for each time that the other one had it.
    eventually("quiet", || {
        let stats = yard.scheduler.stats();
        stats.put == stats.finished
    });
    assert_eq!(slots.free(), 1);
    let polls: u32 = probes.iter().map(|probe| probe.polls()).sum();
    assert!(polls <= 16, "{polls} polls");
}
