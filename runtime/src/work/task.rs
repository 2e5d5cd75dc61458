//! A work item's one allocation: what it is called, how far it has come, what
//! it is to run and what came of it.
//!
//! A [`Task`] is reached through three traits, all of the same `Arc`: a queue
//! holds it as [`WorkItem`], its handle as [`Core`], the timers as a weak
//! [`Due`]. None of them knows the closure's type.
//!
//! # Running an item
//!
//! 1. Its deadline is looked at: an item whose time is over never begins.
//! 2. *Begin*: the claim that makes this thread the one that runs it. Who
//!    loses it has met a tombstone: it drops the closure, where the deadline
//!    left one behind, and runs the callbacks that the deadline left over. So
//!    does who takes the item out of its queue, or keeps it from ever getting
//!    there.
//! 3. The closure runs, unwinding contained, with the item's id on the
//!    thread's list of running work.
//! 4. *Finish*: who wins publishes the outcome; who loses to the deadline
//!    drops its late result and runs the callbacks.
//! 5. The books count the item before its outcome is published, so that
//!    whoever has seen the outcome finds it counted; and count it *ended* only
//!    after its callbacks have run, because a drain waits for the ended ones and
//!    callbacks may put work.
//!
//! A thread that dies between 2 and 4 publishes [`WorkError::Lost`] on its way
//! out ([`Unfinished`]).

use std::fmt;

use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use stm_ports::{Refusal, WorkItem};

use super::completion::{Completion, Outcome};
use super::context::{Progress, WorkContext};
use super::error::{PanicReport, WorkError};
use super::info::Info;
use super::state::{Begin, Cancel, Claim, Expire, Finish, StateWord, Withdraw};
use super::unwind::{contain, drop_contained};
use crate::books::Ending;
use crate::handle::deep::Nudge;
use crate::local;
use crate::shared::Shared;
use crate::worker::search;

/// What can be called as a work item's body.
pub(crate) trait Body<T>: Send + 'static {
    fn call(self, context: &dyn Fn() -> WorkContext) -> T;
}

/// An item as its handle sees it.
pub(crate) trait Core<T>: Send + Sync {
    fn completion(&self) -> &Completion<T>;
    fn info(&self) -> &Info;
    fn info_mut(&mut self) -> &mut Info;
    fn state(&self) -> &StateWord;
    /// Its handle is gone.
    fn detach(&self);
    /// Runs it on this thread if nobody has begun it.
    fn run_here(self: Arc<Self>);
    /// Asks it to cancel; false when it was over.
    fn cancel(&self) -> bool;
    /// Answers its handle with `why` unless somebody has begun it.
    fn withdraw(&self, why: WorkError);
    /// Its put's transaction was rolled back.
    fn roll_back(&self);
    /// Its deadline has passed.
    fn expire(self: Arc<Self>);
    fn item(self: Arc<Self>) -> Arc<dyn WorkItem>;
    fn due(self: Arc<Self>) -> Weak<dyn Due>;
    fn nudged(self: Arc<Self>) -> Arc<dyn Nudge>;
}

/// An item as the timers see it.
pub(crate) trait Due: Send + Sync {
    /// Its deadline has passed.
    fn overdue(self: Arc<Self>);
    /// Is there nothing left for the deadline to do?
    fn is_over(&self) -> bool;
}

/// See the [module](self).
pub(crate) struct Task<F, T> {
    info: Info,
    completion: Completion<T>,
    body: Mutex<Option<F>>,
}

