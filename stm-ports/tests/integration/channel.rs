//! Ports and channels.

use std::time::Duration;

use hivework_stm::{TVar, abort, atomically, atomically_or};
use stm_ports::{
    Channel, ConnectError, Disconnected, EventMessage, LocalChannel, LocalTransport, Port,
    Transport,
};

use crate::support::{eventually, start, start_asleep};

type Ends = (LocalChannel<u32>, Box<dyn Port<u32>>, Box<dyn Port<u32>>);

fn connected() -> Ends {
    let channel = LocalChannel::new();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    (channel, here, there)
}

fn gone(port: &dyn Port<u32>) -> Disconnected {
    Disconnected {
        port: port.id(),
        channel: port.channel(),
    }
}

#[test]
fn what_one_end_sends_the_other_receives_in_order() {
    let (_, here, there) = connected();
    for n in 0..10 {
        here.send_blocking(n).unwrap();
        there.send_blocking(n + 100).unwrap();
    }
    assert_eq!(
        atomically(|tx| there.receive_batch(tx, 4)),
        Ok(vec![0, 1, 2, 3])
    );
    for n in 4..10 {
        assert_eq!(there.receive_blocking(), Ok(n));
    }
    let all = atomically(|tx| here.receive_batch(tx, 100));
    assert_eq!(all, Ok((100..110).collect()));
    assert_eq!(atomically(|tx| here.try_receive(tx)), Ok(None));
    assert_eq!(atomically(|tx| here.receive_batch(tx, 5)), Ok(vec![]));
    assert_eq!(here.receive_timeout(Duration::from_millis(1)), Ok(None));
    assert_eq!(atomically(|tx| here.try_send(tx, 1)), Ok(None));
    assert_eq!(there.receive_timeout(Duration::from_secs(60)), Ok(Some(1)));
}

