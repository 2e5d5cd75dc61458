//! What was sent to one end of a channel, until it is received.
//!
//! Within a process a message goes into the inbox as it is sent. Where it is carried,
//! it goes into the *outbox* of a pump ([`crate::transport::pump`]), whose wire brings
//! it to the inbox later:
//!
//! ```text
//! send ──> inbox ──> receive                              within a process
//! send ──> outbox ──> pump ──> wire ──> inbox ──> receive   carried
//! ```
//!
//! 1. A message that is carried is counted as *sent* by the transaction that sends it,
//!    and as *settled* by the transaction that puts it into the inbox, or after it
//!    was lost.
//! 2. An inbox is *drained* when it is empty and as many are settled as were sent:
//!    only then does the receiver hear that the other end was left.
//! 3. A bound counts what lies in the inbox and what is on its way to it. The senders
//!    keep a *limit*, up to which one may send without a look at the receivers' side;
//!    who has reached it looks how many messages there are, which tells the new one.
//!    So a send and a receive conflict once in a while and not each time.
//! 4. When the last handle of the inbox goes, what it holds is answered.
//!
//! **Races.** The limit is never too high: it was right when it was found, and what is
//! received, or lost, does not come back. A sender that waits has read the inbox, so a
//! receive wakes it.

use std::num::NonZeroUsize;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction, after_transaction, atomically};

use crate::containers::queue::TQueue;
use crate::transport::pump::outbox::{Lane, Outbox, shielded};

/// How many messages are answered in one transaction.
const BATCH: usize = 64;

/// Answers a message that nobody will receive.
pub(crate) type Answer<M> = fn(M);

/// See the [module](self).
pub(crate) struct Inbox<M: Send + Sync + 'static> {
    pub(crate) lane: Lane,
    queue: TQueue<M>,
    bound: Option<Bound>,
    carried: Option<Carried<M>>,
    /// What becomes of messages that nobody will receive; and [`answer_all`], for
    /// [`Drop`], which does not know that they can be cloned.
    answer: Option<(Answer<M>, AnswerAll<M>)>,
}

type AnswerAll<M> = fn(&TQueue<M>, Answer<M>);

struct Bound {
    most: NonZeroUsize,
    /// How many may have been sent, for all that senders know.
    limit: TVar<u64>,
}

struct Carried<M: Send + Sync + 'static> {
    outbox: Arc<Outbox<M>>,
    sent: TVar<u64>,
    settled: TVar<u64>,
}

/// What lies between the ends of a channel.
pub(crate) struct Between<M: Send + Sync + 'static> {
    pub(crate) bound: Option<NonZeroUsize>,
    pub(crate) outbox: Option<Arc<Outbox<M>>>,
    pub(crate) answer: Option<Answer<M>>,
}

impl<M: Clone + Send + Sync + 'static> Inbox<M> {
    pub(super) fn new(lane: Lane, between: &Between<M>) -> Arc<Self> {
        Arc::new(Inbox {
            lane,
            queue: TQueue::new(),
            bound: between.bound.map(|most| Bound {
                most,
                limit: TVar::new(most.get() as u64),
            }),
            carried: between.outbox.as_ref().map(|outbox| Carried {
                outbox: Arc::clone(outbox),
                sent: TVar::new(0),
                settled: TVar::new(0),
            }),
            answer: between.answer.map(|answer| (answer, answer_all as _)),
        })
    }

    /// The queue, where it is all there is: no bound and nothing that carries.
    pub(super) fn bare(&self) -> Option<TQueue<M>> {
        let bare = self.bound.is_none() && self.carried.is_none();
        bare.then(|| self.queue.clone())
    }

    /// Sends a message here, or gives it back where there is no room.
    pub(super) fn try_put(
        self: &Arc<Self>,
        tx: &mut Transaction<'_>,
        message: M,
    ) -> StmResult<Option<M>> {
        if !self.has_room(tx)? {
            return Ok(Some(message));
        }
        match &self.carried {
            None => self.queue.put(tx, message)?,
            Some(carried) => {
                carried.sent.modify(tx, |sent| sent + 1)?;
                carried.outbox.put(tx, self, message)?;
            }
        }
        Ok(None)
    }

    /// Step 3.
    fn has_room(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let Some(Bound { most, limit }) = &self.bound else {
            return Ok(true);
        };
        let sent = match &self.carried {
            Some(carried) => carried.sent.read(tx)?,
            None => self.queue.added(tx)?,
        };
        if sent < limit.read(tx)? {
            return Ok(true);
        }
        let here = self.queue.len(tx)? + self.on_their_way(tx)?;
        let left = most.get().saturating_sub(here) as u64;
        if left > 0 {
            limit.write(tx, sent + left)?;
        }
        Ok(left > 0)
    }

    fn on_their_way(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        let Some(carried) = &self.carried else {
            return Ok(0);
        };
        let settled = carried.settled.read(tx)?;
        let sent = carried.sent.read(tx)?;
        Ok(usize::try_from(sent - settled).unwrap_or(usize::MAX))
    }

    /// Does it hold nothing, and is nothing on its way to it?
    pub(super) fn is_drained(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.queue.is_empty(tx)? && self.on_their_way(tx)? == 0)
    }

    pub(super) fn try_take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<M>> {
        self.queue.try_take(tx)
    }

    pub(super) fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<M>> {
        self.queue.take_batch(tx, max)
    }

    /// A message that was carried is here.
    pub(crate) fn arrive(&self, tx: &mut Transaction<'_>, message: M) -> StmResult<()> {
        self.queue.put(tx, message)?;
        self.settle(tx)
    }
}

impl<M: Send + Sync + 'static> Inbox<M> {
    /// A message that was to be carried has arrived, or never will.
    pub(crate) fn settle(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        match &self.carried {
            Some(carried) => carried.settled.modify(tx, |settled| settled + 1),
            None => Ok(()),
        }
    }
}

impl<M: Send + Sync + 'static> Drop for Inbox<M> {
    /// Step 4.
    fn drop(&mut self) {
        if let Some((answer, answer_all)) = self.answer {
            let queue = self.queue.clone();
            after_transaction(move || answer_all(&queue, answer));
        }
    }
}

/// Answers all that a queue holds.
fn answer_all<M: Clone + Send + Sync + 'static>(queue: &TQueue<M>, answer: Answer<M>) {
    loop {
        let batch = atomically(|tx| queue.take_batch(tx, BATCH));
        if batch.is_empty() {
            return;
        }
        for message in batch {
            shielded(|| answer(message));
        }
    }
}

impl<M: Send + Sync + 'static> std::fmt::Debug for Inbox<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.queue.fmt(f)
    }
}
