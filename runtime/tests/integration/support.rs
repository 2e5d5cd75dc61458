//! Waiting for events, with a generous bound.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use hivework::{Builder, Scheduler, WorkError, WorkHandle};
use stm_ports::StmCrateTransport;

use crate::delaying::DelayingTransport;

/// Longer than anything takes that works.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A builder with the transport that the variable `HIVEWORK_TRANSPORT` names:
/// `local`, which is what it is unless set, `stm-crate` or `delaying`. What is
/// promised holds over each of them.
pub(crate) fn builder() -> Builder {
    // An interpreter gets nothing else done between two ticks of the usual distance.
    let builder = if cfg!(miri) {
        Scheduler::builder().run_interval(Duration::from_millis(200))
    } else {
        Scheduler::builder()
    };
    match std::env::var("HIVEWORK_TRANSPORT").as_deref() {
        Err(_) | Ok("local") => builder,
        Ok("stm-crate") => builder.transport(StmCrateTransport::new().unwrap()),
        Ok("delaying") => builder.transport(DelayingTransport::new(seed()).unwrap()),
        Ok(other) => panic!("HIVEWORK_TRANSPORT={other}: there is no such transport"),
    }
}

/// Another one for each scheduler, and the same ones for each run of a test.
fn seed() -> u64 {
    static SEEDS: AtomicUsize = AtomicUsize::new(0x5EED);
    SEEDS.fetch_add(1, Ordering::SeqCst) as u64
}

pub(crate) fn scheduler(workers: usize) -> Scheduler {
    builder().workers(workers).start().unwrap()
}

pub(crate) fn stopped_scheduler(workers: usize) -> Scheduler {
    builder().workers(workers).build().unwrap()
}

/// Joins, and fails the test instead of hanging it.
pub(crate) fn join<T: Send + 'static>(mut handle: WorkHandle<T>) -> Result<T, WorkError> {
    handle.join_timeout(BOUND).expect("the work does not end")
}

/// Waits until `condition` holds, and fails the test instead of hanging it.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < BOUND, "never came: {what}");
        std::thread::yield_now();
    }
}

/// A latch: work waits at the gate until the test opens it.
pub(crate) fn latch<T>() -> (Sender<T>, Receiver<T>) {
    channel()
}

/// Waits for the latch's message.
pub(crate) fn receive<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(BOUND).expect("never sent")
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What the threads of this process whose name begins so are doing, in the
/// system's letters: `R` runs or wants to, `S` sleeps.
#[cfg(target_os = "linux")]
pub(crate) fn doing(name: &str) -> String {
    let mut states = String::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        // A thread that ends meanwhile takes its entry along.
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else {
            continue;
        };
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else {
            panic!("what is {stat}?");
        };
        if stat[open + 1..close].starts_with(name) {
            states.extend(stat[close + 1..].trim_start().chars().next());
        }
    }
    states
}

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Polls once, with a waker that counts in `wakes`.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F, wakes: &Arc<Wakes>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(wakes));
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// The smallest executor there is.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let start = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(start.elapsed() < BOUND, "the future never ends");
        std::thread::park_timeout(BOUND);
    }
}