impl<F: Body<T>, T: Send + 'static> Task<F, T> {
    pub(crate) fn new(body: F) -> Self {
        Task {
            info: Info::default(),
            completion: Completion::new(),
            body: Mutex::new(Some(body)),
        }
    }

    fn owner(&self) -> Option<&Arc<Shared>> {
        self.info.owner.as_ref()
    }

    /// Steps 1 to 5. False when the claim was lost.
    fn run_claimed(self: &Arc<Self>, claim: Claim) -> bool {
        if self.info.is_overdue() {
            self.expire_now();
        }
        match self.completion.state.begin(claim) {
            Begin::Begun => {
                self.execute();
                true
            }
            Begin::Gone | Begin::Held => false,
        }
    }

    fn execute(self: &Arc<Self>) {
        let running = local::Running::enter(&self.info);
        let body = self.body.lock().take();
        let unfinished = Unfinished(Some(self));
        let ran = contain(|| body.map(|body| body.call(&|| WorkContext::new(self.clone()))));
        unfinished.disarm();
        let (outcome, ending) = match ran {
            Ok(Some(value)) => (Ok(value), Ending::Finished),
            Ok(None) => {
                let why = "it was taken apart before it ran";
                (Err(WorkError::Lost(why)), Ending::Lost)
            }
            Err(payload) => {
                let report = PanicReport::new(payload);
                (Err(WorkError::Panicked(report)), Ending::Panicked)
            }
        };
        self.finish(outcome, ending);
        drop(running);
    }

    /// Steps 4 and 5.
    fn finish(&self, mut outcome: Outcome<T>, mut ending: Ending) {
        match self.completion.state.finish() {
            Finish::Mine { left } => {
                if left && ending == Ending::Finished {
                    drop_contained(std::mem::replace(&mut outcome, Err(WorkError::Cancelled)));
                    ending = Ending::Cancelled;
                }
                self.count(ending, outcome.as_ref().err());
                local::settled(&self.info);
                self.completion
                    .publish_and(outcome, || search::take_up(&self.info));
            }
            Finish::TooLate => {
                local::settled(&self.info);
                drop_contained(outcome);
                self.completion.run_late_callbacks();
            }
        }
        self.end();
    }

    /// Answers the handle of an item that nobody has begun and, now that it is
    /// settled, nobody will.
    fn publish_unbegun(&self, why: WorkError, ending: Ending) {
        // A callback that joins its own item is told so, as when the item runs.
        let _running = local::Running::without_books(&self.info);
        let body = self.body.lock().take();
        drop_contained(body);
        if let Some(owner) = self.owner() {
            owner.books.withdrawn();
        }
        self.count(ending, Some(&why));
        self.completion.publish(Err(why));
        self.end_unbegun();
    }

    /// Takes the item out of the world unless somebody has begun it. Where its
    /// deadline came first, nobody else will meet it: what that left to do is
    /// done here.
    fn withdraw_as(&self, why: WorkError, ending: Ending) {
        match self.completion.state.withdraw() {
            Withdraw::Mine => self.publish_unbegun(why, ending),
            Withdraw::TooLate => self.bury(),
        }
    }

    /// Leaves closure and callbacks for the worker that meets the tombstone:
    /// the caller may be the supervisor, which runs no user's code.
    fn expire_now(&self) {
        let why = WorkError::DeadlineExceeded;
        match self.completion.state.expire() {
            Expire::Unbegun => {
                if let Some(owner) = self.owner() {
                    owner.books.withdrawn();
                }
                self.count(Ending::Overdue, Some(&why));
                self.completion.publish_expired(true);
            }
            Expire::Running => {
                self.count(Ending::Overdue, Some(&why));
                self.completion.publish_expired(false);
            }
            Expire::TooLate => {}
        }
    }

    /// What is left to do for who has met a tombstone: the closure and the
    /// callbacks of an item that expired before anybody began it. Only then is
    /// the item over for a drain.
    fn bury(&self) {
        if self.completion.claim_burial() {
            let body = self.body.lock().take();
            drop_contained(body);
            self.completion.run_late_callbacks();
            self.end_unbegun();
        }
    }

    fn count(&self, ending: Ending, why: Option<&WorkError>) {
        if let Some(owner) = self.owner() {
            owner.work_settled(&self.info, ending, why);
        }
    }

    /// Counts the item as over, on the thread that ran it.
    fn end(&self) {
        if let Some(owner) = self.owner() {
            owner.work_ended();
        }
    }

    /// Counts the item as over without it having begun.
    fn end_unbegun(&self) {
        if let Some(owner) = self.owner() {
            owner.work_ended_elsewhere();
        }
    }
}

