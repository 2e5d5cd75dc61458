//! A work item that runs in several turns: a future, a transaction that waits, or a periodic
//! work.
//!
//! It is an item like any other (a [task](crate::work::task)): the same state
//! word says who decides its outcome, the same completion tells it, the same queues
//! carry it. What it runs is polled, though; a poll that leaves it pending sets it
//! *aside*, and its worker is free. Its waker puts it into a queue
//! again, and the worker that finds it there polls it once more.
//!
//! # A turn
//!
//! 1. Its deadline is looked at. The turn is taken ([turn], which tells the races of
//!    polls, wake-ups and ends), and the first one *begins* the item, as any item begins.
//! 2. An item that is over by now is cleared away if its deadline has passed; and left alone if
//!    it was cancelled or withdrawn before it began: whoever did so drops the future, and only then
//!    answers the handle.
//! 3. The future is polled, unwinding contained.
//! 4. Ready, or a panic: the future is dropped, and the outcome published.
//! 5. Pending: it enters the [lobby], unless it is there from an earlier turn, is
//!    counted as aside, and set aside. Woken meanwhile, it goes to the back of the
//!    queue: one that wakes itself in each poll keeps nobody from his turn.
//!    One that leaves its slot to something more urgent goes back to its
//!    [attendant](crate::work::attendant), which wakes it when it lets it in again.
//!    One that says when its next turn is due goes into the timers before it is set aside; due
//!    meanwhile, it is woken as by any waker. Where the timers are closed, because a drain has
//!    begun, it ends.
//!
//! # Waking
//!
//! A waker may be called on any thread, at any time, also in a transaction, and after
//! the item and its scheduler are gone. The one call that finds the item aside queues
//! it: on a worker of its scheduler onto the worker's own deque, elsewhere into the
//! injector, beside the capacity and the gate, because it has been let in before. A
//! call inside a transaction can enter no other, and waits for the end of that one.
//!
//! While the scheduler is stopped an item that is woken stays queued, and one that is
//! not stays aside; both go on after the next start.
//!
//! # Ends that come from outside
//!
//! *Cancelled* while it is aside or queued, the item ends on the thread that cancels:
//! its future is dropped there, and with it what it has registered. While it is being
//! polled, the poller sees to that after the poll, unless that was the last.
//!
//! *Overdue*: the handle is answered at once. The supervisor, which may have been the
//! one to notice, runs no user's code; so the item is queued, and whoever meets it drops
//! the future and runs the callbacks.
//!
//! *Stopped*: as cancelled, by a drain for which nothing is left but transactions that
//! wait, or by the end of the scheduler.
//!
//! A thread that dies in a turn answers `Lost` on its way out ([`Unfinished`]).
//!
//! # What it counts as
//!
//! A drain must tell items that run from those that wait, and so must the supervisor,
//! which does not tick for the latter. So each is counted when it is set aside, before
//! that, and when it is taken up again, after. For a moment in between it counts as
//! waiting although it is queued; the thread that is about to queue it either runs an
//! item itself, which is live and does not wait, or is outside, where nothing
//! orders it with a drain. Then it notifies, which stirs the supervisor.

mod faces;
pub(crate) mod lobby;
pub(crate) mod turn;
mod turns;

use std::task::Waker;
use std::time::Duration;

use hivework_stm::facade::cell::UnsafeCell;
use hivework_stm::facade::sync::Mutex;

use crate::books::Ending;
use crate::local;
use crate::outlet;
use crate::supervisor::timers::Added;
use crate::work::completion::Outcome;
use crate::work::error::{PanicReport, WorkError};
use crate::work::item::{Head, Item};
use crate::work::own::{Own, Whose};
use crate::work::settle;
use crate::work::state::{Begin, Claim, Expire, StateWord, Status};
use crate::work::unwind::{contain, drop_contained, shield};
use lobby::{Kind, Place};
use turn::{Close, SetAside, Turn, TurnWord, Wakeup, Why};
pub(crate) use turns::{Next, Turns};

/// See the [module](self).
#[repr(C)]
pub(crate) struct Polled<F: Turns> {
    head: Head,
    /// The stage of [`task`](crate::work::task), from its last line on: who ends the item owns it.
    outcome: UnsafeCell<Option<Outcome<F::Output>>>,
    turn: TurnWord,
    kind: Kind,
    /// Of the one whose turn it is; the lock is never waited for.
    inside: Mutex<Inside<F>>,
}

