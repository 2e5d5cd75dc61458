//! `or_else` and `nested`: what a branch that is undone leaves behind, and what not.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hivework_stm::{
    Abort, StmResult, TVar, Transaction, abort, atomically, check, retry, try_atomically,
};

use crate::support::{Count, asleep, elsewhere, joined, sleeper};

/// An error of the caller's.
#[derive(Debug, PartialEq, Clone, Copy)]
struct Refused;

#[test]
fn the_left_side_counts_when_it_goes_through() {
    let (a, b) = (TVar::new(0), TVar::new(0));
    let side = atomically(|tx| {
        tx.or_else(
            |tx| a.write(tx, 1).map(|()| "left"),
            |tx| b.write(tx, 1).map(|()| "right"),
        )
    });
    assert_eq!((side, a.load(), b.load()), ("left", 1, 0));
}

#[test]
fn a_left_side_that_retries_is_undone() {
    let (word, boxed) = (TVar::new(1), TVar::new(vec![1]));
    let right = atomically(|tx| {
        tx.or_else(
            |tx| {
                word.write(tx, 2)?;
                boxed.write(tx, vec![2])?;
                retry()
            },
            |tx| Ok((word.read(tx)?, boxed.read(tx)?)),
        )
    });
    assert_eq!(right, (1, vec![1]), "the right side sees nothing of it");
    assert_eq!((word.load(), boxed.load()), (1, vec![1]));
}

#[test]
fn what_was_written_before_the_branch_comes_back() {
    let (word, boxed) = (TVar::new(0), TVar::new(vec![0]));
    let seen = atomically(|tx| {
        word.write(tx, 1)?;
        boxed.write(tx, vec![1])?;
        tx.or_else(
            |tx| {
                for n in 2..6 {
                    word.write(tx, n)?;
                    boxed.write(tx, vec![n])?;
                }
                retry()
            },
            |tx| Ok((word.read(tx)?, boxed.read(tx)?)),
        )
    });
    assert_eq!(seen, (1, vec![1]));
    assert_eq!((word.load(), boxed.load()), (1, vec![1]));
}

#[test]
fn what_a_branch_rewrites_and_keeps_is_committed() {
    let (word, boxed) = (TVar::new(0), TVar::new(vec![0]));
    atomically(|tx| {
        word.write(tx, 1)?;
        boxed.write(tx, vec![1])?;
        tx.or_else(
            |tx| {
                word.write(tx, 2)?;
                boxed.write(tx, vec![2])
            },
            |_| retry(),
        )
    });
    assert_eq!((word.load(), boxed.load()), (2, vec![2]));
}

#[test]
fn when_both_sides_retry_the_transaction_does() {
    let var = TVar::new(0);
    let outcome = try_atomically(|tx| {
        let both = |tx: &mut Transaction<'_>| {
            var.write(tx, 9)?;
            retry::<()>()
        };
        tx.or_else(both, both)
    });
    assert_eq!((outcome, var.load()), (None, 0));
}

#[test]
fn a_swallowed_retry_is_taken_back_and_undoes_nothing() {
    let (a, b) = (TVar::new(0), TVar::new(0));
    atomically(|tx| {
        let part = |tx: &mut Transaction<'_>| {
            a.write(tx, 1)?;
            retry::<()>()
        };
        assert!(part(tx).is_err());
        b.write(tx, 1)
    });
    assert_eq!((a.load(), b.load()), (1, 1));
}

#[test]
fn or_else_is_associative() {
    let vars: Vec<_> = (0..3).map(|n| TVar::new(n == 2)).collect();
    let side = |tx: &mut Transaction<'_>, n: usize| -> StmResult<usize> {
        check(vars[n].read(tx)?)?;
        Ok(n)
    };
    let left = atomically(|tx| {
        tx.or_else(
            |tx| tx.or_else(|tx| side(tx, 0), |tx| side(tx, 1)),
            |tx| side(tx, 2),
        )
    });
    let right = atomically(|tx| {
        tx.or_else(
            |tx| side(tx, 0),
            |tx| tx.or_else(|tx| side(tx, 1), |tx| side(tx, 2)),
        )
    });
    assert_eq!((left, right), (2, 2));
}

