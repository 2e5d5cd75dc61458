//! `Scheduler::map`: in order, lazy, within its window, its deadline and its inputs' panics.
//!
//! Of Jobserver's tests of `map`: order, laziness, abandonment, and sizes below 1. Inputs of unequal
//! lengths it refuses; here an input is one value, and who zips several gets the shortest, as everywhere.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hivework::internals::Crash;
use hivework::{
    Event, MapError, Priority, Scheduler, WorkContext, WorkError, atomically, make_work,
};

use crate::support::{
    BOUND, Wakes, block_on, builder, eventually, join, latch, poll_once, receive, scheduler,
    stopped_scheduler,
};
use crate::timers::by_hand;

const HOUR: Duration = Duration::from_secs(3600);

/// Numbers from 0, and how many were pulled.
fn counted(most: usize) -> (impl Iterator<Item = usize>, Arc<AtomicUsize>) {
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pulled);
    let inputs = (0..most).inspect(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    (inputs, pulled)
}

/// A gate that each call waits at, to be opened as often as is said.
fn gate() -> (Sender<()>, Arc<Mutex<Receiver<()>>>) {
    let (open, gate) = latch();
    (open, Arc::new(Mutex::new(gate)))
}

// By Jobserver's tests.

#[test]
fn jobserver_map_order() {
    let scheduler = scheduler(2);
    for (window, chunk) in [(1, 1), (2, 1), (7, 3), (64, 1), (64, 64), (3, 100)] {
        let doubles = scheduler.map(0..500, |n| {
            if n % 7 == 0 {
                std::thread::yield_now();
            }
            2 * n
        });
        let doubles = doubles.window(window).unwrap().chunk(chunk).unwrap();
        assert_eq!(doubles.size_hint(), (500, Some(500)));
        let doubles: Vec<usize> = doubles.map(Result::unwrap).collect();
        let expected: Vec<_> = (0..500).map(|n| 2 * n).collect();
        assert_eq!(doubles, expected, "window {window}, chunk {chunk}");
    }
}

#[test]
fn jobserver_map_laziness() {
    let scheduler = scheduler(1);
    let (inputs, pulled) = counted(usize::MAX);
    let mut same = scheduler.map(inputs, |n| n).window(5).unwrap();
    assert_eq!(
        (pulled.load(Ordering::SeqCst), scheduler.stats().put),
        (0, 0)
    );
    for n in 0..20 {
        assert_eq!(same.next().unwrap().unwrap(), n);
        // One of them was handed out, and the next not pulled in its place yet.
        assert_eq!(pulled.load(Ordering::SeqCst), n + 5);
    }
    drop(same);
    scheduler.drain(BOUND).unwrap();
    assert_eq!(
        (pulled.load(Ordering::SeqCst), scheduler.stats().put),
        (24, 24)
    );
}

#[test]
fn jobserver_map_abandonment_neither_waits_nor_cancels() {
    let scheduler = scheduler(1);
    let (open, gate) = gate();
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    let mut waiting = scheduler.map(0..100, move |n| {
        if n > 0 {
            receive(&gate.lock().unwrap());
        }
        count.fetch_add(1, Ordering::SeqCst);
    });
    waiting = waiting.window(4).unwrap();
    waiting.next().unwrap().unwrap();
    drop(waiting);
    assert_eq!(ran.load(Ordering::SeqCst), 1, "it has waited");
    for _ in 0..3 {
        open.send(()).unwrap();
    }
    scheduler.drain(BOUND).unwrap();
    assert_eq!(
        (ran.load(Ordering::SeqCst), scheduler.stats().finished),
        (4, 4)
    );
}

#[test]
fn jobserver_map_chunksize_and_buffersize_below_one() {
    let scheduler = stopped_scheduler(1);
    let map = || scheduler.map(0..3, |n| n);
    assert_eq!(map().window(0).unwrap_err(), MapError::NoWindow);
    assert_eq!(map().chunk(0).unwrap_err(), MapError::NoChunk);
    assert!(MapError::NoWindow.to_string().contains("give 1"));
    assert!(MapError::NoChunk.to_string().contains("give 1"));
}

#[test]
fn jobserver_map_of_nothing() {
    let scheduler = stopped_scheduler(1);
    let mut none = scheduler
        .map(Vec::<u8>::new(), |n| n)
        .deadline(Duration::ZERO);
    assert!(none.next().is_none() && none.next().is_none());
}

