//! How the threads of a scheduler tell what happens; and what is told of a work item,
//! once each and in order.
//!
//! # The steps of an item
//!
//! | step | by whom |
//! |---|---|
//! | put | who puts it, before anybody can see it or with the transaction that shows it; of one that is refused, before its end |
//! | started | who begins it |
//! | what happens meanwhile | the supervisor; its runner |
//! | over | who decides its outcome: its runner, who cancels it, the supervisor at its deadline, who stops the scheduler, a transport that loses it |
//!
//! Each is another thread, and some do not wait for one another: a deadline passes
//! between the beginning of an item and the telling of it. So what has been told of an item is
//! written down, behind a lock that is its own, and held until the event is in its
//! line ([forward](super::forward)). Who comes too late with a step stays silent: a work
//! whose deadline passes in the moment in which it begins is not told to have started.
//!
//! All that is done only while somebody listens. Otherwise a step costs one relaxed load.

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, after_transaction, atomically, in_transaction};

use super::{Event, UserEvent, WorkId};
use crate::books::Ending;
use crate::local;
use crate::outlet;
use crate::shared::Shared;
use crate::work::error::WorkError;
use crate::work::info::Info;
use crate::work::unwind::{contain, drop_contained, shield};

/// What has been told of an item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum Told {
    #[default]
    Nothing,
    Put,
    Started,
    Over,
}

impl Shared {
    /// Does anybody listen?
    #[inline]
    pub(crate) fn is_heard(&self) -> bool {
        self.hub.is_heard()
    }

    /// Tells the subscribers, if there are any. Inside a transaction it is told when that
    /// is over.
    #[inline]
    pub(crate) fn announce(&self, event: impl FnOnce() -> Option<Event>) {
        if !self.is_heard() && !outlet::is_heard() {
            return;
        }
        if let Some(event) = event() {
            outlet::tell(self, &event);
            if self.is_heard() {
                self.tell(event);
            }
        }
    }

    /// As [`announce`](Shared::announce), for an event that is there already.
    pub(crate) fn tell(&self, event: Event) {
        if self.say(event) {
            self.forward();
        }
    }

    /// Brings what has been told to the subscribers. By who is just doing that, and is called in
    /// the middle of it, it is left to the supervisor.
    pub(crate) fn forward(&self) {
        if !self.forwarder.forward(&self.hub) {
            self.supervisor.events_sent();
        }
    }

    /// As `tell`, as part of a transaction, and when that commits.
    pub(crate) fn tell_in(
        self: &Arc<Self>,
        tx: &mut Transaction<'_>,
        event: Event,
    ) -> StmResult<()> {
        let numbered = self.forwarder.number(event);
        let shared = Arc::clone(self);
        if let Some(worker) = local::worker_of(self) {
            if worker.seat.line.send(tx, &numbered)? {
                let seat = Arc::clone(&worker.seat);
                tx.on_commit(move || {
                    seat.line.has_sent();
                    shared.supervisor.events_sent();
                    if seat.line.is_long() {
                        shared.forward();
                    }
                });
                return Ok(());
            }
        }
        self.forwarder.send_in(tx, numbered)?;
        tx.on_commit(move || shared.forward());
        Ok(())
    }

    /// Sends it into this thread's line; true where the caller is to forward it.
    ///
    /// A transport is a user's code. What it panics over goes past it.
    fn say(&self, event: Event) -> bool {
        if in_transaction() {
            if let Some(shared) = self.home().shared() {
                after_transaction(move || shield(|| shared.tell(event)));
            }
            return false;
        }
        let numbered = self.forwarder.number(event);
        if let Some(worker) = local::worker().filter(|worker| std::ptr::eq(&*worker.shared, self)) {
            let line = &worker.seat.line;
            let send = || {
                contain(|| atomically(|tx| line.send(tx, &numbered))).unwrap_or_else(|payload| {
                    drop_contained(payload);
                    false
                })
            };
            let sent = send() || {
                // What fills it may be this worker's own.
                self.forward();
                send()
            };
            if sent {
                line.has_sent();
                self.supervisor.events_sent();
                return line.is_long();
            }
        }
        atomically(|tx| self.forwarder.send_in(tx, numbered.clone()));
        true
    }

    /// An item is put, by this thread; told before anybody else can see it.
    #[inline]
    pub(crate) fn tell_put(&self, info: &Info) {
        if self.is_heard() {
            self.tell_step(info, Told::Put, Event::WorkPut);
        }
    }

