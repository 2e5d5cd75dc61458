use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use hivework::internals::Crash;
use hivework::{
    BuildError, Builder, Event, Events, ManualClock, NotRunning, Scale, Scheduler, SetWorkersError,
    TVar, WorkHandle, atomically, blocking, check, join as fork_join,
};

use crate::support::{BOUND, builder, eventually, join, latch, receive};

fn scheduler_of(workers: usize, most: usize) -> Scheduler {
    builder()
        .workers(workers)
        .max_workers(most)
        .start()
        .unwrap()
}

/// How many worker threads are between their two hooks.
fn counted(builder: Builder) -> (Builder, Arc<AtomicUsize>) {
    let inside = Arc::new(AtomicUsize::new(0));
    let (starts, stops) = (Arc::clone(&inside), Arc::clone(&inside));
    let builder = builder
        .on_thread_start(move |_| _ = starts.fetch_add(1, Ordering::SeqCst))
        .on_thread_stop(move |_| _ = stops.fetch_sub(1, Ordering::SeqCst));
    (builder, inside)
}

/// A work for each of so many workers, which says on whose thread it runs and then waits, untold
/// of, until the gate is opened.
fn occupy(scheduler: &Scheduler, workers: usize) -> (Vec<WorkHandle<()>>, Vec<Sender<()>>) {
    let (started, starts) = latch();
    let (works, gates) = (0..workers)
        .map(|_| {
            let (open, gate): (_, Receiver<()>) = latch();
            let started = started.clone();
            let work = scheduler.put_work(move || {
                started.send(()).unwrap();
                receive(&gate);
            });
            (work, open)
        })
        .unzip();
    (0..workers).for_each(|_| receive(&starts));
    (works, gates)
}

fn open(gates: Vec<Sender<()>>) {
    gates.into_iter().for_each(|gate| gate.send(()).unwrap());
}

fn wait_for<T>(events: &Events, mut find: impl FnMut(Event) -> Option<T>) -> T {
    loop {
        let event = events.next_timeout(BOUND).expect("never told");
        if let Some(found) = find(event) {
            return found;
        }
    }
}

#[test]
fn more_workers_work_side_by_side() {
    let scheduler = scheduler_of(1, 4);
    let events = scheduler.events();
    scheduler.set_workers(3).unwrap();
    assert_eq!(scheduler.workers(), 3);
    let (works, gates) = occupy(&scheduler, 3);
    open(gates);
    works.into_iter().for_each(|work| join(work).unwrap());
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1, 2]);
    wait_for(&events, |event| match event {
        Event::WorkerRestarted { .. } => panic!("nobody has crashed"),
        Event::Scaled {
            from: 1,
            to: 3,
            why,
        } => {
            assert_eq!(why, Scale::Asked);
            Some(())
        }
        _ => None,
    });
}

#[test]
fn with_fewer_workers_the_threads_beyond_end() {
    let (builder, inside) = counted(builder().workers(4));
    let scheduler = builder.start().unwrap();
    scheduler.broadcast(|_| ()).unwrap();
    assert_eq!(inside.load(Ordering::SeqCst), 4);
    let events = scheduler.events();
    scheduler.set_workers(1).unwrap();
    eventually("three end", || inside.load(Ordering::SeqCst) == 1);
    let mut retired = Vec::new();
    wait_for(&events, |event| {
        if let Event::WorkerRetired { worker } = event {
            retired.push(worker);
        }
        (retired.len() == 3).then_some(())
    });
    retired.sort_unstable();
    assert_eq!(retired, [1, 2, 3]);
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0]);
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
    assert_eq!(scheduler.stats().crashed_workers, 0);
    scheduler.stop().unwrap();
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