// The window.

#[test]
fn never_more_are_in_flight_than_the_window_lets_in() {
    let scheduler = scheduler(2);
    let (inputs, pulled) = counted(300);
    let most = Arc::new(AtomicUsize::new(0));
    let (entered, at_most) = (Arc::clone(&pulled), Arc::clone(&most));
    let same = scheduler.map(inputs, move |n| {
        // All before the oldest in flight have been handed out, and this one has not been.
        at_most.fetch_max(entered.load(Ordering::SeqCst) - n, Ordering::SeqCst);
        n
    });
    let same = same.window(6).unwrap().chunk(2).unwrap();
    for (expected, n) in same.enumerate() {
        assert_eq!(n.unwrap(), expected);
    }
    assert!((1..=6).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[test]
fn a_window_of_one_pulls_the_next_input_after_the_result() {
    let scheduler = scheduler(1);
    let last = Arc::new(AtomicUsize::new(1));
    let theirs = Arc::clone(&last);
    // Each input is the result of the one before.
    let inputs = std::iter::from_fn(|| Some(theirs.load(Ordering::SeqCst)));
    for doubled in scheduler.map(inputs, |n| 2 * n).window(1).unwrap().take(10) {
        last.store(doubled.unwrap(), Ordering::SeqCst);
    }
    assert_eq!(last.load(Ordering::SeqCst), 1024);
}

#[test]
fn a_full_queue_holds_no_map_up() {
    let scheduler = builder().workers(1).queue_capacity(1).start().unwrap();
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let hog = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    receive(&begins);
    let filling = scheduler.put_work(|| ());
    let mut late = scheduler.map(0.., |n: u32| n).window(8).unwrap();
    // One is put, the others are kept or not pulled; nothing waits for room.
    assert!(poll_once(&mut std::pin::pin!(late.next_async()), &Arc::default()).is_pending());
    let late = late.deadline(Duration::from_millis(1));
    open.send(()).unwrap();
    assert_eq!(late.take(1).next().unwrap().unwrap(), 0);
    join(hog).unwrap();
    join(filling).unwrap();
    let results: Vec<_> = scheduler.map(0..100, |n| n).map(Result::unwrap).collect();
    assert_eq!(results, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_stopped_scheduler_whose_queue_is_full_says_so() {
    let scheduler = builder().workers(1).queue_capacity(2).build().unwrap();
    let mut same = scheduler.map(0..3, |n| n).window(3).unwrap();
    let wakes = Arc::<Wakes>::default();
    assert!(poll_once(&mut std::pin::pin!(same.next_async()), &wakes).is_pending());
    // Two are queued and the third is kept: with nothing of its own in flight a map does not wait.
    let full: Vec<_> = scheduler.map(0..3, |n| n).collect();
    assert!(
        full.iter().all(|full| matches!(full, Err(WorkError::Full))),
        "{full:?}"
    );
    scheduler.start().unwrap();
    assert_eq!(same.map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2]);
}

// Chunks.

#[test]
fn a_panic_in_a_chunk_is_the_answer_to_its_input_alone() {
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let odd = scheduler.map(0..6, |n| {
        assert!(n % 2 == 1, "{n} is even");
        n
    });
    let answers: Vec<_> = odd.chunk(3).unwrap().name("odd").collect();
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(odd) => assert_eq!((*odd, n % 2), (n, 1)),
            Err(why) => assert_eq!(why.panic_message(), Some(&*format!("{n} is even"))),
        }
    }
    let payload = match &answers[0] {
        Err(WorkError::Panicked(report)) => report.take_payload(),
        other => panic!("{other:?}"),
    };
    assert!(payload.expect("it is there").is::<String>());
    let said = std::iter::from_fn(|| events.next_timeout(BOUND)).find_map(|event| match event {
        Event::WorkPanicked { work, message } => Some((work.name.unwrap(), message)),
        _ => None,
    });
    let (name, message) = said.unwrap();
    assert_eq!((&*name, &*message), ("odd", "0 is even"));
    assert_eq!(scheduler.stats().panicked, 2, "two works");
}

#[test]
fn a_worker_that_dies_in_a_chunk_loses_the_rest_of_it_alone() {
    let scheduler = scheduler(1);
    let answers = scheduler.map(0..6, |n| match n {
        1 => panic_any(Crash),
        n => n,
    });
    let answers: Vec<_> = answers.chunk(3).unwrap().collect();
    assert!(matches!(
        &answers[..],
        [
            Ok(0),
            Err(WorkError::Lost(_)),
            Err(WorkError::Lost(_)),
            Ok(3),
            Ok(4),
            Ok(5)
        ]
    ));
}

// Deadlines.

#[test]
fn a_deadline_comes_between_the_results_and_loses_none_that_is_done() {
    let (scheduler, clock) = by_hand(1);
    let (begun, begins) = latch();
    let (open, gate) = gate();
    let (inputs, pulled) = counted(100);
    let mut slow = scheduler.map(inputs, move |n| {
        if n == 3 {
            begun.send(()).unwrap();
            receive(&gate.lock().unwrap());
        }
        n
    });
    slow = slow.window(6).unwrap().chunk(2).unwrap().deadline(HOUR);
    assert_eq!(slow.next().unwrap().unwrap(), 0);
    assert_eq!(slow.next().unwrap().unwrap(), 1);
    receive(&begins);
    clock.advance(2 * HOUR);
    // Of the chunk of 2 and 3 the first half was done; 4 and 5 had not begun.
    assert_eq!(slow.next().unwrap().unwrap(), 2);
    for _ in 3..6 {
        assert!(matches!(
            slow.next(),
            Some(Err(WorkError::DeadlineExceeded))
        ));
    }
    // One more, for all that were not pulled.
    assert!(matches!(
        slow.next(),
        Some(Err(WorkError::DeadlineExceeded))
    ));
    assert!(slow.next().is_none());
    assert_eq!(pulled.load(Ordering::SeqCst), 6);
    open.send(()).unwrap();
}

#[test]
fn a_deadline_says_nothing_of_inputs_that_are_used_up() {
    let (scheduler, clock) = by_hand(1);
    let mut same = scheduler.map([1, 2], |n| n).deadline(HOUR);
    assert_eq!(same.next().unwrap().unwrap(), 1);
    assert_eq!(same.size_hint(), (1, Some(2)));
    clock.advance(2 * HOUR);
    let rest: Vec<_> = same.collect();
    assert!(matches!(
        &rest[..],
        [Ok(2)] | [Err(WorkError::DeadlineExceeded)]
    ));
}

#[test]
fn a_deadline_of_nothing_pulls_nothing() {
    let scheduler = scheduler(1);
    let (inputs, pulled) = counted(3);
    let answers: Vec<_> = scheduler
        .map(inputs, |n| n)
        .deadline(Duration::ZERO)
        .collect();
    assert!(matches!(&answers[..], [Err(WorkError::DeadlineExceeded)]));
    assert_eq!(pulled.load(Ordering::SeqCst), 0);
}

#[test]
fn without_a_run_a_deadline_is_kept_by_who_waits() {
    let scheduler = stopped_scheduler(1);
    let same = scheduler
        .map(0..2, |n| n)
        .deadline(Duration::from_millis(1));
    let answers: Vec<_> = same.collect();
    assert!(answers.iter().all(Result::is_err) && !answers.is_empty());
}

// The ends of others.

#[test]
fn a_panic_of_the_inputs_comes_after_all_results_before_it() {
    let scheduler = scheduler(1);
    for chunk in [1, 4] {
        let inputs = (0..10).inspect(|n| assert!(*n < 6, "no input"));
        let mut same = scheduler.map(inputs, |n| n).chunk(chunk).unwrap();
        for n in 0..6 {
            assert_eq!(same.next().unwrap().unwrap(), n);
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| same.next())).unwrap_err();
        assert_eq!(panicked.downcast_ref::<&str>(), Some(&"no input"));
        assert!(same.next().is_none(), "the inputs are asked again");
    }
}

