//! Multicast channels.

use std::num::NonZeroUsize;
use std::time::Duration;

use hivework_stm::{abort, atomically, atomically_or};
use stm_ports::{Closed, Disconnected, Listener, LocalMulticast, Multicast};

use crate::support::start_asleep;

fn over(listener: &dyn Listener<u32>) -> Disconnected {
    Disconnected {
        port: listener.id(),
        channel: listener.channel(),
    }
}

#[test]
fn a_listener_receives_what_is_sent_after_it_joined() {
    let news = LocalMulticast::new();
    news.send_blocking(1).unwrap();
    let first = news.join().unwrap();
    news.send_blocking(2).unwrap();
    let second = news.join().unwrap();
    news.send_blocking(3).unwrap();
    assert_eq!(first.receive_blocking(), Ok(2));
    assert_eq!(first.receive_blocking(), Ok(3));
    assert_eq!(atomically(|tx| second.receive_batch(tx, 9)), Ok(vec![3]));
    assert_eq!(atomically(|tx| first.try_receive(tx)), Ok(None));
    assert_eq!(first.receive_timeout(Duration::from_millis(1)), Ok(None));
}

#[test]
fn joining_sending_and_closing_are_parts_of_the_transaction() {
    let news = LocalMulticast::new();
    let listener = news.join().unwrap();
    let refused = atomically_or(|tx| {
        assert_eq!(news.send(tx, 1)?, Ok(()));
        let rolled_back = news.join_in(tx)?.unwrap();
        news.close_in(tx)?;
        abort::<(), _>(rolled_back)
    });
    drop(refused.unwrap_err());
    let joined = atomically(|tx| {
        let joined = news.join_in(tx)?.unwrap();
        assert_eq!(news.send(tx, 2)?, Ok(()));
        Ok(joined)
    });
    assert_eq!(joined.receive_blocking(), Ok(2));
    assert_eq!(listener.receive_blocking(), Ok(2));
}

#[test]
fn a_closed_channel_lets_nobody_send_or_join() {
    let news = LocalMulticast::new();
    let listener = news.join().unwrap();
    news.send_blocking(1).unwrap();
    news.close();
    assert_eq!(news.send_blocking(2), Err(Closed));
    assert_eq!(news.join().unwrap_err(), Closed);
    assert_eq!(listener.receive_blocking(), Ok(1));
    let expected = over(&*listener);
    assert_eq!(listener.receive_blocking(), Err(expected));
    assert_eq!(atomically(|tx| listener.try_receive(tx)), Err(expected));
    assert_eq!(
        atomically(|tx| listener.receive_batch(tx, 9)),
        Err(expected)
    );
    assert_eq!(
        listener.receive_timeout(Duration::from_secs(60)),
        Err(expected)
    );
}

#[test]
fn a_waiting_listener_hears_of_the_end() {
    for closed in [true, false] {
        let news = LocalMulticast::<u32>::new();
        let listener = news.join().unwrap();
        let expected = over(&*listener);
        let waiting = start_asleep(move || listener.receive_blocking());
        if closed {
            news.close();
        }
        drop(news);
        assert_eq!(waiting.answer(), Err(expected));
    }
}

#[test]
fn a_listener_that_lags_is_told_how_much_it_missed() {
    let news = LocalMulticast::bounded(NonZeroUsize::new(2).unwrap());
    let (slow, fast) = (news.join().unwrap(), news.join().unwrap());
    for n in 0..5 {
        news.send_blocking(n).unwrap();
        assert_eq!(fast.receive_blocking(), Ok(n));
    }
    assert_eq!(slow.receive_blocking(), Ok(3));
    assert_eq!(atomically(|tx| slow.missed(tx)), 3);
    assert_eq!(atomically(|tx| fast.missed(tx)), 0);
}

#[test]
fn multicast_channels_and_listeners_are_equal_by_identity() {
    let news = LocalMulticast::<u32>::new();
    let other = LocalMulticast::default();
    let (first, second) = (news.join().unwrap(), news.join().unwrap());
    assert!(news == news.clone() && news != other);
    let (dynamic, clone): (&dyn Multicast<u32>, &dyn Multicast<u32>) = (&news, &news.clone());
    assert!(dynamic == clone);
    assert!(*first != *second);
    assert_eq!(first.channel(), news.id());
    assert_eq!(second.channel(), dynamic.id());
}
