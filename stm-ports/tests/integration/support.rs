//! What the tests share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hivework_stm::{BlockHook, TVar, set_block_hook};

/// No event that a test waits for takes longer on any machine; running into this
/// is a failure.
pub(crate) const AGES: Duration = Duration::from_secs(60);

/// A small generator of random numbers (SplitMix64; Steele, Lea, Flood, OOPSLA
/// 2014), so that a failing seed replays everywhere.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

/// Runs `f` on a thread of its own; its answer must come before [`AGES`] have
/// passed.
pub(crate) struct Running<R> {
    thread: JoinHandle<()>,
    answer: mpsc::Receiver<R>,
}

pub(crate) fn start<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Running<R> {
    let (sender, answer) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(f());
    });
    Running { thread, answer }
}

/// Tells when its thread is about to sleep in a transaction.
#[derive(Debug)]
struct Announce(mpsc::Sender<()>);

impl BlockHook for Announce {
    fn block(&self) {
        let _ = self.0.send(());
    }

    fn unblock(&self) {}
}

/// As [`start`], and comes back when the thread is about to sleep in a
/// transaction.
pub(crate) fn start_asleep<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> Running<R> {
    let (sleeps, asleep) = mpsc::channel();
    let running = start(move || {
        set_block_hook(Some(Arc::new(Announce(sleeps))));
        f()
    });
    asleep
        .recv_timeout(AGES)
        .expect("it has something to wait for");
    running
}

/// A thread that is about to sleep in a transaction, for a limited time, and is held there.
pub(crate) struct Held<R> {
    running: Running<R>,
    go: mpsc::Sender<()>,
}

/// Tells when its thread is about to sleep in a transaction, and lets it only when told.
#[derive(Debug)]
struct Hold {
    asleep: mpsc::Sender<()>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl BlockHook for Hold {
    fn block(&self) {
        let _ = self.asleep.send(());
        let _ = self.go.lock().unwrap().recv_timeout(AGES);
    }

    fn unblock(&self) {}
}

/// As [`start_asleep`], but the thread stays as it is then, and its time runs out.
pub(crate) fn start_held<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Held<R> {
    let (sleeps, asleep) = mpsc::channel();
    let (go, told) = mpsc::channel();
    let running = start(move || {
        set_block_hook(Some(Arc::new(Hold {
            asleep: sleeps,
            go: Mutex::new(told),
        })));
        f()
    });
    asleep
        .recv_timeout(AGES)
        .expect("it has something to wait for");
    Held { running, go }
}

impl<R> Held<R> {
    /// Lets it go on.
    pub(crate) fn go(self) -> R {
        drop(self.go);
        self.running.answer()
    }
}

impl<R> Running<R> {
    pub(crate) fn answer(self) -> R {
        match self.answer.recv_timeout(AGES) {
            Ok(answer) => {
                self.thread.join().unwrap();
                answer
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("still waiting"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                std::panic::resume_unwind(self.thread.join().unwrap_err())
            }
        }
    }
}

/// Waits until `condition` holds, turning the engine's garbage over meanwhile.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < AGES, "never: {what}");
        hivework_stm::flush();
        thread::yield_now();
    }
}

/// Runs small transactions until `condition` holds, which must be before they have
/// turned the engine's garbage over a few thousand times: too few times for what
/// goes one by one.
pub(crate) fn soon(what: &str, mut condition: impl FnMut() -> bool) {
    let turned = TVar::new(vec![0]);
    for n in 0..1_000_000 {
        if condition() {
            return;
        }
        turned.store(vec![n]);
    }
    panic!("not soon: {what}");
}

/// A value that counts how many of its kind exist.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(count))
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Counted::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Has another thread do it, and waits for that.
pub(crate) fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    match std::thread::scope(|scope| scope.spawn(f).join()) {
        Ok(result) => result,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}
