//! Slots: budgets, their parts, and that every slot comes home.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hivework::internals::LoneDrawer;
use hivework::{
    Slots, SlotsError, TVar, abort, atomically, atomically_async, atomically_or, check, retry,
    try_atomically,
};

use crate::support::{BOUND, block_on, eventually, latch, receive, scheduler};

fn slots(size: usize) -> Slots {
    Slots::new(size).unwrap()
}

#[test]
fn zero_slots_are_refused() {
    assert_eq!(Slots::new(0).unwrap_err(), SlotsError::Zero);
    assert_eq!(slots(3).narrow(0).unwrap_err(), SlotsError::Zero);
    assert!(SlotsError::Zero.to_string().contains("at least one"));
}

#[test]
fn a_part_larger_than_the_whole_is_refused() {
    let part = slots(4).narrow(2).unwrap();
    let why = part.narrow(3).unwrap_err();
    assert_eq!(
        why,
        SlotsError::LargerThanParent {
            asked: 3,
            parent: 2
        }
    );
    assert!(why.to_string().contains("at most 2"));
    assert!(part.narrow(2).is_ok());
}

#[test]
fn more_than_can_be_counted_are_refused() {
    let most = usize::MAX / 2;
    assert_eq!(Slots::new(most).unwrap().free(), most);
    let asked = most + 1;
    assert_eq!(
        Slots::new(asked).unwrap_err(),
        SlotsError::TooMany { asked, most }
    );
}

#[test]
fn a_part_never_has_more_than_its_size_nor_all_parts_more_than_the_whole() {
    let whole = slots(3);
    let (left, right) = (whole.narrow(2).unwrap(), whole.narrow(2).unwrap());
    let held = [left.take(), left.take()];
    assert!(left.try_take().is_none());
    let one = right.take();
    assert!(right.try_take().is_none());
    assert_eq!((left.free(), right.free(), whole.free()), (0, 1, 0));
    assert_eq!((left.used(), right.used(), whole.used()), (2, 1, 3));
    drop(held);
    let more = right.try_take().unwrap();
    assert!(right.try_take().is_none());
    drop((one, more));
    assert_eq!((left.free(), right.free(), whole.free()), (2, 2, 3));
}

#[test]
fn whose_a_slot_is_can_be_asked() {
    let whole = slots(3).named("whole");
    let (part, other) = (whole.narrow(1).unwrap(), whole.narrow(1).unwrap());
    let slot = part.take();
    assert!(part.holds(&slot) && whole.holds(&slot) && !other.holds(&slot));
    assert!(slot.slots().ptr_eq(&part) && part.parent().unwrap().ptr_eq(&whole));
    assert_eq!((whole.name(), part.name()), (Some("whole"), None));
    assert_eq!(whole.clone().named("again").name(), Some("whole"));
    let shown = format!("{whole:?} {slot:?}");
    for told in ["\"whole\"", "free: 2", "size: 3", "parent: Some(3)"] {
        assert!(shown.contains(told), "{shown}");
    }
}

#[test]
fn budgets_within_budgets_end_on_any_stack() {
    let mut inner = slots(1);
    for _ in 0..300 {
        inner = inner.narrow(1).unwrap();
    }
    drop(inner.take());
    assert_eq!(inner.free(), 1);
    drop(inner);
}

#[test]
fn who_takes_waits_for_who_gives() {
    let slots = slots(1);
    let held = slots.take();
    let (sender, taken) = latch();
    let theirs = slots.clone();
    let other = thread::spawn(move || {
        let slot = theirs.take();
        sender.send(()).unwrap();
        slot
    });
    assert!(slots.take_timeout(Duration::from_millis(1)).is_none());
    assert!(taken.try_recv().is_err());
    drop(held);
    receive(&taken);
    // A slot goes to another thread and is dropped there.
    drop(other.join().unwrap());
    assert_eq!(slots.free(), 1);
    assert!(slots.take_timeout(BOUND).is_some());
    assert!(slots.take_timeout(Duration::ZERO).is_some());
}

