//! The same for every worker, once on each.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hivework::{NotRunning, atomically, blocking};

use crate::support::{builder, eventually, join, latch, receive, scheduler, stopped_scheduler};

#[test]
fn every_worker_answers_in_the_order_of_the_numbers() {
    let scheduler = scheduler(4);
    let names = scheduler
        .broadcast(|worker| (worker, thread::current().name().map(String::from)))
        .unwrap();
    for (number, (worker, name)) in names.iter().enumerate() {
        let name = name.as_deref().expect("a worker has a name");
        assert_eq!(*worker, number);
        assert!(name.ends_with(&format!("-{number}")), "{name}");
    }
    assert_eq!(names.len(), 4);
    assert_eq!(scheduler.stats().put, 0);
}

#[test]
fn a_broadcast_borrows() {
    let scheduler = scheduler(3);
    let words = ["to", "be", "or"];
    let count = AtomicUsize::new(0);
    let answers = scheduler.broadcast(|worker| {
        count.fetch_add(1, Ordering::SeqCst);
        &words[worker]
    });
    assert_eq!(answers.unwrap(), [&"to", &"be", &"or"]);
    assert_eq!(count.into_inner(), 3);
}

#[test]
fn sleeping_workers_are_woken_and_busy_ones_waited_for() {
    let scheduler = scheduler(3);
    let rounds = if cfg!(miri) { 5 } else { 500 };
    for round in 0..rounds {
        let works = scheduler.put_all((0..round % 5).map(|n| move || n));
        let threads: HashSet<_> = scheduler
            .broadcast(|_| thread::current().id())
            .unwrap()
            .into_iter()
            .collect();
        assert_eq!(threads.len(), 3);
        for work in works {
            join(work).unwrap();
        }
    }
}

#[test]
fn a_worker_that_broadcasts_runs_its_own_part() {
    let scheduler = scheduler(3);
    let inner = scheduler.clone();
    let (me, threads) = join(scheduler.put_work(move || {
        let threads = inner.broadcast(|_| thread::current().id()).unwrap();
        (thread::current().id(), threads)
    }))
    .unwrap();
    assert!(threads.contains(&me));
    assert_eq!(threads.into_iter().collect::<HashSet<_>>().len(), 3);
}

#[test]
fn workers_broadcast_to_each_other() {
    let rounds = if cfg!(miri) { 2 } else { 100 };
    let scheduler = scheduler(3);
    for _ in 0..rounds {
        let works: Vec<_> = (0..6)
            .map(|_| {
                let inner = scheduler.clone();
                scheduler.put_work(move || inner.broadcast(|worker| worker).unwrap())
            })
            .collect();
        for work in works {
            assert_eq!(join(work).unwrap(), [0, 1, 2]);
        }
    }
}

#[test]
fn a_broadcast_within_a_broadcast() {
    let scheduler = scheduler(2);
    let all = scheduler.broadcast(|_| scheduler.broadcast(|worker| worker).unwrap());
    assert_eq!(all.unwrap(), [[0, 1], [0, 1]]);
}

#[test]
fn threads_broadcast_at_the_same_time() {
    let scheduler = scheduler(2);
    let rounds = if cfg!(miri) { 3 } else { 200 };
    thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                for _ in 0..rounds {
                    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1]);
                }
            });
        }
    });
}

#[test]
fn a_spare_does_not_count() {
    let scheduler = scheduler(1);
    let inner = scheduler.clone();
    let (sender, receiver) = latch::<()>();
    let (started, starts) = latch();
    let blocked = scheduler.put_work(move || {
        started.send(()).unwrap();
        blocking(|| receive(&receiver));
    });
    receive(&starts);
    // On a spare: it waits for the worker, which is blocked until somebody else goes on.
    let work = scheduler.put_work(move || inner.broadcast(|_| thread::current().id()));
    let name = join(scheduler.put_work(move || {
        sender.send(()).unwrap();
        thread::current().id()
    }))
    .unwrap();
    join(blocked).unwrap();
    let threads = join(work).unwrap().unwrap();
    assert_eq!(threads.len(), 1);
    assert_ne!(threads[0], name);
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

#[test]
fn a_panic_arrives_after_all_parts_are_over() {
    let scheduler = scheduler(3);
    let count = AtomicUsize::new(0);
    let payload = catch_unwind(AssertUnwindSafe(|| {
        scheduler.broadcast(|worker| {
            if worker == 1 {
                panic_any(7u8);
            }
            count.fetch_add(1, Ordering::SeqCst);
            PanicsOnDrop
        })
    }))
    .map(|answers| answers.map(|answers| answers.into_iter().for_each(std::mem::forget)))
    .unwrap_err();
    assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
    assert_eq!(count.into_inner(), 2);
    assert_eq!(scheduler.stats().crashed_workers, 0);
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1, 2]);
}

