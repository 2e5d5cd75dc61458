//! The order of what is told, and that nothing of it is lost or kept for ever.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hivework::{
    Event, Events, Scheduler, TVar, WorkContext, WorkError, abort, atomically_or, check,
    make_transaction, make_work,
};

use crate::support::{BOUND, eventually, join, latch, receive, scheduler, stopped_scheduler};

/// The step of [the order](hivework::Scheduler::events) that an event of a work is.
fn step(event: &Event) -> u8 {
    match event {
        Event::WorkPut(_) => 1,
        Event::WorkStarted { .. } => 2,
        Event::WorkOverran { .. } => 3,
        _ => 4,
    }
}

/// Follows works from their put to their end.
#[derive(Default)]
struct Lives {
    steps: HashMap<u64, u8>,
    over: usize,
    ends: HashMap<&'static str, usize>,
}

impl Lives {
    fn see(&mut self, event: &Event) {
        assert!(!matches!(event, Event::Missed(_)), "too slow to follow");
        let Some(work) = event.work() else { return };
        let step = step(event);
        let before = self.steps.insert(work.id, step).unwrap_or(0);
        // On a busy machine any work may overrun, and one of several turns more than once.
        let again = (before, step) == (3, 3);
        assert!(before < step || again, "{event:?} came after step {before}");
        assert!(before > 0 || step == 1, "{event:?} came before its put");
        let end = match event {
            Event::WorkFinished(_) => {
                assert!(before >= 2, "finished without a start: {event:?}");
                "finished"
            }
            Event::WorkPanicked { .. } => "panicked",
            Event::WorkCancelled(_) => "cancelled",
            Event::WorkOverdue(_) => "overdue",
            Event::WorkStopped(_) => "stopped",
            _ => return,
        };
        self.over += 1;
        *self.ends.entry(end).or_default() += 1;
    }

    /// Until so many works are over.
    fn follow(&mut self, events: &Events, works: usize) {
        while self.over < works {
            self.see(&events.next_timeout(BOUND).expect("never told"));
        }
    }
}

#[test]
fn what_is_told_of_a_work_comes_in_order_whoever_tells_it() {
    let rounds = if cfg!(miri) { 1 } else { 10 };
    // The one over which the order holds among all threads.
    let scheduler = Scheduler::builder().workers(3).start().unwrap();
    let events = scheduler.events();
    let mut lives = Lives::default();
    let mut works = 0;
    for round in 0..rounds {
        let (mut plain, mut done) = (Vec::new(), 0);
        for n in 0..20_u32 {
            // Puts from within, stolen by others, and one that its own putter runs.
            plain.push(scheduler.put_work(move |work: &WorkContext| {
                let scheduler = work.scheduler().unwrap();
                let own = scheduler.put_work(move || n);
                let other = scheduler.put_work(|| ());
                assert_eq!(own.join().unwrap(), n);
                drop(other);
            }));
            done += 3;
        }
        let go = TVar::new(false);
        let waits: Vec<_> = (0..10)
            .map(|_| {
                let go = go.clone();
                scheduler.put_work(make_transaction(move |tx| check(go.read(tx)?)))
            })
            .collect();
        let deadline = Duration::from_micros(40 * (round % 7));
        let late: Vec<_> = (0..10)
            .map(|_| scheduler.put_work(make_work(|| ()).deadline(deadline)))
            .collect();
        let cancelled: Vec<_> = (0..10).map(|_| scheduler.put_work(|| ())).collect();
        let panics: Vec<_> = (0..2)
            .map(|_| scheduler.put_work(make_work(|| -> () { std::panic::panic_any(1) })))
            .collect();
        for handle in &cancelled {
            handle.cancel();
        }
        for handle in waits.iter().step_by(2) {
            handle.cancel();
        }
        go.store(true);
        done += waits.len() + late.len() + cancelled.len() + panics.len();
        for handle in plain.into_iter().chain(late).chain(cancelled).chain(panics) {
            _ = join(handle);
        }
        for handle in waits {
            _ = join(handle);
        }
        works += done;
        lives.follow(&events, works);
    }
    let stats = scheduler.stats();
    let told = |end| lives.ends.get(end).copied().unwrap_or(0) as u64;
    assert_eq!(lives.steps.len() as u64, stats.put);
    assert_eq!(told("finished"), stats.finished);
    assert_eq!(told("panicked"), stats.panicked);
    assert_eq!(told("cancelled"), stats.cancelled);
    assert_eq!(told("overdue"), stats.overdue);
}

