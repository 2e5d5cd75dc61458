//! A pump's two threads against the ports on both sides and against the end.

use hivework_loom_tests::model_within;
use hivework_stm::facade::sync::{Arc, Condvar, Mutex};
use hivework_stm::facade::thread;
use stm_ports::{Cargo, Channel, Parcel, Port, Pump, Wire};

/// Three threads, each of which waits in transactions or on the wire: deeper takes
/// too long. Where two transactions wait for each other, as in those that receive, one
/// preemption does already.
const PREEMPTIONS: usize = 1;

/// A message that says when it was lost.
#[derive(Clone)]
struct Letter(Arc<Answer>);

#[derive(Default)]
struct Answer {
    lost: Mutex<usize>,
    bell: Condvar,
}

impl Answer {
    fn lost(&self) -> usize {
        *self.lost.lock()
    }

    fn wait(&self) {
        let mut lost = self.lost.lock();
        while *lost == 0 {
            self.bell.wait(&mut lost);
        }
        assert_eq!(*lost, 1);
    }
}

impl Cargo for Letter {
    fn lost(self, _: &'static str) {
        *self.0.lost.lock() += 1;
        self.0.bell.notify_one();
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

type Ends = (
    Box<dyn Channel<Letter>>,
    Box<dyn Port<Letter>>,
    Box<dyn Port<Letter>>,
);

fn connected() -> Ends {
    let channel = Pump::start(Road::default()).unwrap().channel();
    let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
    (channel, here, there)
}

/// Gives the pump's threads, which nobody joins, the time to end: a model ends with its first
/// thread, and what all threads share must not be asked for after that. Who yields is passed
/// over until another thread blocks, ends, or is preempted.
fn settle() {
    for _ in 0..16 {
        thread::yield_now();
    }
}

/// The threads end with the last handle, or the model would never do so.
#[test]
fn a_message_crosses_the_wire_and_the_disconnection_comes_after_it() {
    model_within(0, "pump: send and drop against a receive", || {
        let answer = Arc::new(Answer::default());
        let (channel, here, there) = connected();
        drop(channel);
        here.send_blocking(Letter(Arc::clone(&answer))).unwrap();
        drop(here);
        assert!(there.receive_blocking().is_ok());
        assert!(there.receive_blocking().is_err());
        assert_eq!(answer.lost(), 0);
        drop(there);
        settle();
    });
}

/// On the line, on the wire or in the inbox: wherever the message is when everything
/// goes, it is answered. Nobody joins the pump's threads, so the model waits for the
/// answer, and never ends without it.
#[test]
fn what_is_under_way_when_everything_goes_is_answered() {
    model_within(PREEMPTIONS, "pump: the end against a message", || {
        let (channel, here, there) = connected();
        let answered = Arc::new(Answer::default());
        here.send_blocking(Letter(Arc::clone(&answered))).unwrap();
        drop((channel, here, there));
        answered.wait();
        settle();
    });
}

/// A sender on a thread of its own, beside a receiver that waits.
#[test]
fn a_waiting_receive_gets_what_the_wire_brings() {
    model_within(0, "pump: send against a receive that waits", || {
        let answer = Arc::new(Answer::default());
        let (channel, here, there) = connected();
        drop(channel);
        let sender = {
            let answer = Arc::clone(&answer);
            thread::spawn(move || here.send_blocking(Letter(answer)).unwrap())
        };
        assert!(there.receive_blocking().is_ok());
        assert!(there.receive_blocking().is_err());
        sender.join().unwrap();
        assert_eq!(answer.lost(), 0);
        drop(there);
        settle();
    });
}
