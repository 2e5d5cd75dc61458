//! Nobody starves: the documented bound on how often a transaction runs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{hint, thread};

use hivework_stm::{TVar, abort, atomically, atomically_or, check};

use crate::support::{asleep, elsewhere, finishes, joined, rounds, sleeper};

/// As documented: conflicts before others give way.
const PATIENCE: usize = 8;

/// Enough to tell when each waits for as long as others give way.
const ROUNDS: usize = if cfg!(miri) { 3 } else { 200 };

/// As documented: how long others give way at most.
const GIVE_WAY: Duration = Duration::from_millis(20);

/// Runs `transaction` against as many threads of `writer`, and holds the number
/// of its runs to the bound.
fn runs_within_the_bound(
    writers: usize,
    writer: &(dyn Fn(usize) + Sync),
    transaction: &dyn Fn(&mut usize),
) {
    let stop = AtomicBool::new(false);
    let written = AtomicUsize::new(0);
    thread::scope(|scope| {
        for me in 0..writers {
            let (stop, written) = (&stop, &written);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    writer(me);
                    written.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut worst = 0;
        for _ in 0..rounds(50) {
            let before = written.load(Ordering::Relaxed);
            while written.load(Ordering::Relaxed) == before {
                thread::yield_now();
            }
            let begin = Instant::now();
            let mut runs = 0;
            transaction(&mut runs);
            // Those who have given way for long enough go on: that many more.
            let overdue = begin.elapsed().as_micros() / GIVE_WAY.as_micros();
            let bound = PATIENCE + writers * (1 + overdue as usize) + 1;
            if runs > bound {
                stop.store(true, Ordering::Relaxed);
                panic!("ran {runs} times, {bound} promised");
            }
            worst = worst.max(runs);
        }
        stop.store(true, Ordering::Relaxed);
        println!("at worst {worst} runs");
    });
}

#[test]
fn a_long_reader_gets_through_against_fast_writers() {
    let vars: Vec<_> = (0..if cfg!(miri) { 20 } else { 500 })
        .map(|_| TVar::new(0_u64))
        .collect();
    for writers in [1, 2] {
        runs_within_the_bound(
            writers,
            &|me| {
                for var in vars.iter().skip(me).step_by(writers) {
                    var.update(|n| n + 1);
                }
            },
            &|runs| {
                atomically(|tx| {
                    *runs += 1;
                    vars.iter().try_for_each(|var| var.read(tx).map(drop))
                });
            },
        );
    }
}

#[test]
fn a_long_writer_gets_through_against_increments() {
    let vars: Vec<_> = (0..if cfg!(miri) { 20 } else { 100 })
        .map(|n| TVar::new(vec![n]))
        .collect();
    runs_within_the_bound(
        2,
        &|me| {
            for var in vars.iter().skip(me).step_by(2) {
                var.update(|v| vec![v[0] + 1]);
            }
        },
        &|runs| {
            atomically(|tx| {
                *runs += 1;
                vars.iter()
                    .try_for_each(|var| var.modify(tx, |v| vec![v[0] + 1]))
            });
        },
    );
}

#[test]
fn a_reader_and_a_writer_that_are_both_long_get_through() {
    let vars: Vec<_> = (0..if cfg!(miri) { 20 } else { 100 })
        .map(|_| TVar::new(0_u64))
        .collect();
    runs_within_the_bound(
        1,
        &|_| {
            atomically(|tx| vars.iter().try_for_each(|var| var.modify(tx, |n| n + 1)));
        },
        &|runs| {
            atomically(|tx| {
                *runs += 1;
                let first = vars[0].read(tx)?;
                for var in &vars {
                    assert_eq!(var.read(tx)?, first, "never together");
                }
                Ok(())
            });
        },
    );
}

/// Exactly as many disturbances as it takes to run out of patience.
fn with_the_elder_token(var: &TVar<usize>, f: &mut dyn FnMut(&mut hivework_stm::Transaction<'_>)) {
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        var.read(tx)?;
        if runs <= PATIENCE {
            elsewhere(|| var.update(|n| n + 1));
        } else {
            f(tx);
        }
        var.modify(tx, |n| n + 1)
    });
    assert_eq!(runs, PATIENCE + 1);
}

