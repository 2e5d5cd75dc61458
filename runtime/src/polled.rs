//! A work item that runs in several turns: a future, or a transaction that waits.
//!
//! It is an item like any other ([`Task`](crate::work::task::Task)): the same state
//! word says who decides its outcome, the same completion tells it, the same queues
//! carry it. What it runs is polled, though; a poll that leaves it pending sets it
//! *aside*, and its worker is free. It is its own waker: woken, it goes into a queue
//! again, and the worker that finds it there polls it once more.
//!
//! # A turn
//!
//! 1. Its deadline is looked at. The turn is taken ([turn], which tells the races of
//!    polls, wake-ups and ends), and the first one *begins* the item, as any item begins.
//! 2. An item that is over by now (cancelled before it began, its deadline passed) is
//!    cleared away.
//! 3. The future is polled, unwinding contained.
//! 4. Ready, or a panic: the future is dropped, and the outcome published.
//! 5. Pending: it enters the [lobby], unless it is there from an earlier turn, is
//!    counted as aside, and set aside. Woken meanwhile, it goes to the back of the
//!    queue: one that wakes itself in each poll keeps nobody from his turn.
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

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use hivework_stm::facade::sync::{Arc, Mutex};

use crate::books::Ending;
use crate::local;
use crate::shared::Shared;
use crate::work::completion::{Completion, Outcome};
use crate::work::error::{PanicReport, WorkError};
use crate::work::info::Info;
use crate::work::state::{Begin, Claim, Expire, Finish, Status, Withdraw};
use crate::work::unwind::{contain, drop_contained};
use lobby::{Kind, Place};
use turn::{Close, SetAside, Turn, TurnWord, Wakeup, Why};

/// What can be polled turn by turn, on one worker or another.
pub(crate) trait Turns: Future<Output: Send + 'static> + Unpin + Send + 'static {}

impl<F: Future<Output: Send + 'static> + Unpin + Send + 'static> Turns for F {}

/// See the [module](self).
pub(crate) struct Polled<F: Turns> {
    info: Info,
    completion: Completion<F::Output>,
    turn: TurnWord,
    kind: Kind,
    /// Of the one whose turn it is; the lock is never waited for.
    inside: Mutex<Inside<F>>,
}

struct Inside<F> {
    future: Option<F>,
    /// Its own, kept from the first turn to the last: to make one anew and drop it would
    /// cost each turn two exchanges.
    waker: Option<Waker>,
    place: Option<Place>,
    begun: bool,
}

/// An item as the lobby sees it.
pub(crate) trait Guest: Send + Sync {
    /// Its scheduler ends.
    fn stop(&self);
    /// Its scheduler drains, and nothing is left that would wake it.
    fn give_up(&self);
}

impl<F: Turns> Polled<F> {
    pub(crate) fn new(future: F, kind: Kind) -> Self {
        Polled {
            info: Info::default(),
            completion: Completion::new(),
            turn: TurnWord::new(),
            kind,
            inside: Mutex::new(Inside {
                future: Some(future),
                waker: None,
                place: None,
                begun: false,
            }),
        }
    }

    fn owner(&self) -> Option<&Arc<Shared>> {
        self.info.owner.as_ref()
    }

    /// Steps 1 and 2; false when it was nobody's turn.
    fn take_turn(self: &Arc<Self>) -> bool {
        if self.info.is_overdue() {
            self.expire_now();
        }
        if self.turn.begin() == Turn::Gone {
            return false;
        }
        let state = &self.completion.state;
        // Only whoever has the turn begins it, so this says truly whether it had begun
        // when its deadline passed.
        let begins = state.status() == Status::Queued && state.begin(Claim::Queue) == Begin::Begun;
        if begins {
            self.inside.lock().begun = true;
        }
        if state.is_over() {
            self.clear_away();
        } else {
            self.poll(begins);
        }
        true
    }

    /// Steps 3 to 5.
    fn poll(self: &Arc<Self>, begins: bool) {
        let running = if begins {
            local::Running::enter(&self.info)
        } else {
            local::Running::without_books(&self.info)
        };
        let unfinished = Unfinished(Some(self));
        let mut guard = self.inside.lock();
        let inside = &mut *guard;
        let polled = contain(|| {
            let future = inside.future.as_mut()?;
            let waker = inside.waker.get_or_insert_with(|| Arc::clone(self).into());
            Some(Pin::new(future).poll(&mut Context::from_waker(waker)))
        });
        let entered = match polled {
            Ok(Some(Poll::Pending)) => self.enter_lobby(inside),
            _ => false,
        };
        drop(guard);
        unfinished.disarm();
        match polled {
            Ok(Some(Poll::Pending)) if entered => self.set_aside(),
            Ok(Some(Poll::Pending)) => self.end_as(Why::Stopped),
            Ok(Some(Poll::Ready(value))) => self.end(Ok(value), Ending::Finished),
            Ok(None) => {
                let why = WorkError::Lost("it was taken apart before it ran");
                self.end(Err(why), Ending::Lost);
            }
            Err(payload) => {
                let report = PanicReport::new(payload);
                self.end(Err(WorkError::Panicked(report)), Ending::Panicked);
            }
        }
        drop(running);
    }