/// zio 8696: the reads of a left side that was undone were forgotten, and the
/// transaction slept through the change that would have let it go on.
#[test]
fn a_change_of_what_the_undone_left_side_read_wakes() {
    let (left, right) = (TVar::new(false), TVar::new(false));
    let (l, r) = (left.clone(), right.clone());
    let (thread, sleeps) = sleeper(move || {
        atomically(|tx| {
            tx.or_else(
                |tx| {
                    check(l.read(tx)?)?;
                    Ok("left")
                },
                |tx| {
                    check(r.read(tx)?)?;
                    Ok("right")
                },
            )
        })
    });
    asleep(&sleeps);
    left.store(true);
    assert_eq!(joined(thread), "left");
}

#[test]
fn a_change_of_what_the_right_side_read_wakes() {
    let (left, right) = (TVar::new(false), TVar::new(false));
    let (l, r) = (left.clone(), right.clone());
    let (thread, sleeps) = sleeper(move || {
        atomically(|tx| {
            tx.or_else(
                |tx| {
                    check(l.read(tx)?)?;
                    Ok("left")
                },
                |tx| {
                    check(r.read(tx)?)?;
                    Ok("right")
                },
            )
        })
    });
    asleep(&sleeps);
    right.store(true);
    assert_eq!(joined(thread), "right");
}

/// The decision to go right was made on what the left side read: it must hold
/// at the commit.
#[test]
fn a_right_side_does_not_commit_on_a_left_side_that_has_changed() {
    let (left, right) = (TVar::new(0), TVar::new(0));
    let runs = Cell::new(0);
    let side = atomically(|tx| {
        tx.or_else(
            |tx| {
                check(left.read(tx)? > 0)?;
                Ok("left")
            },
            |tx| {
                runs.set(runs.get() + 1);
                if runs.get() == 1 {
                    elsewhere(|| left.store(1));
                }
                right.write(tx, 1)?;
                Ok("right")
            },
        )
    });
    assert_eq!((side, right.load(), runs.get()), ("left", 0, 1));
}

fn both(a: &TVar<i32>, b: &TVar<i32>) {
    atomically(|tx| {
        a.write(tx, 1)?;
        b.write(tx, 1)
    });
}

#[test]
fn a_conflict_on_the_left_does_not_lead_to_the_right() {
    let (a, b) = (TVar::new(0), TVar::new(0));
    let (left, right) = (Cell::new(0), Cell::new(0));
    let seen = atomically(|tx| {
        tx.or_else(
            |tx| {
                left.set(left.get() + 1);
                let seen_a = a.read(tx)?;
                if left.get() == 1 {
                    elsewhere(|| both(&a, &b));
                }
                Ok((seen_a, b.read(tx)?))
            },
            |_| {
                right.set(right.get() + 1);
                Ok((-1, -1))
            },
        )
    });
    assert_eq!((seen, left.get(), right.get()), ((1, 1), 2, 0));
}

#[test]
fn a_swallowed_conflict_inside_a_branch_ends_the_whole_attempt() {
    let (a, b) = (TVar::new(0), TVar::new(0));
    let (runs, right) = (Cell::new(0), Cell::new(0));
    atomically(|tx| {
        tx.or_else(
            |tx| {
                runs.set(runs.get() + 1);
                a.read(tx)?;
                if runs.get() == 1 {
                    elsewhere(|| both(&a, &b));
                    let _ = b.read(tx);
                    return retry();
                }
                Ok(())
            },
            |_| {
                right.set(right.get() + 1);
                Ok(())
            },
        )
    });
    assert_eq!((runs.get(), right.get()), (2, 0));
}

/// zio 868: a partial roll-back took too much or too little with it.
#[test]
fn the_callers_error_undoes_the_nested_part_and_no_more() {
    let (before, inside, after) = (TVar::new(0), TVar::new(vec![0]), TVar::new(0));
    let answer = atomically(|tx| {
        before.write(tx, 1)?;
        let answer = tx.nested(|tx| {
            before.write(tx, 9)?;
            inside.write(tx, vec![9])?;
            abort::<(), _>(Refused)
        })?;
        assert_eq!(before.read(tx)?, 1);
        assert_eq!(inside.read(tx)?, [0]);
        after.write(tx, 1)?;
        Ok(answer)
    });
    assert_eq!(answer, Err(Refused));
    assert_eq!(
        (before.load(), inside.load(), after.load()),
        (1, vec![0], 1)
    );
}

