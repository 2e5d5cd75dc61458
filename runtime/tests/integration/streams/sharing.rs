//! Jobs that share the slot of the job that puts them.

use std::time::Duration;

use hivework::{Consume, Draw, Stream, WorkError, make_job};

use super::{blocker, streams_of};
use crate::support::{eventually, join, scheduler};

/// A job that puts a job that puts a job, and waits for it.
fn nested(stream: &Stream, depth: u32, consume: Consume) -> u32 {
    if depth == 0 {
        return 0;
    }
    let theirs = stream.clone();
    let job = make_job(move || nested(&theirs, depth - 1, consume)).consume(consume);
    1 + join(stream.put(job)).unwrap()
}

#[test]
fn consume_0_permits_arbitrary_depth() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("deep").open().unwrap();
    assert_eq!(nested(&stream, 20, Consume::Shared), 20);
    eventually("slot home", || streams.slots().free() == 1);
}

#[test]
fn consume_1_deadlocks_beyond_slot_count() {
    for slots in [1, 2, 4] {
        let scheduler = scheduler(slots + 1);
        let streams = streams_of(&scheduler, slots, Draw::StrictPriority);
        let stream = streams.stream("own").open().unwrap();
        assert_eq!(
            nested(&stream, u32::try_from(slots).unwrap(), Consume::Own),
            slots as u32
        );
        // The innermost has the last slot, and what it puts has none.
        let (blockers, gates): (Vec<_>, Vec<_>) = (0..slots).map(|_| blocker(&stream)).unzip();
        let mut beyond = stream.put(|| ());
        assert!(beyond.join_timeout(Duration::from_millis(1)).is_none());
        assert!(beyond.cancel());
        assert!(matches!(join(beyond), Err(WorkError::Cancelled)));
        drop(gates);
        for job in blockers {
            join(job).unwrap();
        }
        eventually("slots home", || streams.slots().free() == slots);
    }
}

#[test]
fn the_slot_comes_home_when_the_last_sharer_has_left() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("shared").open().unwrap();
    let theirs = stream.clone();
    let outer = stream.put(move || {
        let (open, gate) = crate::support::latch::<()>();
        let inner = make_job(move || _ = gate.recv()).consume(Consume::Shared);
        (theirs.put(inner), open)
    });
    let (inner, gate) = join(outer).unwrap();
    assert_eq!(streams.slots().free(), 0);
    drop(gate);
    join(inner).unwrap();
    eventually("slot home", || streams.slots().free() == 1);
}

#[test]
fn from_outside_there_is_nothing_to_share() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("outside").open().unwrap();
    let (first, gate) = blocker(&stream);
    let job = stream.put(make_job(|| 1).consume(Consume::Shared));
    assert_eq!(stream.len(), 1);
    drop(gate);
    join(first).unwrap();
    assert_eq!(join(job).unwrap(), 1);
}

#[test]
fn another_budget_is_not_shared() {
    let scheduler = scheduler(2);
    let (one, other) = (
        streams_of(&scheduler, 1, Draw::StrictPriority),
        streams_of(&scheduler, 1, Draw::StrictPriority),
    );
    let (one, stranger) = (
        one.stream("one").open().unwrap(),
        other.stream("other").open().unwrap(),
    );
    let (first, gate) = blocker(&stranger);
    let theirs = stranger.clone();
    let put = one.put(move || theirs.put(make_job(|| 1).consume(Consume::Shared)));
    let job = join(put).unwrap();
    assert_eq!(stranger.len(), 1, "it waits for a slot of its own");
    drop(gate);
    join(first).unwrap();
    assert_eq!(join(job).unwrap(), 1);
}

#[test]
fn top_level_backpressure_preserved() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 2, Draw::StrictPriority);
    let stream = streams.stream("top").open().unwrap();
    let (a, gate) = blocker(&stream);
    let theirs = stream.clone();
    let b = stream.put(move || {
        let inner = make_job(|| 5).consume(Consume::Shared);
        let inner = join(theirs.put(inner)).unwrap();
        inner + 1
    });
    assert_eq!(join(b).unwrap(), 6);
    let (b, other_gate) = blocker(&stream);
    let waits = stream.put(|| 7);
    assert_eq!((stream.len(), streams.slots().free()), (1, 0));
    drop((gate, other_gate));
    join(a).unwrap();
    join(b).unwrap();
    assert_eq!(join(waits).unwrap(), 7);
}

#[test]
fn a_paused_stream_keeps_those_that_share_as_well() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let (stream, paused) = (
        streams.stream("active").open().unwrap(),
        streams.stream("paused").paused().open().unwrap(),
    );
    let theirs = paused.clone();
    let put = stream.put(move || theirs.put(make_job(|| 1).consume(Consume::Shared)));
    let job = join(put).unwrap();
    assert_eq!((paused.len(), streams.slots().free()), (1, 0));
    paused.activate();
    assert_eq!(join(job).unwrap(), 1);
    eventually("slot home", || streams.slots().free() == 1);
}