struct Inside<F> {
    future: Option<F>,
    /// Its own, kept from the first turn to the last.
    waker: Option<Waker>,
    place: Option<Place>,
    begun: bool,
    /// How long its turns took, if it is timed.
    ran: Option<Duration>,
}

impl<F: Turns> Polled<F> {
    pub(crate) fn new(head: Head, future: F, kind: Kind) -> Self {
        Polled {
            head,
            outcome: UnsafeCell::new(None),
            turn: TurnWord::new(),
            kind,
            inside: Mutex::new(Inside {
                future: Some(future),
                waker: None,
                place: None,
                begun: false,
                ran: None,
            }),
        }
    }

    fn state(&self) -> &StateWord {
        &self.head.state
    }

    /// Steps 1 and 2; false when it was nobody's turn.
    fn take_turn(&self, this: &Item, claim: Claim) -> bool {
        if claim == Claim::Queue && self.head.info.is_held_back() && settle::arrive(this) {
            return true;
        }
        if self.head.is_overdue() {
            self.expire_now(this);
        }
        if self.turn.begin() == Turn::Gone {
            return false;
        }
        let state = self.state();
        // Only whoever has the turn begins it, so this says truly whether it had begun
        // when its deadline passed.
        let begins = state.status() == Status::Queued && state.begin(Claim::Queue) == Begin::Begun;
        let own = Own::of(&self.head.info);
        if begins {
            own.begun(this);
            let mut inside = self.inside.lock();
            inside.begun = true;
            inside.ran = own.is_timed().then_some(Duration::ZERO);
        }
        if state.is_over() {
            self.clear_away(&own);
        } else {
            self.poll(&own, this, claim);
        }
        true
    }

    /// Steps 3 to 5.
    fn poll(&self, own: &Own, this: &Item, claim: Claim) {
        let running = local::Running::enter(&self.head.info);
        let unfinished = Unfinished(Some((self, own)));
        let mut guard = self.inside.lock();
        let inside = &mut *guard;
        if let Some(ran) = inside.ran {
            own.run_on(ran);
        }
        let turn = || {
            let _seen = outlet::turn(&self.head.info, own, inside.waker.is_none());
            let future = inside.future.as_mut()?;
            Some(future.turn(this, &mut inside.waker))
        };
        let polled = own.show(this, claim, || contain(turn));
        inside.ran = own.ran();
        let goes_on = match &polled {
            Ok(Some(Next::Over(_)) | None) | Err(_) => false,
            Ok(Some(next)) => self.enter_lobby(inside, this) && self.prepare(next, own, this),
        };
        drop(guard);
        unfinished.disarm();
        match polled {
            Ok(Some(Next::Over(value))) => self.end(own, Ok(value), Ending::Finished),
            Ok(Some(Next::Back)) if goes_on => self.go_back(own, this),
            Ok(Some(_)) if goes_on => self.set_aside(own, this),
            Ok(Some(_)) => self.end_as(own, Why::Stopped),
            Ok(None) => {
                let why = WorkError::Lost("it was taken apart before it ran");
                self.end(own, Err(why), Ending::Lost);
            }
            Err(payload) => {
                let report = PanicReport::new(payload);
                self.end(own, Err(WorkError::Panicked(report)), Ending::Panicked);
            }
        }
        drop(running);
    }

    /// Step 5, the first part; false when the lobby is closed.
    fn enter_lobby(&self, inside: &mut Inside<F>, this: &Item) -> bool {
        if inside.place.is_some() {
            return true;
        }
        let Some(shared) = self.head.info.shared() else {
            return true;
        };
        inside.place = shared.lobby.enter(this.number(), this.clone(), self.kind);
        inside.place.is_some()
    }

    /// Step 5, for one that is not woken by others; false when it is to have no turn any more.
    fn prepare(&self, next: &Next<F::Output>, own: &Own, this: &Item) -> bool {
        let until = match next {
            Next::Over(_) | Next::Woken | Next::Back => return true,
            Next::At(until) => Some(*until),
            Next::Again => None,
        };
        let Some(shared) = own.shared() else {
            return false;
        };
        let timers = &shared.supervisor.timers;
        match until.map(|until| timers.sleep(this.clone(), until)) {
            None if timers.is_closed() => return false,
            None => _ = self.turn.wake(),
            Some(Added::First) => shared.supervisor.ring(),
            // Whoever ended it has woken it, or told its turn.
            Some(Added::Later | Added::Over(_)) => {}
            Some(Added::Closed(_)) => return false,
        }
        true
    }

