//! The same for every worker, once on each.
//!
//! A broadcast is a scope whose jobs do not go through a queue: each is put into the
//! mailbox of the worker that it is for (`broadcast/mailbox.rs`), and counts
//! until it has run or was dropped. Who calls waits as the owner of a scope
//! does, and so the closure may borrow, panics arrive after all is over, and a worker
//! that is to run its own part runs it at once.

pub(crate) mod mailbox;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::in_transaction;

use crate::local;
use crate::scheduler::Scheduler;
use crate::scope::core::Core;
use crate::work::unwind::drop_contained;
use mailbox::Mailbox;

/// A broadcast did not reach every worker: the scheduler does not run, or stopped
/// meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotRunning;

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the scheduler does not run, or stopped before every worker had its turn; \
             start it, and broadcast again",
        )
    }
}

impl std::error::Error for NotRunning {}

impl Scheduler {
    /// Calls `f` once on every worker, with the worker's number, and answers what they
    /// answered in the order of their numbers. Spares, which stand in for workers that are blocked, do not count.
    ///
    /// A worker comes to it between two works. One that is blocked inside its work
    /// comes when that is over, and the broadcast waits: a work that a worker waits
    /// for must not broadcast. Called on a worker, its own part runs at once, and while
    /// it waits for the others it takes part in their broadcasts. One that crashes before
    /// its turn is represented by the worker that replaces it. Where the number of workers changes
    /// meanwhile, it goes by the number that there was to be when it began.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use hivework::Scheduler;
    ///
    /// thread_local! {
    ///     static CACHE: Cell<usize> = const { Cell::new(0) };
    /// }
    ///
    /// let scheduler = Scheduler::builder().workers(3).start().unwrap();
    /// let sizes = [10, 20, 30];
    /// scheduler.broadcast(|worker| CACHE.set(sizes[worker])).unwrap();
    /// assert_eq!(scheduler.broadcast(|_| CACHE.get()).unwrap(), sizes);
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotRunning`] where the scheduler does not run, or a stop came before all
    /// workers had their turn. A stop lets workers that it finds between two works
    /// take their turn first.
    ///
    /// # Panics
    ///
    /// With what `f` panics with first, after all parts are over. Inside a
    /// transaction: broadcast before or after it.
    pub fn broadcast<R: Send>(&self, f: impl Fn(usize) -> R + Sync) -> Result<Vec<R>, NotRunning> {
        assert!(
            !in_transaction(),
            "broadcast inside a transaction, which may run again and must not wait: \
             broadcast before or after it"
        );
        let shared = self.shared();
        let boxes = shared.crew.mailboxes(shared.workers());
        let answers: Vec<_> = boxes.iter().map(|_| Mutex::new(None)).collect();
        let here = local::worker_of(shared).filter(|worker| !worker.seat.is_spare);
        let core = Core::open(None);
        // It waits here, and may be one too many by now: then it has no part in this broadcast, but may
        // have one in others.
        let own = here.as_ref().map(|worker| &*worker.seat.mailbox);
        let here = here
            .as_ref()
            .filter(|worker| worker.seat.number < answers.len());
        let _leave = Leave(own);
        let waiting = Arc::clone(&core);
        let body = || {
            core.complete(
                |scope| {
                    let f = &f;
                    for (number, (mailbox, answer)) in boxes.iter().zip(&answers).enumerate() {
                        if own.is_some_and(|own| std::ptr::eq(own, &**mailbox)) {
                            continue;
                        }
                        let mail = scope.entrust(move |_| {
                            let value = f(number);
                            *answer.lock() = Some(value);
                        });
                        if !mailbox.post(&shared.idle, mail) {
                            shared.supervisor.ring();
                        }
                    }
                    if let Some(worker) = here {
                        let value = f(worker.seat.number);
                        *answers[worker.seat.number].lock() = Some(value);
                    }
                },
                || {
                    if let Some(own) = own {
                        own.read_in(&waiting);
                    }
                },
            )
        };
        // What answers nobody, goes with its panics contained.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
            answers.into_iter().for_each(drop_contained);
            resume_unwind(payload);
        }
        let mut answers: Vec<_> = answers.iter().map(|answer| answer.lock().take()).collect();
        if answers.iter().any(Option::is_none) {
            answers.into_iter().for_each(drop_contained);
            return Err(NotRunning);
        }
        Ok(answers.iter_mut().filter_map(Option::take).collect())
    }
}

/// The worker waits in its broadcast no longer, however that ends.
struct Leave<'a>(Option<&'a Mailbox>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.0 {
            own.leave();
        }
    }
}
