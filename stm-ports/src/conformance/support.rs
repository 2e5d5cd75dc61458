//! What the checks share: waiting with a bound, and threads whose answers are
//! waited for.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use hivework_stm::{BlockHook, set_block_hook};

use super::Sample;
use crate::error::Disconnected;
use crate::port::Port;

/// Nothing that works takes as long.
pub(super) const AGES: Duration = Duration::from_secs(60);

/// What an end that has been disconnected answers.
pub(super) fn gone<M>(port: &dyn Port<M>) -> Disconnected {
    Disconnected {
        port: port.id(),
        channel: port.channel(),
    }
}

/// The next message's number.
pub(super) fn receive<M: Sample>(port: &dyn Port<M>) -> Result<u64, Disconnected> {
    let message = port.receive_timeout(AGES)?;
    Ok(message.expect("the message does not arrive").number())
}

/// Sends, or fails the check where that waits for long.
pub(super) fn send<M: Sample>(port: &dyn Port<M>, number: u64) -> Result<(), Disconnected> {
    let sent = hivework_stm::atomically_timeout(AGES, |tx| port.send(tx, M::of(number)));
    sent.expect("there is no room for the message")
}

/// Waits until `condition` holds.
pub(super) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < AGES, "never: {what}");
        thread::yield_now();
    }
}

/// A thread whose answer must come before [`AGES`] have passed.
pub(super) struct Running<R>(mpsc::Receiver<thread::Result<R>>);

pub(super) fn start<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Running<R> {
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        // Who has failed meanwhile asks no more.
        let _ = sender.send(result);
    });
    Running(answer)
}

/// Tells when its thread is about to sleep in a transaction.
#[derive(Debug)]
struct Asleep(mpsc::Sender<()>);

impl BlockHook for Asleep {
    fn block(&self) {
        let _ = self.0.send(());
    }

    fn unblock(&self) {}
}

/// As [`start`], and comes back when the thread is about to sleep in a transaction.
pub(super) fn start_asleep<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> Running<R> {
    let (sleeps, asleep) = mpsc::channel();
    let running = start(move || {
        set_block_hook(Some(Arc::new(Asleep(sleeps))));
        f()
    });
    asleep
        .recv_timeout(AGES)
        .expect("it was to wait in a transaction and does not");
    running
}

impl<R> Running<R> {
    pub(super) fn answer(self) -> R {
        match self.0.recv_timeout(AGES) {
            Ok(Ok(answer)) => answer,
            Ok(Err(payload)) => std::panic::resume_unwind(payload),
            Err(_) => panic!("still waiting"),
        }
    }
}