#[test]
fn a_nested_part_that_succeeds_is_committed_with_the_rest() {
    let (a, b) = (TVar::new(0), TVar::new(0));
    let answer = atomically(|tx| {
        a.write(tx, 1)?;
        tx.nested(|tx| -> Result<_, Abort<Refused>> {
            a.modify(tx, |n| n + 1)?;
            b.write(tx, 5)?;
            Ok("done")
        })
    });
    assert_eq!((answer, a.load(), b.load()), (Ok("done"), 2, 5));
}

#[test]
fn a_nested_part_that_succeeded_goes_when_the_outer_one_is_refused() {
    let (a, b) = (TVar::new(0), TVar::new(vec![0]));
    let answer = atomically(|tx| {
        a.write(tx, 1)?;
        b.write(tx, vec![1])?;
        tx.nested(|tx| {
            a.write(tx, 2)?;
            let inner = tx.nested(|tx| -> Result<(), Abort<Refused>> {
                a.write(tx, 3)?;
                b.write(tx, vec![3])?;
                Ok(())
            })?;
            assert_eq!(inner, Ok(()));
            assert_eq!((a.read(tx)?, b.read(tx)?), (3, vec![3]));
            abort::<(), _>(Refused)
        })
    });
    assert_eq!(answer, Err(Refused));
    assert_eq!((a.load(), b.load()), (1, vec![1]));
}

#[test]
fn a_retry_inside_a_nested_part_is_the_transactions() {
    let var = TVar::new(0);
    let outcome = try_atomically(|tx| {
        var.read(tx)?;
        tx.nested(|_| -> Result<(), Abort<Refused>> { Ok(retry()?) })
    });
    assert_eq!(outcome, None);
}

/// The error was decided on what the part read: that must still hold at the commit.
#[test]
fn the_reads_of_a_refused_part_are_kept() {
    let (limit, log) = (TVar::new(0), TVar::new(0));
    let runs = Cell::new(0);
    let answer = atomically(|tx| {
        runs.set(runs.get() + 1);
        let answer = tx.nested(|tx| {
            if limit.read(tx)? == 0 {
                abort(Refused)
            } else {
                Ok(())
            }
        })?;
        if runs.get() == 1 {
            elsewhere(|| limit.store(1));
        }
        log.write(tx, runs.get())?;
        Ok(answer)
    });
    assert_eq!((answer, runs.get(), log.load()), (Ok(()), 2, 2));
}

#[test]
fn a_waiting_transaction_wakes_for_the_reads_of_a_refused_part() {
    let limit = TVar::new(0);
    let own = limit.clone();
    let (thread, sleeps) = sleeper(move || {
        atomically(|tx| {
            let part = tx.nested(|tx| {
                if own.read(tx)? == 0 {
                    abort(Refused)
                } else {
                    Ok("enough")
                }
            })?;
            part.or_else(|Refused| retry())
        })
    });
    asleep(&sleeps);
    limit.store(1);
    assert_eq!(joined(thread), "enough");
}

#[test]
fn branches_nest_as_deep_as_the_stack() {
    fn dive(tx: &mut Transaction<'_>, vars: &[TVar<usize>], depth: usize) -> StmResult<usize> {
        let Some((var, rest)) = vars.split_first() else {
            return Ok(depth);
        };
        tx.or_else(
            |tx| {
                var.write(tx, depth)?;
                let bottom = dive(tx, rest, depth + 1)?;
                // Every third level is undone on the way back.
                check(depth % 3 != 0)?;
                Ok(bottom)
            },
            |tx| {
                assert_eq!(var.read(tx)?, usize::MAX);
                for below in rest {
                    assert_eq!(below.read(tx)?, usize::MAX);
                }
                Ok(depth)
            },
        )
    }
    let vars: Vec<_> = (0..60).map(|_| TVar::new(usize::MAX)).collect();
    // The outermost level is one of the third ones.
    assert_eq!(atomically(|tx| dive(tx, &vars, 1)), 3);
    assert_eq!((vars[0].load(), vars[1].load()), (1, 2));
    assert!(vars[2..].iter().all(|var| var.load() == usize::MAX));
}

