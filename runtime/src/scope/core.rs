//! What one scope consists of: its jobs, the first panic among them, and where
//! others learn of it.
//!
//! 1. [`Core::open`]: made, and listed on the board of the thread that opens it.
//! 2. [`Core::spawn`]: a job goes into the queue, and the board is raised (`board.rs`),
//!    so that workers come and help.
//! 3. [`Core::complete`]: the caller's closure runs, its panic caught. Then the owner
//!    runs the scope's own jobs, and never anything else: other work on top of a
//!    half-done frame is how a lock's holder comes to wait for itself. Where none is
//!    left and some still run elsewhere it waits, away after a short while (`jobs.rs`).
//! 4. Everything is over: off the board; the panic of the caller's closure goes on, or
//!    else the first one of a job, or the answer is handed out.
//!
//! A job that ends its worker the hard way ([`Crash`]) is over like any that panics, and
//! the crash goes on in the thread that ran it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use hivework_stm::facade::sync::{Arc, Mutex};

use super::Scope;
use super::board::Board;
use super::job::Job;
use super::jobs::{End, Jobs, Next};
use crate::local;
use crate::shared::Shared;
use crate::work::unwind::{Crash, Payload, drop_contained};
use crate::worker::away::Absence;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) jobs: Jobs<Job>,
    /// What its owner runs on behalf of: whoever helps does so as well.
    items: local::Items,
    /// Where it is listed; without, nobody helps.
    pool: Option<(Arc<Shared>, Arc<Board>)>,
    panic: Mutex<Option<Payload>>,
}

/// A job that is over, its closure gone.
#[must_use]
enum Ran {
    Over,
    /// It was to end the thread that ran it.
    Crashed,
}

impl Core {
    /// Step 1.
    pub(crate) fn open(shared: Option<&Arc<Shared>>) -> Arc<Core> {
        let pool = shared.map(|shared| (Arc::clone(shared), Board::of(shared)));
        let core = Arc::new(Core {
            jobs: Jobs::new(),
            items: local::items(),
            pool,
            panic: Mutex::new(None),
        });
        if let Some((_, board)) = &core.pool {
            board.list(&core);
        }
        core
    }

    /// Whose workers help.
    pub(super) fn shared(&self) -> Option<&Arc<Shared>> {
        self.pool.as_ref().map(|(shared, _)| shared)
    }

    /// Step 2.
    pub(super) fn spawn(&self, job: Job) {
        self.jobs.push(job);
        if let Some((shared, board)) = &self.pool {
            board.raise(shared);
        }
    }

    /// Steps 3 and 4. `meanwhile` is called before each wait, and whenever the owner
    /// has been called during one.
    ///
    /// `'scope` is the caller's own parameter, and outlives its body (`job.rs`).
    pub(crate) fn complete<'scope, R>(
        self: Arc<Core>,
        body: impl FnOnce(&Scope<'scope>) -> R,
        meanwhile: impl Fn(),
    ) -> R {
        let bound = Bound;
        let scope = Scope::of(self);
        let answer = catch_unwind(AssertUnwindSafe(|| body(&scope)));
        let scope = Scope::of(scope.core);
        let core = &*scope.core;
        core.finish_all(&scope, meanwhile);
        let panic = core.panic.lock().take();
        drop(scope);
        // Nothing borrows from here on.
        std::mem::forget(bound);
        match (answer, panic) {
            (Ok(answer), None) => answer,
            (Ok(answer), Some(payload)) => {
                drop_contained(answer);
                resume_unwind(payload)
            }
            (Err(payload), other) => {
                drop_contained(other);
                resume_unwind(payload)
            }
        }
    }

    fn finish_all(&self, scope: &Scope<'static>, meanwhile: impl Fn()) {
        loop {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(&meanwhile)) {
                self.panicked(payload);
            }
            match self.jobs.wait(absent) {
                Next::Run(job) => {
                    let mut next = Some(job);
                    while let Some(job) = next {
                        // A crash of ours waits for the end with the other panics.
                        let _ = self.run(scope, job, true);
                        next = self.jobs.finish_and_take(End::Newest).map(|(job, _)| job);
                    }
                }
                Next::Called => {}
                Next::Over => break,
            }
        }
        if let Some((_, board)) = &self.pool {
            board.unlist(self);
        }
    }

    /// Runs a job that was taken; what it held is gone afterwards.
    fn run(&self, scope: &Scope<'static>, job: Job, is_owner: bool) -> Ran {
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(scope)));
        let Err(mut payload) = ran else {
            return Ran::Over;
        };
        let crashed = !is_owner && payload.is::<Crash>();
        if crashed {
            payload = Box::new("the worker that ran it died");
        }
        self.panicked(payload);
        if crashed { Ran::Crashed } else { Ran::Over }
    }

    /// Keeps the first one.
    fn panicked(&self, payload: Box<dyn Any + Send>) {
        let mut first = self.panic.lock();
        if first.is_none() {
            *first = Some(payload);
            return;
        }
        drop(first);
        drop_contained(payload);
    }

    /// Runs a job that was taken on behalf of the scope, and then the next ones, as
    /// long as `go_on` says so; it is told whether more are left. On a thread that is
    /// not the owner.
    pub(super) fn help(self: Arc<Core>, job: Job, mut go_on: impl FnMut(Option<bool>) -> bool) {
        let _items = self.items.enter();
        let scope = Scope::of(self);
        let core = &*scope.core;
        let mut next = Some(job);
        while let Some(job) = next {
            match core.run(&scope, job, false) {
                Ran::Over if go_on(None) => {
                    next = core.jobs.finish_and_take(End::Newest).map(|(job, more)| {
                        go_on(Some(more));
                        job
                    });
                }
                Ran::Over => {
                    core.jobs.finish();
                    return;
                }
                Ran::Crashed => {
                    core.jobs.finish();
                    drop(scope);
                    resume_unwind(Box::new(Crash));
                }
            }
        }
    }

    /// Ends a job that was entrusted and will not run.
    pub(super) fn drop_unrun(&self, job: Job) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(job))) {
            self.panicked(payload);
        }
        self.jobs.finish();
    }
}

/// The owner is about to sleep. What is asked on the way, whether work is queued, may
/// go through a transport, which is a user's code: then it sleeps without being away.
fn absent() -> Option<Absence> {
    match catch_unwind(Absence::begin) {
        Ok(absence) => Some(absence),
        Err(payload) => {
            drop_contained(payload);
            None
        }
    }
}

/// Ends the process rather than letting the owner unwind past jobs that borrow from
/// its frames. Nothing below is known to panic.
struct Bound;

impl Drop for Bound {
    fn drop(&mut self) {
        std::process::abort();
    }
}
