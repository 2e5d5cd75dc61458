//! How others see an item that runs in turns: a queue, a handle, the timers, the lobby.
//!
//! What they ask for before it has begun is answered as for any item; afterwards it is a
//! matter of its turns ([polled](super)).

use std::fmt;

use hivework_stm::facade::sync::{Arc, Weak};
use stm_ports::{Refusal, WorkItem};

use super::turn::Why;
use super::{Guest, Polled, Turns};
use crate::books::Ending;
use crate::handle::deep::Nudge;
use crate::work::completion::Completion;
use crate::work::error::WorkError;
use crate::work::info::Info;
use crate::work::state::{Cancel, StateWord, Status};
use crate::work::task::{Core, Due};

impl<F: Turns> Guest for Polled<F> {
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

impl<F: Turns> WorkItem for Polled<F> {
    fn id(&self) -> u64 {
        self.info.id
    }

    fn name(&self) -> Option<&str> {
        self.info.name()
    }

    fn run(self: Arc<Self>) {
        if !self.take_turn() {
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
        // One that has begun lies in the queue only because it was woken there; a
        // transport knows nothing of it and can lose no more than a tombstone.
        if ending == Ending::Stopped && self.completion.state.status() == Status::Running {
            self.close(Why::Stopped);
        }
    }
}

impl<F: Turns> Core<F::Output> for Polled<F> {
    fn completion(&self) -> &Completion<F::Output> {
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
        // Once its put is known to have committed an entry is, or was, in a queue, which
        // becomes a tombstone. Before that the turn is not to be had.
        if !self.completion.state.is_held() {
            self.take_turn();
        }
    }

    fn cancel(&self) -> bool {
        match self.completion.state.cancel() {
            Cancel::Withdrawn => {
                self.publish_unbegun(WorkError::Cancelled, Ending::Cancelled);
                true
            }
            Cancel::Asked => self.close(Why::Cancelled),
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

impl<F: Turns> Nudge for Polled<F> {
    fn nudge(&self) {
        self.completion.nudge();
    }
}

impl<F: Turns> Due for Polled<F> {
    fn overdue(self: Arc<Self>) {
        self.expire_now();
    }

    fn is_over(&self) -> bool {
        self.completion.state.is_over()
    }
}

impl<F: Turns> fmt::Debug for Polled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("id", &self.info.id)
            .field("name", &self.info.name())
            .field("state", &self.completion.state)
            .field("turn", &self.turn)
            .finish_non_exhaustive()
    }
}
