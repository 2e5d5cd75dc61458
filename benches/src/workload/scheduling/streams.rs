//! Choosing a stream and its next job, among many streams that all have some.

use std::collections::BTreeMap;
use std::hint::black_box;

use hivework::internals::choose;
use hivework::{Draw, Scheduler, Slots, StreamScheduler};
use parking_lot::Mutex;

use super::super::{Contestant, Subject};

/// The subject of a choice.
pub const CHOICE: &str = "a choice among 1000 active streams";
/// Ours, by priority.
pub const BY_PRIORITY: &str = "hivework, strict priority";

const STREAMS: u64 = 1000;

pub(super) fn subjects() -> Vec<Subject> {
    vec![Subject::new(CHOICE, choice)]
}

fn choice() -> Vec<Contestant> {
    let turns = Mutex::new((
        (0..STREAMS)
            .map(|number| ((number % 7, number), number))
            .collect::<BTreeMap<_, _>>(),
        STREAMS,
    ));
    vec![
        ours(BY_PRIORITY, Draw::StrictPriority),
        ours("hivework, round robin", Draw::RoundRobin),
        ours("hivework, weighted fair", Draw::WeightedFair),
        Contestant::threads("mutex over a BTreeMap", 1, move |_, _| {
            let (streams, last) = &mut *turns.lock();
            if let Some(((rank, _), stream)) = streams.pop_first() {
                *last += 1;
                streams.insert((rank, *last), black_box(stream));
            }
        }),
    ]
}

/// None of its jobs ever runs: the scheduler is not started, and there is no slot left.
fn ours(name: &'static str, draw: Draw) -> Contestant {
    let scheduler = Scheduler::builder().workers(1).build();
    let scheduler = scheduler.expect("what is set is right");
    let slots = Slots::new(1).expect("one slot");
    let taken = slots.take();
    let streams = StreamScheduler::builder(&scheduler, &slots).draw(draw);
    let streams = streams.build().expect("what is set is right");
    let opened: Vec<_> = (0..STREAMS)
        .map(|number| {
            let stream = streams.stream("one").priority((number % 7) as i32);
            let stream = stream.weight(1 + (number % 7) as u32).open();
            let stream = stream.expect("what is set is right");
            drop(stream.put(|| ()));
            stream
        })
        .collect();
    Contestant::threads(name, 1, move |_, _| {
        let _ = (&scheduler, &taken, &opened);
        black_box(choose(&streams));
    })
}
