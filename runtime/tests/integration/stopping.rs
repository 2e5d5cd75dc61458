use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hivework::{Drained, TVar, TryPutError, WorkContext, WorkError, atomically, make_work};

use crate::support::{
    BOUND, builder, eventually, join, latch, receive, scheduler, stopped_scheduler,
};

#[test]
fn a_stop_waits_for_running_work_and_keeps_queued_work_for_the_next_start() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let running = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
        "ran"
    });
    receive(&begins);
    let queued = scheduler.put_work(|| "waited");
    let stopper = {
        let scheduler = scheduler.clone();
        thread::spawn(move || scheduler.stop())
    };
    eventually("the stop has begun", || !scheduler.is_running());
    open.send(()).unwrap();
    stopper.join().unwrap().unwrap();
    assert_eq!(join(running).unwrap(), "ran");
    assert_eq!(scheduler.stats().queued, 1);
    let after = scheduler.put_work(|| "put after the stop");
    scheduler.start().unwrap();
    assert_eq!(join(queued).unwrap(), "waited");
    assert_eq!(join(after).unwrap(), "put after the stop");
}

#[test]
fn what_a_worker_had_in_its_deque_survives_a_stop() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (sender, works) = latch();
    let inner = scheduler.clone();
    drop(scheduler.put_work(move || {
        sender
            .send(inner.put_all((0..100).map(|n| move || n)))
            .unwrap();
        receive(&gate);
    }));
    let works = receive(&works);
    let stopper = {
        let scheduler = scheduler.clone();
        thread::spawn(move || scheduler.stop())
    };
    eventually("the stop has begun", || !scheduler.is_running());
    open.send(()).unwrap();
    stopper.join().unwrap().unwrap();
    assert_eq!(scheduler.stats().queued, 100);
    scheduler.start().unwrap();
    assert_eq!(
        works
            .into_iter()
            .map(|work| join(work).unwrap())
            .sum::<i32>(),
        4950
    );
}

#[test]
fn a_drain_runs_everything_and_refuses_the_outside() {
    let scheduler = scheduler(2);
    let (open, gate) = latch();
    let running = scheduler.put_work(move || receive(&gate));
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..1000 {
        let ran = Arc::clone(&ran);
        drop(scheduler.put_work(move |work: &WorkContext| {
            // Work from inside is let in, also while draining.
            let inner = work.scheduler().unwrap();
            drop(inner.put_work(move || ran.fetch_add(1, Ordering::SeqCst)));
        }));
    }
    let drainer = {
        let scheduler = scheduler.clone();
        thread::spawn(move || scheduler.drain(BOUND))
    };
    let refused = loop {
        match scheduler.try_put_work(|| "outside") {
            Err(error @ TryPutError::Stopped(_)) => break error.into_work(),
            Err(TryPutError::Full(_)) => unreachable!("there is no bound"),
            Ok(work) => drop(work),
            Err(_) => unreachable!(),
        }
    };
    assert!(matches!(
        join(scheduler.put_work(|| 1)),
        Err(WorkError::Stopped)
    ));
    let in_transaction = atomically(|tx| scheduler.put_work_in(tx, || 1));
    assert!(matches!(join(in_transaction), Err(WorkError::Stopped)));
    open.send(()).unwrap();
    drainer.join().unwrap().unwrap();
    join(running).unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1000);
    assert!(!scheduler.is_running());
    let again = scheduler.put_work(refused);
    scheduler.start().unwrap();
    assert_eq!(join(again).unwrap(), "outside");
}

#[test]
fn a_drain_that_runs_out_of_time_says_how_much_is_left() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let running = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    receive(&begins);
    let queued = scheduler.put_all((0..10).map(|n| move || n));
    let drainer = {
        let scheduler = scheduler.clone();
        thread::spawn(move || scheduler.drain(Duration::from_millis(5)))
    };
    eventually("the drain gave up", || !scheduler.is_running());
    open.send(()).unwrap();
    assert_eq!(
        drainer.join().unwrap(),
        Err(Drained::TimedOut { queued: 10 })
    );
    join(running).unwrap();
    scheduler.start().unwrap();
    assert_eq!(
        queued
            .into_iter()
            .map(|work| join(work).unwrap())
            .sum::<i32>(),
        45
    );
}

#[test]
fn a_drain_with_nothing_to_do_ends_at_once() {
    for _ in 0..50 {
        let scheduler = scheduler(2);
        scheduler.drain(BOUND).unwrap();
        scheduler.drain(BOUND).unwrap();
    }
}

#[test]
fn a_drain_ends_when_the_last_work_is_cancelled_from_outside() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let running = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    receive(&begins);
    let queued = scheduler.put_work(|| ());
    let drainer = {
        let scheduler = scheduler.clone();
        thread::spawn(move || scheduler.drain(BOUND))
    };
    eventually("draining", || scheduler.try_put_work(|| ()).is_err());
    assert!(queued.cancel());
    open.send(()).unwrap();
    drainer.join().unwrap().unwrap();
    join(running).unwrap();
}