#[test]
fn a_slot_comes_home_when_its_holder_panics() {
    let slots = slots(1);
    let scheduler = scheduler(1);
    let theirs = slots.clone();
    let work = scheduler.put_work(move || {
        let _slot = theirs.take();
        panic!("on purpose");
    });
    assert!(work.join().is_err());
    assert_eq!(slots.free(), 1);
}

#[test]
fn what_a_transaction_takes_is_rolled_back_with_it() {
    let (slots, count) = (slots(2), TVar::new(0));
    let refused = atomically_or(|tx| {
        let _slot = slots.take_in(tx)?;
        count.modify(tx, |count| count + 1)?;
        if false { Ok(()) } else { abort("no") }
    });
    assert_eq!((refused, slots.free(), count.load()), (Err("no"), 2, 0));
    // With a panic as well.
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        atomically(|tx| -> Result<(), _> {
            let _slot = slots.take_in(tx)?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(slots.free(), 2);
}

#[test]
fn a_slot_that_leaves_an_attempt_that_is_rolled_back_is_none() {
    let slots = slots(1);
    let mut kept = Vec::new();
    let none = try_atomically(|tx| {
        kept.push(slots.take_in(tx)?);
        retry::<()>()
    });
    assert!(none.is_none());
    assert_eq!((kept.len(), slots.free()), (1, 1));
    drop(kept);
    assert_eq!(slots.free(), 1);
}

#[test]
fn a_slot_that_is_dropped_in_the_transaction_that_took_it_comes_home_once() {
    let slots = slots(2);
    atomically(|tx| {
        let slot = slots.take_in(tx)?;
        drop(slot);
        // It is not over yet.
        assert_eq!(slots.free_in(tx)?, 1);
        Ok(())
    });
    assert_eq!(slots.free(), 2);
}

#[test]
fn a_slot_is_given_and_dropped_in_one_transaction_and_comes_home_once() {
    let slots = slots(2);
    let slot = slots.take();
    atomically(|tx| slot.give_in(tx));
    drop(slot);
    assert_eq!(slots.free(), 2);

    let slot = slots.take();
    let mut slot = Some(slot);
    atomically(|tx| {
        if let Some(slot) = slot.take() {
            slot.give_in(tx)?;
            slot.give_in(tx)?;
            assert_eq!(slots.free_in(tx)?, 2);
        }
        Ok(())
    });
    assert_eq!(slots.free(), 2);

    atomically(|tx| {
        let slot = slots.take_in(tx)?;
        slot.give_in(tx)
    });
    assert_eq!(slots.free(), 2);
}

#[test]
fn a_giving_that_is_rolled_back_leaves_the_slot_held() {
    let slots = slots(1);
    let slot = slots.take();
    let refused = atomically_or(|tx| {
        slot.give_in(tx)?;
        if false { Ok(()) } else { abort(()) }
    });
    assert_eq!((refused, slots.free()), (Err(()), 0));
    // A branch of a transaction that commits.
    atomically(|tx| {
        let undone: Result<(), ()> = tx.nested(|tx| {
            slot.give_in(tx)?;
            abort(())
        })?;
        assert_eq!((undone, slots.free_in(tx)?), (Err(()), 0));
        Ok(())
    });
    assert_eq!(slots.free(), 0);
    drop(slot);
    assert_eq!(slots.free(), 1);
}

#[test]
fn two_transactions_give_a_slot_once() {
    let slots = slots(2);
    for _ in 0..200 {
        let slot = slots.take();
        thread::scope(|scope| {
            scope.spawn(|| atomically(|tx| slot.give_in(tx)));
            atomically(|tx| slot.give_in(tx));
        });
        assert_eq!(slots.free(), 2);
    }
}

#[test]
fn slots_compose_with_choices_and_other_variables() {
    let (first, second, taken) = (slots(1), slots(1), TVar::new(0));
    let both = || {
        atomically(|tx| {
            taken.modify(tx, |taken| taken + 1)?;
            tx.or_else(|tx| first.take_in(tx), |tx| second.take_in(tx))
        })
    };
    let (one, other) = (both(), both());
    assert!(first.holds(&one) && second.holds(&other));
    let third = thread::scope(|scope| {
        let third = scope.spawn(both);
        // Whichever comes back first.
        drop(other);
        third.join().unwrap()
    });
    assert!(second.holds(&third));
    assert_eq!(taken.load(), 3);
    // All or none.
    let whole = slots(2);
    let _one = whole.take();
    assert!(try_atomically(|tx| Ok((whole.take_in(tx)?, whole.take_in(tx)?))).is_none());
    assert_eq!(whole.free(), 1);
}

#[test]
fn a_task_awaits_a_slot() {
    let slots = slots(1);
    let held = slots.take();
    let theirs = slots.clone();
    let mut waits = Box::pin(async move { atomically_async(|tx| theirs.take_in(tx)).await });
    let wakes = std::sync::Arc::default();
    assert!(crate::support::poll_once(&mut waits, &wakes).is_pending());
    drop(held);
    let slot = block_on(waits);
    assert_eq!(slots.free(), 0);
    // Dropped while it waits, it has taken nothing.
    let theirs = slots.clone();
    let mut gone = Box::pin(async move { atomically_async(|tx| theirs.take_in(tx)).await });
    assert!(crate::support::poll_once(&mut gone, &wakes).is_pending());
    drop(gone);
    drop(slot);
    assert_eq!(slots.free(), 1);
}

#[test]
fn who_leaves_word_draws_once_there_is_one() {
    let whole = slots(2);
    let part = whole.narrow(1).unwrap();
    let (held, other) = (part.take(), whole.take());
    let drawer = LoneDrawer::start(&part);
    assert!(drawer.drawn().is_none());
    // Free of the whole, but not of the part, where it waits.
    drop(other);
    assert!(drawer.drawn().is_none());
    drop(held);
    let drawn = drawer.drawn().unwrap();
    assert!(part.holds(&drawn));
    drop(drawn);
    // Whoever has gone is told nothing.
    let held = whole.take();
    drop(LoneDrawer::start(&part));
    drop((held, drawer));
    assert_eq!((part.free(), whole.free()), (1, 2));
}

#[test]
fn many_threads_never_have_more_than_there_are() {
    let (rounds, threads) = if cfg!(miri) { (5, 3) } else { (400, 6) };
    let whole = slots(3);
    let parts = [whole.narrow(2).unwrap(), whole.narrow(2).unwrap()];
    let at_work = AtomicUsize::new(0);
    let of_part = [AtomicUsize::new(0), AtomicUsize::new(0)];
    thread::scope(|scope| {
        for thread in 0..threads {
            let (whole, part, at_work) = (&whole, &parts[thread % 2], &at_work);
            let of_part = &of_part[thread % 2];
            scope.spawn(move || {
                for round in 0..rounds {
                    let slot = match round % 3 {
                        0 => part.take(),
                        1 => atomically(|tx| part.take_in(tx)),
                        _ => whole.take(),
                    };
                    assert!(at_work.fetch_add(1, Ordering::SeqCst) < 3);
                    if round % 3 < 2 {
                        assert!(of_part.fetch_add(1, Ordering::SeqCst) < 2);
                        of_part.fetch_sub(1, Ordering::SeqCst);
                    }
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    if round % 2 == 0 {
                        atomically(|tx| slot.give_in(tx));
                    }
                }
            });
        }
    });
    assert_eq!((whole.free(), parts[0].free(), parts[1].free()), (3, 2, 2));
}

#[test]
fn a_transaction_waits_until_all_are_home() {
    let slots = slots(2);
    let held = [slots.take(), slots.take()];
    thread::scope(|scope| {
        let all = scope.spawn(|| atomically(|tx| check(slots.free_in(tx)? == 2)));
        drop(held);
        all.join().unwrap();
    });
    eventually("all home", || slots.used() == 0);
}
