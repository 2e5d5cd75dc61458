//! Jobs by the thousand over streams that are paused and cancelled meanwhile: each is answered once, and every
//! slot comes home.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework::{Draw, Next, Stream, StreamScheduler, WorkError};
use hivework::{atomically, make_job, make_work};

use super::streams_of;
use crate::support::{BOUND, eventually, scheduler};

#[derive(Default)]
struct Tally {
    finished: AtomicUsize,
    panicked: AtomicUsize,
    cancelled: AtomicUsize,
    other: AtomicUsize,
    ended: AtomicUsize,
    aborted: AtomicUsize,
}

impl Tally {
    fn answered(&self, outcome: &Result<(), WorkError>) {
        let place = match outcome {
            Ok(()) => &self.finished,
            Err(WorkError::Panicked(_)) => &self.panicked,
            Err(WorkError::Cancelled) => &self.cancelled,
            Err(_) => &self.other,
        };
        place.fetch_add(1, Ordering::SeqCst);
    }
}

fn open(streams: &StreamScheduler, tally: &Arc<Tally>) -> Vec<Stream> {
    let orders = [
        Next::Fifo,
        Next::Lifo,
        Next::Priority,
        Next::RoundRobin,
        Next::EarliestDeadline,
    ];
    let orders = orders.into_iter().enumerate();
    orders
        .map(|(number, next)| {
            let (ended, aborted) = (Arc::clone(tally), Arc::clone(tally));
            streams
                .stream(format!("stream {number}"))
                .next(next)
                .weight(1 + number as u32)
                .priority(number as i32)
                .on_job_ended(move |_, _| _ = ended.ended.fetch_add(1, Ordering::SeqCst))
                .on_job_aborted(move |_, _| _ = aborted.aborted.fetch_add(1, Ordering::SeqCst))
                .open()
                .unwrap()
        })
        .collect()
}

#[test]
fn every_job_is_answered_once_and_every_slot_comes_home() {
    let count = if cfg!(miri) {
        20
    } else if cfg!(debug_assertions) {
        4_000
    } else {
        1_000_000
    };
    for (draw, count) in [
        (Draw::WeightedFair, count / 2),
        (Draw::StrictPriority, count / 4),
        (Draw::RoundRobin, count / 4),
    ] {
        let scheduler = scheduler(3);
        let streams = streams_of(&scheduler, 3, draw);
        let tally = Arc::new(Tally::default());
        let outer = open(&streams, &tally);
        let inner = StreamScheduler::subordinate(&outer[1], 2, Draw::RoundRobin).unwrap();
        let all: Vec<Stream> = outer.iter().cloned().chain(open(&inner, &tally)).collect();
        let pauser = std::thread::scope(|scope| {
            let putters: Vec<_> = (0..2)
                .map(|putter| {
                    let (all, tally) = (&all, &tally);
                    scope.spawn(move || put(all, tally, putter, count / 2))
                })
                .collect();
            let all = &all;
            let pauser = scope.spawn(move || {
                let mut turns = 0;
                while !putters.iter().all(|putter| putter.is_finished()) {
                    let stream = &all[turns % all.len()];
                    stream.pause();
                    std::thread::yield_now();
                    stream.activate();
                    turns += 1;
                }
                turns
            });
            pauser.join().unwrap()
        });
        assert!(all.iter().all(Stream::is_active), "after {pauser} pauses");
        scheduler.drain(BOUND).unwrap();
        let total = |place: &AtomicUsize| place.load(Ordering::SeqCst);
        let put = count / 2 * 2;
        assert_eq!(total(&tally.other), 0);
        let answered = total(&tally.finished) + total(&tally.panicked) + total(&tally.cancelled);
        assert_eq!(answered, put);
        assert_eq!(total(&tally.ended) + total(&tally.aborted), put);
        eventually("slots home", || streams.slots().free() == 3);
        assert_eq!(inner.slots().free(), 2);
        for stream in &all {
            assert_eq!((stream.len(), stream.running()), (0, 0));
        }
    }
}

fn put(all: &[Stream], tally: &Arc<Tally>, putter: usize, count: usize) {
    let mut lately = Vec::new();
    for number in 0..count {
        let stream = &all[(number * 7 + putter) % all.len()];
        let make = || {
            let theirs = Arc::clone(tally);
            let job = make_work(move || assert_ne!(number % 50, 49, "one in fifty"));
            make_job(job.on_done(move |outcome| theirs.answered(outcome)))
                .priority((number % 5) as i32)
                .key(["a", "b", "c"][number % 3])
        };
        lately.push(if number % 4 == 0 {
            atomically(|tx| stream.put_in(tx, make()))
        } else {
            stream.put(make())
        });
        if number % 16 == 15 {
            // Some wait still, some run, some are over.
            lately.drain(..).step_by(3).for_each(|job| _ = job.cancel());
        }
    }
}
