//! Spawned work with its lifetime erased: the one place of the scopes that is unsafe.
//!
//! # What a job may borrow
//!
//! A closure that is spawned may borrow what outlives its scope: everything that was
//! there before the call that opened it. The queue that it waits in, and the thread
//! that runs it, know nothing of that lifetime, `'scope`; so it is erased here, and
//! must be kept by what follows.
//!
//! 1. `'scope` is a parameter of the function that opens a scope,
//!    [`Core::complete`], and so outlives its whole body. It is invariant in [`Scope`], so nobody can pass for a scope
//!    with a longer or a shorter one.
//! 2. A job is made only through a [`Scope`] that is borrowed. There are two kinds: the
//!    one in the frame of the function that opened it, lent to the caller's closure and
//!    gone when that is over; and the ones of threads that run a job of this scope, lent
//!    to that job. Neither can be cloned or moved out of its borrow.
//! 3. A job goes, in the call that makes it, into the scope's
//!    [`Jobs`](super::jobs::Jobs), or it is entrusted there and goes to a mailbox.
//!    There it counts until it has been consumed: run to its end or unwound, its
//!    captures dropped, or dropped without being run.
//! 4. That function neither returns nor unwinds before none counts:
//!    it catches what the caller's closure throws, and where waiting itself were to
//!    unwind, it aborts the process instead. None counting stays so: a job
//!    can only be made under 2, by the caller's closure, which is over, or by a job that
//!    counts, or by what these have lent their scope to, which they outlast.
//!
//! So every job is consumed while the body of 1 runs, within `'scope`. A frame that is
//! never left, because its thread is blocked for good or the process ends, keeps what
//! was borrowed alive as well. What remains of a job
//! afterwards, the allocation of its box and the payload of its panic, borrows nothing: a
//! payload is `'static`.

#![allow(
    unsafe_code,
    reason = "the lifetime of what a job borrows is erased; see above"
)]

use std::fmt;
use std::mem;

use hivework_stm::facade::sync::Arc;

use super::Scope;
use super::core::Core;

/// A spawned closure while its scope is open.
type Body<'scope> = Box<dyn FnOnce(&Scope<'scope>) + Send + 'scope>;

/// Spawned work. To be consumed before its scope is over.
pub(crate) struct Job(Body<'static>);

impl Job {
    /// Erases how long the closure may live.
    ///
    /// # Safety
    ///
    /// The job is consumed, run or dropped, before `'scope` ends.
    unsafe fn new<'scope>(body: impl FnOnce(&Scope<'scope>) + Send + 'scope) -> Job {
        let body: Body<'scope> = Box::new(body);
        // SAFETY: The two types differ in a lifetime alone, and so have one layout, one
        // table of methods and one way to be called. That the closure is not used after
        // its lifetime is the caller's obligation.
        Job(unsafe { mem::transmute::<Body<'scope>, Body<'static>>(body) })
    }

    /// Runs it. What it throws passes through.
    pub(super) fn run(self, scope: &Scope<'static>) {
        (self.0)(scope);
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}

impl<'scope> Scope<'scope> {
    /// Makes a job of the closure and puts it into the queue.
    pub(super) fn add(&self, body: impl FnOnce(&Scope<'scope>) + Send + 'scope) {
        // SAFETY: It goes into the queue of the scope that lends itself here, and counts
        // from there on: by 3 and 4 above it is consumed within `'scope`.
        let job = unsafe { Job::new(body) };
        self.core.spawn(job);
    }

    /// Makes a job of the closure that goes another way.
    pub(crate) fn entrust(&self, body: impl FnOnce(&Scope<'scope>) + Send + 'scope) -> Entrusted {
        self.core.jobs.entrust();
        // SAFETY: It counts already, until what is answered here is run or dropped, which
        // consumes it first: by 4 above that is within `'scope`.
        let job = unsafe { Job::new(body) };
        Entrusted {
            core: Arc::clone(&self.core),
            job: Some(job),
        }
    }
}

/// A job on its way to whom it is addressed. Dropped, it is over without having run.
#[derive(Debug)]
pub(crate) struct Entrusted {
    core: Arc<Core>,
    job: Option<Job>,
}

impl Entrusted {
    /// Runs it.
    pub(crate) fn run(mut self) {
        if let Some(job) = self.job.take() {
            Arc::clone(&self.core).help(job, |_| false);
        }
    }
}

impl Drop for Entrusted {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.core.drop_unrun(job);
        }
    }
}
