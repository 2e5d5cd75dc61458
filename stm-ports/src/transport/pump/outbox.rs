//! The outbox: the queue in which messages wait to be carried, in the order of the
//! commits that sent them.
//!
//! One outbox for all channels of a pump, so that one thread waits for all of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{StmResult, TVar, Transaction, after_transaction};

use super::Cargo;
use super::parcel::Parcel;
use crate::containers::queue::TQueue;
use crate::id::ChannelId;
use crate::transport::ends::inbox::Inbox;

/// One direction of one channel: where the order of messages is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lane {
    pub(crate) channel: ChannelId,
    /// To which of the two ends.
    pub(crate) to: u8,
}

/// The sending side. With its last handle it is over.
pub(crate) struct Outbox<M: Send + Sync + 'static> {
    entries: TQueue<Entry<M>>,
    over: TVar<bool>,
}

/// The pump's side.
pub(super) struct Outgoing<M: Send + Sync + 'static> {
    entries: TQueue<Entry<M>>,
    over: TVar<bool>,
}

/// A message, and where it is to arrive unless that is gone by then.
pub(crate) struct Entry<M: Send + Sync + 'static> {
    to: Weak<Inbox<M>>,
    lane: Lane,
    message: M,
}

impl<M: Clone + Send + Sync + 'static> Outbox<M> {
    pub(super) fn new() -> (Self, Outgoing<M>) {
        let (entries, over) = (TQueue::new(), TVar::new(false));
        let outgoing = Outgoing {
            entries: entries.clone(),
            over: over.clone(),
        };
        (Outbox { entries, over }, outgoing)
    }

    pub(crate) fn put(
        &self,
        tx: &mut Transaction<'_>,
        to: &Arc<Inbox<M>>,
        message: M,
    ) -> StmResult<()> {
        let entry = Entry {
            to: Arc::downgrade(to),
            lane: to.lane,
            message,
        };
        self.entries.put(tx, entry)
    }
}

impl<M: Send + Sync + 'static> Drop for Outbox<M> {
    fn drop(&mut self) {
        let over = self.over.clone();
        after_transaction(move || over.store(true));
    }
}

impl<M: Clone + Send + Sync + 'static> Outgoing<M> {
    pub(super) fn take_batch(
        &self,
        tx: &mut Transaction<'_>,
        max: usize,
    ) -> StmResult<Vec<Entry<M>>> {
        self.entries.take_batch(tx, max)
    }

    pub(super) fn is_over(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.over.read(tx)
    }
}

impl<M: Cargo> Entry<M> {
    /// As a parcel, if there still is where it is to arrive; the message is answered
    /// otherwise.
    pub(super) fn pack(self) -> Option<Parcel<M>> {
        let Entry { to, lane, message } = self;
        let there = to.strong_count() > 0;
        let parcel = Parcel::new(to, lane, message);
        there.then_some(parcel)
    }
}

impl<M: Clone + Send + Sync + 'static> Clone for Entry<M> {
    fn clone(&self) -> Self {
        Entry {
            to: Weak::clone(&self.to),
            lane: self.lane,
            message: self.message.clone(),
        }
    }
}

/// Runs what may be a user's code, and contains its panic.
pub(crate) fn shielded(f: impl FnOnce()) {
    // The payload may panic when it is dropped.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        std::mem::forget(payload);
    }
}
