//! Random programs of transactions, beside engines that are known to be right.
//!
//! On one thread each step must come to the same as under one lock around
//! everything ([`coarse`]), and as in the published `stm` crate ([`published`])
//! for the operations that it has: what was read, what was answered, which hooks
//! ran in which order, and the state that is left.
//!
//! On several threads all that must be what *some* order of the steps comes to
//! under one lock, in which each thread's own keep theirs.
//!
//! A program that fails is made as small as it gets, and printed.
//! `PROPTEST_CASES=100000` tries that many.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use self::coarse::Coarse;
use self::ours::{Ours, yield_at_random};
use self::program::{Done, Entry, Kind, Outcome, Program, Step, program};
use self::published::Published;
use crate::support::finishes;

mod coarse;
mod ours;
mod program;
mod published;

/// Tries so many programs, each as `judge` says.
fn try_programs(
    cases: u32,
    programs: impl Strategy<Value = Program>,
    judge: impl Fn(Program) -> Result<(), TestCaseError>,
) {
    let mut config = Config {
        failure_persistence: None,
        max_shrink_time: 30_000,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = if cfg!(miri) { 3 } else { cases };
    }
    match TestRunner::new(config).run(&programs, judge) {
        Ok(()) => {}
        Err(TestError::Fail(reason, smallest)) => panic!("{reason}\n{smallest}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// The step by an entry that comes back, if it is known to wait; none if it cannot.
fn that_comes_back(step: &Step, outcome: Outcome) -> Option<Step> {
    match (step, outcome) {
        (Step::Transaction(Entry::Plain, ops), Outcome::Waits) => {
            Some(Step::Transaction(Entry::Timeout, ops.clone()))
        }
        (Step::Transaction(Entry::Or, _), Outcome::Waits) => None,
        _ => Some(step.clone()),
    }
}

#[test]
fn on_one_thread_every_step_comes_to_the_same_as_under_one_lock() {
    /// Each says so on the error stream.
    const PANICS: usize = 20;

    finishes(|| {
        let panics = Cell::new(0);
        let programs = program(Kind::Full, Just(1), 1..8);
        try_programs(1_500, programs, |program| {
            let (ours, coarse) = (Ours::new(&program.initial), Coarse::new(&program.initial));
            for step in &program.threads[0] {
                let expected = coarse.step(step);
                if expected.outcome == Outcome::WaitsForNothing {
                    panics.set(panics.get() + 1);
                    if panics.get() > PANICS {
                        continue;
                    }
                }
                let Some(step) = that_comes_back(step, expected.outcome) else {
                    continue;
                };
                let (done, runs) = ours.step(&step, Duration::ZERO, &|| ());
                prop_assert_eq!(&done, &expected, "{:?}", step);
                prop_assert_eq!(runs, 1, "nobody is in its way: {:?}", step);
                prop_assert_eq!(ours.values(), coarse.values(), "after {:?}", step);
            }
            Ok(())
        });
    });
}

#[test]
fn on_one_thread_every_step_comes_to_the_same_as_in_the_published_crate() {
    finishes(|| {
        let programs = program(Kind::Common, Just(1), 1..8);
        try_programs(1_000, programs, |program| {
            let ours = Ours::new(&program.initial);
            let published = Published::new(&program.initial);
            for step in &program.threads[0] {
                let (done, _) = ours.step(step, Duration::ZERO, &|| ());
                prop_assert_eq!(done, published.step(step), "{:?}", step);
                prop_assert_eq!(ours.values(), published.values(), "after {:?}", step);
            }
            Ok(())
        });
    });
}

#[test]
fn on_many_threads_the_steps_come_to_the_same_as_in_some_order() {
    /// How often each program is run: it may go well by chance.
    const RUNS: u64 = if cfg!(miri) { 1 } else { 12 };

    finishes(|| {
        let programs = program(Kind::Concurrent, 2..5_usize, 1..4);
        let collisions = AtomicUsize::new(0);
        // From then on it is made smaller, and a smaller one seldom fails at once.
        let failed = Cell::new(false);
        try_programs(300, programs, |program| {
            for seed in 0..if failed.get() { 20 * RUNS } else { RUNS } {
                let (done, values, runs) = run(&program, seed);
                let mut next = vec![0; done.len()];
                if !explains(&program, &done, &values, &program.initial, &mut next) {
                    failed.set(true);
                    let reason = format!("no order comes to {values:?} and {done:?}");
                    return Err(TestCaseError::fail(reason));
                }
                collisions.fetch_add(runs, Ordering::Relaxed);
            }
            Ok(())
        });
        println!("{} attempts ran again", collisions.into_inner());
    });
}

/// Runs each thread's steps on a thread: what they came to, the state that is
/// left, and how many attempts were in vain.
fn run(program: &Program, seed: u64) -> (Vec<Vec<Done>>, Vec<i64>, usize) {
    let ours = Ours::new(&program.initial);
    let ready = AtomicUsize::new(0);
    let (mut all, mut in_vain) = (Vec::new(), 0);
    thread::scope(|scope| {
        let threads: Vec<_> = program
            .threads
            .iter()
            .enumerate()
            .map(|(me, steps)| {
                let (ours, ready) = (&ours, &ready);
                scope.spawn(move || {
                    let pause = yield_at_random(seed << 20 | (me as u64 + 1) << 10);
                    // Ordering: Relaxed; only to begin together.
                    ready.fetch_add(1, Ordering::Relaxed);
                    while ready.load(Ordering::Relaxed) < program.threads.len() {
                        thread::yield_now();
                    }
                    let limit = Duration::from_micros(200);
                    let step = |step| ours.step(step, limit, &pause);
                    steps.iter().map(step).collect::<Vec<_>>()
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(steps) => {
                    in_vain += steps.iter().map(|(_, runs)| runs - 1).sum::<usize>();
                    all.push(steps.into_iter().map(|(done, _)| done).collect());
                }
                Err(payload) => std::panic::resume_unwind(payload),
            }
        }
    });
    (all, ours.values(), in_vain)
}

/// Is there an order of the steps that are left, from `next` on, that comes to
/// `done` and leaves `values`?
fn explains(
    program: &Program,
    done: &[Vec<Done>],
    values: &[i64],
    state: &[i64],
    next: &mut [usize],
) -> bool {
    let mut is_over = true;
    for me in 0..next.len() {
        let Some(step) = program.threads[me].get(next[me]) else {
            continue;
        };
        is_over = false;
        let coarse = Coarse::new(state);
        if coarse.step(step) == done[me][next[me]] {
            next[me] += 1;
            if explains(program, done, values, &coarse.values(), next) {
                return true;
            }
            next[me] -= 1;
        }
    }
    is_over && state == values
}
