use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use hivework::{Event, Scheduler, TVar, atomically, blocking, check};

use crate::support::{BOUND, builder, eventually, join, latch, receive, scheduler};

#[test]
fn work_that_waits_in_a_transaction_does_not_hang_what_it_waits_for() {
    let scheduler = scheduler(1);
    let ready = TVar::new(0);
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let ready = ready.clone();
            scheduler.put_work(move || atomically(|tx| check(ready.read(tx)? == 1)))
        })
        .collect();
    // Queued behind eight works that wait for it, on one worker.
    let setter = ready.clone();
    join(scheduler.put_work(move || setter.store(1))).unwrap();
    for work in waiting {
        join(work).unwrap();
    }
}

#[test]
fn work_that_blocks_does_not_hang_what_it_waits_for() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let waiting = scheduler.put_work(move || blocking(|| receive(&gate)));
    join(scheduler.put_work(move || open.send(()).unwrap())).unwrap();
    join(waiting).unwrap();
}

#[test]
fn work_put_after_everyone_has_blocked_runs() {
    let scheduler = scheduler(2);
    let gate = TVar::new(false);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let gate = gate.clone();
            scheduler.put_work(move || atomically(|tx| check(gate.read(tx)?)))
        })
        .collect();
    eventually("both blocked", || scheduler.stats().blocked_workers == 2);
    join(scheduler.put_work(move || gate.store(true))).unwrap();
    for work in waiting {
        join(work).unwrap();
    }
}

#[test]
fn work_joined_while_another_runs_it_does_not_hang_the_rest() {
    let scheduler = scheduler(2);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let awaited = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
        1
    });
    receive(&begins);
    // The second worker waits for the first; the third item needs a spare.
    let waiting = scheduler.put_work(move || awaited.join().unwrap());
    eventually("one is away", || scheduler.stats().blocked_workers == 1);
    join(scheduler.put_work(move || open.send(()).unwrap())).unwrap();
    assert_eq!(join(waiting).unwrap(), 1);
}

#[test]
fn a_joined_item_that_nobody_has_begun_is_run_by_the_one_who_joins() {
    let scheduler = scheduler(1);
    let inner = scheduler.clone();
    let (outer, nested) = join(scheduler.put_work(move || {
        let here = std::thread::current().id();
        let there = inner.put_work(|| std::thread::current().id());
        (here, there.join().unwrap())
    }))
    .unwrap();
    assert_eq!(outer, nested);
    let stats = scheduler.stats();
    assert_eq!((stats.finished, stats.workers.len()), (2, 1));
}

#[test]
fn a_tree_of_joins_ends_on_any_number_of_workers() {
    fn count(scheduler: &Scheduler, depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let theirs = scheduler.clone();
        let left = scheduler.put_work(move || count(&theirs, depth - 1));
        let right = count(scheduler, depth - 1);
        left.join().unwrap() + right
    }
    for workers in [1, 2, 4] {
        let scheduler = scheduler(workers);
        let inner = scheduler.clone();
        assert_eq!(
            join(scheduler.put_work(move || count(&inner, 10))).unwrap(),
            1024
        );
    }
}

#[test]
fn a_chain_of_joins_deeper_than_a_stack_ends() {
    fn chain(scheduler: Scheduler, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let theirs = scheduler.clone();
        scheduler
            .put_work(move || chain(theirs, depth - 1))
            .join()
            .unwrap()
            + 1
    }
    let scheduler = scheduler(2);
    let inner = scheduler.clone();
    assert_eq!(
        join(scheduler.put_work(move || chain(inner, 5000))).unwrap(),
        5000
    );
}

#[test]
fn spares_retire_when_they_are_not_needed() {
    let scheduler = builder().workers(1).max_workers(1).start().unwrap();
    let events = scheduler.events();
    let (open, gate) = latch();
    let waiting = scheduler.put_work(move || blocking(|| receive(&gate)));
    join(scheduler.put_work(move || open.send(()).unwrap())).unwrap();
    join(waiting).unwrap();
    let mut started = false;
    loop {
        match events.next_timeout(BOUND).expect("the spare never retires") {
            Event::SpareStarted { worker: 1 } => started = true,
            Event::SpareRetired { worker: 1 } => break,
            _ => {}
        }
    }
    assert!(started);
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn the_bound_on_spares_is_kept_and_reported() {
    let scheduler = builder().workers(1).max_spares(2).start().unwrap();
    let events = scheduler.events();
    let gate = TVar::new(false);
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let gate = gate.clone();
            scheduler.put_work(move || atomically(|tx| check(gate.read(tx)?)))
        })
        .collect();
    loop {
        let event = events.next_timeout(BOUND).expect("never exhausted");
        if let Event::WorkersExhausted { blocked, .. } = event {
            assert_eq!(blocked, 3);
            break;
        }
    }
    assert_eq!(scheduler.stats().workers.len(), 3);
    gate.store(true);
    for work in waiting {
        join(work).unwrap();
    }
}

#[test]
fn blocked_work_lets_the_others_run_side_by_side() {
    // Four works that meet at a barrier on one worker: each needs a thread.
    let scheduler = scheduler(1);
    let barrier = Arc::new(Barrier::new(4));
    let met = Arc::new(AtomicUsize::new(0));
    let works = scheduler.put_all((0..4).map(|_| {
        let (barrier, met) = (Arc::clone(&barrier), Arc::clone(&met));
        move || {
            blocking(|| barrier.wait());
            met.fetch_add(1, Ordering::SeqCst);
        }
    }));
    for work in works {
        join(work).unwrap();
    }
    assert_eq!(met.load(Ordering::SeqCst), 4);
}

#[test]
fn a_panic_while_blocked_brings_the_worker_back() {
    let scheduler = scheduler(1);
    let work = scheduler.put_work(|| blocking(|| panic!("while away")));
    assert!(join(work).is_err());
    assert_eq!(scheduler.stats().blocked_workers, 0);
}