/// What is told of one work, in order, up to its end.
fn life(events: &Events) -> Vec<&'static str> {
    let mut told = Vec::new();
    loop {
        let event = events.next_timeout(BOUND).expect("never told");
        told.push(match event {
            Event::WorkPut(_) => "put",
            Event::WorkStarted { .. } => "started",
            Event::WorkFinished(_) => "finished",
            Event::WorkStopped(_) => "stopped",
            Event::WorkCancelled(_) => "cancelled",
            _ => continue,
        });
        if !["put", "started"].contains(told.last().unwrap()) {
            return told;
        }
    }
}

#[test]
fn a_put_that_is_refused_has_its_end_as_well() {
    let scheduler = Scheduler::builder()
        .workers(1)
        .queue_capacity(1)
        .build()
        .unwrap();
    let held = scheduler.put_work(|| ());
    let events = scheduler.events();
    assert!(matches!(
        join(scheduler.put_work(|| ())),
        Err(WorkError::Full)
    ));
    assert_eq!(life(&events), ["put", "stopped"]);
    // Given back: it was never put.
    assert!(scheduler.try_put_work(|| ()).is_err());
    scheduler.emit(());
    assert!(matches!(events.next_timeout(BOUND), Some(Event::User(_))));
    scheduler.start().unwrap();
    join(held).unwrap();
    join(scheduler.put_work(|| ())).unwrap();
    // That of the work from before the subscription begins with its start.
    assert_eq!(life(&events), ["started", "finished"]);
    assert_eq!(life(&events), ["put", "started", "finished"]);
}

#[test]
fn works_with_and_without_a_delay_are_put_once_each() {
    let scheduler = Scheduler::builder().workers(2).start().unwrap();
    let events = scheduler.events();
    let mut lives = Lives::default();
    let delay = |n: u32| Duration::from_micros(u64::from(n % 2) * 50);
    let works = scheduler.put_all((0..20).map(|n| make_work(|| ()).delay(delay(n))));
    for work in works {
        join(work).unwrap();
    }
    for n in 0..20 {
        let work = scheduler.try_put_work(make_work(|| ()).delay(delay(n)));
        join(work.unwrap()).unwrap();
    }
    lives.follow(&events, 40);
    assert_eq!(lives.steps.len(), 40);
}

/// Others may be done with a work before its putter has come further.
#[test]
fn a_put_is_told_before_anything_that_comes_of_it() {
    const WORKS: usize = if cfg!(miri) { 10 } else { 500 };
    const SOON: Duration = Duration::from_nanos(1);
    let scheduler = Scheduler::builder().workers(1).start().unwrap();
    let events = scheduler.events();
    let mut lives = Lives::default();
    for _ in 0..WORKS {
        let from_outside = scheduler.try_put_work(make_work(|| ()).delay(SOON));
        join(from_outside.unwrap()).unwrap();
    }
    lives.follow(&events, WORKS);
    let putter = scheduler.put_work(|work: &WorkContext| {
        let scheduler = work.scheduler().unwrap();
        for _ in 0..WORKS {
            drop(scheduler.put_work(make_work(|| ()).deadline(SOON)));
        }
    });
    join(putter).unwrap();
    lives.follow(&events, 2 * WORKS + 1);
}

