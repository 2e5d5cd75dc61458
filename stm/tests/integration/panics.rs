//! Panics in every place where foreign code runs: rolled back, passed on or
//! contained, never a stuck thread or a poisoned variable.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use hivework_stm::{
    Abort, StmResult, TVar, Transaction, abort, atomically, atomically_or, flush, in_transaction,
    retry, try_atomically,
};

use crate::support::{Count, HANGS, elsewhere, finishes, panics, until};

/// A value whose Clone or Drop panics once it is armed.
#[derive(Debug, Default)]
struct Grenade {
    in_clone: AtomicBool,
    in_drop: bool,
}

impl Grenade {
    /// One whose Drop panics.
    fn live() -> Grenade {
        let mut grenade = Grenade::default();
        grenade.in_drop = true;
        grenade
    }
}

impl Clone for Grenade {
    fn clone(&self) -> Self {
        assert!(!self.in_clone.load(Ordering::Relaxed), "in clone");
        Grenade::default()
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(!self.in_drop, "in drop");
    }
}

/// The thread can run transactions, and the variable is neither locked nor changed.
fn usable(var: &TVar<i32>, expected: i32) {
    assert!(!in_transaction());
    assert_eq!(var.load(), expected);
    var.update(|n| n + 1);
    assert_eq!(
        elsewhere(|| atomically(|tx| var.replace(tx, expected))),
        expected + 1
    );
}

#[test]
fn a_panic_in_the_closure_rolls_back_and_passes_on() {
    let (word, boxed) = (TVar::new(1), TVar::new(vec![1]));
    let message = panics(|| {
        atomically(|tx| -> StmResult<()> {
            word.write(tx, 2)?;
            boxed.write(tx, vec![2])?;
            boxed.write(tx, vec![3])?;
            panic!("in the closure")
        })
    });
    assert_eq!(message, "in the closure");
    assert_eq!(boxed.load(), [1]);
    usable(&word, 1);
}

#[test]
fn a_panic_with_many_writes_leaves_no_trace_of_them() {
    let vars: Vec<_> = (0..100).map(TVar::new).collect();
    panics(|| {
        atomically(|tx| -> StmResult<()> {
            for var in &vars {
                var.write(tx, -1)?;
            }
            panic!("in the closure")
        })
    });
    atomically(|tx| {
        for (n, var) in vars.iter().enumerate() {
            assert_eq!(var.read(tx)?, n as i32);
        }
        vars[50].write(tx, 7)
    });
    assert_eq!((vars[49].load(), vars[50].load()), (49, 7));
}

#[test]
fn a_panic_inside_branches_leaves_the_next_transaction_as_it_should_be() {
    let (a, b) = (TVar::new(vec![0]), TVar::new(0));
    for _ in 0..2 {
        panics(|| {
            atomically(|tx| -> StmResult<()> {
                a.write(tx, vec![1])?;
                tx.or_else(
                    |tx| {
                        a.write(tx, vec![2])?;
                        b.write(tx, 2)?;
                        let _: Result<(), ()> = tx.nested(|tx| {
                            a.write(tx, vec![3])?;
                            panic!("deep inside")
                        })?;
                        Ok(())
                    },
                    |_| retry(),
                )
            })
        });
        assert_eq!((a.load(), b.load()), (vec![0], 0));
        atomically(|tx| {
            a.write(tx, vec![5])?;
            a.write(tx, vec![6])?;
            b.write(tx, 6)
        });
        assert_eq!((a.load(), b.load()), (vec![6], 6));
        a.store(vec![0]);
        b.store(0);
    }
}