/// Else each of its transactions would sit out the time that others give way.
#[test]
fn hooks_run_when_nobody_gives_way_any_more() {
    finishes(|| {
        let (var, own, others) = (TVar::new(0), TVar::new(0), TVar::new(0));
        let begin = Instant::now();
        with_the_elder_token(&var, &mut |tx| {
            let (own, others) = (own.clone(), others.clone());
            tx.on_commit(move || {
                for _ in 0..ROUNDS {
                    own.update(|n| n + 1);
                    elsewhere(|| others.update(|n| n + 1));
                }
            });
        });
        assert_eq!((own.load(), others.load()), (ROUNDS, ROUNDS));
        // Time tells nothing where every step is interpreted.
        assert!(
            cfg!(miri) || begin.elapsed() < GIVE_WAY * ROUNDS as u32,
            "it gave way to itself"
        );
    });
}

#[test]
fn nobody_gives_way_to_itself() {
    finishes(|| {
        let (var, own) = (TVar::new(0), TVar::new(0));
        let begin = Instant::now();
        let mut runs = 0;
        atomically(|tx| {
            runs += 1;
            var.read(tx)?;
            // Runs between the attempts, from the ninth on with the token held.
            let own = own.clone();
            tx.on_abort(move || (0..ROUNDS).for_each(|_| own.update(|n| n + 1)));
            if runs <= PATIENCE + 1 {
                elsewhere(|| var.update(|n| n + 1));
            }
            var.modify(tx, |n| n + 1)
        });
        assert_eq!(own.load(), ROUNDS * (PATIENCE + 1));
        // Time tells nothing where every step is interpreted.
        assert!(
            cfg!(miri) || begin.elapsed() < GIVE_WAY * ROUNDS as u32,
            "it gave way to itself"
        );
    });
}

/// Else each of the others' commits would sit out the time that they give way.
#[test]
fn who_waits_holds_nobody_up() {
    finishes(|| {
        let (var, other) = (TVar::new(0), TVar::new(0));
        let own = var.clone();
        let (thread, sleeps) = sleeper(move || {
            let mut runs = 0;
            atomically(|tx| {
                runs += 1;
                let n = own.read(tx)?;
                if runs <= PATIENCE {
                    elsewhere(|| own.update(|n| n + 1));
                    return own.write(tx, n);
                }
                // By now it has the token, and asks to wait.
                check(n > PATIENCE)
            });
            runs
        });
        asleep(&sleeps);
        let begin = Instant::now();
        (0..ROUNDS).for_each(|_| other.update(|n| n + 1));
        // Time tells nothing where every step is interpreted.
        assert!(
            cfg!(miri) || begin.elapsed() < GIVE_WAY * ROUNDS as u32,
            "they gave way to a sleeper"
        );
        var.store(PATIENCE + 1);
        assert_eq!(joined(thread), PATIENCE + 2);
    });
}

/// Those who have waited for long enough go on, and wait for longer the next time.
#[test]
#[cfg_attr(miri, ignore = "takes what it takes by the clock")]
fn a_transaction_longer_than_others_give_way_gets_through() {
    const WRITERS: usize = 4;
    const LENGTH: Duration = GIVE_WAY.saturating_mul(5);
    /// As documented: from 20 ms to ten seconds.
    const DOUBLINGS: usize = 9;
    let vars: Vec<_> = (0..WRITERS).map(|_| TVar::new(0_u64)).collect();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for var in &vars {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    var.update(|n| n + 1);
                }
            });
        }
        let bound = PATIENCE + WRITERS * (1 + DOUBLINGS) + 1;
        let mut runs = 0;
        let outcome = atomically_or(|tx| {
            runs += 1;
            if runs > bound {
                return abort(());
            }
            for var in &vars {
                var.read(tx)?;
                let begin = Instant::now();
                while begin.elapsed() < LENGTH / WRITERS as u32 {
                    hint::spin_loop();
                }
            }
            Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        assert_eq!(outcome, Ok(()), "not within {bound} runs");
    });
}

/// A closure must not block on another thread's transaction; where one does,
/// the process goes on all the same.
#[test]
fn a_closure_that_blocks_on_others_holds_them_up_for_a_while_only() {
    finishes(|| {
        let (var, other) = (TVar::new(0), TVar::new(0));
        with_the_elder_token(&var, &mut |_| elsewhere(|| other.update(|n| n + 1)));
        assert_eq!(other.load(), 1);
    });
}
