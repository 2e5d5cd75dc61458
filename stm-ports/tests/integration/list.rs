//! The list, and its snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hivework_stm::{atomically, try_atomically};
use proptest::prelude::*;
use stm_ports::{Container, TList, TListSnapshot};

use crate::model::{config, programs, run};
use crate::support::{Counted, soon, start, start_asleep};

#[derive(Clone, Debug)]
enum Operation {
    Push(u8),
    Pop,
    Look,
    SetRest,
    Keep,
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => any::<u8>().prop_map(Operation::Push),
        3 => Just(Operation::Pop),
        2 => Just(Operation::Look),
        1 => Just(Operation::SetRest),
        1 => Just(Operation::Keep),
        1 => Just(Operation::Clear),
    ]
}

/// The first of a list is the last of its model.
fn reversed(model: &[u8]) -> Vec<u8> {
    model.iter().rev().copied().collect()
}

fn values<T: Copy>(list: &TListSnapshot<T>) -> Vec<T> {
    list.iter().copied().collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_a_vec_and_snapshots_stay(program in programs(operation())) {
        let list = TList::new();
        let mut kept = Vec::new();
        let model = run(&program, Vec::new(), |tx, model: &mut Vec<u8>, operation| {
            match *operation {
                Operation::Push(value) => {
                    list.push(tx, value)?;
                    model.push(value);
                }
                Operation::Pop => assert_eq!(list.pop(tx)?, model.pop()),
                Operation::Look => {
                    assert_eq!(list.try_first(tx)?, model.last().copied());
                    assert_eq!(list.len(tx)?, model.len());
                    assert_eq!(list.is_empty(tx)?, model.is_empty());
                }
                Operation::SetRest => {
                    let rest = list.rest(tx)?;
                    list.set(tx, &rest)?;
                    model.pop();
                }
                Operation::Keep => kept.push((list.snapshot(tx)?, reversed(model))),
                Operation::Clear => {
                    list.clear(tx)?;
                    model.clear();
                }
            }
            Ok(())
        });
        prop_assert_eq!(values(&list.load()), reversed(&model));
        for (snapshot, expected) in kept {
            prop_assert_eq!(snapshot.len(), expected.len());
            prop_assert_eq!(values(&snapshot), expected);
        }
    }
}

#[test]
fn first_and_rest_are_car_and_cdr() {
    let list: TList<_> = (1..=3).collect();
    let (first, rest) = atomically(|tx| Ok((list.first(tx)?, list.rest(tx)?)));
    assert_eq!((first, values(&rest)), (1, vec![2, 3]));
    assert_eq!(
        (rest.first(), rest.len(), rest.iter().len()),
        (Some(&2), 2, 2)
    );
    assert_eq!(values(&rest.with_first(9)), [9, 2, 3]);
    assert!(list.load().rest().ptr_eq(&rest), "shared, not copied");
    assert_eq!(
        (list.pop_now(), list.pop_now(), list.pop_now()),
        (Some(1), Some(2), Some(3))
    );
    assert_eq!(list.pop_now(), None);
    assert!(list.load().is_empty() && list.load().rest().is_empty());
    assert!(list.load().ptr_eq(&TListSnapshot::default()) && !rest.ptr_eq(&list.load()));
}

#[test]
fn what_waits_for_a_first_value_is_woken_by_a_push() {
    let list = TList::new();
    assert_eq!(try_atomically(|tx| list.first(tx)), None);
    assert_eq!(try_atomically(|tx| list.take(tx)), None);
    let waits = {
        let list = list.clone();
        start_asleep(move || atomically(|tx| list.take(tx)))
    };
    list.push_now(1);
    assert_eq!(waits.answer(), 1);
    list.push_now(2);
    assert!(list.ptr_eq(&list.clone()) && !list.ptr_eq(&TList::default()));
    assert_eq!(
        format!("{list:?} {:?}", list.load().iter()),
        "TList([2]) [2]"
    );
    let container: &dyn Container = &list;
    atomically(|tx| {
        assert!(!container.is_full(tx)? && !container.is_empty(tx)?);
        assert_eq!(container.len(tx)?, 1);
        container.clear(tx)?;
        container.is_empty(tx).map(|empty| assert!(empty))
    });
}

/// Whatever goes on meanwhile, a snapshot is the list of one instant: counting down without gaps.
#[test]
fn a_snapshot_is_consistent() {
    let list: TList<u32> = TList::new();
    let done = Arc::new(AtomicBool::new(false));
    let changer = {
        let (list, done) = (list.clone(), Arc::clone(&done));
        start(move || {
            while !done.load(Ordering::Relaxed) {
                (0..20).for_each(|n| list.push_now(n));
                (0..20).for_each(|n| assert_eq!(list.pop_now(), Some(19 - n)));
            }
        })
    };
    for _ in 0..if cfg!(miri) { 5 } else { 2_000 } {
        let snapshot = list.load();
        let expected = (0..u32::try_from(snapshot.len()).unwrap()).rev();
        assert!(snapshot.iter().copied().eq(expected));
    }
    done.store(true, Ordering::Relaxed);
    changer.answer();
}

/// No stack frame and no grace period for each of them; and what a snapshot shares, stays.
#[test]
fn a_million_values_go_at_once() {
    const MILLION: usize = if cfg!(miri) { 500 } else { 1_000_000 };
    let count = Arc::new(AtomicUsize::new(0));
    let list: TList<_> = (0..MILLION)
        .map(|_| Arc::new(Counted::new(&count)))
        .collect();
    let mut rest = list.load();
    for _ in 0..MILLION - 10 {
        rest = rest.rest();
    }
    atomically(|tx| list.clear(tx));
    soon("all but ten dropped", || count.load(Ordering::SeqCst) == 10);
    assert_eq!(rest.len(), 10);
    drop(rest);
    assert_eq!(count.load(Ordering::SeqCst), 0);
    let list: TList<_> = (0..MILLION)
        .map(|_| Arc::new(Counted::new(&count)))
        .collect();
    drop(list);
    soon("all dropped", || count.load(Ordering::SeqCst) == 0);
}

/// Threads that let go of one list at the same time: somebody drops each node.
#[test]
fn a_list_that_many_let_go_of_at_once_is_dropped() {
    const LENGTH: usize = if cfg!(miri) { 20 } else { 10_000 };
    let count = Arc::new(AtomicUsize::new(0));
    for _ in 0..if cfg!(miri) { 2 } else { 20 } {
        let shared: TList<_> = (0..LENGTH)
            .map(|_| Arc::new(Counted::new(&count)))
            .collect();
        let snapshot = shared.load();
        let holders: Vec<_> = (0..3)
            .map(|_| {
                let own = snapshot.with_first(Arc::new(Counted::new(&count)));
                start(move || drop(own))
            })
            .collect();
        drop((shared, snapshot));
        holders.into_iter().for_each(|holder| holder.answer());
        soon("all dropped", || count.load(Ordering::SeqCst) == 0);
    }
}