    /// As `tell_put`, where the put may come to nothing and is not told of then. Who has more to tell of
    /// the item waits for that.
    #[inline]
    pub(crate) fn tell_put_if<E>(
        &self,
        info: &Info,
        put: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.is_heard() {
            return put();
        }
        let work = self.new_work(info);
        let mut told = info.make_rare().told.lock();
        put()?;
        *told = Told::Put;
        let forward = self.say(Event::WorkPut(work));
        drop(told);
        if forward {
            self.forward();
        }
        Ok(())
    }

    /// As `tell_put`, as part of the transaction that shows it, on a thread that is no
    /// worker, to somebody who listens. The caller forwards when that has committed.
    pub(crate) fn tell_put_outside(&self, tx: &mut Transaction<'_>, info: &Info) -> StmResult<()> {
        let event = Event::WorkPut(self.new_work(info));
        self.forwarder.send_in(tx, self.forwarder.number(event))
    }

    /// As `tell_put`, as part of the transaction that shows it.
    pub(crate) fn tell_put_in(
        self: &Arc<Self>,
        tx: &mut Transaction<'_>,
        info: &Info,
    ) -> StmResult<()> {
        if !self.is_heard() {
            return Ok(());
        }
        let event = Event::WorkPut(self.new_work(info));
        self.tell_in(tx, event)
    }

    /// What is put by a handler of events, or by what that has put, is marked so.
    fn new_work(&self, info: &Info) -> WorkId {
        if local::runs_marked() {
            info.mark();
        }
        WorkId::of(info)
    }

    /// An item has begun, on this thread.
    #[inline]
    pub(crate) fn tell_started(&self, info: &Info, worker: Option<usize>) {
        if self.is_heard() {
            let event = |work| Event::WorkStarted { work, worker };
            self.tell_step(info, Told::Started, event);
        }
    }

    /// Something about an item that `worker` runs. Not told once the item is over.
    pub(crate) fn tell_meanwhile(
        &self,
        info: &Info,
        worker: Option<usize>,
        event: impl FnOnce(WorkId) -> Event,
    ) {
        if !self.is_heard() && !outlet::is_heard() {
            return;
        }
        let event = event(WorkId::of(info));
        outlet::tell(self, &event);
        if !self.is_heard() {
            return;
        }
        // Its runner may not have come to that.
        self.tell_started(info, worker);
        let told = info.make_rare().told.lock();
        let forward = *told != Told::Over && self.say(event);
        drop(told);
        if forward {
            self.forward();
        }
    }

    /// An item's outcome is decided, and about to be published.
    #[inline]
    pub(crate) fn tell_over(&self, info: &Info, ending: Ending, why: Option<&WorkError>) {
        if outlet::is_heard() && !matches!(ending, Ending::Finished | Ending::RolledBack) {
            outlet::tell(self, &end_of(WorkId::of(info), ending, why));
        }
        if self.is_heard() && ending != Ending::RolledBack {
            self.tell_step(info, Told::Over, |work| end_of(work, ending, why));
        }
    }

    #[cold]
    fn tell_step(&self, info: &Info, step: Told, event: impl FnOnce(WorkId) -> Event) {
        let work = match step {
            Told::Put => self.new_work(info),
            _ => WorkId::of(info),
        };
        let mut told = info.make_rare().told.lock();
        let is_news = *told < step;
        let forward = is_news && self.say(event(work));
        if is_news {
            *told = step;
        }
        drop(told);
        // Past the lock: what is forwarded may be dropped, by a user's code.
        if forward {
            self.forward();
        }
    }
}

fn end_of(work: WorkId, ending: Ending, why: Option<&WorkError>) -> Event {
    match ending {
        Ending::Finished => Event::WorkFinished(work),
        Ending::Panicked => Event::WorkPanicked {
            work,
            message: std::sync::Arc::from(
                why.and_then(WorkError::panic_message).unwrap_or_default(),
            ),
        },
        Ending::Cancelled | Ending::RolledBack => Event::WorkCancelled(work),
        Ending::Overdue => Event::WorkOverdue(work),
        Ending::Blocked => Event::WorkBlocked(work),
        Ending::Evicted => Event::WorkEvicted(work),
        Ending::Stopped => Event::WorkStopped(work),
        Ending::Lost => Event::WorkLost {
            work,
            reason: match why {
                Some(WorkError::Lost(reason)) => reason,
                _ => "no reason is known",
            },
        },
    }
}

/// A user's event.
pub(crate) fn user_event<E: std::any::Any + Send + Sync>(event: E) -> Event {
    Event::User(UserEvent::new(event))
}