#[test]
fn a_panic_in_clone_rolls_back_the_transaction_that_reads() {
    let (var, grenade) = (TVar::new(0), TVar::new(Grenade::default()));
    atomically(|tx| grenade.read_with(tx, |g| g.in_clone.store(true, Ordering::Relaxed)));
    for read in [
        (|tx, var| var.read(tx).map(drop)) as fn(&mut Transaction<'_>, &TVar<Grenade>) -> _,
        |tx, var| var.modify(tx, |g| g),
        |tx, var| var.replace(tx, Grenade::default()).map(drop),
    ] {
        let message = panics(|| {
            atomically(|tx| {
                var.write(tx, 1)?;
                read(tx, &grenade)
            })
        });
        assert_eq!(message, "in clone");
        usable(&var, 0);
    }
}

#[test]
fn a_panic_in_clone_during_a_load_leaves_the_variable_as_it_was() {
    let (var, grenade) = (TVar::new(0), TVar::new(Grenade::default()));
    atomically(|tx| grenade.read_with(tx, |g| g.in_clone.store(true, Ordering::Relaxed)));
    assert_eq!(panics(|| grenade.load()), "in clone");
    assert_eq!(panics(|| format!("{grenade:?}")), "in clone");
    assert_eq!(panics(|| grenade.update(|g| g)), "in clone");
    usable(&var, 0);
    grenade.store(Grenade::default());
    let _ = grenade.load();
}

#[test]
fn a_panic_in_what_modify_or_read_with_calls_rolls_back() {
    let (var, boxed) = (TVar::new(0), TVar::new(vec![1]));
    for act in [
        (|tx, v| v.modify(tx, |_| panic!("lent")))
            as fn(&mut Transaction<'_>, &TVar<Vec<i32>>) -> _,
        |tx, v| v.read_with(tx, |_| panic!("lent")),
        |tx, v| {
            v.write(tx, vec![2])?;
            v.read_with(tx, |_| panic!("lent"))
        },
    ] {
        let message = panics(|| {
            atomically(|tx| -> StmResult<()> {
                var.write(tx, 1)?;
                act(tx, &boxed)
            })
        });
        assert_eq!(message, "lent");
        assert_eq!(boxed.load(), [1]);
        usable(&var, 0);
    }
}

#[test]
fn a_panic_in_the_drop_of_a_displaced_value_is_contained() {
    let count = Count::default();
    let var = TVar::new((Grenade::live(), Some(count.value(1))));
    atomically(|tx| var.write(tx, (Grenade::default(), None)));
    count.settles_at(0);
    // A variable that goes with such a value in it.
    drop(TVar::new((Grenade::live(), count.value(2))));
    count.settles_at(0);
}

#[test]
fn a_panic_in_the_drop_of_a_value_that_is_rolled_back_is_contained() {
    let (var, word) = (TVar::new(Grenade::default()), TVar::new(0));
    let answer = atomically_or(|tx| {
        word.write(tx, 1)?;
        var.write(tx, Grenade::live())?;
        // Rewritten, too.
        var.write(tx, Grenade::live())?;
        abort::<(), _>("refused")
    });
    assert_eq!(answer, Err("refused"));
    usable(&word, 0);
    atomically(|tx| {
        var.write(tx, Grenade::live())?;
        var.write(tx, Grenade::default())
    });
    flush();
    usable(&word, 0);
}

#[test]
fn a_transaction_inside_a_transaction_panics_and_says_what_to_do() {
    let (var, other) = (TVar::new(0), TVar::new(0));
    let inner: [&dyn Fn(); 5] = [
        &|| atomically(|tx| other.write(tx, 1)),
        &|| other.store(1),
        &|| other.update(|n| n + 1),
        &|| {
            let _ = try_atomically(|tx| other.write(tx, 1));
        },
        &|| {
            let _ = atomically_or(|tx| Ok::<_, Abort<()>>(other.write(tx, 1)?));
        },
    ];
    for inner in inner {
        let message = panics(|| {
            atomically(|tx| {
                var.write(tx, 1)?;
                inner();
                Ok(())
            });
        });
        assert!(
            message.contains("inside another one on the same thread"),
            "{message}"
        );
        assert!(message.contains("Transaction::on_commit"), "{message}");
        assert_eq!(other.load(), 0);
        usable(&var, 0);
    }
}

#[test]
fn a_nested_transaction_whose_panic_is_caught_leaves_the_outer_one_whole() {
    let (var, other) = (TVar::new(0), TVar::new(vec![0]));
    atomically(|tx| {
        var.write(tx, 1)?;
        panics(|| other.store(vec![1]));
        assert!(in_transaction());
        other.write(tx, vec![2])
    });
    assert_eq!((var.load(), other.load()), (1, vec![2]));
    usable(&var, 1);
}

#[test]
fn a_branch_whose_panic_is_caught_is_undone() {
    let (a, b) = (TVar::new(0), TVar::new(vec![0]));
    atomically(|tx| {
        a.write(tx, 1)?;
        panics(|| {
            tx.nested(|tx| -> Result<(), Abort<()>> {
                a.write(tx, 2)?;
                b.write(tx, vec![2])?;
                panic!("in the part")
            })
        });
        assert_eq!((a.read(tx)?, b.read(tx)?), (1, vec![0]));
        panics(|| {
            tx.or_else(
                |tx| -> StmResult<()> {
                    b.write(tx, vec![3])?;
                    panic!("in the left side")
                },
                |_| Ok(()),
            )
        });
        assert_eq!(b.read(tx)?, [0]);
        panics(|| {
            tx.or_else(
                |_| retry(),
                |tx| -> StmResult<()> {
                    a.write(tx, 4)?;
                    panic!("in the right side")
                },
            )
        });
        Ok(())
    });
    assert_eq!((a.load(), b.load()), (1, vec![0]));
}

#[test]
fn values_are_dropped_once_over_panics() {
    let count = Count::default();
    let var = TVar::new(count.value(0));
    for _ in 0..10 {
        panics(|| {
            atomically(|tx| -> StmResult<()> {
                var.modify(tx, |v| v)?;
                var.write(tx, count.value(1))?;
                let held = var.read(tx)?;
                panic!("holding {}", held.n)
            })
        });
    }
    count.settles_at(1);
    drop(var);
    count.settles_at(0);
}

#[test]
fn a_panic_while_holding_up_the_others_lets_them_go_on() {
    finishes(|| {
        let (var, other) = (TVar::new(0), TVar::new(0));
        let runs = Cell::new(0);
        panics(|| {
            atomically(|tx| -> StmResult<()> {
                runs.set(runs.get() + 1);
                var.read(tx)?;
                // Past every patience: by now it has the elder token.
                assert!(runs.get() < 10, "enough");
                elsewhere(|| var.update(|n| n + 1));
                other.write(tx, 1)
            })
        });
        assert_eq!(other.load(), 0);
        let begin = Instant::now();
        // On another thread: nobody gives way to itself.
        elsewhere(|| (0..1_000).for_each(|_| other.update(|n| n + 1)));
        assert!(begin.elapsed() < HANGS / 10, "everybody still gives way");
    });
}

#[test]
fn a_thread_that_dies_in_a_transaction_takes_nothing_with_it() {
    let count = Count::default();
    let var = TVar::new(count.value(0));
    let dead = {
        let (var, count) = (var.clone(), count.clone());
        thread::spawn(move || {
            atomically(|tx| -> StmResult<()> {
                var.write(tx, count.value(1))?;
                panic!("dies")
            })
        })
    };
    until("it dies", || dead.is_finished());
    assert!(dead.join().is_err());
    assert_eq!(*var.load().n, 0);
    var.store(count.value(2));
    count.settles_at(1);
}
