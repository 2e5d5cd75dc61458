//! The cell.

use std::time::Duration;

use hivework_stm::{atomically, try_atomically};
use proptest::prelude::*;
use stm_ports::{Ordered, TCell};

use crate::model::{config, programs, run};
use crate::support::{AGES, Running, start, start_asleep};

#[derive(Clone, Debug)]
enum Operation {
    Put(u8),
    Replace(u8),
    Take,
    Peek,
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => any::<u8>().prop_map(Operation::Put),
        1 => any::<u8>().prop_map(Operation::Replace),
        4 => Just(Operation::Take),
        2 => Just(Operation::Peek),
        1 => Just(Operation::Clear),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_an_option(program in programs(operation())) {
        let cell = TCell::new();
        let model = run(&program, None, |tx, model: &mut Option<u8>, operation| {
            match *operation {
                Operation::Put(value) if model.is_some() => {
                    assert_eq!(cell.try_put(tx, value)?, Err(value));
                }
                Operation::Put(value) => {
                    cell.put(tx, value)?;
                    *model = Some(value);
                }
                Operation::Replace(value) => {
                    assert_eq!(cell.replace(tx, value)?, model.replace(value));
                }
                Operation::Take => assert_eq!(cell.try_take(tx)?, model.take()),
                Operation::Peek => {
                    assert_eq!(cell.try_peek(tx)?, *model);
                    assert_eq!(cell.is_full(tx)?, model.is_some());
                    assert_eq!(cell.is_empty(tx)?, model.is_none());
                }
                Operation::Clear => {
                    cell.clear(tx)?;
                    *model = None;
                }
            }
            Ok(())
        });
        prop_assert_eq!(cell.take_now(), model);
    }
}

#[test]
fn a_value_that_looks_like_nothing_is_kept() {
    assert_eq!(TCell::from(0).take_now(), Some(0));
    assert_eq!(TCell::from(false).take_now(), Some(false));
    assert_eq!(TCell::from(()).take_now(), Some(()));
    assert_eq!(TCell::from(String::new()).take_now(), Some(String::new()));
    assert_eq!(TCell::from(None::<u8>).take_now(), Some(None));
}

#[test]
fn the_kind_traits_do_what_the_cell_does() {
    let cell: Box<dyn Ordered<Item = u8>> = Box::new(TCell::default());
    atomically(|tx| {
        assert!(cell.is_empty(tx)?);
        cell.put(tx, 1)?;
        assert!(cell.is_full(tx)?);
        assert_eq!(cell.try_put(tx, 2)?, Err(2));
        assert_eq!((cell.len(tx)?, cell.peek(tx)?, cell.take(tx)?), (1, 1, 1));
        assert_eq!(cell.try_take(tx)?, None);
        assert_eq!(cell.take_batch(tx, 5)?, []);
        cell.put(tx, 3)?;
        assert_eq!(cell.take_batch(tx, 0)?, []);
        assert_eq!(cell.take_batch(tx, 5)?, [3]);
        cell.put(tx, 4)?;
        cell.clear(tx)?;
        assert_eq!(cell.len(tx)?, 0);
        Ok(())
    });
}

#[test]
fn puts_wait_while_it_is_full_and_takes_while_it_is_empty() {
    let cell = TCell::from(1);
    assert_eq!(try_atomically(|tx| cell.put(tx, 2)), None);
    assert_eq!(cell.put_timeout(2, Duration::from_millis(1)), Err(2));
    let putter = {
        let cell = cell.clone();
        start_asleep(move || cell.put_blocking(2))
    };
    assert_eq!(cell.take_now(), Some(1));
    putter.answer();
    assert_eq!(cell.take_timeout(AGES), Some(2));
    assert_eq!(try_atomically(|tx| cell.peek(tx)), None);
    assert_eq!(cell.take_timeout(Duration::from_millis(1)), None);
    let taker = {
        let cell = cell.clone();
        start_asleep(move || cell.take_blocking())
    };
    assert_eq!(cell.put_timeout(3, AGES), Ok(()));
    assert_eq!(taker.answer(), 3);
    assert!(cell.ptr_eq(&cell.clone()) && !cell.ptr_eq(&TCell::new()));
    assert_eq!(format!("{cell:?}"), "TCell(None)");
}

#[test]
fn every_value_goes_through_once() {
    const EACH: usize = if cfg!(miri) { 10 } else { 2_000 };
    let cell = TCell::new();
    let putters: Vec<_> = (0..2)
        .map(|putter| {
            let cell = cell.clone();
            start(move || (0..EACH).for_each(|n| cell.put_blocking(putter * EACH + n)))
        })
        .collect();
    let takers: Vec<_> = (0..2)
        .map(|_| {
            let cell = cell.clone();
            start(move || (0..EACH).map(|_| cell.take_blocking()).collect::<Vec<_>>())
        })
        .collect();
    putters.into_iter().for_each(Running::answer);
    let mut all: Vec<_> = takers.into_iter().flat_map(Running::answer).collect();
    all.sort_unstable();
    assert_eq!(all, (0..2 * EACH).collect::<Vec<_>>());
}
