//! What concurrent transactions must never see or do.

use hivework_loom_tests::{model, model_within};
use hivework_stm::{TVar, Transaction, atomically, retry};

use crate::support::thread;

#[test]
fn lost_update() {
    model("stm: lost update", || {
        let x = TVar::new(0);
        let other = thread(&[&x], |v| atomically(|tx| v[0].modify(tx, |n| n + 1)));
        atomically(|tx| x.modify(tx, |n| n + 1));
        other.join().unwrap();
        assert_eq!(x.load(), 2);
    });
}

#[test]
fn lost_update_of_boxes() {
    model("stm: lost update of boxes", || {
        let x = TVar::new(vec![0]);
        let add = |x: &TVar<Vec<i32>>| atomically(|tx| x.modify(tx, |v| vec![v[0] + 1]));
        let other = thread(&[&x], move |v| add(&v[0]));
        add(&x);
        other.join().unwrap();
        assert_eq!(x.load(), [2]);
    });
}

#[test]
fn write_skew() {
    model("stm: write skew", || {
        let (a, b) = (TVar::new(0), TVar::new(0));
        fn take(own: &TVar<i32>, other: &TVar<i32>) {
            atomically(|tx| {
                if other.read(tx)? == 0 {
                    own.write(tx, 1)?;
                }
                Ok(())
            });
        }
        let other = thread(&[&a, &b], |v| take(&v[0], &v[1]));
        take(&b, &a);
        other.join().unwrap();
        assert_eq!(a.load() + b.load(), 1, "both took");
    });
}

#[test]
fn write_skew_with_own_reads() {
    model("stm: write skew, both read by both", || {
        let (a, b) = (TVar::new(0), TVar::new(0));
        fn take(own: &TVar<i32>, other: &TVar<i32>) {
            atomically(|tx| {
                if own.read(tx)? + other.read(tx)? == 0 {
                    own.write(tx, 1)?;
                }
                Ok(())
            });
        }
        let other = thread(&[&a, &b], |v| take(&v[0], &v[1]));
        take(&b, &a);
        other.join().unwrap();
        assert_eq!(a.load() + b.load(), 1, "both took");
    });
}

#[test]
fn write_skew_with_covered_reads() {
    model("stm: write skew, each lock checks a read", || {
        let (a, b) = (TVar::new(0), TVar::new(0));
        fn take(own: &TVar<i32>, other: &TVar<i32>) {
            atomically(|tx| {
                // The own one last, so that its lock checks this read; the other
                // read has to be checked all the same.
                if other.read(tx)? + own.read(tx)? == 0 {
                    own.write(tx, 1)?;
                }
                Ok(())
            });
        }
        let other = thread(&[&a, &b], |v| take(&v[0], &v[1]));
        take(&b, &a);
        other.join().unwrap();
        assert_eq!(a.load() + b.load(), 1, "both took");
    });
}

/// Its lock does not check the read, because another came between it and the write.
#[test]
fn lost_update_with_a_read_in_between() {
    model_within(2, "stm: lost update, a read in between", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        fn add(x: &TVar<i32>, y: &TVar<i32>) {
            atomically(|tx| {
                let n = x.read(tx)?;
                let nothing = y.read(tx)?;
                x.write(tx, n + nothing + 1)
            });
        }
        let other = thread(&[&x, &y], |v| add(&v[0], &v[1]));
        add(&x, &y);
        other.join().unwrap();
        assert_eq!(x.load(), 2);
    });
}

fn equal(tx: &mut Transaction<'_>, v: &[TVar<i32>]) -> hivework_stm::StmResult<i32> {
    let first = v[0].read(tx)?;
    for var in &v[1..] {
        // In every attempt, also one that has to run again.
        assert_eq!(var.read(tx)?, first, "never together");
    }
    Ok(first)
}

#[test]
fn what_is_written_together_is_read_together() {
    model("stm: snapshot", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let writer = thread(&[&x, &y], |v| {
            atomically(|tx| {
                v[0].write(tx, 1)?;
                v[1].write(tx, 1)
            });
        });
        atomically(|tx| equal(tx, &[x.clone(), y.clone()]));
        writer.join().unwrap();
    });
}

