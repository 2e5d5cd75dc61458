//! The promise.

use std::time::Duration;

use hivework_stm::{TVar, abort, atomically, atomically_or, try_atomically};
use stm_ports::TOnce;

use crate::support::{AGES, start, start_asleep};

#[test]
fn it_is_set_once() {
    let once = TOnce::new();
    assert_eq!(once.get_now(), None);
    assert_eq!(try_atomically(|tx| once.get(tx)), None);
    assert_eq!(once.wait_timeout(Duration::from_millis(1)), None);
    atomically(|tx| {
        assert!(!once.is_set(tx)?);
        assert_eq!(once.set(tx, 0)?, Ok(()));
        assert_eq!(once.set(tx, 1)?, Err(1));
        assert_eq!(once.get(tx)?, 0);
        Ok(())
    });
    assert_eq!(once.set_now(2), Err(2));
    assert_eq!((once.get_now(), once.wait_blocking()), (Some(0), 0));
    assert_eq!(once.wait_timeout(AGES), Some(0));
    assert!(atomically(|tx| once.is_set(tx)));
    assert_eq!(format!("{once:?}"), "TOnce(Some(0))");
    assert!(once.ptr_eq(&once.clone()) && !once.ptr_eq(&TOnce::from(0)));
    assert_eq!(TOnce::<u8>::default().get_now(), None);
}

#[test]
fn a_setting_that_is_rolled_back_leaves_it_to_be_set() {
    let once = TOnce::new();
    let refused = atomically_or(|tx| {
        assert_eq!(once.set(tx, 1)?, Ok(()));
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(once.set_now(2), Ok(()));
    assert_eq!(once.wait_blocking(), 2);
}

#[test]
fn all_who_wait_go_on_and_see_what_was_changed_along_with_it() {
    let (once, beside) = (TOnce::new(), TVar::new(0));
    let waiters: Vec<_> = (0..4)
        .map(|n| {
            let (once, beside) = (once.clone(), beside.clone());
            start_asleep(move || match n {
                0 => (once.wait_blocking(), beside.load()),
                1 => (once.wait_timeout(AGES).unwrap(), beside.load()),
                _ => atomically(|tx| Ok((once.get(tx)?, beside.read(tx)?))),
            })
        })
        .collect();
    atomically(|tx| {
        beside.write(tx, 7)?;
        once.set(tx, "now")
    })
    .unwrap();
    for waiter in waiters {
        assert_eq!(waiter.answer(), ("now", 7));
    }
}

#[test]
fn one_of_many_sets_it() {
    for _ in 0..if cfg!(miri) { 2 } else { 100 } {
        let once = TOnce::new();
        let setters: Vec<_> = (0..4)
            .map(|n| {
                let once = once.clone();
                start(move || once.set_now(n).is_ok())
            })
            .collect();
        let winners: Vec<_> = setters
            .into_iter()
            .map(|setter| setter.answer())
            .enumerate()
            .filter_map(|(n, won)| won.then_some(n))
            .collect();
        assert_eq!(winners, [once.wait_blocking()]);
    }
}