#[test]
fn a_put_is_told_with_its_transaction_or_not_at_all() {
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let put_two = move |scheduler: &Scheduler| {
        let scheduler = scheduler.clone();
        let lost: Result<(), ()> = atomically_or(|tx| {
            _ = scheduler.put_work_in(tx, || ())?;
            abort(())
        });
        assert!(lost.is_err());
        let kept: Result<_, ()> = atomically_or(|tx| Ok(scheduler.put_work_in(tx, || ())?));
        kept.unwrap()
    };
    join(put_two(&scheduler)).unwrap();
    assert_eq!(life(&events), ["put", "started", "finished"]);
    let stats = scheduler.stats();
    assert_eq!((stats.put, stats.finished), (1, 1));
    // The same from within.
    let own = scheduler.clone();
    let inner = join(scheduler.put_work(move || put_two(&own))).unwrap();
    join(inner).unwrap();
    let mut told = Vec::new();
    while told.iter().filter(|told| **told == "finished").count() < 2 {
        match events.next_timeout(BOUND).expect("never told") {
            Event::WorkPut(_) => told.push("put"),
            Event::WorkStarted { worker, .. } => {
                assert_eq!(worker, Some(0));
                told.push("started");
            }
            Event::WorkFinished(_) => told.push("finished"),
            Event::WorkCancelled(_) => told.push("cancelled"),
            _ => {}
        }
    }
    told.sort_unstable();
    assert_eq!(
        told,
        ["finished", "finished", "put", "put", "started", "started"]
    );
}

/// A user's event that knows how many of its kind there are.
#[derive(Debug)]
struct Token(u64, Arc<AtomicUsize>);

impl Token {
    fn new(number: u64, there: &Arc<AtomicUsize>) -> Token {
        there.fetch_add(1, Ordering::SeqCst);
        Token(number, Arc::clone(there))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many events a subscriber can have before it.
const KEPT: u64 = 4096;

#[test]
fn a_subscriber_that_never_reads_keeps_the_newest_and_no_more() {
    let count: u64 = match () {
        () if cfg!(miri) => KEPT + 100,
        () if cfg!(debug_assertions) => 15_000,
        () => 300_000,
    };
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let there = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&there);
    let most = join(scheduler.put_work(move |work: &WorkContext| {
        let scheduler = work.scheduler().unwrap();
        let mut most = 0;
        for n in 0..count {
            scheduler.emit(Token::new(n, &theirs));
            most = most.max(theirs.load(Ordering::SeqCst));
        }
        most
    }))
    .unwrap();
    // Its own, the worker's line, and what the engine is about to give back.
    assert!(most < 4 * KEPT as usize, "{most} were there at a time");
    scheduler.stop().unwrap();
    let (mut missed, mut users, mut others) = (0, Vec::new(), 0);
    while let Some(event) = events.try_next() {
        match event {
            Event::Missed(more) => missed += more,
            Event::User(event) => users.push(event.downcast_ref::<Token>().unwrap().0),
            _ => others += 1,
        }
    }
    assert_eq!(users.len() as u64 + others, KEPT);
    let first = count - users.len() as u64;
    assert!(users.iter().copied().eq(first..count));
    // Before them: the rest, and the start and the put of the work that told them; perhaps the
    // start of the worker, and that the work overran.
    assert!((2..=4).contains(&(missed - first)), "{missed} of {first}");
}

#[test]
fn subscribers_that_come_and_go_see_everything_in_between() {
    let (emitters, count) = if cfg!(miri) { (2, 40) } else { (2, 1_000) };
    let scheduler = stopped_scheduler(1);
    let all = scheduler.events();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sources: Vec<_> = (0..emitters)
            .map(|source| {
                let scheduler = &scheduler;
                scope.spawn(move || (0..count).for_each(|n| scheduler.emit((source, n))))
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let events = scheduler.events();
                    let mut next = vec![None; emitters];
                    for _ in 0..50 {
                        let Some(event) = events.try_next() else {
                            std::thread::yield_now();
                            continue;
                        };
                        let (source, n) = user(&event);
                        assert!(next[source].is_none_or(|next| next == n), "{event:?}");
                        next[source] = Some(n + 1);
                    }
                }
            });
        }
        for source in sources {
            source.join().unwrap();
        }
        over.store(true, Ordering::SeqCst);
    });
    let mut next = vec![0; emitters];
    while let Some(event) = all.try_next() {
        let (source, n) = user(&event);
        assert_eq!(next[source], n);
        next[source] += 1;
    }
    assert_eq!(next, vec![count; emitters]);
}

