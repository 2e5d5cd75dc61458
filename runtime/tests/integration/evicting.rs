//! Who has to leave a slot to something more urgent, and what becomes of him.

use std::future::pending;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hivework::{
    Consume, Criterion, Event, Evict, Fate, Job, JobEnd, ManualClock, Next, Scheduler, Slots,
    Status, StopReason, Stream, StreamScheduler, TVar, WorkContext, WorkError, WorkHandle,
    make_future, make_job, make_restartable,
};

use crate::support::{BOUND, builder, eventually, join, latch, receive};

struct House {
    scheduler: Scheduler,
    clock: ManualClock,
    slots: Slots,
    stream: Stream,
}

/// So many workers and slots, and a stream whose jobs come in this order.
fn house(size: usize, fate: Fate, next: Next) -> House {
    let clock = ManualClock::new();
    let scheduler = builder().workers(size).clock(&clock).start().unwrap();
    let slots = Slots::new(size).unwrap();
    let streams = StreamScheduler::builder(&scheduler, &slots);
    let streams = streams.evict(Evict::StrictlyWorst(fate)).build().unwrap();
    let stream = streams.stream("runner").next(next).open().unwrap();
    House {
        scheduler,
        clock,
        slots,
        stream,
    }
}

fn by_priority(size: usize, fate: Fate) -> House {
    house(size, fate, Next::Priority)
}

impl House {
    fn all_home(&self) {
        let slots = &self.slots;
        eventually("all slots are home", || slots.free() == slots.size());
    }
}

/// A job that says that it runs, and ends when the sender goes; asked to stop, it does so at once, and
/// answers why.
fn polite() -> (Job<Option<StopReason>>, Receiver<()>, Sender<()>) {
    let (begun, begins) = latch();
    let (open, gate) = latch::<()>();
    let job = make_job(move |work: &WorkContext| {
        begun.send(()).unwrap();
        while gate.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            if work.checkpoint().is_err() {
                return work.stop_reason();
            }
            std::thread::yield_now();
        }
        None
    });
    (job, begins, open)
}

/// Such a job with this priority, which runs when this returns.
fn running(house: &House, priority: i32) -> (WorkHandle<Option<StopReason>>, Sender<()>) {
    let (job, begins, open) = polite();
    let job = house.stream.put(job.priority(priority));
    receive(&begins);
    (job, open)
}

/// A job that goes on when it is let, and answers how often it was begun and what it had reached then.
fn restartable(log: &Arc<Mutex<Vec<u32>>>, end: &Arc<AtomicBool>) -> Job<u32> {
    let (log, end) = (Arc::clone(log), Arc::clone(end));
    make_job(make_restartable(
        0,
        move |work: &WorkContext, reached: &mut u32| {
            log.lock().unwrap().push(*reached);
            *reached += 1;
            loop {
                if work.cancelled() {
                    return ControlFlow::Continue(());
                }
                if end.load(Ordering::SeqCst) {
                    return ControlFlow::Break(*reached);
                }
                std::thread::yield_now();
            }
        },
    ))
}

fn list<T>() -> Arc<Mutex<Vec<T>>> {
    Arc::default()
}

fn flag() -> Arc<AtomicBool> {
    Arc::default()
}

#[test]
fn the_worst_leaves_and_of_several_the_one_that_started_first() {
    let house = by_priority(3, Fate::Dropped);
    let events = house.scheduler.events();
    let (better, keep_better) = running(&house, 2);
    let (first, _open) = running(&house, 1);
    let (second, keep_second) = running(&house, 1);
    let id = first.id();
    assert_eq!(
        join(house.stream.put(make_job(|| 7).priority(3))).unwrap(),
        7
    );
    assert!(matches!(join(first), Err(WorkError::Evicted)));
    assert_eq!(
        (better.status(), second.status()),
        (Status::Running, Status::Running)
    );
    drop((keep_better, keep_second));
    assert_eq!((join(better).unwrap(), join(second).unwrap()), (None, None));
    house.all_home();
    assert_eq!(house.scheduler.stats().evicted, 1);
    let mut asked = false;
    loop {
        match events.next_timeout(BOUND).expect("both are told of") {
            Event::JobEvicted { work, .. } => asked |= work.id == id,
            Event::WorkEvicted(work) if work.id == id => break,
            _ => {}
        }
    }
    assert!(asked);
}

