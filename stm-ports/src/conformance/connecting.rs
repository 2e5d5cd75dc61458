//! Who holds the ends.

use std::sync::Arc;

use hivework_stm::{TVar, abort, atomically, atomically_or};

use super::support::{eventually, gone, receive, send, start};
use super::{Sample, Subject};
use crate::channel::Channel;
use crate::error::ConnectError;

/// Channels and ports are equal to themselves and to nothing else.
pub fn channels_and_ports_have_identities<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    let other = subject.channel();
    let same = &channel;
    assert!(**same == *channel && *channel != *other);
    let (same, its_same) = (&here, &there);
    assert!(**same == *here && **its_same == *there && *here != *there);
    let id = channel.id();
    assert_eq!((here.channel(), there.channel()), (id, id));
}

/// A third port, new or disconnected, is told that both ends are occupied.
pub fn a_third_port_finds_both_ends_occupied<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, _there) = subject.connected();
    let occupied = |port| ConnectError::ChannelFullyOccupied {
        channel: channel.id(),
        port,
    };
    assert_eq!(channel.connect().unwrap_err(), occupied(None));
    channel.disconnect(&*here).unwrap();
    let next = channel.connect().unwrap();
    let refused = channel.reconnect(&*here);
    assert_eq!(refused, Err(occupied(Some(here.id()))));
    drop(next);
    channel.reconnect(&*here).unwrap();
}

/// Connecting a connected port again is an error that changes nothing.
pub fn a_connected_port_is_not_connected_again<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    let already = ConnectError::PortAlreadyConnected {
        channel: channel.id(),
        port: here.id(),
    };
    assert_eq!(channel.reconnect(&*here), Err(already));
    send(&*here, 1).unwrap();
    assert_eq!(receive(&*there), Ok(1));
}

/// Another channel's port can be neither connected nor disconnected here.
pub fn a_stranger_is_not_connected<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, _here, _there) = subject.connected();
    let (_other, stranger, _peer) = subject.connected();
    let not_connected = Err(ConnectError::PortNotConnected {
        channel: channel.id(),
        port: stranger.id(),
    });
    assert_eq!(channel.disconnect(&*stranger), not_connected);
    assert_eq!(channel.reconnect(&*stranger), not_connected);
    assert!(atomically(|tx| stranger.is_connected(tx)));
}

/// Disconnecting a port a second time is an error; the other end's is its own.
pub fn a_port_is_disconnected_once<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    assert_eq!(channel.disconnect(&*here), Ok(()));
    let not_connected = ConnectError::PortNotConnected {
        channel: channel.id(),
        port: here.id(),
    };
    assert_eq!(channel.disconnect(&*here), Err(not_connected));
    assert_eq!(channel.disconnect(&*there), Ok(()));
    assert!(channel.disconnect(&*there).is_err());
}

/// `is_connected` says of a port whether it holds its end, whatever the other does.
pub fn being_connected_is_told_of_each_end_apart<M: Sample>(subject: &Subject<'_, M>) {
    let channel = subject.channel();
    let here = channel.connect().unwrap();
    assert!(atomically(|tx| here.is_connected(tx)));
    let there = channel.connect().unwrap();
    channel.disconnect(&*here).unwrap();
    assert!(!atomically(|tx| here.is_connected(tx)));
    assert!(atomically(|tx| there.is_connected(tx)));
    channel.reconnect(&*here).unwrap();
    assert!(atomically(|tx| here.is_connected(tx)));
}

/// A port whose connecting is rolled back holds nothing, and its drop disturbs
/// nobody.
pub fn a_connecting_that_is_rolled_back_takes_no_end<M: Sample>(subject: &Subject<'_, M>) {
    let channel = subject.channel();
    let refused = atomically_or(|tx| {
        let port = channel.connect_in(tx)?.unwrap();
        let _ = port.send(tx, M::of(1))?;
        abort::<(), _>(port)
    });
    let Err(port) = refused else {
        panic!("the abort did not come out");
    };
    assert_eq!(port.send_blocking(M::of(1)), Err(gone(&*port)));
    let (here, there) = atomically(|tx| {
        let here = channel.connect_in(tx)?.unwrap();
        let there = channel.connect_in(tx)?.unwrap();
        assert!(channel.connect_in(tx)?.is_err());
        Ok((here, there))
    });
    drop(port);
    send(&*here, 2).unwrap();
    assert_eq!(receive(&*there), Ok(2));
    send(&*there, 3).unwrap();
    assert_eq!(receive(&*here), Ok(3));
}

/// Inside the transaction the disconnection holds, and after its roll-back it never
/// was.
pub fn a_disconnecting_that_is_rolled_back_never_was<M: Sample>(subject: &Subject<'_, M>) {
    let (channel, here, there) = subject.connected();
    let refused = atomically_or(|tx| {
        assert_eq!(channel.disconnect_in(tx, &*here)?, Ok(()));
        assert!(!here.is_connected(tx)?);
        assert_eq!(there.send(tx, M::of(1))?, Err(gone(&*there)));
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    send(&*there, 1).unwrap();
    assert_eq!(receive(&*here), Ok(1));
}

/// A port that is dropped inside the transaction that connects it holds no end
/// afterwards.
pub fn a_port_dropped_as_it_is_connected_leaves_no_trace<M: Sample>(subject: &Subject<'_, M>) {
    let channel = subject.channel();
    atomically(|tx| {
        drop(channel.connect_in(tx)?.unwrap());
        Ok(())
    });
    let ports = [channel.connect(), channel.connect()];
    assert!(ports.iter().all(Result::is_ok));
}

/// A port that is dropped gives its end back: on any thread, and inside a
/// transaction.
pub fn a_port_that_goes_gives_its_end_back<M: Sample>(subject: &Subject<'_, M>) {
    let channel = subject.channel();
    for _ in 0..20 {
        let port = channel.connect().unwrap();
        let dropper = start(move || drop(port));
        let mut other = Some(channel.connect().unwrap());
        dropper.answer();
        atomically(|_| {
            other = None;
            Ok(())
        });
        eventually("both ends are free", || {
            let both = [channel.connect(), channel.connect()];
            both.iter().all(Result::is_ok)
        });
    }
}

/// Of many who connect at once, two are let in at a time, each alone at its end.
pub fn an_end_is_never_held_by_two<M: Sample>(subject: &Subject<'_, M>) {
    let shared: Arc<dyn Channel<M>> = subject.channel().into();
    let held = TVar::new(0);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (channel, held) = (Arc::clone(&shared), held.clone());
            start(move || {
                let mut times = 0;
                while times < 50 {
                    let connected = atomically(|tx| {
                        let connected = channel.connect_in(tx)?;
                        if connected.is_ok() {
                            held.modify(tx, |n| n + 1)?;
                            assert!(held.read(tx)? <= 2);
                        }
                        Ok(connected)
                    });
                    let Ok(port) = connected else {
                        std::thread::yield_now();
                        continue;
                    };
                    times += 1;
                    atomically(|tx| {
                        held.modify(tx, |n| n - 1)?;
                        assert_eq!(channel.disconnect_in(tx, &*port)?, Ok(()));
                        Ok(())
                    });
                }
            })
        })
        .collect();
    for thread in threads {
        thread.answer();
    }
    assert_eq!(held.load(), 0);
}
