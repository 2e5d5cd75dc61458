//! The stack.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hivework_stm::{atomically, try_atomically};
use proptest::prelude::*;
use stm_ports::{Ordered, TStack};

use crate::model::{config, programs, run};
use crate::support::{AGES, Counted, Running, soon, start, start_asleep};

#[derive(Clone, Debug)]
enum Operation {
    Push(u8),
    Pop,
    Batch(usize),
    Look,
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        5 => any::<u8>().prop_map(Operation::Push),
        3 => Just(Operation::Pop),
        1 => (0_usize..4).prop_map(Operation::Batch),
        2 => Just(Operation::Look),
        1 => Just(Operation::Clear),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_a_vec(program in programs(operation())) {
        let stack = TStack::new();
        let model = run(&program, Vec::new(), |tx, model: &mut Vec<u8>, operation| {
            match *operation {
                Operation::Push(value) => {
                    stack.push(tx, value)?;
                    model.push(value);
                }
                Operation::Pop => assert_eq!(stack.try_pop(tx)?, model.pop()),
                Operation::Batch(max) => {
                    let rest = model.len().saturating_sub(max);
                    let expected: Vec<_> = model.drain(rest..).rev().collect();
                    assert_eq!(stack.pop_batch(tx, max)?, expected);
                }
                Operation::Look => {
                    assert_eq!(stack.try_peek(tx)?, model.last().copied());
                    assert_eq!(stack.len(tx)?, model.len());
                    assert_eq!(stack.is_empty(tx)?, model.is_empty());
                }
                Operation::Clear => {
                    stack.clear(tx)?;
                    model.clear();
                }
            }
            Ok(())
        });
        let rest = atomically(|tx| stack.pop_batch(tx, usize::MAX));
        prop_assert_eq!(rest, model.into_iter().rev().collect::<Vec<_>>());
    }
}

#[test]
fn the_kind_traits_do_what_the_stack_does() {
    let stack: Box<dyn Ordered<Item = u8>> = Box::new(TStack::default());
    atomically(|tx| {
        stack.put(tx, 1)?;
        assert_eq!(stack.try_put(tx, 2)?, Ok(()));
        stack.put(tx, 3)?;
        assert!(!stack.is_full(tx)? && !stack.is_empty(tx)?);
        assert_eq!(
            (stack.len(tx)?, stack.peek(tx)?, stack.take(tx)?),
            (3, 3, 3)
        );
        assert_eq!(stack.try_take(tx)?, Some(2));
        assert_eq!(stack.take_batch(tx, 9)?, [1]);
        stack.put(tx, 4)?;
        stack.clear(tx)?;
        assert_eq!(stack.try_take(tx)?, None);
        Ok(())
    });
}

#[test]
fn pop_and_peek_wait_where_there_is_nothing() {
    let stack = TStack::new();
    assert_eq!(try_atomically(|tx| stack.pop(tx)), None);
    assert_eq!(try_atomically(|tx| stack.peek(tx)), None);
    assert_eq!(stack.pop_now(), None);
    assert_eq!(stack.pop_timeout(Duration::from_millis(1)), None);
    stack.push_now(7);
    assert_eq!(stack.pop_timeout(AGES), Some(7));
    stack.push_now(8);
    assert_eq!(format!("{stack:?}"), "TStack { len: 1, .. }");
    assert!(stack.ptr_eq(&stack.clone()) && !stack.ptr_eq(&TStack::new()));
}

#[test]
fn threads_are_served_in_order_of_arrival() {
    let stack = TStack::new();
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let stack = stack.clone();
            start_asleep(move || stack.pop_blocking())
        })
        .collect();
    for (n, taker) in takers.into_iter().enumerate() {
        stack.push_now(n);
        assert_eq!(taker.answer(), n);
    }
}

#[test]
fn nothing_is_lost_or_doubled() {
    const EACH: u64 = if cfg!(miri) { 20 } else { 3_000 };
    let stack = TStack::new();
    let pushers: Vec<_> = (0..2)
        .map(|pusher| {
            let stack = stack.clone();
            start(move || (0..EACH).for_each(|n| stack.push_now(pusher * EACH + n)))
        })
        .collect();
    let takers: Vec<_> = (0..3_u64)
        .map(|taker| {
            let stack = stack.clone();
            start(move || {
                let mut taken = Vec::new();
                // One leaves it to the others to have all.
                while taker < 2 && taken.len() < EACH as usize / 2 {
                    taken.extend(stack.pop_timeout(Duration::from_micros(taker)));
                }
                if taker == 2 {
                    taken.extend((0..EACH).map(|_| stack.pop_blocking()));
                }
                taken
            })
        })
        .collect();
    pushers.into_iter().for_each(Running::answer);
    let mut all: Vec<_> = takers.into_iter().flat_map(Running::answer).collect();
    all.sort_unstable();
    assert_eq!(all, (0..2 * EACH).collect::<Vec<_>>());
    assert_eq!(stack.pop_now(), None);
}

/// No stack frame and no grace period for each of them, dropped or cleared.
#[test]
fn a_million_values_go_at_once() {
    const MILLION: usize = if cfg!(miri) { 500 } else { 1_000_000 };
    let count = Arc::new(AtomicUsize::new(0));
    for clear in [false, true] {
        let stack = TStack::new();
        for _ in 0..MILLION / 100 {
            atomically(|tx| {
                (0..100).try_for_each(|_| stack.push(tx, Arc::new(Counted::new(&count))))
            });
        }
        assert_eq!(atomically(|tx| stack.len(tx)), MILLION);
        if clear {
            atomically(|tx| stack.clear(tx));
        } else {
            drop(stack);
        }
        soon("all dropped", || count.load(Ordering::SeqCst) == 0);
    }
}

#[test]
fn a_busy_stack_keeps_no_trail_of_popped_values() {
    let count = Arc::new(AtomicUsize::new(0));
    let stack = TStack::new();
    for _ in 0..if cfg!(miri) { 100 } else { 50_000 } {
        stack.push_now(Counted::new(&count));
        assert!(stack.pop_now().is_some());
    }
    soon("the trail is gone", || count.load(Ordering::SeqCst) == 0);
}