#[test]
fn a_job_of_equal_priority_puts_nobody_out_and_waits() {
    let house = by_priority(1, Fate::Dropped);
    let (first, open) = running(&house, 5);
    let jobs = [5, 4].map(|priority| house.stream.put(make_job(|| ()).priority(priority)));
    // Whoever was to be asked would have been by the puts.
    assert_eq!((first.status(), house.stream.len()), (Status::Running, 2));
    drop(open);
    assert_eq!(join(first).unwrap(), None);
    for job in jobs {
        join(job).unwrap();
    }
    assert_eq!(house.scheduler.stats().evicted, 0);
}

#[test]
fn a_finished_job_does_not_remove_another_of_equal_priority() {
    let house = by_priority(2, Fate::Dropped);
    let (first, _open) = running(&house, 1);
    let (second, open) = running(&house, 1);
    drop(open);
    join(second).unwrap();
    let (third, _open_third) = running(&house, 2);
    // The first still runs, and is the one to leave; so there are never three.
    let (fourth, open_fourth) = running(&house, 3);
    assert!(matches!(join(first), Err(WorkError::Evicted)));
    assert_eq!(house.stream.running(), 2);
    drop(open_fourth);
    join(fourth).unwrap();
    assert!(third.cancel());
    assert!(matches!(join(third), Err(WorkError::Cancelled)));
    house.all_home();
}

#[test]
fn an_eviction_in_the_tick_of_the_start_reaches_the_job_and_wakes_who_waits() {
    for _ in 0..50 {
        let house = by_priority(1, Fate::Dropped);
        let (job, begins, _open) = polite();
        let low = house.stream.put(job.priority(0));
        let high = house.stream.put(make_job(|| "high").priority(1));
        assert_eq!(join(high).unwrap(), "high");
        assert!(matches!(join(low), Err(WorkError::Evicted)));
        // It may have begun by then, or never will.
        let began = begins.try_recv().is_ok();
        house.all_home();
        assert!(began || begins.try_recv().is_err());
    }
}

#[test]
fn the_slot_is_free_when_nothing_of_the_job_runs_any_more() {
    for time_out in [false, true] {
        let house = by_priority(1, Fate::Dropped);
        let (begun, begins) = latch();
        let (open, gate) = latch::<()>();
        let ended = flag();
        let says = Arc::clone(&ended);
        let deaf = make_job(move |_: &WorkContext| {
            begun.send(()).unwrap();
            let _ = gate.recv();
            says.store(true, Ordering::SeqCst);
            "all the same"
        });
        let low = house.stream.put(deaf.timeout(Duration::from_secs(5)));
        receive(&begins);
        if time_out {
            house.clock.advance(Duration::from_secs(5));
        }
        let sees = Arc::clone(&ended);
        let high = make_job(move || sees.load(Ordering::SeqCst)).priority(1);
        let high = house.stream.put(high);
        assert_eq!((high.status(), house.slots.free()), (Status::Queued, 0));
        drop(open);
        assert!(join(high).unwrap(), "it began too early");
        match join(low) {
            Err(WorkError::DeadlineExceeded) if time_out => {}
            Ok("all the same") if !time_out => {}
            other => panic!("{other:?}"),
        }
        house.all_home();
    }
}

#[test]
fn two_leave_for_two_though_the_first_dallies() {
    let house = by_priority(2, Fate::Dropped);
    let (open, gate) = latch::<()>();
    let (begun, begins) = latch();
    let deaf = house.stream.put(make_job(move || {
        begun.send(()).unwrap();
        let _ = gate.recv();
    }));
    receive(&begins);
    let (polite, _keep) = running(&house, 1);
    let urgent = [8, 9].map(|priority| {
        house
            .stream
            .put(make_job(move || priority).priority(priority))
    });
    assert!(matches!(join(polite), Err(WorkError::Evicted)));
    for (job, priority) in urgent.into_iter().zip([8, 9]) {
        assert_eq!(join(job).unwrap(), priority);
    }
    drop(open);
    join(deaf).unwrap();
    house.all_home();
    assert_eq!(house.scheduler.stats().evicted, 1);
}