fn user(event: &Event) -> (usize, usize) {
    match event {
        Event::User(event) => *event.downcast_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Its value sends another one when it is dropped, on a thread that is just forwarding.
#[test]
fn an_event_that_is_told_while_another_is_dropped_is_told() {
    struct Last(Scheduler);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.emit("dropped");
        }
    }
    let scheduler = scheduler(1);
    let events = scheduler.events();
    scheduler.emit(Last(scheduler.clone()));
    for n in 0..KEPT {
        scheduler.emit(n);
    }
    eventually("the last word", || {
        // Makes the engine give back what it has kept.
        scheduler.emit(0);
        std::iter::from_fn(|| events.try_next()).any(
            |event| matches!(event, Event::User(event) if event.downcast_ref() == Some(&"dropped")),
        )
    });
}

#[test]
fn workers_that_sleep_for_long_are_told_of_once() {
    if cfg!(miri) {
        return;
    }
    // In one nobody works, and nobody ticks; in the other a worker does.
    let (idle, working) = (scheduler(2), scheduler(2));
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let busy = working.put_work(move || {
        begun.send(()).unwrap();
        receive::<()>(&gate);
    });
    receive(&begins);
    let (ours, theirs) = (idle.events(), working.events());
    let parked = |events: &Events, limit| {
        std::iter::from_fn(|| events.next_timeout(limit)).find_map(|event| match event {
            Event::WorkerParked { worker, elapsed } => {
                assert!(elapsed >= Duration::from_secs(1), "{elapsed:?}");
                Some(worker)
            }
            _ => None,
        })
    };
    let mut both = [(); 2].map(|()| parked(&ours, BOUND).expect("never told"));
    both.sort_unstable();
    assert_eq!(both, [0, 1]);
    assert!(parked(&theirs, BOUND).is_some_and(|worker| worker < 2));
    assert_eq!(parked(&ours, Duration::ZERO), None);
    assert_eq!(parked(&theirs, Duration::ZERO), None);
    open.send(()).unwrap();
    join(busy).unwrap();
}

/// As before, by a waker that the forwarding calls, where the supervisor makes no round by itself.
#[test]
fn an_event_that_is_told_by_a_waker_is_told_at_once() {
    struct Echo(Scheduler);
    impl std::task::Wake for Echo {
        fn wake(self: Arc<Self>) {
            self.0.emit("echo");
        }
    }
    let (scheduler, clock) = crate::timers::by_hand(1);
    let (events, woken) = (scheduler.events(), scheduler.events());
    let mut wait = Box::pin(hivework::atomically_async(move |tx| {
        // To the end of what there is: what is sent next is what wakes it.
        while let Some(event) = woken.receive(tx)? {
            if matches!(event, Event::User(_)) {
                break;
            }
        }
        Ok(())
    }));
    clock.advance(Duration::ZERO);
    let waker = Arc::new(Echo(scheduler.clone())).into();
    let polled = wait
        .as_mut()
        .poll(&mut std::task::Context::from_waker(&waker));
    assert!(polled.is_pending());
    scheduler.emit("call");
    while user_word(&events.next_timeout(BOUND).expect("never told")) != Some("echo") {}
}

fn user_word(event: &Event) -> Option<&'static str> {
    match event {
        Event::User(event) => event.downcast_ref::<&'static str>().copied(),
        _ => None,
    }
}