#[test]
fn while_the_scheduler_drains_every_input_is_answered() {
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let (open, gate) = latch();
    let running = scheduler.put_work(move || receive(&gate));
    let draining = scheduler.clone();
    let drain = std::thread::spawn(move || draining.drain(BOUND));
    let told = std::iter::from_fn(|| events.next_timeout(BOUND));
    assert!(
        told.into_iter()
            .any(|event| matches!(event, Event::Draining))
    );
    let answers: Vec<_> = scheduler.map(0..5, |n| n).collect();
    let stopped = |answer: &Result<_, _>| matches!(answer, Err(WorkError::Stopped));
    assert!(
        answers.len() == 5 && answers.iter().all(stopped),
        "{answers:?}"
    );
    open.send(()).unwrap();
    assert_eq!(drain.join().unwrap(), Ok(()));
    join(running).unwrap();
}

#[test]
fn after_a_drain_and_the_next_start_it_goes_on() {
    let scheduler = scheduler(1);
    let mut same = scheduler.map(0.., |n: u32| n).window(2).unwrap();
    assert_eq!(same.next().unwrap().unwrap(), 0);
    scheduler.drain(BOUND).unwrap();
    scheduler.start().unwrap();
    assert_eq!(same.next().unwrap().unwrap(), 1);
    assert_eq!(same.next().unwrap().unwrap(), 2);
}