#[test]
fn one_leaves_for_one() {
    let house = by_priority(2, Fate::Dropped);
    let (open, gate) = latch::<()>();
    let (begun, begins) = latch();
    let deaf = house.stream.put(make_job(move || {
        begun.send(()).unwrap();
        let _ = gate.recv();
    }));
    receive(&begins);
    let (kept, keep) = running(&house, 1);
    let urgent = house.stream.put(make_job(|| 9).priority(9));
    // Others that are put, or leave, are no reason to ask somebody else.
    let idle = [0, 1].map(|priority| house.stream.put(make_job(|| ()).priority(priority)));
    idle[0].cancel();
    assert_eq!(
        (kept.status(), house.stream.running()),
        (Status::Running, 2)
    );
    drop(open);
    assert_eq!(join(urgent).unwrap(), 9);
    drop(keep);
    assert_eq!(join(kept).unwrap(), None);
    join(deaf).unwrap();
    house.all_home();
    assert_eq!(house.scheduler.stats().evicted, 0);
}

#[test]
fn a_job_that_is_checkpointed_goes_on_and_one_that_is_queued_again_begins_anew() {
    for (fate, reached) in [(Fate::Checkpointed, 1), (Fate::QueuedAgain, 0)] {
        let house = by_priority(1, fate);
        let (log, end) = (list(), flag());
        let low = house.stream.put(restartable(&log, &end));
        eventually("it runs", || log.lock().unwrap().len() == 1);
        let high = house.stream.put(make_job(|| "high").priority(1));
        assert_eq!(join(high).unwrap(), "high");
        eventually("it runs again", || log.lock().unwrap().len() == 2);
        end.store(true, Ordering::SeqCst);
        assert_eq!(join(low).unwrap(), reached + 1);
        assert_eq!(*log.lock().unwrap(), [0, reached]);
        house.all_home();
        let stats = house.scheduler.stats();
        assert_eq!((stats.evicted, stats.finished), (0, 2));
    }
}

#[test]
fn a_restartable_job_is_dropped_where_that_is_the_policy() {
    let house = by_priority(1, Fate::Dropped);
    let (log, end) = (list(), flag());
    let low = house.stream.put(restartable(&log, &end));
    eventually("it runs", || log.lock().unwrap().len() == 1);
    join(house.stream.put(make_job(|| ()).priority(1))).unwrap();
    assert!(matches!(join(low), Err(WorkError::Evicted)));
    house.all_home();
}

#[test]
fn who_comes_back_does_not_overtake_the_one_that_he_left_for() {
    let strategies = [
        Next::Fifo,
        Next::Lifo,
        Next::Priority,
        Next::EarliestDeadline,
        Next::RoundRobin,
        Next::own(|jobs| jobs[0].id()),
    ];
    for next in strategies {
        let house = house(1, Fate::Checkpointed, next.clone());
        let (log, end) = (list(), flag());
        let low = restartable(&log, &end).deadline(Duration::from_secs(1000));
        let low = house.stream.put(low);
        eventually(&format!("it runs with {next:?}"), || {
            log.lock().unwrap().len() == 1
        });
        let high = house.stream.put(make_job(|| "high").priority(1));
        assert_eq!(join(high).unwrap(), "high", "{next:?}");
        end.store(true, Ordering::SeqCst);
        let turns = join(low).unwrap();
        assert!(turns <= 2, "{next:?}: it had to leave {turns} times");
        house.all_home();
    }
}

