//! Connecting and disconnecting against each other and against sends and receives.

use std::num::NonZeroUsize;

use hivework_loom_tests::{model, model_within};
use hivework_stm::atomically;
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread;
use stm_ports::{Channel, LocalChannel, Port};

type Ends = (LocalChannel<u8>, Box<dyn Port<u8>>, Box<dyn Port<u8>>);

fn connected() -> Ends {
    let channel = LocalChannel::new();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    (channel, here, there)
}

#[test]
fn the_last_free_end_goes_to_one() {
    model("channel: connect against connect", || {
        let channel = LocalChannel::<u8>::new();
        let here = channel.connect().unwrap();
        let other = {
            let channel = channel.clone();
            thread::spawn(move || channel.connect())
        };
        let ours = channel.connect();
        let theirs = other.join().unwrap();
        assert!(ours.is_ok() != theirs.is_ok());
        let there = ours.or(theirs).unwrap();
        here.send_blocking(1).unwrap();
        assert_eq!(there.receive_blocking(), Ok(1));
    });
}

#[test]
fn a_message_is_sent_and_drained_or_refused() {
    model("channel: send against disconnect", || {
        let (channel, here, there) = connected();
        let sender = thread::spawn(move || (here.send_blocking(1), here));
        channel.disconnect(&*there).unwrap();
        let (sent, here) = sender.join().unwrap();
        assert!(here.send_blocking(2).is_err());
        // What got in is there for the next port at that end, and nothing else is.
        channel.reconnect(&*there).unwrap();
        let received = atomically(|tx| there.receive_batch(tx, 9)).unwrap();
        assert_eq!(received.len(), usize::from(sent.is_ok()));
    });
}

#[test]
fn a_waiting_receive_drains_and_hears_of_a_disconnection() {
    model("channel: disconnect against a receive that waits", || {
        let (channel, here, there) = connected();
        here.send_blocking(1).unwrap();
        let other = thread::spawn(move || {
            channel.disconnect(&*here).unwrap();
            here
        });
        assert_eq!(there.receive_blocking(), Ok(1));
        assert!(there.receive_blocking().is_err());
        other.join().unwrap();
    });
}

#[test]
fn a_waiting_receive_hears_of_a_dropped_port() {
    model("channel: drop against a receive that waits", || {
        let (_, here, there) = connected();
        let other = thread::spawn(move || drop(here));
        assert!(there.receive_blocking().is_err());
        other.join().unwrap();
    });
}

/// The port gets out of the transaction that connects it, and another thread drops
/// it: before the commit, between the commit and its hook, or later.
#[test]
fn a_port_dropped_beside_its_commit_hook_gives_its_end_back() {
    model("channel: drop against the hook of the connecting", || {
        let channel = LocalChannel::<u8>::new();
        let handed = Arc::new(Mutex::new(None));
        let dropper = {
            let handed = Arc::clone(&handed);
            thread::spawn(move || {
                let port = handed.lock().take();
                drop(port);
            })
        };
        atomically(|tx| {
            let port = channel.connect_in(tx)?.unwrap();
            *handed.lock() = Some(port);
            Ok(())
        });
        dropper.join().unwrap();
        let left = handed.lock().take();
        drop(left);
        let ports = [channel.connect(), channel.connect()];
        assert!(ports.iter().all(Result::is_ok));
    });
}

#[test]
fn a_port_dropped_inside_a_transaction_is_heard_of() {
    model("channel: drop inside a transaction", || {
        let (_, here, there) = connected();
        let other = thread::spawn(move || {
            let mut here = Some(here);
            atomically(|_| {
                here = None;
                Ok(())
            });
        });
        assert!(there.receive_blocking().is_err());
        other.join().unwrap();
    });
}

fn bounded() -> Ends {
    let channel = LocalChannel::bounded(const { NonZeroUsize::new(1).unwrap() });
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    here.send_blocking(1).unwrap();
    (channel, here, there)
}

#[test]
fn a_waiting_send_goes_on_when_a_message_is_received() {
    model_within(2, "channel: receive against a send that waits", || {
        let (_, here, there) = bounded();
        let sender = thread::spawn(move || (here.send_blocking(2), here));
        assert_eq!(there.receive_blocking(), Ok(1));
        let (sent, _here) = sender.join().unwrap();
        assert!(sent.is_ok());
        assert_eq!(atomically(|tx| there.try_receive(tx)), Ok(Some(2)));
    });
}

#[test]
fn a_waiting_send_hears_of_a_disconnection() {
    model("channel: disconnect against a send that waits", || {
        let (channel, here, there) = bounded();
        let sender = thread::spawn(move || here.send_blocking(2));
        channel.disconnect(&*there).unwrap();
        assert!(sender.join().unwrap().is_err());
    });
}

#[test]
fn a_waiting_send_hears_of_a_dropped_port() {
    model("channel: drop against a send that waits", || {
        let (_, here, there) = bounded();
        let sender = thread::spawn(move || here.send_blocking(2));
        drop(there);
        assert!(sender.join().unwrap().is_err());
    });
}

/// The limit that senders keep is never too high.
#[test]
fn two_senders_never_put_more_than_the_bound() {
    model_within(
        1,
        "channel: two sends for one place, against a receive",
        || {
            let (_, here, there) = bounded();
            let here: Arc<dyn Port<u8>> = here.into();
            let other = {
                let here = Arc::clone(&here);
                thread::spawn(move || atomically(|tx| here.try_send(tx, 2)).unwrap())
            };
            let received = there.receive_blocking();
            let ours = atomically(|tx| here.try_send(tx, 3)).unwrap();
            let theirs = other.join().unwrap();
            assert_eq!(received, Ok(1));
            // After the receive there is room for one of the two, and for no more.
            assert!(ours.is_none() != theirs.is_none());
            let left = atomically(|tx| there.receive_batch(tx, 9)).unwrap();
            assert_eq!(left.len(), 1);
        },
    );
}

#[test]
fn two_who_leave_at_once_leave_both_ends_free() {
    model("channel: drop against disconnect of the other end", || {
        let (channel, here, there) = connected();
        let dropper = thread::spawn(move || drop(here));
        channel.disconnect(&*there).unwrap();
        dropper.join().unwrap();
        let ports = [channel.connect(), channel.connect()];
        assert!(ports.iter().all(Result::is_ok));
    });
}
