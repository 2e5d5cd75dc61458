//! A pump's two threads against the ports on both sides and against the end.

use hivework_loom_tests::model_within;
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::sync::{Arc, Condvar, Mutex};
use hivework_stm::facade::thread;
use stm_ports::{Cargo, Parcel, Port, Pump, Wire};

/// Three threads, each of which waits in transactions or on the wire: deeper takes
/// too long.
const PREEMPTIONS: usize = 1;

/// A message that counts where it was lost.
#[derive(Clone)]
struct Letter(Arc<AtomicUsize>);

impl Cargo for Letter {
    fn lost(self, _: &'static str) {
        // Relaxed: read when the threads have been joined.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter")
    }
}

/// The wire: a list behind a lock.
#[derive(Default)]
struct Road {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    parcels: Vec<Parcel<Letter>>,
    closed: bool,
}

impl Wire<Letter> for Road {
    fn send(&self, parcels: Vec<Parcel<Letter>>) {
        self.state.lock().parcels.extend(parcels);
        self.changed.notify_one();
    }

    fn receive(&self) -> Option<Vec<Parcel<Letter>>> {
        let mut state = self.state.lock();
        loop {
            if !state.parcels.is_empty() {
                return Some(std::mem::take(&mut state.parcels));
            }
            if state.closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }
}

/// What the model's own thread does with the two ends of a channel over the pump, which
/// go when it is done. The pump's threads then end, or the model would never do so.
fn with_pump(program: impl FnOnce(Box<dyn Port<Letter>>, Box<dyn Port<Letter>>)) {
    let (pump, outgoing, incoming) = Pump::unstarted(Road::default(), None);
    let threads = [thread::spawn(outgoing), thread::spawn(incoming)];
    let channel = pump.channel();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    drop((channel, pump));
    program(here, there);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_message_crosses_the_wire_and_the_disconnection_comes_after_it() {
    model_within(PREEMPTIONS, "pump: send and drop against a receive", || {
        let lost = Arc::new(AtomicUsize::new(0));
        with_pump(|here, there| {
            here.send_blocking(Letter(Arc::clone(&lost))).unwrap();
            drop(here);
            assert!(there.receive_blocking().is_ok());
            assert!(there.receive_blocking().is_err());
        });
        assert_eq!(lost.load(Ordering::Relaxed), 0);
    });
}

/// In the outbox, on the wire or in the inbox: wherever the message is when everything
/// goes, it is answered once.
#[test]
fn what_is_under_way_when_everything_goes_is_answered() {
    model_within(PREEMPTIONS, "pump: the end against a message", || {
        let lost = Arc::new(AtomicUsize::new(0));
        with_pump(|here, there| {
            here.send_blocking(Letter(Arc::clone(&lost))).unwrap();
            drop((here, there));
        });
        assert_eq!(lost.load(Ordering::Relaxed), 1);
    });
}
