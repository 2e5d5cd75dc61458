//! Streams that run through a subordinate scheduler.

use std::sync::{Arc, Mutex};

use hivework::{Draw, StreamError, StreamScheduler};

use super::{Log, blocker, streams_of};
use crate::support::{eventually, join, scheduler};

#[test]
fn one_slot_and_fifo_is_one_after_the_other() {
    let scheduler = scheduler(4);
    let streams = streams_of(&scheduler, 4, Draw::StrictPriority);
    let outer = streams.stream("outer").open().unwrap();
    let inner = StreamScheduler::subordinate(&outer, 1, Draw::StrictPriority).unwrap();
    let queue = inner.stream("queue").open().unwrap();
    let (now, log) = (Arc::new(Mutex::new(0)), Log::default());
    let jobs: Vec<_> = (0..50)
        .map(|number| {
            let (now, log) = (Arc::clone(&now), log.clone());
            queue.put(move || {
                *now.lock().unwrap() += 1;
                std::thread::yield_now();
                log.say(number.to_string());
                let mut now = now.lock().unwrap();
                assert_eq!(*now, 1);
                *now -= 1;
            })
        })
        .collect();
    for job in jobs {
        join(job).unwrap();
    }
    let order: Vec<_> = (0..50).map(|number: u32| number.to_string()).collect();
    assert_eq!(log.take(), order);
}

#[test]
fn each_job_takes_a_slot_of_both() {
    let scheduler = scheduler(4);
    let streams = streams_of(&scheduler, 3, Draw::StrictPriority);
    let outer = streams.stream("outer").open().unwrap();
    let inner = StreamScheduler::subordinate(&outer, 2, Draw::StrictPriority).unwrap();
    let one = inner.stream("one").open().unwrap();
    let (a, gate) = blocker(&one);
    assert_eq!((inner.slots().free(), streams.slots().free()), (1, 2));
    let (b, other_gate) = blocker(&one);
    let waits = one.put(|| 3);
    assert_eq!(one.len(), 1, "the third waits for a slot of the part");
    assert_eq!(join(outer.put(|| 4)).unwrap(), 4, "and others do not");
    drop((gate, other_gate));
    join(a).unwrap();
    join(b).unwrap();
    assert_eq!(join(waits).unwrap(), 3);
    eventually("home", || {
        streams.slots().free() == 3 && inner.slots().free() == 2
    });
}

#[test]
fn pausing_the_outer_stream_pauses_what_is_below() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 2, Draw::StrictPriority);
    let outer = streams.stream("outer").open().unwrap();
    let inner = StreamScheduler::subordinate(&outer, 2, Draw::RoundRobin).unwrap();
    let deep = inner.stream("deep").open().unwrap();
    let deeper = StreamScheduler::subordinate(&deep, 1, Draw::RoundRobin).unwrap();
    let below = deeper.stream("below").open().unwrap();
    assert_eq!(deeper.outer().unwrap().name(), "deep");
    outer.pause();
    let job = below.put(|| "ran");
    assert_eq!(
        join(streams.stream("other").open().unwrap().put(|| 1)).unwrap(),
        1
    );
    assert_eq!(below.len(), 1);
    outer.activate();
    assert_eq!(join(job).unwrap(), "ran");
}

#[test]
fn the_outer_stream_is_emptied_when_all_below_is() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 2, Draw::StrictPriority);
    let log = Log::default();
    let says = log.clone();
    let outer = streams
        .stream("outer")
        .on_emptied(move |_| says.say("emptied"))
        .open()
        .unwrap();
    let inner = StreamScheduler::subordinate(&outer, 2, Draw::RoundRobin).unwrap();
    let (one, other) = (
        inner.stream("a").open().unwrap(),
        inner.stream("b").open().unwrap(),
    );
    let (running, gate) = blocker(&one);
    join(other.put(|| ())).unwrap();
    eventually("b is over", || other.running() == 0);
    assert!(log.take().is_empty());
    drop(gate);
    join(running).unwrap();
    eventually("emptied", || log.0.lock().unwrap().len() == 1);
}

#[test]
fn a_stream_has_one_subordinate() {
    let scheduler = scheduler(1);
    let streams = streams_of(&scheduler, 2, Draw::StrictPriority);
    let outer = streams.stream("outer").open().unwrap();
    let inner = StreamScheduler::subordinate(&outer, 1, Draw::RoundRobin).unwrap();
    let error = StreamScheduler::subordinate(&outer, 1, Draw::RoundRobin).unwrap_err();
    assert_eq!(error, StreamError::HasSubordinate);
    drop(inner);
    assert!(StreamScheduler::subordinate(&outer, 1, Draw::RoundRobin).is_ok());
}

#[test]
fn a_stream_whose_own_slots_are_taken_is_no_hindrance() {
    let scheduler = scheduler(3);
    let streams = streams_of(&scheduler, 3, Draw::StrictPriority);
    let narrow = streams
        .stream("narrow")
        .priority(9)
        .slots(1)
        .open()
        .unwrap();
    let other = streams.stream("other").open().unwrap();
    let (first, gate) = blocker(&narrow);
    let waits = narrow.put(|| 2);
    assert_eq!(join(other.put(|| 3)).unwrap(), 3);
    assert_eq!(narrow.len(), 1);
    drop(gate);
    join(first).unwrap();
    assert_eq!(join(waits).unwrap(), 2);
}