#[test]
fn a_message_of_a_transaction_that_is_rolled_back_never_leaves() {
    let (_, here, there) = connected();
    let refused = atomically_or(|tx| {
        let _ = here.send(tx, 1)?;
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(atomically(|tx| there.try_receive(tx)), Ok(None));
}

#[test]
fn what_is_sent_before_the_other_end_connects_waits_for_it() {
    let channel = LocalChannel::new();
    let here = channel.connect().unwrap();
    here.send_blocking(1).unwrap();
    let there = channel.connect().unwrap();
    assert_eq!(there.receive_blocking(), Ok(1));
}

#[test]
fn each_of_the_three_errors_is_told() {
    let (channel, here, there) = connected();
    let (other, stranger, _) = connected();
    let c = channel.id();
    assert_eq!(
        channel.connect().unwrap_err(),
        ConnectError::ChannelFullyOccupied {
            channel: c,
            port: None
        }
    );
    assert_eq!(
        channel.reconnect(&*here),
        Err(ConnectError::PortAlreadyConnected {
            channel: c,
            port: here.id()
        })
    );
    let foreign = Err(ConnectError::PortNotConnected {
        channel: c,
        port: stranger.id(),
    });
    assert_eq!(channel.disconnect(&*stranger), foreign);
    assert_eq!(channel.reconnect(&*stranger), foreign);
    assert!(atomically(|tx| stranger.is_connected(tx)));

    assert_eq!(channel.disconnect(&*here), Ok(()));
    assert_eq!(
        channel.disconnect(&*here),
        Err(ConnectError::PortNotConnected {
            channel: c,
            port: here.id()
        })
    );
    assert!(!atomically(|tx| here.is_connected(tx)));
    assert!(atomically(|tx| there.is_connected(tx)));
    assert_ne!(channel, other);
}

#[test]
fn connecting_is_a_part_of_the_transaction() {
    let channel = LocalChannel::<u32>::new();
    let refused = atomically_or(|tx| {
        let port = channel.connect_in(tx)?.unwrap();
        let _ = port.send(tx, 1)?;
        abort::<(), _>(port)
    });
    // A port whose connecting was rolled back is connected to nothing, and
    // dropping it disturbs nobody.
    let port = refused.unwrap_err();
    assert_eq!(port.send_blocking(1), Err(gone(&*port)));
    let (first, second) = atomically(|tx| {
        let first = channel.connect_in(tx)?.unwrap();
        let second = channel.connect_in(tx)?.unwrap();
        assert!(channel.connect_in(tx)?.is_err());
        let _ = first.send(tx, 2)?;
        Ok((first, second))
    });
    drop(port);
    assert_eq!(second.receive_blocking(), Ok(2));
    assert_eq!(second.send_blocking(3), Ok(()));
    assert_eq!(first.receive_blocking(), Ok(3));
}

#[test]
fn disconnecting_is_a_part_of_the_transaction() {
    let (channel, here, there) = connected();
    let refused = atomically_or(|tx| {
        assert_eq!(channel.disconnect_in(tx, &*here)?, Ok(()));
        assert!(!here.is_connected(tx)?);
        assert_eq!(there.send(tx, 1)?, Err(gone(&*there)));
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(there.send_blocking(1), Ok(()));
    assert_eq!(here.receive_blocking(), Ok(1));
}

#[test]
fn after_a_disconnection_the_other_end_drains_and_then_hears_of_it() {
    let (channel, here, there) = connected();
    here.send_blocking(1).unwrap();
    here.send_blocking(2).unwrap();
    channel.disconnect(&*here).unwrap();
    assert_eq!(there.send_blocking(9), Err(gone(&*there)));
    assert_eq!(atomically(|tx| there.try_send(tx, 9)), Err(gone(&*there)));
    assert_eq!(there.receive_blocking(), Ok(1));
    assert_eq!(atomically(|tx| there.receive_batch(tx, 0)), Ok(vec![]));
    assert_eq!(atomically(|tx| there.receive_batch(tx, 9)), Ok(vec![2]));
    assert_eq!(there.receive_blocking(), Err(gone(&*there)));
    assert_eq!(atomically(|tx| there.try_receive(tx)), Err(gone(&*there)));
    assert_eq!(
        atomically(|tx| there.receive_batch(tx, 9)),
        Err(gone(&*there))
    );
    // And so does the end itself, at once.
    assert_eq!(here.send_blocking(9), Err(gone(&*here)));
    assert_eq!(here.receive_blocking(), Err(gone(&*here)));
}

#[test]
fn the_next_port_at_an_end_takes_over_what_was_not_received() {
    let (channel, here, there) = connected();
    there.send_blocking(1).unwrap();
    drop(here);
    assert!(there.send_blocking(2).is_err());
    let next = channel.connect().unwrap();
    assert_eq!(next.receive_blocking(), Ok(1));
    assert_eq!(next.send_blocking(3), Ok(()));
    assert_eq!(there.receive_blocking(), Ok(3));
    assert_eq!(there.send_blocking(4), Ok(()));
    assert_eq!(next.receive_blocking(), Ok(4));
}

#[test]
fn a_port_that_was_disconnected_can_be_connected_again() {
    let (channel, here, there) = connected();
    channel.disconnect(&*here).unwrap();
    channel.reconnect(&*here).unwrap();
    here.send_blocking(1).unwrap();
    assert_eq!(there.receive_blocking(), Ok(1));
    // At whichever end is free: both change places here.
    channel.disconnect(&*here).unwrap();
    channel.disconnect(&*there).unwrap();
    channel.reconnect(&*there).unwrap();
    channel.reconnect(&*here).unwrap();
    here.send_blocking(2).unwrap();
    assert_eq!(there.receive_blocking(), Ok(2));
}

#[test]
fn a_waiting_receive_is_woken_by_a_disconnection() {
    let (channel, here, there) = connected();
    let expected = gone(&*there);
    let waiting = start_asleep(move || there.receive_blocking());
    channel.disconnect(&*here).unwrap();
    assert_eq!(waiting.answer(), Err(expected));
}

#[test]
fn a_waiting_receive_is_woken_by_its_own_disconnection() {
    let (channel, _here, there) = connected();
    let there: std::sync::Arc<dyn Port<u32>> = there.into();
    let waiting = start_asleep({
        let there = std::sync::Arc::clone(&there);
        move || there.receive_blocking()
    });
    channel.disconnect(&*there).unwrap();
    assert_eq!(waiting.answer(), Err(gone(&*there)));
}

#[test]
fn a_waiting_receive_is_woken_by_a_drop() {
    let (_, here, there) = connected();
    let waiting = start_asleep(move || there.receive_blocking().is_err());
    drop(here);
    assert!(waiting.answer());
}

/// Inside a transaction no other can run, and this one commits nothing: the drop
/// is heard of all the same, without anybody flushing or transacting after it.
#[test]
fn a_waiting_receive_is_woken_by_a_drop_inside_a_transaction() {
    let (_, here, there) = connected();
    let waiting = start_asleep(move || there.receive_blocking().is_err());
    let mut here = Some(here);
    let unrelated = TVar::new(0);
    atomically(|tx| {
        here = None;
        unrelated.write(tx, 1)
    });
    assert!(waiting.answer());
}

#[test]
fn a_port_dropped_in_the_transaction_that_connects_it_leaves_no_trace() {
    let channel = LocalChannel::<u32>::new();
    atomically(|tx| {
        drop(channel.connect_in(tx)?.unwrap());
        Ok(())
    });
    let ports = [channel.connect(), channel.connect()];
    assert!(ports.iter().all(Result::is_ok));
}

/// The attempt that made the port took no seat; the transaction that connects it
/// again does.
#[test]
fn a_port_of_a_rolled_back_attempt_that_is_connected_again_leaves_when_dropped() {
    let channel = LocalChannel::<u32>::new();
    let made = atomically_or(|tx| {
        let port = channel.connect_in(tx)?.unwrap();
        abort::<(), _>(port)
    });
    let port = made.unwrap_err();
    channel.reconnect(&*port).unwrap();
    let peer = channel.connect().unwrap();
    let waiting = start_asleep(move || peer.receive_blocking().is_err());
    drop(port);
    assert!(waiting.answer());
}

#[test]
fn a_port_dropped_in_the_transaction_that_connects_it_again_leaves() {
    let (channel, here, there) = connected();
    channel.disconnect(&*here).unwrap();
    let mut here = Some(here);
    atomically(|tx| {
        if let Some(port) = &here {
            channel.reconnect_in(tx, &**port)?.unwrap();
        }
        here = None;
        Ok(())
    });
    assert_eq!(there.receive_blocking(), Err(gone(&*there)));
    assert!(channel.connect().is_ok(), "its end is free");
}

#[test]
fn dropping_a_disconnected_port_leaves_its_successor_alone() {
    let (channel, here, there) = connected();
    channel.disconnect(&*here).unwrap();
    let next = channel.connect().unwrap();
    drop(here);
    assert!(atomically(|tx| next.is_connected(tx)));
    assert_eq!(there.send_blocking(1), Ok(()));
    assert_eq!(next.receive_blocking(), Ok(1));
}

/// Of many who connect at once two are let in, and a place that comes free is taken
/// again.
#[test]
fn an_end_is_never_held_by_two() {
    let channel = LocalChannel::<u32>::new();
    let held = TVar::new(0);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (channel, held) = (channel.clone(), held.clone());
            start(move || {
                let mut times = 0;
                while times < 100 {
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

/// Dropping ports on one thread while another connects: a place always comes free.
#[test]
fn a_dropped_port_always_gives_its_end_back() {
    let channel = LocalChannel::<u32>::new();
    for _ in 0..200 {
        let port = channel.connect().unwrap();
        let dropper = start(move || drop(port));
        let other = channel.connect().unwrap();
        dropper.answer();
        let mut other = Some(other);
        atomically(|_| {
            other = None;
            Ok(())
        });
        eventually("the end is free", || {
            let both = [channel.connect(), channel.connect()];
            both.iter().all(Result::is_ok)
        });
    }
}

#[test]
fn ports_and_channels_are_equal_by_identity() {
    let (channel, here, there) = connected();
    assert!(*here == *here && *here != *there);
    assert_eq!(channel, channel.clone());
    let dynamic: Box<dyn Channel<u32>> = Box::new(channel.clone());
    let other: Box<dyn Channel<u32>> = Box::new(LocalChannel::new());
    assert!(*dynamic == *dynamic && *dynamic != *other);
    assert_eq!(
        (here.channel(), there.channel()),
        (channel.id(), channel.id())
    );
    assert!(here.id() < there.id());
}

#[test]
fn local_queues_are_the_two_inboxes() {
    let (channel, here, there) = connected();
    let [first, second] = channel.local_queues().unwrap();
    second.put_now(1);
    assert_eq!(there.receive_blocking(), Ok(1));
    there.send_blocking(2).unwrap();
    assert_eq!(first.take_now(), Some(2));
    first.put_now(3);
    assert_eq!(here.receive_blocking(), Ok(3));
}

#[test]
fn a_transport_makes_separate_channels() {
    let transport: Box<dyn Transport> = Box::new(LocalTransport);
    let (a, b) = (transport.event_channel(), transport.event_channel());
    assert_ne!(a.id(), b.id());
    assert_ne!(transport.work_channel().id(), transport.work_channel().id());
    let (sender, receiver) = (a.connect().unwrap(), b.connect().unwrap());
    sender.send_blocking(EventMessage::new(1)).unwrap();
    assert!(atomically(|tx| receiver.try_receive(tx)).unwrap().is_none());
    assert!(a.local_queues().is_some());
}
