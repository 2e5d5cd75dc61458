//! Branches: what was rolled back is as if it had never been. A concurrent commit
//! decides how a branch ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hivework_loom_tests::model_within;
use hivework_stm::{TVar, abort, atomically, check};

use crate::support::thread;

#[test]
fn a_branch_that_is_undone_gives_back_the_words_from_before_it() {
    model_within(2, "stm: words given back by a branch", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&y], |v| v[0].store(1));
        let left = atomically(|tx| {
            x.write(tx, 1)?;
            tx.or_else(
                |tx| {
                    x.write(tx, 2)?;
                    x.write(tx, 3)?;
                    check(y.read(tx)? == 1)?;
                    Ok(true)
                },
                |_| Ok(false),
            )
        });
        assert_eq!(x.load(), if left { 3 } else { 1 });
        other.join().unwrap();
    });
}

#[test]
fn a_branch_that_is_undone_takes_the_branches_inside_it_along() {
    model_within(2, "stm: a branch within a branch undone", || {
        let (x, y) = (TVar::new(0), TVar::new(0));
        let other = thread(&[&y], |v| v[0].store(1));
        let outcome = atomically(|tx| {
            x.write(tx, 1)?;
            tx.nested(|tx| {
                tx.nested(|tx| Ok::<_, hivework_stm::Abort<()>>(x.write(tx, 2)?))?
                    .unwrap();
                if y.read(tx)? == 0 { abort(()) } else { Ok(()) }
            })
        });
        assert_eq!(x.load(), if outcome.is_ok() { 2 } else { 1 });
        other.join().unwrap();
    });
}

#[test]
fn a_branch_that_is_undone_takes_its_commit_hooks_along() {
    model_within(2, "stm: hooks of a branch undone", || {
        let y = TVar::new(0);
        let other = thread(&[&y], |v| v[0].store(1));
        // Ordering: Relaxed; the hook runs on this thread.
        let ran = Arc::new(AtomicU32::new(0));
        let left = atomically(|tx| {
            let hook = Arc::clone(&ran);
            tx.or_else(
                |tx| {
                    tx.on_commit(move || {
                        hook.fetch_add(1, Ordering::Relaxed);
                    });
                    check(y.read(tx)? == 1)?;
                    Ok(true)
                },
                |_| Ok(false),
            )
        });
        assert_eq!(ran.load(Ordering::Relaxed), u32::from(left));
        other.join().unwrap();
    });
}
