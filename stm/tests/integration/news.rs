//! News that come from something that is no variable.

use std::sync::atomic::{AtomicBool, Ordering};

use hivework_stm::internals::revalidate;
use hivework_stm::{TVar, atomically};

#[test]
fn what_was_read_before_the_news_is_not_gone_on_with() {
    let (balance, told) = (TVar::new(0), AtomicBool::new(false));
    let mut attempts = 0;
    let seen = atomically(|tx| {
        attempts += 1;
        let before = balance.read(tx)?;
        if attempts == 1 {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    balance.store(1);
                    told.store(true, Ordering::Release);
                });
            });
        }
        assert!(told.load(Ordering::Acquire));
        revalidate(tx)?;
        assert_eq!(before, 1, "the news beside a balance from before them");
        Ok(before)
    });
    assert_eq!((seen, attempts), (1, 2));
}

#[test]
fn news_that_concern_nothing_read_cost_no_attempt() {
    let (mine, other) = (TVar::new(1), TVar::new(0));
    let mut attempts = 0;
    let seen = atomically(|tx| {
        attempts += 1;
        let mine = mine.read(tx)?;
        std::thread::scope(|scope| {
            scope.spawn(|| other.store(5));
        });
        revalidate(tx)?;
        Ok(mine + other.read(tx)?)
    });
    assert_eq!((seen, attempts), (6, 1));
}

#[test]
fn an_attempt_that_swallows_the_conflict_does_not_commit() {
    let (read, written) = (TVar::new(0), TVar::new(0));
    let mut attempts = 0;
    atomically(|tx| {
        attempts += 1;
        let before = read.read(tx)?;
        if attempts == 1 {
            std::thread::scope(|scope| {
                scope.spawn(|| read.store(7));
            });
        }
        let _ = revalidate(tx);
        written.write(tx, before)
    });
    assert_eq!(written.load(), 7);
}
