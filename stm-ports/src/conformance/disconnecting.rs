//! What becomes of messages and ends when an end is left.

use hivework_stm::atomically;

use super::support::{AGES, gone, receive, send};
use super::{Sample, Subject};

/// Once one end was left, a send from the other answers so, and never waits.
pub fn a_send_to_an_end_that_was_left_is_an_error<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    for n in 0..subject.that_fit(3) {
        send(&*there, n).unwrap();
    }
    channel.disconnect(&*here).unwrap();
    assert_eq!(send(&*there, 9), Err(gone(&*there)));
    let tried = atomically(|tx| there.try_send(tx, M::of(9)));
    assert_eq!(tried.unwrap_err(), gone(&*there));
}

/// A disconnected port answers every send and every receive with an error, whatever
/// lies at its end.
pub fn a_disconnected_port_answers_errors<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    send(&*there, 1).unwrap();
    channel.disconnect(&*here).unwrap();
    let expected = gone(&*here);
    assert_eq!(send(&*here, 9), Err(expected));
    let tried = atomically(|tx| here.try_send(tx, M::of(9)));
    assert_eq!(tried.unwrap_err(), expected);
    assert_eq!(receive(&*here), Err(expected));
    let tried = atomically(|tx| here.try_receive(tx));
    assert_eq!(tried.unwrap_err(), expected);
    let batch = atomically(|tx| here.receive_batch(tx, 9));
    assert_eq!(batch.unwrap_err(), expected);
}

/// The other end receives what was sent before the disconnection, in order, and
/// then hears of it, in every form of receiving.
pub fn what_was_sent_before_a_disconnection_is_received<M: Sample>(subject: &Subject<'_, M>) {
    for dropped in [false, true] {
        let (channel, here, there) = subject.connected();
        let count = subject.that_fit(10);
        for n in 0..count {
            send(&*here, n).unwrap();
        }
        if dropped {
            drop(here);
        } else {
            channel.disconnect(&*here).unwrap();
        }
        for n in 0..count {
            assert_eq!(receive(&*there), Ok(n));
        }
        let expected = gone(&*there);
        let told = there.receive_timeout(AGES);
        assert_eq!(told.unwrap_err(), expected);
        let told = atomically(|tx| there.try_receive(tx));
        assert_eq!(told.unwrap_err(), expected);
        let told = atomically(|tx| there.receive_batch(tx, 9));
        assert_eq!(told.unwrap_err(), expected);
    }
}

/// What a port had not received is received by the next one at its end, and what is
/// sent after that comes after it.
pub fn the_next_port_takes_over_what_was_not_received<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    send(&*there, 1).unwrap();
    drop(here);
    assert!(send(&*there, 2).is_err());
    let next = channel.connect().unwrap();
    assert_eq!(receive(&*next), Ok(1));
    send(&*next, 3).unwrap();
    assert_eq!(receive(&*there), Ok(3));
    send(&*there, 4).unwrap();
    assert_eq!(receive(&*next), Ok(4));
}

/// A port that was disconnected works again once it is connected again, at
/// whichever end is free.
pub fn a_port_can_be_connected_again<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    channel.disconnect(&*here).unwrap();
    channel.reconnect(&*here).unwrap();
    send(&*here, 1).unwrap();
    assert_eq!(receive(&*there), Ok(1));
    // Both change places.
    channel.disconnect(&*here).unwrap();
    channel.disconnect(&*there).unwrap();
    channel.reconnect(&*there).unwrap();
    channel.reconnect(&*here).unwrap();
    send(&*here, 2).unwrap();
    assert_eq!(receive(&*there), Ok(2));
    send(&*there, 3).unwrap();
    assert_eq!(receive(&*here), Ok(3));
}

/// A port that was disconnected and is dropped later takes nothing from the next
/// one at its end.
pub fn dropping_a_disconnected_port_leaves_its_successor_alone<M: Sample>(
    subject: &Subject<'_, M>,
) {
    let (channel, here, there) = subject.connected();
    channel.disconnect(&*here).unwrap();
    let next = channel.connect().unwrap();
    drop(here);
    assert!(atomically(|tx| next.is_connected(tx)));
    send(&*there, 1).unwrap();
    assert_eq!(receive(&*next), Ok(1));
}