    /// Step 5, the rest.
    fn set_aside(&self, own: &Own, this: &Item) {
        own.set_aside(&self.head.info);
        self.leave_aside(own, this);
    }

    /// Step 5, the rest, for one that goes back to its attendant: while it still has the turn, so that
    /// nobody can end it before its attendant has it.
    fn go_back(&self, own: &Own, this: &Item) {
        let info = &self.head.info;
        own.set_aside(info);
        if let Some(attendant) = info.take_back() {
            shield(|| attendant.back(info, this));
        }
        self.leave_aside(own, this);
    }

    fn leave_aside(&self, own: &Own, this: &Item) {
        match self.turn.set_aside() {
            SetAside::Aside => {}
            SetAside::Queue => queue(own, this),
            SetAside::Closed(why) => {
                own.taken_up(&self.head.info);
                self.end_as(own, why);
            }
        }
    }

    /// Its turn is over and will not come again: drops the future and publishes.
    fn end(&self, own: &Own, outcome: Outcome<F::Output>, ending: Ending) {
        _ = self.turn.close_for_good();
        own.set_ran(self.take_apart());
        settle::finish(self, own, outcome, ending);
    }

    fn end_as(&self, own: &Own, why: Why) {
        match why {
            Why::Cancelled => {
                let (ending, why) = self.head.info.cancelled();
                self.end(own, Err(why), ending);
            }
            Why::Stopped => self.end(own, Err(WorkError::Stopped), Ending::Stopped),
        }
    }

    /// Drops the future and the waker, and leaves the lobby. For who owns the turn, or the outcome of
    /// an item that has not begun. Says how long it ran, if it is timed.
    fn take_apart(&self) -> Option<Duration> {
        let (future, waker, place, ran) = {
            let mut inside = self.inside.lock();
            let Inside {
                future,
                waker,
                place,
                ran,
                ..
            } = &mut *inside;
            (future.take(), waker.take(), place.take(), *ran)
        };
        drop_contained(future);
        drop(waker);
        if let Some(place) = place {
            if let Some(shared) = self.head.info.shared() {
                shared.lobby.leave(place);
            }
        }
        ran
    }

    /// Step 2. The item is settled; what its deadline left over is done here. One that never began
    /// belongs to whoever settled it, future and all, unless its deadline did.
    fn clear_away(&self, own: &Own) {
        _ = self.turn.close_for_good();
        if !self.inside.lock().begun {
            return settle::bury(self);
        }
        let _running = local::Running::enter(&self.head.info);
        own.set_ran(self.take_apart());
        let why = WorkError::DeadlineExceeded;
        settle::finish(self, own, Err(why), Ending::Overdue);
    }

    /// Closes it, and sees to its end unless somebody polls it.
    fn close(&self, why: Why) -> bool {
        match self.turn.close(why) {
            Close::Mine { aside } => {
                self.end_from_outside(why, aside);
                true
            }
            Close::Told => true,
            Close::TooLate => false,
        }
    }

    fn end_from_outside(&self, why: Why, was_aside: bool) {
        let _running = local::Running::enter(&self.head.info);
        let own = Own::of(&self.head.info);
        if was_aside {
            own.taken_up(&self.head.info);
        }
        self.end_as(&own, why);
    }

    fn expire_now(&self, this: &Item) {
        if settle::expire(self, this) == Expire::Running {
            // Whoever meets it clears it away.
            self.wake(this);
        }
    }

    /// Queues it again, if it was aside.
    fn wake(&self, this: &Item) {
        if self.turn.wake() == Wakeup::Queue {
            queue(&Own::of(&self.head.info), this);
        }
    }
}

/// Queues an item again, after it was set aside.
fn queue(own: &Own, this: &Item) {
    own.taken_up(&this.head().info);
    match &own.whose {
        Whose::Worker(worker) => {
            worker.deque.push(this.clone());
            worker.shared.notify();
        }
        Whose::Elsewhere(shared) => shared.requeue(this.clone()),
        Whose::Nobody => {}
    }
}

/// Answers [`WorkError::Lost`] when its thread unwinds past it.
struct Unfinished<'a, F: Turns>(Option<(&'a Polled<F>, &'a Own)>);

impl<F: Turns> Unfinished<'_, F> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: Turns> Drop for Unfinished<'_, F> {
    fn drop(&mut self) {
        if let Some((item, own)) = self.0 {
            let why = "the worker that ran it died";
            item.end(own, Err(WorkError::Lost(why)), Ending::Lost);
        }
    }
}

#[cfg(test)]
mod tests;
