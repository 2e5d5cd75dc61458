#![allow(
    unsafe_code,
    reason = "an item's memory and its stage are governed by its state word"
)]
//! A work item's one allocation: what it is called, how far it has come, what
//! it is to run and what came of it. The references to it are in [`item`](super::item)
//! and [`ends`](super::ends).
//!
//! # The stage
//!
//! The closure, then nothing, then the outcome, all in one place, which is touched by one
//! thread at a time. Who that is the state word says:
//!
//! | the stage belongs to | from | to |
//! |---|---|---|
//! | `Fresh` | the making | the put |
//! | nobody | the put | the next line |
//! | who begins the item ([`Begin::Begun`]) | `begin` | its `end`; or its last use, if OVERDUE |
//! | who withdraws or cancels it ([`Withdraw::Mine`](super::state::Withdraw::Mine), [`Cancel::Withdrawn`]) | that | `publish` |
//! | who buries it, if it was OVERDUE unbegun | `bury`, won once | its last use |
//! | the handle, if it is not OVERDUE | PUBLISHED, not DETACHED | the handle's last use |
//! | who published it, if it was DETACHED by then | PUBLISHED | its last use |
//! | who frees it | the last reference's end | |
//!
//! Each line's first access comes after the last one of the line before: both sides are
//! changes of the word that release and acquire. An item that is OVERDUE has
//! its outcome in the word, so that neither the timer that expires it nor its handle
//! touches the stage, which its runner may still be using. An item is OVERDUE only if that
//! won the word, so no line's owner loses the stage to another.
//!
//! Of the handle, shared borrows only read the stage, exclusive ones change it; so the
//! borrow checker does the rest.
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
//! 4. *End*: the outcome is put on the stage and published by one change of the word. With a
//!    deadline, with callbacks, or after a checkpoint that said stop, it is *finished*
//!    first; who loses to the deadline drops its late result and runs the callbacks.
//! 5. The books count the item before its outcome is published, so that
//!    whoever has seen the outcome finds it counted; and count it *ended* only
//!    after its callbacks have run, because a drain waits for the ended ones and
//!    callbacks may put work.
//!
//! A thread that dies between 2 and 4 publishes [`WorkError::Lost`] on its way
//! out ([`Unfinished`]).

use std::mem;

use hivework_stm::facade::cell::UnsafeCell;
use stm_ports::Refusal;

use super::completion::{Completion, Outcome};
use super::context::WorkContext;
use super::ends::{Core, Fresh};
use super::error::{PanicReport, WorkError};
use super::info::Info;
use super::item::{Head, Item, Kind, Runs};
use super::own::Own;
use super::settle;
use super::state::{Begin, Cancel, Claim, StateWord};
use super::unwind::{contain, drop_contained};
use crate::books::Ending;
use crate::local;
use crate::outlet;
/// What can be called as a work item's body.
pub(crate) trait Body<T>: Send + 'static {
    fn call(self, context: &dyn Fn() -> WorkContext) -> T;
}

/// See the [module](self).
#[repr(C)]
struct Task<F, T> {
    head: Head,
    stage: UnsafeCell<Stage<F, T>>,
}

enum Stage<F, T> {
    Closure(F),
    Empty,
    Ready(Outcome<T>),
}

// SAFETY: what is in a task is sent from thread to thread (F and T are Send), and the stage,
// which alone is not Sync by itself, is touched by one thread at a time, or read by holders of
// a shared handle, which hands out a T to them only where T is Sync (`HandleEnd::lend`).
unsafe impl<F: Send, T: Send> Sync for Task<F, T> {}
// SAFETY: as above.
unsafe impl<F: Send, T: Send> Send for Task<F, T> {}

// SAFETY: see its definition, and where it is made.
unsafe impl<F: Body<T>, T: Send + 'static> Kind for Task<F, T> {}

impl<T: Send + 'static> Fresh<T> {
    pub(crate) fn new<F: Body<T>>(body: F) -> Self {
        Fresh::of(|head| Task {
            head,
            stage: UnsafeCell::new(Stage::Closure(body)),
        })
    }
}

