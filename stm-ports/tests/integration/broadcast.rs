//! Multicast.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hivework_stm::{abort, atomically, atomically_or, try_atomically};
use stm_ports::{Container, TBroadcast};

use crate::support::{Counted, Random, eventually, start};

fn bound(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

#[test]
fn a_receiver_sees_what_is_sent_after_it_joined() {
    let news = TBroadcast::new();
    news.send_now(1);
    let first = news.subscribe();
    news.send_now(2);
    let second = news.subscribe();
    news.send_now(3);
    assert_eq!(atomically(|tx| first.receive_batch(tx, 9)), [2, 3]);
    assert_eq!(atomically(|tx| second.receive_batch(tx, 9)), [3]);
    assert_eq!(atomically(|tx| first.receive_batch(tx, 9)), []);
    assert_eq!(first.receive_now(), None);
    assert_eq!(first.receive_timeout(Duration::from_millis(1)), None);
    assert_eq!(try_atomically(|tx| first.receive(tx)), None);
}

#[test]
fn joining_and_sending_in_one_transaction_keep_their_order() {
    let news = TBroadcast::new();
    let receiver = atomically(|tx| {
        news.send(tx, 1)?;
        let receiver = news.subscribe_in(tx)?;
        news.send(tx, 2)?;
        Ok(receiver)
    });
    assert_eq!(receiver.receive_blocking(), 2);
    assert_eq!(receiver.receive_now(), None);
}

#[test]
fn a_send_or_joining_that_is_rolled_back_was_never_there() {
    let news = TBroadcast::new();
    let receiver = news.subscribe();
    let refused = atomically_or(|tx| {
        news.send(tx, 1)?;
        let _rolled_back = news.subscribe_in(tx)?;
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(receiver.receive_now(), None);
    assert_eq!(atomically(|tx| news.receivers(tx)), 1);
}

#[test]
fn clones_of_a_receiver_are_one_receiver() {
    let news = TBroadcast::new();
    let receiver = news.subscribe();
    let clone = receiver.clone();
    news.send_now(1);
    news.send_now(2);
    assert_eq!(clone.receive_now(), Some(1));
    assert_eq!(receiver.receive_now(), Some(2));
    assert_eq!(clone.receive_now(), None);
    drop(receiver);
    news.send_now(3);
    assert_eq!(clone.receive_now(), Some(3));
    assert_eq!(atomically(|tx| news.receivers(tx)), 1);
}

#[test]
fn a_receiver_that_leaves_is_forgotten() {
    let news = TBroadcast::new();
    let (stays, leaves) = (news.subscribe(), news.subscribe());
    assert_eq!(atomically(|tx| news.receivers(tx)), 2);
    drop(leaves);
    assert_eq!(atomically(|tx| news.receivers(tx)), 1);
    news.send_now(1);
    assert_eq!(stays.receive_now(), Some(1));
    let mut stays = Some(stays);
    atomically(|tx| {
        stays = None;
        news.send(tx, 2)
    });
    assert_eq!(
        format!("{news:?}"),
        "TBroadcast { receivers: 0, bound: None }"
    );
}

#[test]
fn a_waiting_receiver_is_woken_by_a_send() {
    let (there, back) = (TBroadcast::new(), TBroadcast::new());
    let (hears, answers) = (there.subscribe(), back.subscribe());
    let echo = start(move || {
        for _ in 0..500 {
            back.send_now(hears.receive_blocking());
        }
    });
    for n in 0..500 {
        there.send_now(n);
        assert_eq!(answers.receive_blocking(), n);
    }
    echo.answer();
}

/// Receivers that join while two senders send all see one order, and each a suffix
/// of it.
#[test]
fn all_receivers_see_the_same_order() {
    const EACH: u32 = 500;
    let news = TBroadcast::new();
    let whole = news.subscribe();
    let senders = [0, 1].map(|sender| {
        let news = news.clone();
        start(move || (0..EACH).for_each(|n| news.send_now((sender, n))))
    });
    let receivers: Vec<_> = (0..20).map(|_| news.subscribe()).collect();
    for sender in senders {
        sender.answer();
    }
    let all = atomically(|tx| whole.receive_batch(tx, usize::MAX));
    assert_eq!(all.len(), 2 * EACH as usize);
    for receiver in receivers {
        let seen = atomically(|tx| receiver.receive_batch(tx, usize::MAX));
        assert!(all.ends_with(&seen));
    }
}

/// Random sends, receives, joinings and leavings agree with a list of all values
/// and a place in it for each receiver.
#[test]
fn a_bounded_broadcast_agrees_with_a_list() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let limit = 1 + random.below(5);
        let news = TBroadcast::bounded(bound(limit));
        let mut sent = Vec::new();
        let mut receivers = Vec::new();
        for _ in 0..200 {
            match random.below(8) {
                0 if receivers.len() < 4 => receivers.push((news.subscribe(), sent.len(), 0_u64)),
                1 if !receivers.is_empty() => {
                    receivers.swap_remove(random.below(receivers.len()));
                }
                2..=4 => {
                    let value = random.next();
                    sent.push(value);
                    news.send_now(value);
                }
                _ => {
                    for (receiver, place, missed) in &mut receivers {
                        let oldest = sent.len().saturating_sub(limit).max(*place);
                        *missed += (oldest - *place) as u64;
                        let expected = sent.get(oldest).copied();
                        *place = (oldest + 1).min(sent.len());
                        let (seen, lost, left) = atomically(|tx| {
                            let full = receiver.is_full(tx)?;
                            assert_eq!(full, receiver.len(tx)? == limit);
                            let seen = receiver.try_receive(tx)?;
                            Ok((seen, receiver.missed(tx)?, receiver.len(tx)?))
                        });
                        assert_eq!((seen, lost), (expected, *missed), "seed {seed}");
                        assert_eq!(left, sent.len() - *place, "seed {seed}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_receiver_that_never_reads_holds_no_more_than_the_bound() {
    let count = Arc::new(AtomicUsize::new(0));
    let news = TBroadcast::bounded(bound(10));
    let receiver = news.subscribe();
    for _ in 0..50_000 {
        news.send_now(Counted::new(&count));
    }
    eventually("ten are left", || count.load(Ordering::SeqCst) == 10);
    assert_eq!(atomically(|tx| receiver.missed(tx)), 49_990);
    assert_eq!(atomically(|tx| receiver.len(tx)), 10);
}

#[test]
fn what_nobody_will_read_is_dropped() {
    let count = Arc::new(AtomicUsize::new(0));
    let news = TBroadcast::new();
    news.send_now(Counted::new(&count));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    let (lags, reads) = (news.subscribe(), news.subscribe());
    for _ in 0..1000 {
        news.send_now(Counted::new(&count));
        drop(reads.receive_now());
    }
    drop(lags);
    eventually("all dropped", || count.load(Ordering::SeqCst) == 0);
}

#[test]
fn skipping_is_not_missing() {
    let news = TBroadcast::bounded(bound(2));
    let receiver = news.subscribe();
    news.send_now(1);
    atomically(|tx| receiver.clear(tx));
    news.send_now(2);
    assert_eq!(receiver.receive_now(), Some(2));
    assert_eq!(atomically(|tx| receiver.missed(tx)), 0);
    assert!(atomically(|tx| receiver.is_empty(tx)));
}