#[test]
fn stops_and_starts_under_load_lose_nothing() {
    const WORKS: usize = 20_000;
    let scheduler = scheduler(2);
    let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..WORKS).map(|_| AtomicUsize::new(0)).collect());
    let putter = {
        let (scheduler, runs) = (scheduler.clone(), Arc::clone(&runs));
        thread::spawn(move || {
            for work in 0..WORKS {
                let runs = Arc::clone(&runs);
                drop(scheduler.put_work(move || runs[work].fetch_add(1, Ordering::Relaxed)));
            }
        })
    };
    while !putter.is_finished() {
        scheduler.stop().unwrap();
        scheduler.start().unwrap();
    }
    putter.join().unwrap();
    scheduler.drain(BOUND).unwrap();
    assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
}

#[test]
fn starts_and_stops_from_several_threads_take_turns() {
    let scheduler = scheduler(2);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..30 {
                    scheduler.stop().unwrap();
                    scheduler.start().unwrap();
                }
            });
        }
    });
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn the_last_handle_stops_the_scheduler_and_answers_what_is_left() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let running = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
        "ran"
    });
    receive(&begins);
    let queued = scheduler.put_work(|| "never");
    let dropper = thread::spawn(move || drop(scheduler));
    open.send(()).unwrap();
    dropper.join().unwrap();
    assert_eq!(join(running).unwrap(), "ran");
    match join(queued) {
        // The worker may have come to it before the halt.
        Ok("never") | Err(WorkError::Stopped) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn works_of_a_scheduler_that_never_started_answer_stopped() {
    let scheduler = stopped_scheduler(1);
    let works = scheduler.put_all((0..1000).map(|n| move || n));
    drop(scheduler);
    for work in works {
        assert!(matches!(join(work), Err(WorkError::Stopped)));
    }
}

#[test]
fn the_last_handle_may_go_inside_work() {
    let scheduler = scheduler(2);
    let (open, gate) = latch();
    let inner = scheduler.clone();
    let (weak, weaks) = latch();
    let last = scheduler.put_work(move |work: &WorkContext| {
        receive(&gate);
        let queued = inner.put_all((0..100).map(|n| move || n));
        drop(inner);
        weak.send(work.scheduler().is_none()).unwrap();
        queued
    });
    drop(scheduler);
    open.send(()).unwrap();
    assert!(receive(&weaks), "the scheduler was not gone");
    for (n, work) in join(last).unwrap().into_iter().enumerate() {
        match join(work) {
            Ok(result) => assert_eq!(result, n),
            Err(WorkError::Stopped) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn the_last_handle_may_go_inside_a_transaction() {
    for started in [false, true] {
        let scheduler = stopped_scheduler(1);
        let work = scheduler.put_work(|| 1);
        if started {
            scheduler.start().unwrap();
        }
        let mut last = Some(scheduler);
        atomically(|_| {
            drop(last.take());
            Ok(())
        });
        match join(work) {
            Ok(1) => assert!(started),
            Err(WorkError::Stopped) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_last_handle_may_go_with_a_cancelled_closure() {
    let scheduler = stopped_scheduler(1);
    let inner = scheduler.clone();
    let other = scheduler.put_work(|| ());
    let work = scheduler.put_work(move || drop(inner));
    drop(scheduler);
    // The queued closure kept the scheduler; it goes here.
    assert!(work.cancel());
    assert!(matches!(join(other), Err(WorkError::Stopped)));
}

#[test]
fn every_thread_is_gone_after_a_stop() {
    let (started, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (starts, ends) = (Arc::clone(&started), Arc::clone(&ended));
    let scheduler = builder()
        .workers(3)
        .on_thread_start(move |_| {
            starts.fetch_add(1, Ordering::SeqCst);
        })
        .on_thread_stop(move |_| {
            ends.fetch_add(1, Ordering::SeqCst);
        })
        .start()
        .unwrap();
    for cycle in 1..=5 {
        join(scheduler.put_work(|| ())).unwrap();
        scheduler.stop().unwrap();
        assert_eq!(started.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
        assert!(ended.load(Ordering::SeqCst) <= 3 * cycle);
        scheduler.start().unwrap();
    }
}

#[test]
fn stopping_wakes_workers_that_sleep_and_workers_that_search() {
    for _ in 0..200 {
        let scheduler = scheduler(4);
        drop(scheduler.put_work(|| ()));
        scheduler.stop().unwrap();
    }
}

#[test]
fn running_work_may_wait_for_queued_work_while_a_stop_waits_for_it() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let inner = scheduler.clone();
    let running = scheduler.put_work(move || {
        let queued = inner.put_work(|| 2);
        begun.send(()).unwrap();
        receive(&gate);
        queued.join().unwrap()
    });
    receive(&begins);
    let stopper = {
        let scheduler = scheduler.clone();
        thread::spawn(move || scheduler.stop())
    };
    eventually("the stop has begun", || !scheduler.is_running());
    open.send(()).unwrap();
    stopper.join().unwrap().unwrap();
    assert_eq!(join(running).unwrap(), 2);
}

#[test]
fn a_stopped_scheduler_uses_named_threads_again() {
    let scheduler = builder().workers(1).name("again").start().unwrap();
    for _ in 0..2 {
        let name = join(scheduler.put_work(|| thread::current().name().map(str::to_owned)));
        assert_eq!(name.unwrap().as_deref(), Some("again-0"));
        scheduler.stop().unwrap();
        scheduler.start().unwrap();
    }
    let total = TVar::new(0);
    let theirs = total.clone();
    join(scheduler.put_work(make_work(move || theirs.update(|n| n + 1)).name("one"))).unwrap();
    assert_eq!(total.load(), 1);
}