impl<F: Body<T>, T: Send + 'static> Task<F, T> {
    fn state(&self) -> &StateWord {
        &self.head.state
    }

    fn info(&self) -> &Info {
        &self.head.info
    }

    /// Replaces what is on the stage.
    ///
    /// # Safety
    ///
    /// The stage belongs to the caller.
    unsafe fn set_stage(&self, stage: Stage<F, T>) -> Stage<F, T> {
        self.stage.with_mut(|place| {
            // SAFETY: in bounds and initialised; nobody else touches it now.
            unsafe { mem::replace(&mut *place, stage) }
        })
    }

    /// Takes the closure, by whoever owns the stage of an item that has not run.
    ///
    /// # Safety
    ///
    /// The stage belongs to the caller.
    unsafe fn take_closure(&self) -> Option<F> {
        // SAFETY: passed on from the caller.
        match unsafe { self.set_stage(Stage::Empty) } {
            Stage::Closure(closure) => Some(closure),
            _ => None,
        }
    }

    /// Steps 1 to 5. False when the claim was lost.
    fn run_claimed(&self, this: &Item, claim: Claim) -> bool {
        if self.info().rare().is_some() && self.is_put_off(this, claim) {
            return true;
        }
        match self.state().begin(claim) {
            Begin::Begun => {
                self.execute(this, claim);
                true
            }
            Begin::Gone | Begin::Held => false,
        }
    }

    /// What few items need before they begin; true for one that does not begin now.
    fn is_put_off(&self, this: &Item, claim: Claim) -> bool {
        if claim == Claim::Queue && self.info().is_held_back() && settle::arrive(this) {
            return true;
        }
        if self.head.is_overdue() {
            self.expire(this);
        }
        false
    }

    fn execute(&self, this: &Item, claim: Claim) {
        let own = Own::of(self.info());
        own.begun(this);
        let running = local::Running::enter(self.info());
        // SAFETY: begun by this thread.
        let body = unsafe { self.take_closure() };
        let unfinished = Unfinished(Some((self, &own)));
        let ran = own.show(this, claim, || {
            contain(|| {
                let _seen = outlet::turn(self.info(), &own, true);
                body.map(|body| body.call(&|| WorkContext::new(this.clone())))
            })
        });
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
        settle::finish(self, &own, outcome, ending);
        drop(running);
    }
}

/// Publishes [`WorkError::Lost`] when its thread unwinds past it.
struct Unfinished<'a, F: Body<T>, T: Send + 'static>(Option<(&'a Task<F, T>, &'a Own)>);

impl<F: Body<T>, T: Send + 'static> Unfinished<'_, F, T> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: Body<T>, T: Send + 'static> Drop for Unfinished<'_, F, T> {
    fn drop(&mut self) {
        if let Some((task, own)) = self.0 {
            let why = WorkError::Lost("the worker that ran it died");
            settle::finish(task, own, Err(why), Ending::Lost);
        }
    }
}

impl<F: Body<T>, T: Send + 'static> Runs for Task<F, T> {
    fn run(&self, this: &Item) {
        if !self.run_claimed(this, Claim::Queue) {
            settle::bury(self);
        }
    }

    fn run_here(&self, this: &Item) {
        if !self.info().is_early() {
            self.run_claimed(this, Claim::Handle);
        }
    }

    fn refuse(&self, why: Refusal) {
        settle::refuse(self, why);
    }

    fn expire(&self, this: &Item) {
        let _ = settle::expire(self, this);
    }

    fn roll_back(&self) {
        settle::roll_back(self);
    }

    fn withdraw(&self, why: WorkError) {
        settle::withdraw(self, why);
    }

    fn cancel(&self) -> bool {
        match self.state().cancel() {
            Cancel::Withdrawn => {
                let (ending, why) = self.head.info.cancelled();
                settle::publish_unbegun(self, why, ending);
                true
            }
            Cancel::Asked => true,
            Cancel::TooLate => false,
        }
    }

    fn wake(&self) {
        self.completion().wake(|| {});
    }

    fn nudge(&self) {
        self.completion().nudge();
    }
}

impl<F: Body<T>, T: Send + 'static> Core<T> for Task<F, T> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn completion(&self) -> Completion<'_, T> {
        Completion::of(&self.head)
    }

    fn forget_waker(&self) {
        self.completion().forget_waker();
    }

    unsafe fn outcome(&self) -> Option<&Outcome<T>> {
        self.stage.with(|place| {
            // SAFETY: in bounds and initialised; nobody writes to it, by the caller's promise.
            match unsafe { &*place } {
                Stage::Ready(outcome) => Some(outcome),
                _ => None,
            }
        })
    }

    unsafe fn discard(&self) {
        // SAFETY: passed on from the caller.
        drop_contained(unsafe { self.take_closure() });
    }

    unsafe fn exchange(&self, outcome: Option<Outcome<T>>) -> Option<Outcome<T>> {
        let stage = outcome.map_or(Stage::Empty, Stage::Ready);
        // SAFETY: the stage is the caller's, by its promise.
        match unsafe { self.set_stage(stage) } {
            Stage::Ready(outcome) => Some(outcome),
            _ => None,
        }
    }
}