#[test]
fn what_a_worker_that_goes_has_queued_is_run_by_others() {
    let scheduler = scheduler_of(2, 2);
    let (works, mut gates) = occupy(&scheduler, 1);
    let inner = scheduler.clone();
    let (sender, queued) = latch();
    // On the other worker, whichever that is: it stays, or it goes.
    let last = scheduler.put_work(move || {
        let works = inner.put_all((0..100).map(|n| move || n));
        inner.set_workers(1).unwrap();
        sender.send(works).unwrap();
    });
    let queued = receive(&queued);
    join(last).unwrap();
    gates.pop().unwrap().send(()).unwrap();
    works.into_iter().for_each(|work| join(work).unwrap());
    let sum: i32 = queued.into_iter().map(|work| join(work).unwrap()).sum();
    assert_eq!(sum, 4950);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let scheduler = scheduler_of(2, 4);
    let no = SetWorkersError::NoWorkers;
    assert_eq!(scheduler.set_workers(0), Err(no));
    assert!(no.to_string().contains("at least one"));
    let many = SetWorkersError::TooManyWorkers { most: 4 };
    assert_eq!(scheduler.set_workers(5), Err(many));
    assert!(many.to_string().contains("max_workers"));
    assert_eq!(scheduler.set_workers_between(0, 2), Err(no));
    assert_eq!(scheduler.set_workers_between(1, 5), Err(many));
    let swapped = SetWorkersError::MinAboveMax { min: 3, max: 2 };
    assert_eq!(scheduler.set_workers_between(3, 2), Err(swapped));
    assert!(swapped.to_string().contains("smaller number first"));
    assert_eq!(scheduler.workers(), 2);
    let said = catch_unwind(AssertUnwindSafe(|| {
        atomically(|_| Ok(scheduler.set_workers(1).is_ok()))
    }))
    .unwrap_err();
    let said = said.downcast_ref::<&'static str>().unwrap();
    assert!(said.contains("before or after"), "{said}");
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1]);
}

#[test]
fn a_scheduler_is_not_built_with_numbers_that_make_no_sense() {
    let no = |builder: Builder| matches!(builder.build(), Err(BuildError::NoWorkers));
    assert!(no(builder().workers_between(0, 3)));
    assert!(no(builder().max_workers(0)));
    let error = builder().workers_between(3, 2).build().unwrap_err();
    assert!(matches!(error, BuildError::MinAboveMax { min: 3, max: 2 }));
    assert!(error.to_string().contains("smaller number first"));
    let many =
        |builder: Builder| matches!(builder.build(), Err(BuildError::TooManyWorkers { most: 4 }));
    assert!(many(builder().workers(5).max_workers(4)));
    assert!(many(builder().workers_between(1, 5).max_workers(4)));
    let error = builder().workers_between(1, usize::MAX).build();
    assert!(matches!(error, Err(BuildError::TooManyWorkers { .. })));
    let error = builder().max_workers(usize::MAX).build();
    assert!(matches!(error, Err(BuildError::TooManyWorkers { .. })));
    // However many cores there are.
    let few = builder().max_workers(3).cores(|| 100).build().unwrap();
    assert_eq!(few.workers(), 3);
}

#[test]
fn a_number_that_is_set_while_nothing_runs_is_that_of_the_next_start() {
    let scheduler = builder().workers(1).build().unwrap();
    scheduler.set_workers(3).unwrap();
    assert_eq!(scheduler.broadcast(|_| ()), Err(NotRunning));
    scheduler.start().unwrap();
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1, 2]);
    scheduler.stop().unwrap();
    scheduler.set_workers(2).unwrap();
    scheduler.start().unwrap();
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1]);
}

#[test]
fn a_worker_may_send_itself_away_and_broadcast_all_the_same() {
    let rounds = if cfg!(miri) { 2 } else { 50 };
    let scheduler = scheduler_of(2, 2);
    for _ in 0..rounds {
        scheduler.set_workers(2).unwrap();
        // Both are taken, so one of the works is on the worker that is to go.
        let met = Arc::new(Barrier::new(2));
        let works: Vec<_> = (0..2)
            .map(|_| {
                let (inner, met) = (scheduler.clone(), Arc::clone(&met));
                scheduler.put_work(move || {
                    met.wait();
                    inner.set_workers(1).unwrap();
                    inner.broadcast(|worker| worker).unwrap()
                })
            })
            .collect();
        for work in works {
            assert_eq!(join(work).unwrap(), [0]);
        }
    }
}

/// Begins a broadcast over two workers, takes the second one away while it is busy with `last`, and
/// answers what the broadcast answers.
fn broadcast_while_one_goes(scheduler: &Scheduler, last: impl Fn() + Sync) -> Vec<usize> {
    let (busy, gets_busy) = latch();
    let (open, gate) = latch::<()>();
    let (begun, begins) = latch();
    // Each is for one worker alone.
    let (gate, begun) = (Mutex::new(gate), Mutex::new(begun));
    thread::scope(|threads| {
        let occupation = threads.spawn(|| {
            catch_unwind(AssertUnwindSafe(|| {
                scheduler.broadcast(|worker| {
                    if worker == 1 {
                        busy.send(()).unwrap();
                        receive(&gate.lock().unwrap());
                        last();
                    }
                })
            }))
        });
        receive(&gets_busy);
        let broadcast = threads.spawn(|| {
            scheduler.broadcast(|worker| {
                if worker == 0 {
                    begun.lock().unwrap().send(()).unwrap();
                }
                worker
            })
        });
        receive(&begins);
        scheduler.set_workers(1).unwrap();
        open.send(()).unwrap();
        let _ = occupation.join().unwrap();
        broadcast.join().unwrap().unwrap()
    })
}

