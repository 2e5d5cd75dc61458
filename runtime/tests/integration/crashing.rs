use std::panic::{panic_any, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hivework::internals::Crash;
use hivework::{Event, WorkError};

use crate::support::{BOUND, builder, eventually, join, scheduler};

#[test]
fn a_dead_worker_is_replaced_and_its_item_answers_lost() {
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let error = join(scheduler.put_work(|| panic_any(Crash))).unwrap_err();
    assert!(
        matches!(error, WorkError::Lost(why) if why.contains("died")),
        "{error}"
    );
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
    let (mut lost, mut crashed, mut restarted) = (false, false, false);
    while !(lost && crashed && restarted) {
        match events.next_timeout(BOUND).expect("never told") {
            Event::WorkerCrashed {
                worker: 0, reason, ..
            } => {
                assert!(reason.contains("on purpose"));
                crashed = true;
            }
            Event::WorkerRestarted { worker: 0 } => restarted = true,
            Event::WorkLost { reason, .. } => {
                assert!(reason.contains("died"));
                lost = true;
            }
            _ => {}
        }
    }
    let stats = scheduler.stats();
    assert_eq!((stats.lost, stats.crashed_workers), (1, 1));
}

#[test]
fn what_a_dead_worker_had_queued_runs() {
    let scheduler = scheduler(1);
    let inner = scheduler.clone();
    let (sender, works) = std::sync::mpsc::channel();
    let dying = scheduler.put_work(move || {
        sender
            .send(inner.put_all((0..100).map(|n| move || n)))
            .unwrap();
        panic_any(Crash)
    });
    assert!(join(dying).is_err());
    let works = crate::support::receive(&works);
    assert_eq!(
        works
            .into_iter()
            .map(|work| join(work).unwrap())
            .sum::<i32>(),
        4950
    );
}

#[test]
fn killing_workers_under_load_loses_nothing() {
    // In an optimised build it is a thousand workers in a million works.
    const WORKS: usize = if cfg!(miri) {
        40
    } else if cfg!(debug_assertions) {
        20_000
    } else {
        1_000_000
    };
    const EVERY: usize = if cfg!(miri) {
        10
    } else if cfg!(debug_assertions) {
        200
    } else {
        1000
    };
    let scheduler = scheduler(3);
    let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..WORKS).map(|_| AtomicUsize::new(0)).collect());
    let works = scheduler.put_all((0..WORKS).map(|work| {
        let runs = Arc::clone(&runs);
        move || {
            runs[work].fetch_add(1, Ordering::Relaxed);
            if work % EVERY == 0 {
                resume_unwind(Box::new(Crash));
            }
        }
    }));
    let outcomes: Vec<_> = works.into_iter().map(join).collect();
    assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
    for (work, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(()) => assert_ne!(work % EVERY, 0),
            Err(error) => assert!(work % EVERY == 0 && matches!(error, WorkError::Lost(_))),
        }
    }
    let kills = (WORKS / EVERY) as u64;
    eventually("all are buried", || {
        scheduler.stats().crashed_workers == kills
    });
    scheduler.drain(BOUND).unwrap();
    let stats = scheduler.stats();
    assert_eq!((stats.put, stats.lost), (WORKS as u64, kills));
    assert_eq!(stats.finished, WORKS as u64 - kills);
}

#[test]
fn a_storm_of_crashes_is_told_of_once_and_work_goes_on() {
    let scheduler = scheduler(2);
    let events = scheduler.events();
    let crash = || resume_unwind(Box::new(Crash));
    let crashing = scheduler.put_all((0..30).map(|_| crash));
    let works = scheduler.put_all((0..30).map(|n| move || n));
    for work in crashing {
        assert!(join::<()>(work).is_err());
    }
    let sum: i32 = works.into_iter().map(|work| join(work).unwrap()).sum();
    assert_eq!(sum, 435);
    eventually("all are buried", || scheduler.stats().crashed_workers == 30);
    scheduler.stop().unwrap();
    let mut storms = 0;
    loop {
        match events.next_timeout(BOUND).expect("never told") {
            Event::RestartsDamped { crashes, pause } => {
                assert!(crashes > 1 && !pause.is_zero());
                storms += 1;
            }
            Event::Stopped => break,
            _ => {}
        }
    }
    assert_eq!(storms, 1);
}