/// Backwards: what was read first is still locked when the other is there to be read.
#[test]
fn a_snapshot_does_not_move_past_a_lock() {
    model_within(2, "stm: snapshot, backwards", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let writer = thread(&[&x, &y], |v| {
            atomically(|tx| v.iter().try_for_each(|var| var.write(tx, 1)));
        });
        atomically(|tx| equal(tx, &[y.clone(), x.clone()]));
        writer.join().unwrap();
    });
}

#[test]
fn a_snapshot_moves_on_as_a_whole() {
    model_within(2, "stm: snapshot against two commits", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let writer = thread(&[&x, &y], |v| {
            for n in 1..=2 {
                atomically(|tx| {
                    v[0].write(tx, n)?;
                    v[1].write(tx, n)
                });
            }
        });
        atomically(|tx| equal(tx, &[x.clone(), y.clone()]));
        writer.join().unwrap();
    });
}

/// With a log this long an extension covers every clock at once, so the reader
/// may have seen a commit's count before it looks at what that commit wrote.
#[test]
fn a_snapshot_that_covers_all_clocks_covers_their_data() {
    model_within(2, "stm: snapshot that covers all clocks", || {
        let (a, b) = (TVar::new(0), TVar::new(0));
        let (x, y) = (TVar::new(0), TVar::new(0));
        let reader = thread(&[&a, &b, &x, &y], |v| {
            atomically(|tx| {
                v[0].read(tx)?;
                v[0].read(tx)?;
                // Extends where the first commit is through; the second may be
                // under way.
                v[1].read(tx)?;
                equal(tx, &v[2..])
            });
        });
        b.store(1);
        atomically(|tx| {
            x.write(tx, 1)?;
            y.write(tx, 1)
        });
        reader.join().unwrap();
    });
}

/// A commit that gives up puts back the version that it found: whoever sees it
/// there must still see the data that belongs to it. One that gives up before it
/// holds all its locks has passed no fence.
#[test]
fn a_version_that_is_given_back_comes_with_its_data() {
    model_within(1, "stm: snapshot through a version given back", || {
        let (x, y, z) = (TVar::new(0), TVar::new(0), TVar::new(0));
        let writer = thread(&[&x, &y, &z], |v| {
            atomically(|tx| v.iter().try_for_each(|var| var.write(tx, 1)));
        });
        // Finds x unlocked already and z still locked.
        let gives_up = thread(&[&x, &z], |v| {
            atomically(|tx| v.iter().try_for_each(|var| var.write(tx, 1)));
        });
        let reader = thread(&[&x, &y], |v| {
            atomically(|tx| {
                let seen_x = v[0].read(tx)?;
                assert!(seen_x >= v[1].read(tx)?, "the new y beside the old x");
                Ok(())
            });
        });
        for thread in [writer, gives_up, reader] {
            thread.join().unwrap();
        }
    });
}

/// The clocks are read before the check of what was read, and count only after it.
#[test]
fn an_extension_covers_only_what_came_before_its_check() {
    model_within(1, "stm: extension over all clocks", || {
        let (x, y, b) = (TVar::new(0), TVar::new(0), TVar::new(0));
        let extends = thread(&[&b], |v| v[0].store(1));
        let writer = thread(&[&x, &y], |v| {
            atomically(|tx| v.iter().try_for_each(|var| var.write(tx, 1)));
        });
        let reader = thread(&[&x, &b, &y], |v| {
            atomically(|tx| {
                let seen_x = v[0].read(tx)?;
                v[0].read(tx)?;
                // Extends where the first thread has committed.
                v[1].read(tx)?;
                assert_eq!(v[2].read(tx)?, seen_x, "never together");
                Ok(())
            });
        });
        for thread in [extends, writer, reader] {
            thread.join().unwrap();
        }
    });
}

