//! The least that runs two tasks on one thread: a flag a task, set by its waker,
//! and a thread that polls whoever has it set and parks while nobody has.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};

struct Task {
    ready: AtomicBool,
    thread: Thread,
}

impl Task {
    fn new() -> Arc<Self> {
        Arc::new(Task {
            ready: AtomicBool::new(true),
            thread: thread::current(),
        })
    }

    fn take_ready(&self) -> bool {
        // Ordering: Acquire, so that a poll sees what the wake in `wake_by_ref`
        // was about. The load keeps an idle task's line shared.
        self.ready.load(Ordering::Relaxed) && self.ready.swap(false, Ordering::Acquire)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Ordering: Release, for `take_ready`.
        self.ready.store(true, Ordering::Release);
        // A wake on the thread itself comes from a poll, after which both flags
        // are looked at: no need of the operating system.
        if thread::current().id() != self.thread.id() {
            self.thread.unpark();
        }
    }
}

/// Polls both on this thread until both are ready.
pub(super) fn run_both(left: impl Future<Output = ()>, right: impl Future<Output = ()>) {
    let (mut left, mut right) = (pin!(left), pin!(right));
    let tasks = [Task::new(), Task::new()];
    let wakers = tasks.each_ref().map(|task| Waker::from(Arc::clone(task)));
    let mut over = [false, false];
    while over != [true, true] {
        let mut polled = false;
        for one in 0..2 {
            if over[one] || !tasks[one].take_ready() {
                continue;
            }
            polled = true;
            let mut context = Context::from_waker(&wakers[one]);
            over[one] = match one {
                0 => left.as_mut().poll(&mut context),
                _ => right.as_mut().poll(&mut context),
            }
            .is_ready();
        }
        if !polled {
            thread::park();
        }
    }
}
