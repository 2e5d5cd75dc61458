use std::sync::Arc;
use std::task::Poll;
use std::thread;

use hivework::{
    Status, TVar, WorkError, abort, atomically, atomically_async, atomically_or, check, retry,
    try_atomically,
};

use crate::support::{Wakes, builder, eventually, join, poll_once, scheduler, stopped_scheduler};

#[test]
fn work_put_in_a_transaction_is_seen_when_it_commits() {
    let scheduler = scheduler(2);
    let stock = TVar::new(10);
    let shipped = TVar::new(0);
    let work = atomically(|tx| {
        stock.modify(tx, |n| n - 1)?;
        let (stock, shipped) = (stock.clone(), shipped.clone());
        scheduler.put_work_in(tx, move || {
            // Whoever runs it sees the transaction that put it.
            shipped.update(|n| n + 1);
            stock.load()
        })
    });
    assert_eq!(join(work).unwrap(), 9);
    assert_eq!(shipped.load(), 1);
}

#[test]
fn work_of_a_rolled_back_transaction_does_not_exist() {
    let scheduler = scheduler(1);
    let ran = TVar::new(false);
    let mut kept = None;
    let result: Result<(), &str> = atomically_or(|tx| {
        let ran = ran.clone();
        kept = Some(scheduler.put_work_in(tx, move || ran.store(true))?);
        abort("no")
    });
    assert_eq!(result, Err("no"));
    assert!(matches!(join(kept.unwrap()), Err(WorkError::Cancelled)));
    join(scheduler.put_work(|| ())).unwrap();
    assert!(!ran.load());
    let stats = scheduler.stats();
    assert_eq!((stats.put, stats.cancelled, stats.queued), (1, 0, 0));
}

#[test]
fn work_of_a_branch_that_was_not_taken_does_not_exist() {
    let scheduler = scheduler(1);
    let (mut left, log) = (None, TVar::new(Vec::new()));
    let right = atomically(|tx| {
        tx.or_else(
            |tx| {
                let log = log.clone();
                let work = scheduler.put_work_in(tx, move || {
                    log.update(|mut log| {
                        log.push("left");
                        log
                    })
                })?;
                left = Some(work);
                retry()
            },
            |tx| {
                let log = log.clone();
                scheduler.put_work_in(tx, move || {
                    log.update(|mut log| {
                        log.push("right");
                        log
                    })
                })
            },
        )
    });
    join(right).unwrap();
    assert!(matches!(join(left.unwrap()), Err(WorkError::Cancelled)));
    assert_eq!(log.load(), ["right"]);
}

#[test]
fn orders_and_their_work_are_one_step() {
    const STOCK: u64 = 500;
    let scheduler = scheduler(2);
    let (stock, open, shipped) = (TVar::new(STOCK), TVar::new(0u64), TVar::new(0u64));
    let accepted: u64 = thread::scope(|scope| {
        let clerks: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut accepted = 0;
                    for _ in 0..300 {
                        let order = atomically_or(|tx| {
                            if stock.read(tx)? == 0 {
                                return abort(());
                            }
                            stock.modify(tx, |n| n - 1)?;
                            open.modify(tx, |n| n + 1)?;
                            let (open, shipped) = (open.clone(), shipped.clone());
                            Ok(scheduler.put_work_in(tx, move || {
                                atomically(|tx| {
                                    open.modify(tx, |n| n - 1)?;
                                    shipped.modify(tx, |n| n + 1)
                                });
                            })?)
                        });
                        // At every moment: nothing is lost, nothing doubled.
                        let sum = atomically(|tx| {
                            Ok(stock.read(tx)? + open.read(tx)? + shipped.read(tx)?)
                        });
                        assert_eq!(sum, STOCK);
                        if let Ok(work) = order {
                            accepted += 1;
                            join(work).unwrap();
                        }
                    }
                    accepted
                })
            })
            .collect();
        clerks.into_iter().map(|clerk| clerk.join().unwrap()).sum()
    });
    assert_eq!(
        (accepted, stock.load(), open.load(), shipped.load()),
        (STOCK, 0, 0, STOCK)
    );
    assert_eq!(scheduler.stats().put, STOCK);
}

