use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework::internals::Crash;
use hivework::{Event, WorkError};

use crate::support::{BOUND, eventually, join, scheduler};

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
    let (mut crashed, mut restarted) = (false, false);
    while !(crashed && restarted) {
        match events.next_timeout(BOUND).expect("never told") {
            Event::WorkerCrashed {
                worker: 0, reason, ..
            } => {
                assert!(reason.contains("on purpose"));
                crashed = true;
            }
            Event::WorkerRestarted { worker: 0 } => restarted = true,
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
    const WORKS: usize = 20_000;
    let scheduler = scheduler(3);
    let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..WORKS).map(|_| AtomicUsize::new(0)).collect());
    let works = scheduler.put_all((0..WORKS).map(|work| {
        let runs = Arc::clone(&runs);
        move || {
            runs[work].fetch_add(1, Ordering::Relaxed);
            if work % 500 == 0 {
                panic_any(Crash);
            }
        }
    }));
    let outcomes: Vec<_> = works.into_iter().map(join).collect();
    assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
    for (work, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(()) => assert_ne!(work % 500, 0),
            Err(error) => assert!(work % 500 == 0 && matches!(error, WorkError::Lost(_))),
        }
    }
    eventually("all are buried", || scheduler.stats().crashed_workers == 40);
    scheduler.drain(BOUND).unwrap();
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
