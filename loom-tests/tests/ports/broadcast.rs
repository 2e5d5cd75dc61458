//! Multicast: joining, leaving and lagging against a send.

use std::num::NonZeroUsize;

use hivework_loom_tests::{model, model_within};
use hivework_stm::atomically;
use hivework_stm::facade::thread;
use stm_ports::{Closed, TBroadcast};

#[test]
fn a_joining_comes_before_a_send_or_after_it() {
    model("broadcast: join against send", || {
        let news = TBroadcast::new();
        let sender = {
            let news = news.clone();
            thread::spawn(move || news.send_now(1).unwrap())
        };
        let receiver = news.subscribe();
        sender.join().unwrap();
        news.send_now(2).unwrap();
        let seen = atomically(|tx| receiver.receive_batch(tx, 9)).unwrap();
        assert!(seen == [1, 2] || seen == [2]);
    });
}

#[test]
fn two_who_join_at_once_are_both_there() {
    model("broadcast: join against join", || {
        let news = TBroadcast::new();
        let other = {
            let news = news.clone();
            thread::spawn(move || news.subscribe())
        };
        let receivers = [news.subscribe(), other.join().unwrap()];
        news.send_now(1).unwrap();
        assert_eq!(
            receivers.map(|receiver| receiver.receive_now().unwrap()),
            [Some(1); 2]
        );
    });
}

#[test]
fn a_leaving_takes_nothing_from_those_who_stay() {
    model_within(2, "broadcast: leave against send", || {
        let news = TBroadcast::new();
        let (stays, leaves) = (news.subscribe(), news.subscribe());
        // Dropping alone is no step that a model sees.
        let leaver = thread::spawn(move || leaves.receive_now().unwrap());
        news.send_now(1).unwrap();
        let seen = leaver.join().unwrap();
        assert!(matches!(seen, None | Some(1)));
        news.send_now(2).unwrap();
        assert_eq!(atomically(|tx| stays.receive_batch(tx, 9)).unwrap(), [1, 2]);
        assert_eq!(atomically(|tx| news.receivers(tx)), 1);
    });
}

#[test]
fn a_waiting_receiver_gets_the_send() {
    model_within(2, "broadcast: send against a receive that waits", || {
        let news = TBroadcast::new();
        let receiver = news.subscribe();
        let sender = thread::spawn(move || news.send_now(1).unwrap());
        assert_eq!(receiver.receive_blocking().unwrap(), 1);
        sender.join().unwrap();
    });
}

#[test]
fn every_value_is_received_or_counted_as_missed() {
    model_within(2, "broadcast: a bounded send against a receive", || {
        let news = TBroadcast::bounded(const { NonZeroUsize::new(1).unwrap() });
        let receiver = news.subscribe();
        news.send_now(1).unwrap();
        let sender = {
            let news = news.clone();
            thread::spawn(move || news.send_now(2).unwrap())
        };
        let first = receiver.receive_blocking().unwrap();
        sender.join().unwrap();
        let second = receiver.receive_now().unwrap();
        let missed = atomically(|tx| receiver.missed(tx));
        assert!(matches!(
            (first, missed, second),
            (1, 0, Some(2)) | (2, 1, None)
        ));
    });
}

#[test]
fn a_send_beside_a_closing_is_received_or_refused() {
    model("broadcast: close against send", || {
        let news = TBroadcast::new();
        let receiver = news.subscribe();
        let closer = {
            let news = news.clone();
            thread::spawn(move || news.close())
        };
        let sent = news.send_now(1);
        closer.join().unwrap();
        assert_eq!(news.send_now(2), Err(Closed));
        if sent.is_ok() {
            assert_eq!(receiver.receive_blocking(), Ok(1));
        }
        assert_eq!(receiver.receive_blocking(), Err(Closed));
    });
}

#[test]
fn a_waiting_receiver_hears_of_a_closing() {
    model_within(2, "broadcast: close against a receive that waits", || {
        let news = TBroadcast::<u8>::new();
        let receiver = news.subscribe();
        let closer = thread::spawn(move || news.close());
        assert_eq!(receiver.receive_blocking(), Err(Closed));
        closer.join().unwrap();
    });
}

#[test]
fn a_waiting_receiver_hears_that_the_last_sender_has_gone() {
    model("broadcast: last drop against a receive that waits", || {
        let news = TBroadcast::<u8>::new();
        let receiver = news.subscribe();
        let sender = thread::spawn(move || drop(news));
        assert_eq!(receiver.receive_blocking(), Err(Closed));
        sender.join().unwrap();
    });
}

#[test]
fn who_joins_beside_a_closing_hears_of_it() {
    model_within(2, "broadcast: close against join", || {
        let news = TBroadcast::<u8>::new();
        let closer = {
            let news = news.clone();
            thread::spawn(move || news.close())
        };
        let receiver = news.subscribe();
        assert_eq!(receiver.receive_blocking(), Err(Closed));
        closer.join().unwrap();
    });
}
