//! Thousands who wait: whom a commit concerns and whom it does not. All by counts,
//! of wake-ups and of runs, because a time would tell of the machine.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use hivework_stm::{TVar, atomically, atomically_async, atomically_timeout, check};

use crate::support::{asleep, joined, rounds, sleeper};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// So many wait for the variable to be more than `least`; `runs` counts how often
/// their closures run.
fn crowd<'a>(
    size: usize,
    var: &'a TVar<usize>,
    least: usize,
    runs: &'a Cell<usize>,
    woken: &Arc<Woken>,
) -> Vec<Waiting<'a>> {
    (0..size)
        .map(|_| {
            let mut future: Waiting<'a> = Box::pin(atomically_async(move |tx| {
                runs.set(runs.get() + 1);
                check(var.read(tx)? > least)
            }));
            assert!(!is_ready(&mut future, woken));
            future
        })
        .collect()
}

fn is_ready(future: &mut Waiting<'_>, woken: &Arc<Woken>) -> bool {
    let waker = Waker::from(Arc::clone(woken));
    future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_ready()
}

#[test]
fn thousands_who_wait_for_one_variable_are_nothing_to_another() {
    let (crowded, other) = (TVar::new(0), TVar::new(0));
    let (runs, woken) = (Cell::new(0), Arc::new(Woken::default()));
    let size = rounds(5_000);
    let mut waiting = crowd(size, &crowded, 0, &runs, &woken);
    assert_eq!(runs.get(), size, "none but once");

    // Commits to others: each runs once, and wakes none of them, although more
    // variables than there are places to wait in share theirs with some.
    let (own, many) = (Cell::new(0), rounds(2_000));
    let others: Vec<_> = (0..many).map(TVar::new).collect();
    for var in &others {
        atomically(|tx| {
            own.set(own.get() + 1);
            var.modify(tx, |n| n + 1)
        });
    }
    assert_eq!((own.get(), woken.times(), runs.get()), (many, 0, size));

    // A hop of somebody who waits for another takes two runs and one sleep.
    let var = other.clone();
    let (thread, sleeps) = sleeper(move || {
        let mut runs = 0;
        atomically(|tx| {
            runs += 1;
            check(var.read(tx)? > 0)
        });
        runs
    });
    asleep(&sleeps);
    other.store(1);
    assert_eq!(joined(thread), 2);
    assert_eq!((woken.times(), runs.get()), (0, size));

    // And when their turn comes, each is woken once and runs once.
    crowded.store(1);
    assert_eq!(woken.times(), size);
    assert!(waiting.iter_mut().all(|future| is_ready(future, &woken)));
    assert_eq!((woken.times(), runs.get()), (size, 2 * size));
}

/// More variables than there are places to wait in: neighbours share theirs.
#[test]
fn of_a_crowd_each_on_its_own_variable_a_commit_wakes_one() {
    let vars: Vec<_> = (0..rounds(1_500)).map(|_| TVar::new(0)).collect();
    let (runs, woken) = (Cell::new(0), Arc::new(Woken::default()));
    let mut waiting: Vec<_> = vars
        .iter()
        .flat_map(|var| crowd(1, var, 0, &runs, &woken))
        .collect();
    for (n, var) in vars.iter().enumerate() {
        var.store(1);
        assert_eq!(woken.times(), n + 1);
        assert!(is_ready(&mut waiting[n], &woken));
    }
    assert_eq!(runs.get(), 2 * vars.len());
}

#[test]
fn a_crowd_that_has_gone_is_not_woken() {
    let var = TVar::new(0);
    let (runs, woken) = (Cell::new(0), Arc::new(Woken::default()));
    let size = rounds(1_000);
    drop(crowd(size, &var, 0, &runs, &woken));
    let mut stays = crowd(1, &var, 0, &runs, &woken);
    var.store(1);
    assert_eq!(woken.times(), 1);
    assert!(is_ready(&mut stays[0], &woken));
    assert_eq!(runs.get(), size + 2);
}

#[test]
fn a_commit_to_many_variables_wakes_each_waiter_once() {
    let vars: Vec<_> = (0..rounds(500)).map(|_| TVar::new(0)).collect();
    let (runs, woken) = (Cell::new(0), Arc::new(Woken::default()));
    let (vars, runs) = (&vars, &runs);
    let mut waiting: Vec<Waiting<'_>> = (0..20)
        .map(|_| {
            let mut future: Waiting<'_> = Box::pin(atomically_async(move |tx| {
                runs.set(runs.get() + 1);
                let mut sum = 0;
                for var in vars {
                    sum += var.read(tx)?;
                }
                check(sum > 0)
            }));
            assert!(!is_ready(&mut future, &woken));
            future
        })
        .collect();
    atomically(|tx| vars.iter().try_for_each(|var| var.write(tx, 1)));
    assert_eq!(woken.times(), 20);
    assert!(waiting.iter_mut().all(|future| is_ready(future, &woken)));
    assert_eq!(runs.get(), 40);
}

/// Limits that run out over and over do not fill the place where they waited.
#[test]
fn limits_that_run_out_leave_nothing_for_a_commit_to_wake() {
    let var = TVar::new(0);
    let runs = Cell::new(0);
    for _ in 0..rounds(1_000) {
        let waits = atomically_timeout(std::time::Duration::ZERO, |tx| {
            runs.set(runs.get() + 1);
            check(var.read(tx)? > 0)
        });
        assert_eq!(waits, None);
    }
    assert_eq!(runs.get(), rounds(1_000));
    let woken = Arc::new(Woken::default());
    let own = Cell::new(0);
    let mut waiting = crowd(1, &var, 0, &own, &woken);
    var.store(1);
    assert_eq!(woken.times(), 1);
    assert!(is_ready(&mut waiting[0], &woken));
}