#[test]
fn a_broadcast_reaches_those_that_there_were_when_it_began() {
    let (builder, inside) = counted(builder().workers(2));
    let scheduler = builder.start().unwrap();
    let rounds = if cfg!(miri) { 2 } else { 50 };
    for _ in 0..rounds {
        scheduler.set_workers(2).unwrap();
        assert_eq!(broadcast_while_one_goes(&scheduler, || ()), [0, 1]);
        assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0]);
    }
    eventually("it goes", || inside.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_part_of_a_worker_that_crashes_and_is_one_too_many_is_run_all_the_same() {
    let rounds = if cfg!(miri) { 2 } else { 5 };
    let scheduler = scheduler_of(2, 2);
    let events = scheduler.events();
    for _ in 0..rounds {
        scheduler.set_workers(2).unwrap();
        let crash = || resume_unwind(Box::new(Crash));
        assert_eq!(broadcast_while_one_goes(&scheduler, crash), [0, 1]);
    }
    // Who took its place for the sake of the broadcast goes as well.
    wait_for(&events, |event| {
        matches!(event, Event::WorkerRetired { worker: 1 }).then_some(())
    });
    assert_eq!(scheduler.stats().crashed_workers, rounds);
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn a_storm_of_changes_under_load_loses_nothing() {
    let rounds = if cfg!(miri) { 3 } else { 150 };
    let (builder, inside) = counted(builder().workers(2).max_workers(4));
    let scheduler = builder.start().unwrap();
    let over = AtomicBool::new(false);
    let ran = Arc::new(AtomicUsize::new(0));
    thread::scope(|threads| {
        threads.spawn(|| {
            let mut random = 0x5EED_u64;
            while !over.load(Ordering::SeqCst) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                scheduler.set_workers(1 + (random % 4) as usize).unwrap();
                thread::yield_now();
            }
        });
        let broadcasts = threads.spawn(|| {
            for _ in 0..rounds {
                let workers = scheduler.broadcast(|worker| worker).unwrap();
                assert!(workers.iter().copied().eq(0..workers.len()), "{workers:?}");
            }
        });
        let guest = threads.spawn(|| {
            for _ in 0..rounds {
                let sum = scheduler.fork(|fork| fork.join(|_| 20, |_| 22));
                assert_eq!(sum, (20, 22));
            }
        });
        for round in 0..rounds {
            let inner = scheduler.clone();
            let gate = TVar::new(false);
            let waits = gate.clone();
            let waiting = scheduler.put_work(move || atomically(|tx| check(waits.read(tx)?)));
            let blocked = scheduler.put_work(|| blocking(thread::yield_now));
            let count = Arc::clone(&ran);
            let tree = scheduler.put_work(move || {
                let inside = inner.put_all((0..10).map(|_| {
                    let count = Arc::clone(&count);
                    move || count.fetch_add(1, Ordering::Relaxed)
                }));
                let halves = fork_join(|| 1, || 2);
                (inside, halves)
            });
            let (inside, halves) = join(tree).unwrap();
            assert_eq!(halves, (1, 2));
            for work in inside {
                join(work).unwrap();
            }
            drop(scheduler.put_work(move || gate.store(true)));
            join(waiting).unwrap();
            join(blocked).unwrap();
            assert_eq!(ran.load(Ordering::Relaxed), 10 * (round + 1));
        }
        guest.join().unwrap();
        broadcasts.join().unwrap();
        over.store(true, Ordering::SeqCst);
    });
    scheduler.drain(BOUND).unwrap();
    let stats = scheduler.stats();
    assert_eq!(stats.put, 14 * rounds as u64);
    assert_eq!(stats.finished, stats.put);
    assert_eq!(stats.crashed_workers, 0);
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

#[test]
fn the_load_makes_workers_and_its_end_takes_them_away() {
    let (builder, inside) = counted(builder().cores(|| 3).workers_between(1, 8));
    let scheduler = builder.start().unwrap();
    let events = scheduler.events();
    assert_eq!(scheduler.workers(), 1);
    // No more than there are cores, however much waits.
    let (works, gates) = occupy(&scheduler, 3);
    assert_eq!(scheduler.workers(), 3);
    open(gates);
    works.into_iter().for_each(|work| join(work).unwrap());
    if !cfg!(miri) {
        eventually("as few as there may be", || scheduler.workers() == 1);
        eventually("the threads end", || inside.load(Ordering::SeqCst) == 1);
    }
    let mut sizes = HashMap::new();
    wait_for(&events, |event| {
        if let Event::Scaled { to, why, .. } = event {
            sizes.insert(to, why);
        }
        (cfg!(miri) || sizes.contains_key(&1)).then_some(())
    });
    assert!(cfg!(miri) || sizes[&3] == Scale::Load && sizes[&1] == Scale::Idle);
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn the_program_and_the_load_take_turns_in_saying_how_many() {
    let scheduler = builder()
        .workers(1)
        .max_workers(6)
        .cores(|| 6)
        .start()
        .unwrap();
    scheduler.set_workers_between(2, 4).unwrap();
    assert_eq!(scheduler.workers(), 2);
    let (works, gates) = occupy(&scheduler, 4);
    assert_eq!(scheduler.workers(), 4);
    scheduler.set_workers(6).unwrap();
    let (others, more_gates) = occupy(&scheduler, 2);
    scheduler.set_workers_between(1, 3).unwrap();
    assert_eq!(scheduler.workers(), 3);
    open(gates);
    open(more_gates);
    works
        .into_iter()
        .chain(others)
        .for_each(|work| join(work).unwrap());
}

#[test]
fn the_number_follows_the_cores_while_it_runs() {
    let clock = ManualClock::new();
    let cores = Arc::new(AtomicUsize::new(2));
    let theirs = Arc::clone(&cores);
    let builder = Scheduler::builder().clock(&clock);
    let scheduler = builder
        .cores(move || theirs.load(Ordering::SeqCst))
        .start()
        .unwrap();
    let events = scheduler.events();
    let second = Duration::from_secs(1);
    clock.advance(second);
    assert_eq!(scheduler.workers(), 2);
    for (from, to) in [(2, 4), (4, 1), (1, 3)] {
        cores.store(to, Ordering::SeqCst);
        clock.advance(second - Duration::from_nanos(1));
        assert_eq!(scheduler.workers(), from, "counted too often");
        clock.advance(Duration::from_nanos(1));
        assert_eq!(scheduler.workers(), to);
        wait_for(&events, |event| match event {
            Event::Scaled {
                from: f,
                to: t,
                why,
            } => {
                assert_eq!((f, t, why), (from, to, Scale::Cores));
                Some(())
            }
            _ => None,
        });
    }
    // None at all counts as one.
    cores.store(0, Ordering::SeqCst);
    clock.advance(second);
    assert_eq!(scheduler.workers(), 1);
    scheduler.set_workers(2).unwrap();
    cores.store(3, Ordering::SeqCst);
    clock.advance(second);
    assert_eq!(scheduler.workers(), 2, "it was told a number");
}

#[test]
fn one_core_is_enough_for_everything() {
    let scheduler = builder().cores(|| 1).start().unwrap();
    assert_eq!(scheduler.workers(), 1);
    let inner = scheduler.clone();
    let gate = TVar::new(false);
    let waits = gate.clone();
    let waiting = scheduler.put_work(move || atomically(|tx| check(waits.read(tx)?)));
    let joining = scheduler.put_work(move || join(inner.put_work(|| 1)).unwrap());
    assert_eq!(join(joining).unwrap(), 1);
    join(scheduler.put_work(move || gate.store(true))).unwrap();
    join(waiting).unwrap();
    fn sum(from: u64, to: u64) -> u64 {
        if to - from < 10 {
            return (from..to).sum();
        }
        let middle = from.midpoint(to);
        let (left, right) = fork_join(|| sum(from, middle), || sum(middle, to));
        left + right
    }
    let forked = scheduler.put_work(|| sum(0, 1000));
    assert_eq!(join(forked).unwrap(), 499_500);
    assert_eq!(scheduler.install(|| sum(0, 1000)), 499_500);
    assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0]);
}

#[test]
fn the_figures_list_who_has_ever_worked_here() {
    let scheduler = scheduler_of(1, 5);
    let (open, gate) = latch();
    let waiting = scheduler.put_work(move || blocking(|| receive(&gate)));
    // On a spare.
    join(scheduler.put_work(move || open.send(()).unwrap())).unwrap();
    join(waiting).unwrap();
    scheduler.set_workers(2).unwrap();
    scheduler.broadcast(|_| ()).unwrap();
    let numbers: Vec<_> = scheduler
        .stats()
        .workers
        .iter()
        .map(|worker| (worker.number, worker.is_spare))
        .collect();
    assert_eq!(numbers, [(0, false), (1, false), (5, true)]);
    assert!(scheduler.stats().to_string().contains("\nspare 5"));
}
