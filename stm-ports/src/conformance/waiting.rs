//! Who waits is woken, by what it waits for or by the end of it.

use std::sync::Arc;

use hivework_stm::{TVar, atomically};

use super::support::{gone, receive, send, start_asleep};
use super::{Sample, Subject};
use crate::port::Port;

/// A receive that waits is woken by a message.
pub fn a_waiting_receive_gets_the_message<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let waiting = start_asleep(move || there.receive_blocking().map(|m| m.number()));
    send(&*here, 1).unwrap();
    assert_eq!(waiting.answer(), Ok(1));
}

/// A receive that waits is woken when the other end is disconnected.
pub fn a_waiting_receive_hears_of_a_disconnection<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    let expected = gone(&*there);
    let waiting = start_asleep(move || there.receive_blocking());
    channel.disconnect(&*here).unwrap();
    assert_eq!(waiting.answer().unwrap_err(), expected);
}

/// A receive that waits is woken when its own end is disconnected.
pub fn a_waiting_receive_hears_of_its_own_disconnection<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, _here, there) = subject.connected();
    let there: Arc<dyn Port<M>> = there.into();
    let waiting = start_asleep({
        let there = Arc::clone(&there);
        move || there.receive_blocking()
    });
    channel.disconnect(&*there).unwrap();
    assert_eq!(waiting.answer().unwrap_err(), gone(&*there));
}

/// A receive that waits is woken when the port at the other end is dropped.
pub fn a_waiting_receive_hears_of_a_drop<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let waiting = start_asleep(move || there.receive_blocking().is_err());
    drop(here);
    assert!(waiting.answer());
}

/// So it is where the drop is inside a transaction, which can run no other.
pub fn a_waiting_receive_hears_of_a_drop_inside_a_transaction<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let waiting = start_asleep(move || there.receive_blocking().is_err());
    let mut here = Some(here);
    let unrelated = TVar::new(0);
    atomically(|tx| {
        here = None;
        unrelated.write(tx, 1)
    });
    assert!(waiting.answer());
}

/// With a bound, so many messages fit and no more; without one, all do. What does
/// not fit is given back.
pub fn a_channel_holds_what_its_bound_says<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let wanted = 1000;
    let fit = subject.that_fit(wanted);
    for n in 0..fit {
        let back = atomically(|tx| here.try_send(tx, M::of(n))).unwrap();
        assert!(back.is_none(), "message {n} did not fit");
    }
    if fit < wanted {
        let back = atomically(|tx| here.try_send(tx, M::of(7))).unwrap();
        let back = back.expect("a message was accepted beyond the bound");
        assert_eq!(back.number(), 7);
        // The other direction has room of its own.
        send(&*there, 1).unwrap();
        assert_eq!(receive(&*here), Ok(1));
    }
    for n in 0..fit {
        assert_eq!(receive(&*there), Ok(n));
    }
    send(&*here, 1).unwrap();
    assert_eq!(receive(&*there), Ok(1));
}

/// A send that waits for room goes on when a message is received. Nothing to check
/// without a bound.
pub fn a_waiting_send_goes_on_when_there_is_room<M: Sample>(subject: &Subject<'_, M>) {
    let Some(bound) = subject.bound else { return };
    let (_channel, here, there) = subject.connected();
    let count = bound.get() as u64;
    for n in 0..count {
        send(&*here, n).unwrap();
    }
    let waiting = start_asleep(move || (here.send_blocking(M::of(count)), here));
    for n in 0..=count {
        assert_eq!(receive(&*there), Ok(n));
    }
    assert_eq!(waiting.answer().0, Ok(()));
}

/// A send that waits for room is woken with an error when either end is left.
/// Nothing to check without a bound.
pub fn a_waiting_send_hears_of_a_disconnection<M: Sample>(subject: &Subject<'_, M>) {
    let Some(bound) = subject.bound else { return };
    for own in [false, true] {
        let (channel, here, there) = subject.connected();
        for n in 0..bound.get() as u64 {
            send(&*here, n).unwrap();
        }
        let here: Arc<dyn Port<M>> = here.into();
        let waiting = start_asleep({
            let here = Arc::clone(&here);
            move || here.send_blocking(M::of(9))
        });
        let leaves = if own { &*here } else { &*there };
        channel.disconnect(leaves).unwrap();
        assert_eq!(waiting.answer(), Err(gone(&*here)));
    }
}