/// Publishes [`WorkError::Lost`] when its thread unwinds past it.
struct Unfinished<'a, F: Body<T>, T: Send + 'static>(Option<&'a Arc<Task<F, T>>>);

impl<F: Body<T>, T: Send + 'static> Unfinished<'_, F, T> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: Body<T>, T: Send + 'static> Drop for Unfinished<'_, F, T> {
    fn drop(&mut self) {
        if let Some(task) = self.0 {
            let why = WorkError::Lost("the worker that ran it died");
            task.finish(Err(why), Ending::Lost);
        }
    }
}

impl<F: Body<T>, T: Send + 'static> WorkItem for Task<F, T> {
    fn id(&self) -> u64 {
        self.info.id
    }

    fn name(&self) -> Option<&str> {
        self.info.name()
    }

    fn run(self: Arc<Self>) {
        if !self.run_claimed(Claim::Queue) {
            self.bury();
        }
    }

    fn refuse(self: Arc<Self>, why: Refusal) {
        let (why, ending) = match why {
            Refusal::Stopped => (WorkError::Stopped, Ending::Stopped),
            Refusal::Lost(why) => (WorkError::Lost(why), Ending::Lost),
            _ => (WorkError::Lost("the transport refused it"), Ending::Lost),
        };
        self.withdraw_as(why, ending);
    }
}

impl<F: Body<T>, T: Send + 'static> Core<T> for Task<F, T> {
    fn completion(&self) -> &Completion<T> {
        &self.completion
    }

    fn info(&self) -> &Info {
        &self.info
    }

    fn info_mut(&mut self) -> &mut Info {
        &mut self.info
    }

    fn state(&self) -> &StateWord {
        &self.completion.state
    }

    fn detach(&self) {
        self.completion.detach();
    }

    fn run_here(self: Arc<Self>) {
        self.run_claimed(Claim::Handle);
    }

    fn cancel(&self) -> bool {
        match self.completion.state.cancel() {
            Cancel::Withdrawn => {
                self.publish_unbegun(WorkError::Cancelled, Ending::Cancelled);
                true
            }
            Cancel::Asked => true,
            Cancel::TooLate => false,
        }
    }

    fn withdraw(&self, why: WorkError) {
        let ending = match why {
            WorkError::Cancelled => Ending::Cancelled,
            WorkError::Stopped | WorkError::Full => Ending::Stopped,
            _ => Ending::Lost,
        };
        self.withdraw_as(why, ending);
    }

    fn roll_back(&self) {
        // It leaves no trace: nothing that was to be done after it is done.
        self.completion.forget_callbacks();
        self.withdraw_as(WorkError::Cancelled, Ending::RolledBack);
    }

    fn expire(self: Arc<Self>) {
        self.expire_now();
    }

    fn item(self: Arc<Self>) -> Arc<dyn WorkItem> {
        self
    }

    fn due(self: Arc<Self>) -> Weak<dyn Due> {
        let weak: Weak<Self> = Arc::downgrade(&self);
        weak
    }

    fn nudged(self: Arc<Self>) -> Arc<dyn Nudge> {
        self
    }
}

impl<F: Body<T>, T: Send + 'static> Nudge for Task<F, T> {
    fn nudge(&self) {
        self.completion.nudge();
    }
}

impl<F: Body<T>, T: Send + 'static> Due for Task<F, T> {
    fn overdue(self: Arc<Self>) {
        self.expire_now();
    }

    fn is_over(&self) -> bool {
        self.completion.state.is_over()
    }
}

impl<F: Body<T>, T: Send + 'static> Progress for Task<F, T> {
    fn info(&self) -> &Info {
        &self.info
    }

    fn state(&self) -> &StateWord {
        &self.completion.state
    }
}

impl<F, T> fmt::Debug for Task<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("id", &self.info.id)
            .field("name", &self.info.name())
            .field("state", &self.completion.state)
            .finish_non_exhaustive()
    }
}
