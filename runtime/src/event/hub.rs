//! The fan-out of events to their subscribers.
//!
//! What happened anywhere is brought here in order ([forward](super::forward)), by one
//! thread at a time. From here a bounded
//! multicast carries it to every subscriber, each of which sees what is sent
//! after it joined; one that does not read loses the oldest and is told how
//! many ([`Event::Missed`]).
//!
//! With no subscriber an event costs one relaxed load and is never made. The
//! count is advice: who subscribes while an event is under way may miss it. A
//! thread that has seen a subscriber goes on seeing one for as long as there is one, so
//! what it tells arrives without a gap from some point on.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::{
    StmResult, TVar, Transaction, atomically, atomically_timeout, in_transaction, retry,
    try_atomically,
};
use stm_ports::{Closed, TBroadcast, TBroadcastReceiver};

use super::Event;
use crate::shared::Shared;

/// How many events a subscriber may lag behind.
const BOUND: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

pub(crate) struct Hub {
    broadcast: TBroadcast<Event>,
    subscribers: AtomicUsize,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("subscribers", &self.subscribers)
            .finish_non_exhaustive()
    }
}

impl Hub {
    pub(crate) fn new() -> Self {
        Hub {
            broadcast: TBroadcast::bounded(BOUND),
            subscribers: AtomicUsize::new(0),
        }
    }

    /// Does anybody listen?
    pub(crate) fn is_heard(&self) -> bool {
        // Ordering: advice; see the module.
        self.subscribers.load(Ordering::Relaxed) > 0
    }

    /// Sends events, in one transaction. Once the scheduler is gone there is nobody left
    /// to be told.
    pub(super) fn send(&self, events: &[Event]) {
        atomically(|tx| {
            for event in events {
                _ = self.broadcast.send(tx, event.clone())?;
            }
            Ok(())
        });
    }

    /// The scheduler is gone: nothing will be sent any more.
    pub(super) fn close(&self) {
        self.broadcast.close();
    }
}

/// A subscriber's end: what happens from the moment it was made, in order.
///
/// Made by [`Scheduler::events`](crate::Scheduler::events). It keeps the newest
/// few thousand events; a subscriber that reads too slowly is told how many it
/// missed. The end of the scheduler is the end of its events.
///
/// ```
/// use hivework::{Event, Scheduler};
///
/// let scheduler = Scheduler::builder().workers(1).build()?;
/// let events = scheduler.events();
/// scheduler.start()?;
/// scheduler.put_work(|| "hello").join()?;
/// while let Some(event) = events.next() {
///     if let Event::WorkFinished(work) = event {
///         assert_eq!(work.id, 1);
///         break;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Events {
    hub: Arc<Hub>,
    inbox: TBroadcastReceiver<Event>,
    /// How many missed events the subscriber has been told of.
    told: TVar<u64>,
}

impl Events {
    pub(crate) fn of(shared: &Shared) -> Self {
        // What was sent before is not for this subscriber. Not inside a transaction, which is
        // said below.
        if !in_transaction() {
            shared.forward();
        }
        let hub = Arc::clone(&shared.hub);
        // This panics inside a transaction, so it comes before the count.
        let inbox = hub.broadcast.subscribe();
        // Ordering: advice; see the module.
        hub.subscribers.fetch_add(1, Ordering::Relaxed);
        // Who sleeps longest is told of as well.
        shared.supervisor.ring();
        Events {
            hub,
            inbox,
            told: TVar::new(0),
        }
    }

    /// The next event, waiting for it as part of the transaction; `None` when
    /// the scheduler is gone and everything has been received.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while there is no event.
    pub fn receive(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Event>> {
        let missed = self.inbox.missed(tx)?;
        let told = self.told.read(tx)?;
        if missed > told {
            self.told.write(tx, missed)?;
            return Ok(Some(Event::Missed(missed - told)));
        }
        match self.inbox.receive(tx)? {
            Ok(event) => Ok(Some(event)),
            Err(Closed) => Ok(None),
        }
    }

    /// As [`receive`](Events::receive), up to `most` events at once.
    pub(super) fn receive_some(
        &self,
        tx: &mut Transaction<'_>,
        most: usize,
    ) -> StmResult<Option<Vec<Event>>> {
        let (missed, told) = (self.inbox.missed(tx)?, self.told.read(tx)?);
        let Ok(mut events) = self.inbox.receive_batch(tx, most)? else {
            return Ok(None);
        };
        if missed > told {
            self.told.write(tx, missed)?;
            events.insert(0, Event::Missed(missed - told));
        }
        if events.is_empty() {
            return retry();
        }
        Ok(Some(events))
    }

    /// The next event, waiting for it; `None` when the scheduler is gone and
    /// everything has been received.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`receive`](Events::receive) there.
    #[must_use]
    pub fn next(&self) -> Option<Event> {
        atomically(|tx| self.receive(tx))
    }

    /// The next event if there is one now.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`receive`](Events::receive) there.
    #[must_use]
    pub fn try_next(&self) -> Option<Event> {
        try_atomically(|tx| self.receive(tx)).flatten()
    }

    /// The next event if one comes within `limit`.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`receive`](Events::receive) there.
    #[must_use]
    pub fn next_timeout(&self, limit: Duration) -> Option<Event> {
        atomically_timeout(limit, |tx| self.receive(tx)).flatten()
    }
}

/// As [`next`](Events::next), for a loop that goes on to the end of the scheduler.
///
/// ```
/// use hivework::{make_scheduler, Event};
///
/// let scheduler = make_scheduler();
/// let events = scheduler.events();
/// scheduler.put_work(|| "hello");
/// drop(scheduler);
/// let over = events.filter(|event| matches!(event, Event::WorkFinished(_) | Event::WorkStopped(_)));
/// assert_eq!(over.count(), 1);
/// ```
impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        Events::next(self)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // Ordering: advice; see the module.
        self.hub.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("inbox", &self.inbox)
            .finish_non_exhaustive()
    }
}
