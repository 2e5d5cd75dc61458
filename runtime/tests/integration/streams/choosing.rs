//! Which stream comes next, and which job.

use std::time::Duration;

use hivework::{
    Draw, Event, Job, ManualClock, Next, Stream, StreamError, StreamScheduler, WorkHandle, make_job,
};

use super::{Log, blocker, slots, streams_of};
use crate::support::{builder, eventually, join, scheduler};

/// Sets a job up.
type Set = fn(Job<()>) -> Job<()>;

/// Puts jobs while the stream is paused, and says in which order they run.
fn order_of(next: Next, jobs: &[(&'static str, Set)]) -> Vec<String> {
    let clock = ManualClock::new();
    let scheduler = builder().workers(1).clock(&clock).start().unwrap();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("order").next(next).paused().open().unwrap();
    let log = Log::default();
    let jobs: Vec<_> = jobs
        .iter()
        .map(|(name, set)| stream.put(set(make_job(log.saying(*name)).name(*name))))
        .collect();
    stream.activate();
    for job in jobs {
        join(job).unwrap();
    }
    log.take()
}

const PLAIN: Set = |job| job;

#[test]
fn fifo_and_lifo() {
    let jobs = [("a", PLAIN), ("b", PLAIN), ("c", PLAIN)];
    assert_eq!(order_of(Next::Fifo, &jobs), ["a", "b", "c"]);
    assert_eq!(order_of(Next::Lifo, &jobs), ["c", "b", "a"]);
}

#[test]
fn higher_is_more_urgent_and_of_equals_the_first_comes_first() {
    let order = order_of(
        Next::Priority,
        &[
            ("low", |job| job.priority(i32::MIN)),
            ("mid", |job| job.priority(0)),
            ("mid too", |job| job.priority(0)),
            ("high", |job| job.priority(i32::MAX)),
        ],
    );
    assert_eq!(order, ["high", "mid", "mid too", "low"]);
}

#[test]
fn the_earliest_deadline_comes_first_and_none_last() {
    let order = order_of(
        Next::EarliestDeadline,
        &[
            ("never", |job| job),
            ("late", |job| job.deadline(Duration::from_secs(20))),
            ("soon", |job| job.deadline(Duration::from_secs(10))),
        ],
    );
    assert_eq!(order, ["soon", "late", "never"]);
}

#[test]
fn keys_take_turns() {
    let order = order_of(
        Next::RoundRobin,
        &[
            ("a1", |job| job.key("a")),
            ("a2", |job| job.key("a")),
            ("a3", |job| job.key("a")),
            ("b1", |job| job.key("b")),
            ("c1", |job| job.key("c")),
            ("b2", |job| job.key("b")),
        ],
    );
    assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
}

#[test]
fn a_strategy_of_ones_own_is_followed() {
    let jobs = [("bb", PLAIN), ("a", PLAIN), ("ccc", PLAIN)];
    let longest = Next::own(|jobs| {
        let longest = jobs.iter().max_by_key(|job| job.name().unwrap().len());
        longest.unwrap().id()
    });
    assert_eq!(order_of(longest, &jobs), ["ccc", "bb", "a"]);
}

#[test]
fn where_a_strategy_panics_or_answers_a_job_it_does_not_own_the_first_comes_and_an_event_says_so() {
    for (strategy, says) in [
        (Next::own(|_| panic!("no idea")), "panicked"),
        (Next::own(|_| u64::MAX), "answered"),
    ] {
        let scheduler = scheduler(1);
        let events = scheduler.events();
        let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
        let stream = streams
            .stream("wrong")
            .next(strategy)
            .paused()
            .open()
            .unwrap();
        let log = Log::default();
        let jobs = ["a", "b"].map(|name| stream.put(log.saying(name)));
        stream.activate();
        for job in jobs {
            join(job).unwrap();
        }
        assert_eq!(log.take(), ["a", "b"]);
        let troubled = std::iter::from_fn(|| events.try_next()).find_map(|event| match event {
            Event::StreamTroubled { stream, reason } => Some((stream, reason)),
            _ => None,
        });
        let (of, reason) = troubled.unwrap();
        assert_eq!(&*of.name, "wrong");
        assert!(reason.contains(says), "{reason}");
    }
}

#[test]
fn where_a_strategy_answers_a_stream_it_does_not_own_the_first_comes_and_an_event_says_so() {
    for strategy in [Draw::own(|_| panic!("no idea")), Draw::own(|_| u64::MAX)] {
        let scheduler = scheduler(1);
        let events = scheduler.events();
        let streams = streams_of(&scheduler, 1, strategy);
        let stream = streams.stream("wrong").open().unwrap();
        assert_eq!(join(stream.put(|| 1)).unwrap(), 1);
        let is_trouble = |event: &Event| matches!(event, Event::StreamTroubled { .. });
        assert!(std::iter::from_fn(|| events.try_next()).any(|event| is_trouble(&event)));
    }
}

#[test]
fn a_strategy_that_puts_jobs_is_no_recursion() {
    let scheduler = scheduler(2);
    let other = streams_of(&scheduler, 1, Draw::StrictPriority);
    let aside = other.stream("aside").open().unwrap();
    let (aside_too, log) = (aside.clone(), Log::default());
    let says = log.clone();
    let streams = streams_of(
        &scheduler,
        1,
        Draw::own(move |streams| {
            drop(aside_too.put(says.saying("aside")));
            streams[0].stream.id
        }),
    );
    let stream = streams.stream("main").open().unwrap();
    for _ in 0..10 {
        join(stream.put(|| ())).unwrap();
    }
    eventually("all aside have run", || {
        aside.is_empty() && aside.running() == 0
    });
    assert!(log.take().len() >= 10);
}

/// Streams that are full of jobs, of which one runs at a time: says whose turn it was.
fn draws(draw: Draw, set: &[(i32, u32)], jobs: usize) -> Vec<usize> {
    let scheduler = scheduler(1);
    let streams = streams_of(&scheduler, 1, draw);
    let gate = streams.stream("gate").priority(i32::MAX).open().unwrap();
    let (first, open) = blocker(&gate);
    let log = Log::default();
    let opened: Vec<_> = set
        .iter()
        .map(|(priority, weight)| {
            let stream = streams.stream("one").priority(*priority).weight(*weight);
            stream.open().unwrap()
        })
        .collect();
    let mut handles: Vec<WorkHandle<()>> = Vec::new();
    for _ in 0..jobs {
        for (number, stream) in opened.iter().enumerate() {
            handles.push(stream.put(log.saying(number.to_string())));
        }
    }
    drop(open);
    join(first).unwrap();
    for job in handles {
        join(job).unwrap();
    }
    log.take()
        .iter()
        .map(|number| number.parse().unwrap())
        .collect()
}

#[test]
fn strict_priority_and_equals_take_turns() {
    let order = draws(Draw::StrictPriority, &[(1, 1), (5, 1), (1, 1)], 2);
    assert_eq!(order, [1, 1, 0, 2, 0, 2]);
}

#[test]
fn round_robin() {
    let order = draws(Draw::RoundRobin, &[(1, 1), (5, 7), (1, 1)], 2);
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn weighted_fair_shares_are_within_one_job_of_the_exact_ones() {
    for weights in [
        vec![1, 1, 1, 1, 1, 1, 1, 1, 1, 9],
        vec![3, 2, 1],
        vec![7, 1, 5, 3],
        vec![1000, 1, 1],
    ] {
        let set: Vec<_> = weights.iter().map(|weight| (0, *weight)).collect();
        let total: u32 = weights.iter().sum();
        // While all have some.
        let drawn = 100.min(100 * total / weights.iter().max().unwrap()) as usize;
        let order = draws(Draw::WeightedFair, &set, 100);
        let mut counts = vec![0_u32; weights.len()];
        for (before, stream) in order[..drawn].iter().enumerate() {
            counts[*stream] += 1;
            for (count, weight) in counts.iter().zip(&weights) {
                let exact = (before + 1) as f64 * f64::from(*weight) / f64::from(total);
                let off = (f64::from(*count) - exact).abs();
                assert!(off <= 1.0, "{weights:?}: {order:?}: {off} after {before}");
            }
        }
    }
}

#[test]
fn who_was_away_has_saved_nothing() {
    let scheduler = scheduler(1);
    let streams = streams_of(&scheduler, 1, Draw::WeightedFair);
    let open = || streams.stream("one").open().unwrap();
    let (busy, late): (Stream, Stream) = (open(), open());
    for _ in 0..100 {
        join(busy.put(|| ())).unwrap();
    }
    let (first, gate) = blocker(&busy);
    let log = Log::default();
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(busy.put(log.saying("busy")));
        jobs.push(late.put(log.saying("late")));
    }
    drop(gate);
    join(first).unwrap();
    for job in jobs {
        join(job).unwrap();
    }
    let late = log.take()[..4].iter().filter(|who| *who == "late").count();
    assert!((1..=3).contains(&late), "{late} of the first four");
}

#[test]
fn what_cannot_be_a_stream_says_so() {
    let scheduler = scheduler(1);
    let streams = StreamScheduler::new(&scheduler, &slots(2));
    let error = streams.stream("none").weight(0).open().unwrap_err();
    assert_eq!(error, StreamError::ZeroWeight);
    for most in [0, 3] {
        let error = streams.stream("none").slots(most).open().unwrap_err();
        assert!(matches!(error, StreamError::Slots(_)), "{error}");
        let stream = streams.stream("outer").open().unwrap();
        let error = StreamScheduler::subordinate(&stream, most, Draw::RoundRobin).unwrap_err();
        assert!(matches!(error, StreamError::Slots(_)), "{error}");
    }
}