/// The clock stands: the replacements wait by the time that the machine has.
#[test]
fn a_storm_of_crashes_passes_where_the_clock_is_turned_by_hand() {
    let (scheduler, _clock) = crate::timers::by_hand(1);
    let crashing = scheduler.put_all((0..12).map(|_| || resume_unwind(Box::new(Crash))));
    for work in crashing {
        assert!(join::<()>(work).is_err());
    }
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn a_worker_that_dies_in_its_hook_is_replaced() {
    for deaths in [1, if cfg!(miri) { 2 } else { 40 }] {
        let starts = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&starts);
        let scheduler = builder()
            .workers(1)
            .on_thread_start(move |_| {
                if count.fetch_add(1, Ordering::SeqCst) < deaths {
                    resume_unwind(Box::new(Crash));
                }
            })
            .start()
            .unwrap();
        assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
        assert_eq!(starts.load(Ordering::SeqCst), deaths + 1);
        assert_eq!(scheduler.stats().crashed_workers, deaths as u64);
    }
}

#[test]
fn a_worker_whose_hooks_panic_works() {
    let scheduler = builder()
        .workers(2)
        .on_thread_start(|_| resume_unwind(Box::new("at the start")))
        .on_thread_stop(|_| resume_unwind(Box::new("at the end")))
        .start()
        .unwrap();
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
    scheduler.stop().unwrap();
    assert_eq!(scheduler.stats().crashed_workers, 0);
}

#[test]
fn a_worker_that_takes_its_time_to_start_is_not_taken_for_dead() {
    let starts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&starts);
    let (open, gate) = crate::support::latch::<()>();
    let gate = Mutex::new(gate);
    let scheduler = builder()
        .workers(2)
        .on_thread_start(move |worker| {
            if worker == 1 {
                count.fetch_add(1, Ordering::SeqCst);
                crate::support::receive(&gate.lock().unwrap());
            }
        })
        .start()
        .unwrap();
    // With each of these the supervisor has gone through all seats.
    for crashes in 1..=5 {
        let crashing = scheduler.put_work(|| resume_unwind(Box::new(Crash)));
        assert!(join::<()>(crashing).is_err());
        eventually("it is buried", || {
            scheduler.stats().crashed_workers == crashes
        });
    }
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
    assert!(starts.load(Ordering::SeqCst) <= 1);
    open.send(()).unwrap();
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1]);
    assert_eq!(starts.load(Ordering::SeqCst), 1);
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_costs_no_item() {
    let scheduler = scheduler(1);
    let work = scheduler.put_work(|| resume_unwind(Box::new(PanicsOnDrop)));
    match join::<()>(work) {
        Err(error) => std::mem::forget(error),
        Ok(()) => panic!("it did not panic"),
    }
    // Nobody has the handle: the worker drops the payload.
    drop(scheduler.put_work(|| resume_unwind(Box::new(PanicsOnDrop))));
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
    scheduler.drain(BOUND).unwrap();
    let stats = scheduler.stats();
    assert_eq!((stats.panicked, stats.finished, stats.lost), (2, 1, 0));
}

#[test]
fn a_crash_during_stop_keeps_what_is_queued() {
    let scheduler = scheduler(1);
    let inner = scheduler.clone();
    let (sender, works) = std::sync::mpsc::channel();
    let (open, gate) = crate::support::latch();
    let dying = scheduler.put_work(move || {
        sender
            .send(inner.put_all((0..10).map(|n| move || n)))
            .unwrap();
        crate::support::receive(&gate);
        panic_any(Crash)
    });
    let works = crate::support::receive(&works);
    let stopper = {
        let scheduler = scheduler.clone();
        std::thread::spawn(move || scheduler.stop())
    };
    eventually("the stop has begun", || !scheduler.is_running());
    open.send(()).unwrap();
    stopper.join().unwrap().unwrap();
    assert!(join(dying).is_err());
    scheduler.start().unwrap();
    assert_eq!(
        works
            .into_iter()
            .map(|work| join(work).unwrap())
            .sum::<i32>(),
        45
    );
}
