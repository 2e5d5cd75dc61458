//! The barrier.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hivework_stm::{abort, atomically, atomically_or, try_atomically};
use stm_ports::TBarrier;

use crate::support::{AGES, Running, start, start_asleep, start_held};

fn of(parties: usize) -> TBarrier {
    TBarrier::new(NonZeroUsize::new(parties).unwrap())
}

fn arrived(barrier: &TBarrier) -> usize {
    atomically(|tx| barrier.arrived(tx))
}

/// In every round nobody goes on before all have come, and one of them leads.
#[test]
fn parties_wait_for_each_other_round_after_round() {
    const PARTIES: usize = 4;
    const ROUNDS: usize = if cfg!(miri) { 3 } else { 500 };
    let (barrier, counts) = (
        of(PARTIES),
        Arc::new([const { AtomicUsize::new(0) }; ROUNDS]),
    );
    let parties: Vec<_> = (0..PARTIES)
        .map(|_| {
            let (barrier, counts) = (barrier.clone(), Arc::clone(&counts));
            start(move || {
                let mut led = 0;
                for count in counts.iter() {
                    count.fetch_add(1, Ordering::SeqCst);
                    led += usize::from(barrier.wait_blocking().is_leader());
                    assert_eq!(count.load(Ordering::SeqCst), PARTIES);
                }
                led
            })
        })
        .collect();
    let led: usize = parties.into_iter().map(Running::answer).sum();
    assert_eq!((led, arrived(&barrier)), (ROUNDS, 0));
}

#[test]
fn one_party_alone_never_waits() {
    let barrier = of(1);
    for _ in 0..3 {
        assert!(barrier.wait_blocking().is_leader());
        assert!(barrier.wait_timeout(Duration::ZERO).is_some());
    }
}

#[test]
fn one_that_gives_up_is_not_counted() {
    let barrier = of(2);
    let gives_up = {
        let barrier = barrier.clone();
        start_held(move || barrier.wait_timeout(Duration::from_millis(1)))
    };
    assert_eq!(arrived(&barrier), 1);
    assert_eq!(gives_up.go(), None);
    assert_eq!(arrived(&barrier), 0);
    let waits = {
        let barrier = barrier.clone();
        start_asleep(move || barrier.wait_timeout(AGES))
    };
    assert!(barrier.wait_blocking().is_leader());
    assert!(!waits.answer().unwrap().is_leader());
}

/// Its time is over, but so is the round.
#[test]
fn one_that_gives_up_too_late_has_passed() {
    let barrier = of(2);
    let late = {
        let barrier = barrier.clone();
        start_held(move || barrier.wait_timeout(Duration::from_millis(1)))
    };
    assert!(barrier.wait_blocking().is_leader());
    assert!(late.go().is_some());
    assert_eq!(arrived(&barrier), 0);
}

/// Parties that come in pairs, and give up after no time at all, now and then: a round has
/// exactly two, so passes are even in number, and half of them lead.
#[test]
fn giving_up_beside_arriving_loses_nobody() {
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 2_000 };
    let barrier = of(2);
    let parties: Vec<_> = (0..3_u64)
        .map(|n| {
            let barrier = barrier.clone();
            start(move || {
                let passes = (0..ROUNDS)
                    .filter_map(|_| barrier.wait_timeout(Duration::from_micros(n * 10)))
                    .map(|passed| (1, usize::from(passed.is_leader())));
                passes.fold((0, 0), |sum, pass| (sum.0 + pass.0, sum.1 + pass.1))
            })
        })
        .collect();
    let (passes, leaders) = parties
        .into_iter()
        .map(Running::answer)
        .fold((0, 0), |sum, party| (sum.0 + party.0, sum.1 + party.1));
    assert_eq!((passes, arrived(&barrier)), (2 * leaders, 0));
}

#[test]
fn arriving_and_waiting_are_transactions_of_their_own() {
    let barrier = of(2);
    let first = atomically(|tx| barrier.arrive(tx));
    assert_eq!(try_atomically(|tx| first.wait(tx)), None);
    let refused = atomically_or(|tx| {
        let second = barrier.arrive(tx)?;
        assert!(second.wait(tx)?.is_leader(), "the last need not wait");
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert!(!atomically(|tx| first.is_over(tx)));
    let waits = start_asleep(move || atomically(|tx| first.wait(tx)));
    let second = atomically(|tx| barrier.arrive(tx));
    assert!(!waits.answer().is_leader());
    assert!(atomically(|tx| second.wait(tx)).is_leader());
    assert_eq!(barrier.parties().get(), 2);
    assert!(barrier.ptr_eq(&barrier.clone()) && !barrier.ptr_eq(&of(2)));
    assert!(format!("{barrier:?}").contains("arrived: 0"));
}