    /// Step 5, the first part; false when the lobby is closed.
    fn enter_lobby(self: &Arc<Self>, inside: &mut Inside<F>) -> bool {
        let Some(owner) = self.owner().filter(|_| inside.place.is_none()) else {
            return true;
        };
        let guest: Arc<dyn Guest> = self.clone();
        inside.place = owner.lobby.enter(self.info.id, guest, self.kind);
        inside.place.is_some()
    }

    /// Step 5, the rest.
    fn set_aside(self: &Arc<Self>) {
        local::set_aside(&self.info);
        match self.turn.set_aside() {
            SetAside::Aside => {}
            SetAside::Queue => Arc::clone(self).queue(),
            SetAside::Closed(why) => {
                local::taken_up(&self.info);
                self.end_as(why);
            }
        }
    }

    /// Queues it again, after it was set aside.
    fn queue(self: Arc<Self>) {
        local::taken_up(&self.info);
        if let Some(owner) = self.owner().cloned() {
            owner.requeue(self);
        }
    }

    /// Its turn is over and will not come again: drops the future and publishes.
    fn end(&self, outcome: Outcome<F::Output>, ending: Ending) {
        _ = self.turn.close_for_good();
        self.take_apart();
        self.finish(outcome, ending);
    }

    fn end_as(&self, why: Why) {
        match why {
            Why::Cancelled => self.end(Err(WorkError::Cancelled), Ending::Cancelled),
            Why::Stopped => self.end(Err(WorkError::Stopped), Ending::Stopped),
        }
    }

    /// Drops the future and the waker, and leaves the lobby. For who owns the turn, or the outcome of
    /// an item that has not begun; says whether it had begun.
    fn take_apart(&self) -> bool {
        let (future, waker, place, begun) = {
            let mut inside = self.inside.lock();
            let Inside {
                future,
                waker,
                place,
                begun,
            } = &mut *inside;
            (future.take(), waker.take(), place.take(), *begun)
        };
        drop_contained(future);
        drop(waker);
        if let (Some(place), Some(owner)) = (place, self.owner()) {
            owner.lobby.leave(place);
        }
        begun
    }

    /// Decides the outcome of an item that had begun, or finds it decided.
    fn finish(&self, outcome: Outcome<F::Output>, ending: Ending) {
        match self.completion.state.finish() {
            Finish::Mine { .. } => {
                self.count(ending, outcome.as_ref().err());
                local::settled(&self.info);
                self.completion.publish(outcome);
            }
            Finish::TooLate => {
                local::settled(&self.info);
                drop_contained(outcome);
                self.completion.run_late_callbacks();
            }
        }
        if let Some(owner) = self.owner() {
            owner.work_ended();
        }
    }

    /// Step 2. The item is settled; what its deadline left over is done here.
    fn clear_away(&self) {
        let _running = local::Running::without_books(&self.info);
        _ = self.turn.close_for_good();
        if self.take_apart() {
            self.finish(Err(WorkError::DeadlineExceeded), Ending::Overdue);
        } else {
            self.bury();
        }
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
        let _running = local::Running::without_books(&self.info);
        if was_aside {
            local::taken_up(&self.info);
        }
        self.end_as(why);
    }

    /// As for any item that nobody has begun, and nobody will.
    fn publish_unbegun(&self, why: WorkError, ending: Ending) {
        let _running = local::Running::without_books(&self.info);
        self.take_apart();
        if let Some(owner) = self.owner() {
            owner.books.withdrawn();
        }
        self.count(ending, Some(&why));
        self.completion.publish(Err(why));
        self.end_unbegun();
    }

    fn withdraw_as(&self, why: WorkError, ending: Ending) {
        match self.completion.state.withdraw() {
            Withdraw::Mine => self.publish_unbegun(why, ending),
            Withdraw::TooLate => self.bury(),
        }
    }

    /// What a deadline left over that passed before the item began.
    fn bury(&self) {
        if self.completion.claim_burial() {
            self.take_apart();
            self.completion.run_late_callbacks();
            self.end_unbegun();
        }
    }

    fn expire_now(self: &Arc<Self>) {
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
                // Whoever meets it clears it away.
                self.wake_by_ref();
            }
            Expire::TooLate => {}
        }
    }

    fn count(&self, ending: Ending, why: Option<&WorkError>) {
        if let Some(owner) = self.owner() {
            owner.work_settled(&self.info, ending, why);
        }
    }

    fn end_unbegun(&self) {
        if let Some(owner) = self.owner() {
            owner.work_ended_elsewhere();
        }
    }
}

/// Answers [`WorkError::Lost`] when its thread unwinds past it.
struct Unfinished<'a, F: Turns>(Option<&'a Arc<Polled<F>>>);

impl<F: Turns> Unfinished<'_, F> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: Turns> Drop for Unfinished<'_, F> {
    fn drop(&mut self) {
        if let Some(item) = self.0 {
            let why = "the worker that ran it died";
            item.end(Err(WorkError::Lost(why)), Ending::Lost);
        }
    }
}

impl<F: Turns> Wake for Polled<F> {
    fn wake(self: Arc<Self>) {
        if self.turn.wake() == Wakeup::Queue {
            self.queue();
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.turn.wake() == Wakeup::Queue {
            Arc::clone(self).queue();
        }
    }
}
