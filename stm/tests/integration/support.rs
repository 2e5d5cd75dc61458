//! What several subjects need: bounded waits on events, a view of who is about
//! to sleep, and values that count themselves.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hivework_stm::{BlockHook, flush, set_block_hook};

/// A bound that only something that hangs can reach.
pub(crate) const HANGS: Duration = Duration::from_secs(120);

/// Fewer rounds where every step is interpreted.
pub(crate) const fn rounds(n: usize) -> usize {
    match n / 500 {
        _ if !cfg!(miri) => n,
        few if few < 3 => 3,
        few => few,
    }
}

/// Runs `f` on a thread of its own and fails when that does not come to an end.
pub(crate) fn finishes<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, wait) = channel();
    let thread = thread::spawn(move || {
        let result = f();
        let _ = done.send(());
        result
    });
    if wait.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout) {
        panic!("hangs");
    }
    match thread.join() {
        Ok(result) => result,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Has another thread do it, and waits for that.
pub(crate) fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    match thread::scope(|scope| scope.spawn(f).join()) {
        Ok(result) => result,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Waits for `holds`, which nothing announces, and fails when it never does.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < HANGS, "never: {what}");
        thread::yield_now();
    }
}

/// Tells when a thread is about to sleep in a transaction, and when it is back.
#[derive(Debug)]
struct Announce(Sender<Sleep>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sleep {
    Begins,
    Ends,
}

impl BlockHook for Announce {
    fn block(&self) {
        let _ = self.0.send(Sleep::Begins);
    }

    fn unblock(&self) {
        let _ = self.0.send(Sleep::Ends);
    }
}

/// Has the calling thread tell of its sleeps.
pub(crate) fn announce_sleeps(to: Sender<Sleep>) {
    set_block_hook(Some(Arc::new(Announce(to))));
}

/// A thread that runs `f`, and the word of its sleeps.
pub(crate) fn sleeper<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> (thread::JoinHandle<R>, Receiver<Sleep>) {
    let (to, sleeps) = channel();
    let thread = thread::spawn(move || {
        announce_sleeps(to);
        f()
    });
    (thread, sleeps)
}

/// Waits for the thread behind `sleeps` to be about to sleep: it has registered.
pub(crate) fn asleep(sleeps: &Receiver<Sleep>) {
    loop {
        if sleeps.recv_timeout(HANGS).expect("never sleeps") == Sleep::Begins {
            return;
        }
    }
}

/// Never drops it. As `mem::forget`, but for the leak sanitizer, which finds it here.
pub(crate) fn leak(value: impl Any + Send) {
    static LEAKED: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());
    let mut leaked = LEAKED.lock().unwrap_or_else(PoisonError::into_inner);
    leaked.push(Box::new(value));
}

/// The result of a thread that must end.
pub(crate) fn joined<R>(thread: thread::JoinHandle<R>) -> R {
    until("the thread ends", || thread.is_finished());
    match thread.join() {
        Ok(result) => result,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// The message of the panic that `f` ends in.
pub(crate) fn panics<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("did not panic"),
        Err(payload) => message(payload),
    }
}

pub(crate) fn message(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload
            .downcast_ref::<&str>()
            .map_or_else(String::new, ToString::to_string),
    }
}

/// How many [`Counted`] values are alive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count(Arc<AtomicIsize>);

impl Count {
    pub(crate) fn value(&self, n: i32) -> Counted {
        self.0.fetch_add(1, Ordering::SeqCst);
        Counted {
            n: Box::new(n),
            count: self.clone(),
        }
    }

    pub(crate) fn alive(&self) -> isize {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits until as many are alive: no fewer, and in the end no more.
    pub(crate) fn settles_at(&self, expected: isize) {
        until("displaced values are dropped", || {
            flush();
            let alive = self.alive();
            assert!(alive >= expected, "{alive} alive: dropped twice or lost");
            alive == expected
        });
    }
}

/// A boxed value that counts itself from creation and clone to drop.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) n: Box<i32>,
    count: Count,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.count.value(*self.n)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let before = self.count.0.fetch_sub(1, Ordering::SeqCst);
        assert!(before > 0, "dropped twice");
    }
}