#[test]
fn cancel_on_drop_takes_out_what_is_queued_and_stops_what_runs() {
    let scheduler = scheduler(1);
    let (begun, begins) = latch();
    let (open, gate) = gate();
    let mut slow = scheduler.map(0..100, move |n| {
        if n == 1 {
            begun.send(()).unwrap();
            receive(&gate.lock().unwrap());
        }
    });
    slow = slow.window(12).unwrap().chunk(3).unwrap().cancel_on_drop();
    assert!(poll_once(&mut std::pin::pin!(slow.next_async()), &Arc::default()).is_pending());
    receive(&begins);
    drop(slow);
    assert_eq!(scheduler.stats().cancelled, 3);
    open.send(()).unwrap();
    // The one that runs stops before its third input.
    eventually("it has stopped", || scheduler.stats().cancelled == 4);
}

#[test]
fn inside_work_a_map_needs_no_other_worker() {
    fn sum(scheduler: &Scheduler, depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let theirs = scheduler.clone();
        let below = scheduler.map(0..3, move |_| sum(&theirs, depth - 1));
        below.map(Result::unwrap).sum()
    }
    let scheduler = builder().workers(1).max_spares(0).start().unwrap();
    let outer = scheduler.put_work(|work: &WorkContext| sum(&work.scheduler().unwrap(), 4));
    assert_eq!(join(outer).unwrap(), 81);
}

#[test]
fn awaited_it_yields_the_same_and_loses_nothing_that_is_dropped() {
    let scheduler = scheduler(1);
    let (open, gate) = gate();
    let mut slow = scheduler.map(0..5, move |n| {
        receive(&gate.lock().unwrap());
        n
    });
    let wakes = Arc::<Wakes>::default();
    assert!(poll_once(&mut std::pin::pin!(slow.next_async()), &wakes).is_pending());
    for _ in 0..5 {
        open.send(()).unwrap();
    }
    eventually("it is woken", || wakes.count() > 0);
    let mut answers = Vec::new();
    block_on(async {
        while let Some(answer) = slow.next_async().await {
            answers.push(answer.unwrap());
        }
    });
    assert_eq!(answers, [0, 1, 2, 3, 4]);
}

#[test]
fn inside_a_transaction_it_says_what_to_do() {
    let scheduler = scheduler(1);
    let mut same = scheduler.map(0..3, |n| n);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        atomically(|_| Ok(same.next().is_some()))
    }));
    let message = panicked.unwrap_err();
    let message = message.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(message.contains("before it or after it"), "{message}");
    assert_eq!(same.map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn its_works_have_the_name_and_the_priority_that_they_are_given() {
    // Of what a transport carries no queue tells.
    let scheduler = Scheduler::builder().workers(1).build().unwrap();
    let mut same = scheduler
        .map(0..3, |n| n)
        .name("same")
        .priority(Priority::High);
    assert!(poll_once(&mut std::pin::pin!(same.next_async()), &Arc::default()).is_pending());
    let stats = scheduler.stats();
    assert_eq!(stats.name("same").unwrap().queued, 2);
    assert_eq!(stats.queues[0].depth, 2, "the most urgent first");
    scheduler.start().unwrap();
    assert_eq!(same.count(), 3);
    join(scheduler.put_work(make_work(|| ()))).unwrap();
}
