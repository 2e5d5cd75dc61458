//! What a pump does with wires that behave, and with those that do not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use hivework_stm::{TVar, atomically};
use stm_ports::{Cargo, Parcel, Pump, Wire};

use crate::support::{AGES, eventually, start_asleep};

/// A message that counts where it was lost.
#[derive(Clone, Debug)]
struct Letter(u32, Arc<AtomicUsize>);

impl Cargo for Letter {
    fn lost(self, _: &'static str) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the wire does with the next parcels.
#[derive(Default, Debug)]
struct Manners {
    drops: AtomicBool,
    panics_on_send: AtomicBool,
    panics_on_receive: AtomicBool,
    holds_back: AtomicBool,
    closed: AtomicUsize,
    gone: AtomicBool,
}

struct Pipe {
    sender: Mutex<Option<Sender<Vec<Parcel<Letter>>>>>,
    receiver: Mutex<Receiver<Vec<Parcel<Letter>>>>,
    held: Mutex<Vec<Parcel<Letter>>>,
    manners: Arc<Manners>,
}

fn pump() -> (Pump<Letter>, Arc<Manners>, Arc<AtomicUsize>) {
    let manners = Arc::new(Manners::default());
    let (sender, receiver) = channel();
    let pump = Pump::start(Pipe {
        sender: Mutex::new(Some(sender)),
        receiver: Mutex::new(receiver),
        held: Mutex::default(),
        manners: Arc::clone(&manners),
    });
    (pump.unwrap(), manners, Arc::default())
}

impl Wire<Letter> for Pipe {
    fn send(&self, parcels: Vec<Parcel<Letter>>) {
        assert!(!parcels.is_empty(), "nothing to send");
        assert!(!self.manners.panics_on_send.load(Ordering::SeqCst));
        if self.manners.drops.load(Ordering::SeqCst) {
            return;
        }
        if self.manners.holds_back.load(Ordering::SeqCst) {
            self.held.lock().unwrap().extend(parcels);
            return;
        }
        let sender = self.sender.lock().unwrap();
        sender.as_ref().expect("it is open").send(parcels).unwrap();
    }

    fn receive(&self) -> Option<Vec<Parcel<Letter>>> {
        let parcels = self.receiver.lock().unwrap().recv().ok();
        assert!(!self.manners.panics_on_receive.load(Ordering::SeqCst));
        parcels
    }

    fn close(&self) {
        self.manners.closed.fetch_add(1, Ordering::SeqCst);
        *self.sender.lock().unwrap() = None;
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.manners.gone.store(true, Ordering::SeqCst);
    }
}

fn lost(count: &Arc<AtomicUsize>, expected: usize) {
    eventually("all are answered", || {
        count.load(Ordering::SeqCst) == expected
    });
}

#[test]
fn the_wire_is_closed_when_the_last_handle_goes() {
    let (pump, manners, count) = pump();
    let channel = pump.channel();
    drop(pump);
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    drop(channel);
    here.send_blocking(Letter(1, Arc::clone(&count))).unwrap();
    assert_eq!(there.receive_blocking().unwrap().0, 1);
    drop(here);
    assert_eq!(manners.closed.load(Ordering::SeqCst), 0);
    assert!(there.receive_blocking().is_err());
    drop(there);
    eventually("both threads have ended", || {
        manners.gone.load(Ordering::SeqCst)
    });
    assert_eq!(manners.closed.load(Ordering::SeqCst), 1);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// Inside a transaction no other can run, and the wire's end takes one.
#[test]
fn the_last_handle_may_go_inside_a_transaction() {
    let (pump, manners, _) = pump();
    let mut pump = Some(pump);
    let unrelated = TVar::new(0);
    atomically(|tx| {
        pump = None;
        unrelated.write(tx, 1)
    });
    eventually("both threads have ended", || {
        manners.gone.load(Ordering::SeqCst)
    });
}

#[test]
fn what_the_wire_drops_is_answered_and_nobody_waits_for_it() {
    let (pump, manners, count) = pump();
    let channel = pump.channel();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    manners.drops.store(true, Ordering::SeqCst);
    for n in 0..10 {
        here.send_blocking(Letter(n, Arc::clone(&count))).unwrap();
    }
    lost(&count, 10);
    manners.drops.store(false, Ordering::SeqCst);
    here.send_blocking(Letter(10, Arc::clone(&count))).unwrap();
    drop(here);
    assert_eq!(there.receive_blocking().unwrap().0, 10);
    assert!(there.receive_blocking().is_err());
    assert_eq!(count.load(Ordering::SeqCst), 10);
}

/// The receiver hears of the disconnection only when what was sent before has
/// arrived, or is known to be lost.
#[test]
fn a_disconnection_does_not_overtake_what_is_on_the_wire() {
    let (pump, manners, count) = pump();
    let channel = pump.channel();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    manners.holds_back.store(true, Ordering::SeqCst);
    here.send_blocking(Letter(1, Arc::clone(&count))).unwrap();
    channel.disconnect(&*here).unwrap();
    assert!(matches!(atomically(|tx| there.try_receive(tx)), Ok(None)));
    let none = atomically(|tx| there.receive_batch(tx, 9)).unwrap();
    assert!(none.is_empty());
    let waiting = start_asleep(move || there.receive_blocking().is_err());
    // All handles but the one that waits go: the wire is still open for it. It is a
    // panic of the wire that ends what it holds.
    manners.panics_on_send.store(true, Ordering::SeqCst);
    let other = pump.channel();
    let stray = other.connect().unwrap();
    stray.send_blocking(Letter(2, Arc::clone(&count))).unwrap();
    assert!(waiting.answer());
    lost(&count, 2);
}

#[test]
fn a_wire_that_panics_on_send_is_closed_and_everything_is_answered() {
    let (pump, manners, count) = pump();
    let channel = pump.channel();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    manners.panics_on_send.store(true, Ordering::SeqCst);
    here.send_blocking(Letter(1, Arc::clone(&count))).unwrap();
    lost(&count, 1);
    eventually("the wire is let go", || manners.gone.load(Ordering::SeqCst));
    here.send_blocking(Letter(2, Arc::clone(&count))).unwrap();
    lost(&count, 2);
    drop(here);
    assert!(there.receive_timeout(AGES).is_err());
}

#[test]
fn a_wire_that_panics_on_receive_is_closed_and_everything_is_answered() {
    let (pump, manners, count) = pump();
    let channel = pump.channel();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    manners.panics_on_receive.store(true, Ordering::SeqCst);
    here.send_blocking(Letter(1, Arc::clone(&count))).unwrap();
    eventually("the wire is let go", || manners.gone.load(Ordering::SeqCst));
    assert_eq!(manners.closed.load(Ordering::SeqCst), 1);
    here.send_blocking(Letter(2, Arc::clone(&count))).unwrap();
    lost(&count, 2);
    drop(here);
    assert!(there.receive_timeout(AGES).is_err());
}

/// The channel has gone while its messages were on the wire.
#[test]
fn what_arrives_for_a_channel_that_has_gone_is_answered() {
    let (pump, manners, count) = pump();
    let channel = pump.channel();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    manners.holds_back.store(true, Ordering::SeqCst);
    here.send_blocking(Letter(1, Arc::clone(&count))).unwrap();
    there.send_blocking(Letter(2, Arc::clone(&count))).unwrap();
    drop((channel, here, there));
    assert!(count.load(Ordering::SeqCst) <= 2);
    drop(pump);
    lost(&count, 2);
}

#[test]
fn clones_of_a_pump_share_its_wire() {
    let (pump, manners, count) = pump();
    let other = pump.clone();
    drop(pump);
    let channel = other.channel();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    here.send_blocking(Letter(3, count)).unwrap();
    assert_eq!(there.receive_blocking().unwrap().0, 3);
    assert_eq!(manners.closed.load(Ordering::SeqCst), 0);
}