#[test]
fn what_is_back_and_waits_can_be_cancelled_and_its_limits_pass() {
    let house = by_priority(1, Fate::Checkpointed);
    for case in 0..3 {
        let (log, end) = (list(), flag());
        let (told, tells) = latch();
        let low = restartable(&log, &end).timeout(Duration::from_secs(5));
        let low = house
            .stream
            .put(low.on_end(move |_, end| told.send(end).unwrap()));
        eventually("it runs", || log.lock().unwrap().len() == 1);
        let (high, open) = running(&house, 1);
        eventually("it is back", || house.stream.len() == 1);
        assert_eq!(low.status(), Status::Running);
        let end = match case {
            0 => {
                assert!(low.cancel());
                assert!(matches!(join(low), Err(WorkError::Cancelled)));
                JobEnd::Terminated
            }
            1 => {
                house.clock.advance(Duration::from_secs(5));
                assert!(matches!(join(low), Err(WorkError::DeadlineExceeded)));
                JobEnd::Timeout
            }
            _ => {
                assert_eq!(house.stream.cancel_all(), 2);
                assert!(matches!(join(low), Err(WorkError::Cancelled)));
                JobEnd::Terminated
            }
        };
        if case < 2 {
            drop(open);
            join(high).unwrap();
        } else {
            assert!(matches!(join(high), Err(WorkError::Cancelled)));
        }
        assert_eq!(receive(&tells), end);
        eventually("its stream is empty", || house.stream.is_empty());
        assert_eq!(log.lock().unwrap().len(), 1);
        house.all_home();
    }
}

#[test]
fn what_is_back_in_a_paused_stream_is_answered_by_a_drain_and_by_the_end() {
    for drained in [true, false] {
        let house = by_priority(1, Fate::Checkpointed);
        let (log, end) = (list(), flag());
        let low = house.stream.put(restartable(&log, &end));
        eventually("it runs", || log.lock().unwrap().len() == 1);
        let (high, open) = running(&house, 1);
        eventually("it is back", || house.stream.len() == 1);
        house.stream.pause();
        drop(open);
        join(high).unwrap();
        let House {
            scheduler,
            stream,
            slots,
            ..
        } = house;
        if drained {
            scheduler.drain(BOUND).unwrap();
        } else {
            drop(scheduler);
        }
        assert!(matches!(join(low), Err(WorkError::Stopped)));
        eventually("it has left", || stream.is_empty() && slots.free() == 1);
    }
}

#[test]
fn a_future_that_waits_leaves_at_once() {
    let house = by_priority(1, Fate::Checkpointed);
    let low = house.stream.put(make_future(pending::<()>()));
    eventually("it runs", || low.status() == Status::Running);
    join(house.stream.put(make_job(|| ()).priority(1))).unwrap();
    assert!(matches!(join(low), Err(WorkError::Evicted)));
    house.all_home();
}

#[test]
fn who_has_to_leave_can_read_why() {
    let house = by_priority(1, Fate::Dropped);
    let (begun, begins) = latch();
    let low = house.stream.put(make_job(move |work: &WorkContext| {
        begun.send(()).unwrap();
        while !work.cancelled() {
            std::thread::yield_now();
        }
        work.stop_reason()
    }));
    receive(&begins);
    join(house.stream.put(make_job(|| ()).priority(1))).unwrap();
    // It went on to its end in spite of it, and that is its result.
    assert_eq!(join(low).unwrap(), Some(StopReason::Evicted));
}

#[test]
fn nobody_leaves_for_one_that_may_not_start() {
    // One that looks again when the gate opens.
    let scheduler = builder().workers(2).start().unwrap();
    let slots = Slots::new(1).unwrap();
    let open = TVar::new(true);
    let gate = open.clone();
    let streams = StreamScheduler::builder(&scheduler, &slots)
        .evict(Evict::StrictlyWorst(Fate::Dropped))
        .admit(Criterion::transaction(move |tx| gate.read(tx)))
        .build()
        .unwrap();
    let stream = streams.stream("runner").open().unwrap();
    let (job, begins, _open) = polite();
    let low = stream.put(job);
    receive(&begins);
    open.store(false);
    let high = stream.put(make_job(|| "high").priority(1));
    assert_eq!(
        (low.status(), high.status()),
        (Status::Running, Status::Queued)
    );
    assert_eq!(scheduler.stats().evicted, 0);
    open.store(true);
    assert_eq!(join(high).unwrap(), "high");
    assert!(matches!(join(low), Err(WorkError::Evicted)));
}