#[test]
fn roll_back_cuts_an_indexed_log_to_any_length() {
    // More writes than are searched linearly, before, in and after the branch.
    let vars: Vec<_> = (0..120).map(TVar::new).collect();
    let lengths: &[usize] = if cfg!(miri) {
        &[16, 17]
    } else {
        &[0, 1, 15, 16, 17, 18, 40, 100]
    };
    for &kept in lengths {
        atomically(|tx| {
            for (n, var) in vars[..kept].iter().enumerate() {
                var.write(tx, n + 1000)?;
            }
            tx.or_else(
                |tx| {
                    for var in &vars {
                        var.write(tx, 7)?;
                    }
                    retry()
                },
                |_| Ok(()),
            )?;
            for (n, var) in vars.iter().enumerate() {
                assert_eq!(var.read(tx)?, if n < kept { n + 1000 } else { n });
            }
            for (n, var) in vars.iter().enumerate().rev() {
                var.write(tx, n)?;
            }
            for (n, var) in vars.iter().enumerate() {
                assert_eq!(var.read(tx)?, n);
            }
            Ok(())
        });
        for (n, var) in vars.iter().enumerate() {
            assert_eq!(var.load(), n);
        }
    }
}

#[test]
fn commit_hooks_of_an_undone_branch_go_with_it() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = |what| {
        let told = Rc::clone(&told);
        move || told.borrow_mut().push(what)
    };
    atomically(|tx| {
        tx.on_commit(tell("outer"));
        tx.or_else(
            |tx| {
                tx.on_commit(tell("undone left"));
                retry()
            },
            |tx| {
                tx.on_commit(tell("right"));
                Ok(())
            },
        )?;
        let refused = tx.nested(|tx| {
            tx.on_commit(tell("refused"));
            abort::<(), _>(Refused)
        })?;
        assert_eq!(refused, Err(Refused));
        tx.on_commit(tell("last"));
        Ok(())
    });
    assert_eq!(*told.borrow(), ["outer", "right", "last"]);
    let _ = tell; // gone with the closure
    assert_eq!(Rc::strong_count(&told), 1, "undone hooks are dropped");
}

#[test]
fn abort_hooks_of_an_undone_branch_run_once_whatever_becomes_of_the_rest() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = |what| {
        let told = Rc::clone(&told);
        move || told.borrow_mut().push(what)
    };
    atomically(|tx| {
        tx.on_abort(tell("outer"));
        tx.or_else(
            |tx| {
                tx.on_abort(tell("undone left"));
                retry()
            },
            |tx| {
                tx.on_abort(tell("right"));
                Ok(())
            },
        )
    });
    assert_eq!(*told.borrow(), ["undone left"]);
}

#[test]
fn every_value_of_every_branch_is_dropped_once() {
    let count = Count::default();
    let var = TVar::new(count.value(0));
    let other = TVar::new(count.value(0));
    for keep in [true, false] {
        atomically(|tx| {
            var.write(tx, count.value(1))?;
            var.write(tx, count.value(2))?;
            let part = tx.nested(|tx| {
                var.write(tx, count.value(3))?;
                var.write(tx, count.value(4))?;
                other.write(tx, count.value(5))?;
                tx.or_else(
                    |tx| {
                        var.write(tx, count.value(6))?;
                        other.write(tx, count.value(7))?;
                        retry()
                    },
                    |tx| {
                        other.write(tx, count.value(8))?;
                        var.write(tx, count.value(9))
                    },
                )?;
                if keep { Ok(()) } else { abort(Refused) }
            })?;
            assert_eq!(part.is_ok(), keep);
            Ok(())
        });
        let expected = if keep { (9, 8) } else { (2, 8) };
        assert_eq!((*var.load().n, *other.load().n), expected);
        count.settles_at(2);
    }
    drop((var, other));
    count.settles_at(0);
}
