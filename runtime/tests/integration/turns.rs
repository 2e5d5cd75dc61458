//! Transactions as works: they wait without a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hivework::{
    Drained, Scheduler, Status, TVar, WorkError, WorkHandle, abort, atomically, atomically_or,
    check, make_transaction, retry,
};

use crate::support::{
    BOUND, block_on, eventually, join, latch, receive, scheduler, stopped_scheduler,
};

/// A transaction that waits until the variable is past `bound`, and says what it is.
fn past(scheduler: &Scheduler, var: &TVar<u32>, bound: u32) -> WorkHandle<u32> {
    let var = var.clone();
    scheduler.put_transaction(move |tx| {
        let value = var.read(tx)?;
        check(value > bound)?;
        Ok(value)
    })
}

fn all_wait(scheduler: &Scheduler, count: u64) {
    eventually("all of them wait", || scheduler.stats().waiting == count);
}

/// Says so when it is dropped.
struct Witness(Arc<AtomicBool>);

impl Witness {
    fn new() -> (Witness, Arc<AtomicBool>) {
        let dropped = Arc::new(AtomicBool::new(false));
        (Witness(Arc::clone(&dropped)), dropped)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A transaction that waits for ever, and what tells that it has been dropped.
fn in_vain(scheduler: &Scheduler) -> (WorkHandle<()>, Arc<AtomicBool>) {
    let (witness, dropped) = Witness::new();
    let never = TVar::new(false);
    let handle = scheduler.put_transaction(move |tx| {
        let _witness = &witness;
        check(never.read(tx)?)
    });
    all_wait(scheduler, 1);
    (handle, dropped)
}

#[test]
fn a_transaction_that_need_not_wait_runs_once_and_answers() {
    let scheduler = scheduler(2);
    let var = TVar::new(1);
    let theirs = var.clone();
    let work = scheduler.put_transaction(move |tx| theirs.modify(tx, |n| n + 1));
    join(work).unwrap();
    assert_eq!(var.load(), 2);
    assert_eq!(scheduler.stats().finished, 1);
}

#[test]
fn a_transaction_that_waits_leaves_its_worker_free() {
    let scheduler = scheduler(1);
    let var = TVar::new(0);
    let waiting = past(&scheduler, &var, 0);
    all_wait(&scheduler, 1);
    assert_eq!(scheduler.stats().blocked_workers, 0);
    assert_eq!(waiting.status(), Status::Running);
    join(scheduler.put_work({
        let var = var.clone();
        move || var.store(7)
    }))
    .unwrap();
    assert_eq!(join(waiting).unwrap(), 7);
    assert_eq!(scheduler.stats().workers.len(), 1, "a spare was made");
}

#[test]
fn one_transaction_wakes_the_next_within_one_pool() {
    const HOPS: usize = if cfg!(miri) { 10 } else { 1000 };
    let scheduler = scheduler(2);
    let cells: Vec<_> = (0..=HOPS).map(|_| TVar::new(false)).collect();
    let works: Vec<_> = cells
        .windows(2)
        .map(|pair| {
            let (mine, next) = (pair[0].clone(), pair[1].clone());
            scheduler.put_transaction(move |tx| {
                check(mine.read(tx)?)?;
                next.write(tx, true)
            })
        })
        .collect();
    cells[0].store(true);
    for work in works {
        join(work).unwrap();
    }
    assert!(cells[HOPS].load());
}

#[test]
fn a_hundred_thousand_wait_on_a_thousand_variables_without_threads() {
    const VARIABLES: usize = if cfg!(miri) { 4 } else { 1000 };
    const EACH: usize = if cfg!(miri) { 3 } else { 100 };
    let scheduler = scheduler(2);
    let vars: Vec<_> = (0..VARIABLES).map(|_| TVar::new(0)).collect();
    let works: Vec<_> = (0..EACH)
        .flat_map(|_| vars.iter().map(|var| past(&scheduler, var, 0)))
        .collect();
    all_wait(&scheduler, works.len() as u64);
    let stats = scheduler.stats();
    assert_eq!(stats.workers.len(), 2, "threads were made");
    assert_eq!((stats.queued, stats.running), (0, 0));
    for (n, var) in (1..).zip(&vars) {
        var.store(n);
    }
    for (n, work) in works.into_iter().enumerate() {
        assert_eq!(join(work).unwrap() as usize, n % VARIABLES + 1);
    }
    assert_eq!(scheduler.stats().waiting, 0);
}

#[test]
fn transactions_that_meet_lose_no_update() {
    const COUNT: u32 = if cfg!(miri) { 20 } else { 20_000 };
    let scheduler = scheduler(2);
    let var = TVar::new(0);
    let works: Vec<_> = (0..COUNT)
        .map(|_| {
            let var = var.clone();
            scheduler.put_transaction(move |tx| var.modify(tx, |n| n + 1))
        })
        .collect();
    for work in works {
        join(work).unwrap();
    }
    assert_eq!(var.load(), COUNT);
}

#[test]
fn a_cancelled_one_is_dropped_at_once_where_it_waits() {
    let scheduler = scheduler(1);
    let (waiting, dropped) = in_vain(&scheduler);
    assert!(waiting.cancel());
    assert!(dropped.load(Ordering::SeqCst), "it is still there");
    assert!(!waiting.cancel(), "it was over");
    assert!(matches!(join(waiting), Err(WorkError::Cancelled)));
    let stats = scheduler.stats();
    assert_eq!((stats.waiting, stats.cancelled), (0, 1));
}

#[test]
fn a_cancel_and_a_wake_up_leave_one_outcome() {
    let rounds = if cfg!(miri) { 5 } else { 500 };
    let scheduler = scheduler(2);
    for round in 0..rounds {
        let var = TVar::new(0);
        let waiting = past(&scheduler, &var, 0);
        if round % 2 == 0 {
            all_wait(&scheduler, 1);
        }
        let committer = std::thread::spawn(move || var.store(1));
        waiting.cancel();
        committer.join().unwrap();
        assert!(matches!(join(waiting), Ok(1) | Err(WorkError::Cancelled)));
    }
    scheduler.drain(BOUND).unwrap();
    let stats = scheduler.stats();
    assert_eq!(stats.finished + stats.cancelled, rounds);
}

#[test]
fn a_deadline_answers_one_that_waits_and_frees_it() {
    let scheduler = scheduler(1);
    let (witness, dropped) = Witness::new();
    let (told, hears) = latch();
    let never = TVar::new(false);
    let work = make_transaction(move |tx| {
        let _witness = &witness;
        check(never.read(tx)?)
    });
    let work = work
        .deadline(Duration::from_millis(20))
        .on_done(move |_| told.send(()).unwrap());
    let work = scheduler.put_work(work);
    assert!(matches!(join(work), Err(WorkError::DeadlineExceeded)));
    receive(&hears);
    assert!(dropped.load(Ordering::SeqCst), "it is still there");
    scheduler.drain(BOUND).unwrap();
    assert_eq!(scheduler.stats().overdue, 1);
}

#[test]
fn a_panic_rolls_it_back_and_answers() {
    let scheduler = scheduler(1);
    let (var, go) = (TVar::new(0), TVar::new(false));
    let (theirs, gate) = (var.clone(), go.clone());
    let work = scheduler.put_transaction(move |tx| -> hivework::StmResult<()> {
        check(gate.read(tx)?)?;
        theirs.write(tx, 1)?;
        panic!("half done");
    });
    all_wait(&scheduler, 1);
    go.store(true);
    let error = join(work).unwrap_err();
    assert_eq!(error.panic_message(), Some("half done"));
    assert_eq!(var.load(), 0);
}

#[test]
fn one_that_waits_for_nothing_is_told_so() {
    let scheduler = scheduler(1);
    let error = join(scheduler.put_transaction(|_| retry::<()>())).unwrap_err();
    let said = error.panic_message().unwrap_or_default();
    assert!(said.contains("nothing could ever wake it"), "{said}");
}

#[test]
fn it_can_be_put_in_a_transaction_or_not_at_all() {
    let scheduler = scheduler(1);
    let var = TVar::new(0);
    let put = |fails: bool| {
        atomically_or(|tx| {
            let theirs = var.clone();
            let work = make_transaction(move |tx| theirs.modify(tx, |n| n + 1));
            let handle = scheduler.put_work_in(tx, work)?;
            if fails {
                return abort("not now");
            }
            Ok(handle)
        })
    };
    assert_eq!(put(true).unwrap_err(), "not now");
    join(put(false).unwrap()).unwrap();
    assert_eq!(var.load(), 1);
}

#[test]
fn its_outcome_can_be_awaited_and_waited_for_in_a_transaction() {
    let scheduler = scheduler(1);
    let var = TVar::new(0);
    let (one, two) = (past(&scheduler, &var, 0), past(&scheduler, &var, 1));
    var.store(1);
    assert_eq!(block_on(one).unwrap(), 1);
    var.store(2);
    assert_eq!(atomically(|tx| two.wait_in(tx)).unwrap(), 2);
}

#[test]
fn a_worker_that_joins_one_is_away_and_its_waker_runs() {
    let scheduler = scheduler(1);
    let var = TVar::new(0);
    let inner = scheduler.clone();
    let outer = scheduler.put_work(move || {
        let waiting = past(&inner, &var, 0);
        inner.put_work(move || var.store(3));
        waiting.join()
    });
    assert_eq!(join(outer).unwrap().unwrap(), 3);
}

#[test]
fn a_stopped_scheduler_keeps_those_that_wait_and_those_that_were_woken() {
    let scheduler = scheduler(2);
    let (early, late) = (TVar::new(0), TVar::new(0));
    let (one, two) = (past(&scheduler, &early, 0), past(&scheduler, &late, 0));
    all_wait(&scheduler, 2);
    scheduler.stop().unwrap();
    early.store(1);
    assert_eq!(scheduler.stats().waiting, 1);
    assert_eq!(one.status(), Status::Running);
    scheduler.start().unwrap();
    assert_eq!(join(one).unwrap(), 1);
    late.store(2);
    assert_eq!(join(two).unwrap(), 2);
}

#[test]
fn one_that_waits_can_be_cancelled_while_the_scheduler_is_stopped() {
    let scheduler = scheduler(1);
    let (waiting, dropped) = in_vain(&scheduler);
    scheduler.stop().unwrap();
    assert!(waiting.cancel());
    assert!(dropped.load(Ordering::SeqCst));
    assert!(matches!(join(waiting), Err(WorkError::Cancelled)));
}

#[test]
fn a_drain_answers_those_that_wait_once_nothing_else_is_left() {
    let scheduler = scheduler(1);
    let var = TVar::new(0);
    let (served, forlorn) = (past(&scheduler, &var, 0), past(&scheduler, &var, 100));
    all_wait(&scheduler, 2);
    let (open, gate) = latch();
    let theirs = var.clone();
    let running = scheduler.put_work(move || {
        receive(&gate);
        theirs.store(1);
    });
    let drainer = {
        let scheduler = scheduler.clone();
        std::thread::spawn(move || scheduler.drain(BOUND))
    };
    open.send(()).unwrap();
    drainer.join().unwrap().unwrap();
    join(running).unwrap();
    assert_eq!(join(served).unwrap(), 1, "what still ran would serve it");
    assert!(matches!(join(forlorn), Err(WorkError::Stopped)));
}

#[test]
fn a_drain_counts_what_waits_when_there_is_no_run() {
    let scheduler = scheduler(1);
    let (waiting, _) = in_vain(&scheduler);
    scheduler.stop().unwrap();
    let drained = scheduler.drain(BOUND);
    assert_eq!(drained, Err(Drained::NotRunning { queued: 1 }));
    drop(scheduler);
    assert!(matches!(join(waiting), Err(WorkError::Stopped)));
}

#[test]
fn the_last_handles_drop_answers_those_that_wait() {
    for stops in [false, true] {
        let scheduler = scheduler(2);
        let (waiting, dropped) = in_vain(&scheduler);
        if stops {
            scheduler.stop().unwrap();
        }
        drop(scheduler);
        assert!(matches!(join(waiting), Err(WorkError::Stopped)));
        assert!(dropped.load(Ordering::SeqCst));
    }
}

#[test]
fn one_that_was_put_before_the_start_runs_after_it() {
    let scheduler = stopped_scheduler(1);
    let var = TVar::new(5);
    let work = past(&scheduler, &var, 0);
    assert_eq!(work.status(), Status::Queued);
    scheduler.start().unwrap();
    assert_eq!(join(work).unwrap(), 5);
}

#[test]
fn those_that_are_woken_do_not_wait_for_room() {
    let scheduler = crate::support::builder()
        .workers(1)
        .queue_capacity(1)
        .start()
        .unwrap();
    let var = TVar::new(0);
    let works: Vec<_> = (0..20).map(|_| past(&scheduler, &var, 0)).collect();
    all_wait(&scheduler, 20);
    scheduler.stop().unwrap();
    var.store(1);
    scheduler.start().unwrap();
    for work in works {
        assert_eq!(join(work).unwrap(), 1);
    }
}

#[test]
fn a_commit_hook_of_one_runs_after_it_and_once() {
    let scheduler = scheduler(1);
    let (var, runs) = (TVar::new(0), Arc::new(AtomicU64::new(0)));
    let (theirs, counter) = (var.clone(), Arc::clone(&runs));
    let work = scheduler.put_transaction(move |tx| {
        let counter = Arc::clone(&counter);
        tx.on_commit(move || _ = counter.fetch_add(1, Ordering::SeqCst));
        check(theirs.read(tx)? > 0)
    });
    all_wait(&scheduler, 1);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    var.store(1);
    join(work).unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[test]
fn writers_that_never_rest_do_not_starve_one() {
    let scheduler = scheduler(2);
    let vars: Vec<_> = (0..8).map(|_| TVar::new(0_u64)).collect();
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let (vars, over) = (vars.clone(), Arc::clone(&over));
            std::thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    for var in &vars {
                        var.update(|n| n + 1);
                    }
                }
            })
        })
        .collect();
    let start = Instant::now();
    let theirs = vars.clone();
    let all = scheduler.put_transaction(move |tx| {
        for var in &theirs {
            var.modify(tx, |n| n + 1_000_000)?;
        }
        Ok(())
    });
    let outcome = join(all);
    over.store(true, Ordering::SeqCst);
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
    outcome.unwrap();
    assert!(start.elapsed() < BOUND);
}