#[test]
fn a_slot_that_is_shared_comes_home_with_the_last() {
    let house = by_priority(1, Fate::Dropped);
    let (open, gate) = latch::<()>();
    let (put, puts) = latch();
    let stream = house.stream.clone();
    let low = house.stream.put(make_job(move |work: &WorkContext| {
        let shared = make_job(move || _ = gate.recv()).consume(Consume::Shared);
        put.send(stream.put(shared)).unwrap();
        while work.checkpoint().is_ok() {
            std::thread::yield_now();
        }
    }));
    let shared = receive(&puts);
    let high = house.stream.put(make_job(|| "high").priority(1));
    assert!(matches!(join(low), Err(WorkError::Evicted)));
    assert_eq!((high.status(), house.slots.free()), (Status::Queued, 0));
    drop(open);
    join(shared).unwrap();
    assert_eq!(join(high).unwrap(), "high");
    house.all_home();
}

#[test]
fn a_callback_that_fails_skips_no_other_and_keeps_no_slot() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(1).clock(&clock).start().unwrap();
    let slots = Slots::new(1).unwrap();
    let streams = StreamScheduler::builder(&scheduler, &slots);
    let streams = streams
        .evict(Evict::StrictlyWorst(Fate::Dropped))
        .build()
        .unwrap();
    let (told, tells) = latch();
    let stream = streams
        .stream("runner")
        .on_job_ended(|_, _| panic!("the first"))
        .on_job_ended(move |_, end| told.send(end).unwrap())
        .open()
        .unwrap();
    let (job, begins, _open) = polite();
    let low = stream.put(job);
    receive(&begins);
    let failing = make_job(|| panic!("no")).priority(1);
    let failing: WorkHandle<()> = stream.put(failing);
    assert!(matches!(join(low), Err(WorkError::Evicted)));
    assert!(matches!(join(failing), Err(WorkError::Panicked(_))));
    assert_eq!(join(stream.put(|| 1)).unwrap(), 1);
    let ends = [JobEnd::Terminated, JobEnd::Error, JobEnd::Success];
    let mut seen: Vec<_> = (0..3).map(|_| receive(&tells)).collect();
    for end in ends {
        let place = seen.iter().position(|other| *other == end).unwrap();
        seen.swap_remove(place);
    }
    eventually("all slots are home", || slots.free() == 1);
}

#[test]
fn no_pending_job_is_lost_and_every_slot_comes_home() {
    let count = if cfg!(miri) {
        30
    } else if cfg!(debug_assertions) {
        1_500
    } else {
        150_000
    };
    for fate in [Fate::Dropped, Fate::QueuedAgain, Fate::Checkpointed] {
        let house = by_priority(2, fate);
        let at_once = Arc::new(AtomicUsize::new(0));
        let answered = Arc::new(AtomicUsize::new(0));
        let mut seed = 0x2545_F491_u32;
        let mut handles = Vec::new();
        for number in 0..count / 3 {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            let (inside, over) = (Arc::clone(&at_once), Arc::clone(&answered));
            let work = make_restartable(0, move |work: &WorkContext, reached: &mut u32| {
                let before = inside.fetch_add(1, Ordering::SeqCst);
                assert!(before < 2, "more run than there are slots");
                *reached += 1;
                let mut rounds = 0;
                while rounds < 20 && !work.cancelled() {
                    rounds += 1;
                    std::hint::spin_loop();
                }
                inside.fetch_sub(1, Ordering::SeqCst);
                if work.cancelled() {
                    ControlFlow::Continue(())
                } else if number % 13 == 0 {
                    resume_unwind(Box::new("it fails"))
                } else {
                    ControlFlow::Break(number)
                }
            });
            let work = work.on_done(move |_| _ = over.fetch_add(1, Ordering::SeqCst));
            let job = make_job(work).priority((seed % 5) as i32);
            let job = house.stream.put(job);
            if seed % 17 == 0 {
                job.cancel();
            }
            match number % 29 {
                7 => _ = house.stream.pause(),
                12 => _ = house.stream.activate(),
                _ => {}
            }
            handles.push((number, job));
        }
        house.stream.activate();
        let puts = handles.len();
        for (number, job) in handles {
            match join(job) {
                Ok(answer) => assert_eq!(answer, number),
                Err(WorkError::Cancelled | WorkError::Evicted | WorkError::Panicked(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(answered.load(Ordering::SeqCst), puts);
        house.all_home();
        assert_eq!((house.stream.len(), house.stream.running()), (0, 0));
        if fate != Fate::Dropped {
            assert_eq!(house.scheduler.stats().evicted, 0);
        }
    }
}