#[test]
fn a_scheduler_that_does_not_run_says_so() {
    let scheduler = stopped_scheduler(2);
    let count = AtomicUsize::new(0);
    let part = |_| count.fetch_add(1, Ordering::SeqCst);
    assert_eq!(scheduler.broadcast(part), Err(NotRunning));
    scheduler.start().unwrap();
    assert_eq!(scheduler.broadcast(part).unwrap().len(), 2);
    scheduler.stop().unwrap();
    assert_eq!(scheduler.broadcast(part), Err(NotRunning));
    assert_eq!(count.load(Ordering::SeqCst), 2);
    assert!(NotRunning.to_string().contains("does not run"));
}

#[test]
fn a_stop_meanwhile_leaves_nobody_waiting() {
    let rounds = if cfg!(miri) { 3 } else { 200 };
    for _ in 0..rounds {
        let scheduler = scheduler(2);
        thread::scope(|threads| {
            let stopper = threads.spawn(|| scheduler.stop().unwrap());
            let count = AtomicUsize::new(0);
            let answers = scheduler.broadcast(|worker| {
                count.fetch_add(1, Ordering::SeqCst);
                worker
            });
            match answers {
                Ok(answers) => assert_eq!(answers, [0, 1]),
                Err(NotRunning) => assert!(count.into_inner() < 2),
            }
            stopper.join().unwrap();
        });
    }
}

#[test]
fn a_worker_that_crashes_before_its_turn_is_represented_by_the_next() {
    let scheduler = scheduler(1);
    let (started, starts) = latch();
    let (open, gate) = latch::<()>();
    let crashing = scheduler.put_work(move || {
        started.send(thread::current().id()).unwrap();
        receive(&gate);
        resume_unwind(Box::new(hivework::internals::Crash));
    });
    let first = receive(&starts);
    let second = thread::scope(|threads| {
        let broadcast = threads.spawn(|| scheduler.broadcast(|_| thread::current().id()).unwrap());
        open.send(()).unwrap();
        broadcast.join().unwrap()
    });
    assert!(join::<()>(crashing).is_err());
    assert_ne!(first, second[0]);
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0]);
}

#[test]
fn a_worker_that_crashes_in_its_part_leaves_nobody_waiting() {
    let scheduler = scheduler(2);
    let crashed = catch_unwind(AssertUnwindSafe(|| {
        scheduler.broadcast(|worker| {
            if worker == 0 {
                resume_unwind(Box::new(hivework::internals::Crash));
            }
        })
    }));
    assert!(crashed.is_err());
    eventually("it is replaced", || scheduler.stats().crashed_workers == 1);
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1]);
}

#[test]
fn a_transaction_broadcasts_nothing() {
    let scheduler = scheduler(1);
    let payload = catch_unwind(AssertUnwindSafe(|| {
        atomically(|_| Ok(scheduler.broadcast(|_| ()).is_ok()))
    }))
    .unwrap_err();
    let said = payload.downcast_ref::<&'static str>().unwrap();
    assert!(said.contains("broadcast before or after it"));
}

#[test]
fn hooks_come_before_and_after_what_is_broadcast() {
    let inside = Arc::new(AtomicUsize::new(0));
    let (starts, stops) = (Arc::clone(&inside), Arc::clone(&inside));
    let scheduler = builder()
        .workers(2)
        .on_thread_start(move |_| _ = starts.fetch_add(1, Ordering::SeqCst))
        .on_thread_stop(move |_| _ = stops.fetch_sub(1, Ordering::SeqCst))
        .start()
        .unwrap();
    let seen = scheduler
        .broadcast(|_| inside.load(Ordering::SeqCst))
        .unwrap();
    assert!(seen.iter().all(|inside| *inside > 0));
    scheduler.stop().unwrap();
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}
