#![allow(
    unsafe_code,
    reason = "the outcome belongs to whom the item's word says; `work/task.rs` has the table"
)]
//! How others see an item that runs in turns: a queue, a handle, the timers, the lobby.
//!
//! What they ask for before it has begun is answered as for any item; afterwards it is a
//! matter of its turns ([polled](super)).

use stm_ports::Refusal;

use super::turn::Why;
use super::{Polled, Turns};
use crate::work::completion::{Completion, Outcome};
use crate::work::ends::Core;
use crate::work::error::WorkError;
use crate::work::item::{Head, Item, Kind, Runs};
use crate::work::settle;
use crate::work::state::{Cancel, Claim, Status};

// SAFETY: see its definition: `repr(C)`, the head first, which `new` is given.
unsafe impl<F: Turns> Kind for Polled<F> {}

// SAFETY: future and result are sent from thread to thread (both are Send). The outcome, which
// alone is not Sync by itself, is touched by one thread at a time, or read by holders of a shared
// handle, which hands out a result to them only where that is Sync.
unsafe impl<F: Turns> Sync for Polled<F> {}

impl<F: Turns> Runs for Polled<F> {
    fn run(&self, this: &Item) {
        if !self.take_turn(this, Claim::Queue) {
            settle::bury(self);
        }
    }

    fn run_here(&self, this: &Item) {
        // Once its put is known to have committed an entry is, or was, in a queue, which
        // becomes a tombstone. Before that the turn is not to be had.
        // That of one that is delayed or held is not there yet.
        if !self.state().is_held() && !self.head.info.is_early() {
            self.take_turn(this, Claim::Handle);
        }
    }

    fn refuse(&self, why: Refusal) {
        let stopped = settle::refuse(self, why);
        // One that has begun lies in the queue only because it was woken there; a
        // transport knows nothing of it and can lose no more than a tombstone.
        if stopped && self.state().status() == Status::Running {
            self.close(Why::Stopped);
        }
    }

    fn expire(&self, this: &Item) {
        self.expire_now(this);
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
            Cancel::Asked => self.close(Why::Cancelled),
            Cancel::TooLate => false,
        }
    }

    fn wake(&self) {
        self.completion().wake(|| {});
    }

    fn nudge(&self) {
        self.completion().nudge();
    }

    fn woken(&self, this: &Item) {
        Polled::wake(self, this);
    }

    fn stop(&self) {
        self.close(Why::Stopped);
    }

    fn give_up(&self) {
        // Somebody outside may have woken it since the drain looked: then it is queued,
        // and runs.
        if self.turn.close_aside() {
            self.end_from_outside(Why::Stopped, true);
        }
    }
}

impl<F: Turns> Core<F::Output> for Polled<F> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn completion(&self) -> Completion<'_, F::Output> {
        Completion::of(&self.head)
    }

    fn forget_waker(&self) {
        self.completion().forget_waker();
    }

    unsafe fn outcome(&self) -> Option<&Outcome<F::Output>> {
        self.outcome.with(|place| {
            // SAFETY: in bounds and initialised; nobody writes to it, by the caller's promise.
            unsafe { &*place }.as_ref()
        })
    }

    unsafe fn discard(&self) {
        self.take_apart();
    }

    unsafe fn exchange(&self, outcome: Option<Outcome<F::Output>>) -> Option<Outcome<F::Output>> {
        self.outcome.with_mut(|place| {
            // SAFETY: in bounds and initialised; it is the caller's, by its promise.
            std::mem::replace(unsafe { &mut *place }, outcome)
        })
    }
}
