//! Multicast.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hivework_stm::{abort, atomically, atomically_or, try_atomically};
use stm_ports::{Closed, Container, TBroadcast};

use crate::support::{Counted, Random, eventually, start, start_asleep};

fn bound(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

#[test]
fn a_receiver_sees_what_is_sent_after_it_joined() {
    let news = TBroadcast::new();
    news.send_now(1).unwrap();
    let first = news.subscribe();
    news.send_now(2).unwrap();
    let second = news.subscribe();
    news.send_now(3).unwrap();
    assert_eq!(atomically(|tx| first.receive_batch(tx, 9)).unwrap(), [2, 3]);
    assert_eq!(atomically(|tx| second.receive_batch(tx, 9)).unwrap(), [3]);
    assert_eq!(atomically(|tx| first.receive_batch(tx, 9)).unwrap(), []);
    assert_eq!(first.receive_now().unwrap(), None);
    assert_eq!(
        first.receive_timeout(Duration::from_millis(1)).unwrap(),
        None
    );
    assert_eq!(try_atomically(|tx| first.receive(tx)), None);
}

#[test]
fn joining_and_sending_in_one_transaction_keep_their_order() {
    let news = TBroadcast::new();
    let receiver = atomically(|tx| {
        assert_eq!(news.send(tx, 1)?, Ok(()));
        let receiver = news.subscribe_in(tx)?;
        assert_eq!(news.send(tx, 2)?, Ok(()));
        Ok(receiver)
    });
    assert_eq!(receiver.receive_blocking().unwrap(), 2);
    assert_eq!(receiver.receive_now().unwrap(), None);
}

#[test]
fn a_send_or_joining_that_is_rolled_back_was_never_there() {
    let news = TBroadcast::new();
    let receiver = news.subscribe();
    let refused = atomically_or(|tx| {
        assert_eq!(news.send(tx, 1)?, Ok(()));
        let _rolled_back = news.subscribe_in(tx)?;
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(receiver.receive_now().unwrap(), None);
    assert_eq!(atomically(|tx| news.receivers(tx)), 1);
}

#[test]
fn clones_of_a_receiver_are_one_receiver() {
    let news = TBroadcast::new();
    let receiver = news.subscribe();
    let clone = receiver.clone();
    news.send_now(1).unwrap();
    news.send_now(2).unwrap();
    assert_eq!(clone.receive_now().unwrap(), Some(1));
    assert_eq!(receiver.receive_now().unwrap(), Some(2));
    assert_eq!(clone.receive_now().unwrap(), None);
    drop(receiver);
    news.send_now(3).unwrap();
    assert_eq!(clone.receive_now().unwrap(), Some(3));
    assert_eq!(atomically(|tx| news.receivers(tx)), 1);
}

#[test]
fn a_receiver_that_leaves_is_forgotten() {
    let news = TBroadcast::new();
    let (stays, leaves) = (news.subscribe(), news.subscribe());
    assert_eq!(atomically(|tx| news.receivers(tx)), 2);
    drop(leaves);
    assert_eq!(atomically(|tx| news.receivers(tx)), 1);
    news.send_now(1).unwrap();
    assert_eq!(stays.receive_now().unwrap(), Some(1));
    let mut stays = Some(stays);
    atomically(|tx| {
        stays = None;
        news.send(tx, 2)
    })
    .unwrap();
    assert_eq!(
        format!("{news:?}"),
        "TBroadcast { receivers: 0, closed: false, bound: None }"
    );
}

#[test]
fn a_waiting_receiver_is_woken_by_a_send() {
    let (there, back) = (TBroadcast::new(), TBroadcast::new());
    let (hears, answers) = (there.subscribe(), back.subscribe());
    let echo = start(move || {
        for _ in 0..500 {
            back.send_now(hears.receive_blocking().unwrap()).unwrap();
        }
    });
    for n in 0..500 {
        there.send_now(n).unwrap();
        assert_eq!(answers.receive_blocking().unwrap(), n);
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
        start(move || (0..EACH).for_each(|n| news.send_now((sender, n)).unwrap()))
    });
    let receivers: Vec<_> = (0..20).map(|_| news.subscribe()).collect();
    for sender in senders {
        sender.answer();
    }
    let all = atomically(|tx| whole.receive_batch(tx, usize::MAX)).unwrap();
    assert_eq!(all.len(), 2 * EACH as usize);
    for receiver in receivers {
        let seen = atomically(|tx| receiver.receive_batch(tx, usize::MAX)).unwrap();
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
                    news.send_now(value).unwrap();
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
                            let seen = receiver.try_receive(tx)?.unwrap();
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
        news.send_now(Counted::new(&count)).unwrap();
    }
    eventually("ten are left", || count.load(Ordering::SeqCst) == 10);
    assert_eq!(atomically(|tx| receiver.missed(tx)), 49_990);
    assert_eq!(atomically(|tx| receiver.len(tx)), 10);
}

#[test]
fn what_nobody_will_read_is_dropped() {
    let count = Arc::new(AtomicUsize::new(0));
    let news = TBroadcast::new();
    news.send_now(Counted::new(&count)).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 0);
    let (lags, reads) = (news.subscribe(), news.subscribe());
    for _ in 0..1000 {
        news.send_now(Counted::new(&count)).unwrap();
        drop(reads.receive_now().unwrap());
    }
    drop(lags);
    eventually("all dropped", || count.load(Ordering::SeqCst) == 0);
}

#[test]
fn skipping_is_not_missing() {
    let news = TBroadcast::bounded(bound(2));
    let receiver = news.subscribe();
    news.send_now(1).unwrap();
    atomically(|tx| receiver.clear(tx));
    news.send_now(2).unwrap();
    assert_eq!(receiver.receive_now().unwrap(), Some(2));
    assert_eq!(atomically(|tx| receiver.missed(tx)), 0);
    assert!(atomically(|tx| receiver.is_empty(tx)));
}

#[test]
fn a_closed_broadcast_is_drained_and_then_over() {
    let news = TBroadcast::new();
    let receiver = news.subscribe();
    news.send_now(1).unwrap();
    news.send_now(2).unwrap();
    news.close();
    news.close();
    assert!(atomically(|tx| news.is_closed(tx)));
    assert_eq!(news.send_now(3), Err(Closed));
    assert_eq!(receiver.receive_blocking(), Ok(1));
    assert_eq!(atomically(|tx| receiver.receive_batch(tx, 0)), Ok(vec![]));
    assert_eq!(atomically(|tx| receiver.receive_batch(tx, 9)), Ok(vec![2]));
    assert_eq!(receiver.receive_blocking(), Err(Closed));
    assert_eq!(receiver.receive_now(), Err(Closed));
    assert_eq!(
        receiver.receive_timeout(Duration::from_secs(60)),
        Err(Closed)
    );
    assert_eq!(atomically(|tx| receiver.try_receive(tx)), Err(Closed));
    assert_eq!(atomically(|tx| receiver.receive_batch(tx, 9)), Err(Closed));
}

#[test]
fn who_joins_a_closed_broadcast_hears_of_it() {
    let news = TBroadcast::<u8>::new();
    news.close();
    let late = news.subscribe();
    assert_eq!(late.receive_blocking(), Err(Closed));
    assert_eq!(atomically(|tx| news.receivers(tx)), 0);
}

#[test]
fn a_closing_is_a_part_of_the_transaction() {
    let news = TBroadcast::new();
    let receiver = news.subscribe();
    let refused = atomically_or(|tx| {
        news.close_in(tx)?;
        assert_eq!(news.send(tx, 1)?, Err(Closed));
        assert_eq!(receiver.try_receive(tx)?, Err(Closed));
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    news.send_now(2).unwrap();
    assert_eq!(receiver.receive_now(), Ok(Some(2)));
    // The last word and the end, in one step.
    atomically(|tx| {
        assert_eq!(news.send(tx, 3)?, Ok(()));
        news.close_in(tx)
    });
    assert_eq!(receiver.receive_blocking(), Ok(3));
    assert_eq!(receiver.receive_blocking(), Err(Closed));
}

#[test]
fn a_waiting_receiver_hears_of_a_closing() {
    let news = TBroadcast::<u8>::new();
    let receiver = news.subscribe();
    let waiting = start_asleep(move || receiver.receive_blocking());
    news.close();
    assert_eq!(waiting.answer(), Err(Closed));
}

#[test]
fn the_last_handle_closes_the_broadcast() {
    for inside in [false, true] {
        let news = TBroadcast::<u8>::new();
        let receiver = news.subscribe();
        let other = news.clone();
        drop(news);
        other.send_now(1).unwrap();
        let waiting = start_asleep(move || {
            let first = receiver.receive_blocking();
            (first, receiver.receive_blocking())
        });
        let mut other = Some(other);
        if inside {
            let unrelated = hivework_stm::TVar::new(0);
            atomically(|tx| {
                other = None;
                unrelated.write(tx, 1)
            });
        }
        drop(other);
        assert_eq!(waiting.answer(), (Ok(1), Err(Closed)));
    }
}