#[test]
fn waiting_composes_with_other_conditions() {
    let scheduler = scheduler(1);
    let gate = TVar::new(false);
    let theirs = gate.clone();
    let work = scheduler.put_work(move || {
        theirs.store(true);
        5
    });
    let result = atomically(|tx| {
        check(gate.read(tx)?)?;
        work.wait_in(tx)
    });
    assert_eq!(result.unwrap(), 5);
    assert_eq!(join(work).unwrap(), 5, "the outcome stays in the handle");
}

#[test]
fn or_else_takes_the_work_that_is_ready_first() {
    let scheduler = scheduler(1);
    let never = stopped_scheduler(1);
    let (slow, fast) = (never.put_work(|| "slow"), scheduler.put_work(|| "fast"));
    let first = atomically(|tx| tx.or_else(|tx| slow.wait_in(tx), |tx| fast.wait_in(tx)));
    assert_eq!(first.unwrap(), "fast");
    assert_eq!(slow.status(), Status::Queued);
    assert!(try_atomically(|tx| slow.wait_in(tx)).is_none());
    never.start().unwrap();
    assert_eq!(atomically(|tx| slow.wait_in(tx)).unwrap(), "slow");
}

#[test]
fn a_transaction_that_waits_is_woken_by_panic_and_cancel() {
    let scheduler = stopped_scheduler(1);
    let panics = scheduler.put_work(|| panic!("woken"));
    let cancelled = scheduler.put_work(|| ());
    let (by_panic, by_cancel) = (Arc::<Wakes>::default(), Arc::<Wakes>::default());
    let mut one = atomically_async(|tx| panics.wait_in(tx));
    let mut other = atomically_async(|tx| cancelled.wait_in(tx));
    assert!(poll_once(&mut one, &by_panic).is_pending());
    assert!(poll_once(&mut other, &by_cancel).is_pending());

    assert!(cancelled.cancel());
    assert_eq!((by_panic.count(), by_cancel.count()), (0, 1));
    let outcome = poll_once(&mut other, &by_cancel);
    assert!(matches!(outcome, Poll::Ready(Err(WorkError::Cancelled))));

    scheduler.start().unwrap();
    eventually("woken", || by_panic.count() == 1);
    let Poll::Ready(outcome) = poll_once(&mut one, &by_panic) else {
        panic!("woken for nothing");
    };
    assert_eq!(outcome.unwrap_err().panic_message(), Some("woken"));
}

#[test]
fn an_outcome_is_never_seen_beside_state_from_before_it() {
    // zombie read: the work's own commit and its outcome are two writes; who
    // has seen the second must have seen the first.
    let scheduler = scheduler(2);
    for round in 0..3000u64 {
        let counter = TVar::new(0);
        let theirs = counter.clone();
        let work = scheduler.put_work(move || theirs.store(round + 1));
        let (before, outcome) = atomically(|tx| {
            let before = counter.read(tx)?;
            let outcome = tx.or_else(|tx| work.wait_in(tx).map(Some), |_| Ok(None))?;
            assert!(
                outcome.is_none() || before == round + 1,
                "a state that never was"
            );
            Ok((before, outcome))
        });
        assert!(outcome.is_none() || before == round + 1);
        join(work).unwrap();
    }
}

#[test]
fn works_put_inside_work_in_a_transaction_run() {
    let scheduler = scheduler(1);
    let inner = scheduler.clone();
    let nested =
        join(scheduler.put_work(move || atomically(|tx| inner.put_work_in(tx, || "nested"))))
            .unwrap();
    assert_eq!(join(nested).unwrap(), "nested");
}

#[test]
fn a_full_queue_makes_a_transaction_wait_or_do_otherwise() {
    let scheduler = builder().workers(1).queue_capacity(1).start().unwrap();
    let (open, gate) = crate::support::latch();
    let (begun, begins) = crate::support::latch();
    let blocker = scheduler.put_work(move || {
        begun.send(()).unwrap();
        crate::support::receive(&gate);
    });
    crate::support::receive(&begins);
    let filling = scheduler.put_work(|| ());
    let refused = atomically(|tx| {
        tx.or_else(
            |tx| scheduler.put_work_in(tx, || ()).map(Some),
            |_| Ok(None),
        )
    });
    assert!(refused.is_none(), "there was room");
    open.send(()).unwrap();
    let waited = atomically(|tx| scheduler.put_work_in(tx, || 3));
    assert_eq!(join(waited).unwrap(), 3);
    join(blocker).unwrap();
    join(filling).unwrap();
}