#[test]
fn read_write_causality() {
    model_within(2, "stm: read-write causality", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let first = thread(&[&x], |v| v[0].store(1));
        let second = thread(&[&x, &y], |v| {
            atomically(|tx| {
                let n = v[0].read(tx)?;
                v[1].write(tx, n)
            });
        });
        atomically(|tx| {
            let effect = y.read(tx)?;
            assert!(x.read(tx)? >= effect, "the effect without its cause");
            Ok(())
        });
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// The version of `effect` makes the reader extend; what it finds then may be newer still.
#[test]
fn an_extension_is_followed_by_another_look() {
    model_within(2, "stm: read-write causality after an extension", || {
        let (cause, effect) = (TVar::new(0), TVar::new(0));
        let before = thread(&[&effect], |v| v[0].store(1));
        before.join().unwrap();
        let other = thread(&[&cause, &effect], |v| {
            v[0].store(1);
            v[1].store(2);
        });
        atomically(|tx| {
            let seen = cause.read(tx)?;
            assert!(
                effect.read(tx)? < 2 || seen == 1,
                "the effect without its cause"
            );
            Ok(())
        });
        other.join().unwrap();
    });
}

#[test]
fn two_readers_agree_on_the_order_of_two_writers() {
    model_within(1, "stm: independent reads of independent writes", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let first = thread(&[&x], |v| v[0].store(1));
        let second = thread(&[&y], |v| v[0].store(1));
        fn in_order(v: &[TVar<i32>]) -> (i32, i32) {
            atomically(|tx| Ok((v[0].read(tx)?, v[1].read(tx)?)))
        }
        let reader = thread(&[&x, &y], in_order);
        let (seen_y, seen_x) = in_order(&[y.clone(), x.clone()]);
        let other = reader.join().unwrap();
        assert!(
            !(other == (1, 0) && (seen_x, seen_y) == (0, 1)),
            "the readers disagree"
        );
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_left_side_that_retries_leaves_nothing() {
    model("stm: or_else rolls back", || {
        let (x, y, z) = (TVar::new(0), TVar::new(0), TVar::new(0));
        let other = thread(&[&x, &y, &z], |v| {
            atomically(|tx| {
                assert!(v[0].read(tx)? + v[2].read(tx)? <= 1, "both sides");
                v[1].write(tx, 1)
            });
        });
        atomically(|tx| {
            tx.or_else(
                |tx| {
                    x.write(tx, 1)?;
                    if y.read(tx)? == 0 { retry() } else { Ok(()) }
                },
                |tx| z.write(tx, 1),
            )
        });
        other.join().unwrap();
        assert_eq!(x.load() + z.load(), 1);
    });
}

/// The way right was taken because of what the left side read.
#[test]
fn a_right_side_commits_only_while_the_left_side_would_retry() {
    model("stm: or_else keeps the left side's reads", || {
        let (y, z) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&y, &z], |v| {
            atomically(|tx| {
                v[1].read(tx)?;
                v[0].write(tx, 1)
            });
            v[1].load()
        });
        let right = atomically(|tx| {
            tx.or_else(
                |tx| if y.read(tx)? == 0 { retry() } else { Ok(false) },
                |tx| {
                    z.write(tx, 1)?;
                    Ok(true)
                },
            )
        });
        let seen = other.join().unwrap();
        // The other's commit ended before it looked: had the right side been
        // committed later, it would have gone right on a y that had changed.
        assert!(!right || seen == 1, "went right too late");
    });
}

#[test]
fn a_variable_is_dropped_in_a_transaction_while_another_reads_it() {
    model("stm: dropped while read", || {
        let home = TVar::new(TVar::new(1));
        let reader = thread(&[&home], |v| {
            atomically(|tx| {
                let inner = v[0].read(tx)?;
                let n = inner.read(tx)?;
                inner.write(tx, n + 10)?;
                Ok(n)
            })
        });
        atomically(|tx| {
            let last = home.replace(tx, TVar::new(2))?;
            last.read(tx).map(drop)
        });
        let seen = reader.join().unwrap();
        assert!(seen == 1 || seen == 2);
        let left = home.load().load();
        assert!(left == 2 && seen == 1 || left == 12 && seen == 2);
    });
}
