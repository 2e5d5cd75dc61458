//! The transactional entry queue: where work from outside comes in.
//!
//! It is the transport's work channel. One end is the *entry*, into which puts
//! send inside their transaction; the other is the *exit*, from which workers
//! take batches. Where the channel is nothing but two local queues, both are
//! resolved once, when the scheduler is built, to the one queue between them.
//!
//! Where it is not, the work is *carried*, and there is a queue beside it, which is
//! taken from first. There goes what must not wait for room in the channel: what
//! workers had taken and put back, what running work puts and the rest of a batch,
//! where the channel is full.
//!
//! Whether there is anything at the exit is asked by taking it in a transaction
//! that is rolled back, because a port has no other way to look.
//!
//! When the scheduler has gone for good, the entry is disconnected: by then nothing
//! more is put, and the exit brings what is still on its way, and then says that this
//! was all.
//!
//! With a capacity, a transactional counter says how many items lie in the
//! queue. Without one there is none: putters and takers would meet at it.

use std::fmt;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{Abort, StmResult, TVar, Transaction, abort, atomically, atomically_or};
use stm_ports::{Channel, ConnectError, Port, TQueue, Transport, WorkItem, WorkMessage};

use crate::time::PATIENCE;
use crate::work::unwind::{contain, shield};

/// What lies in queues and deques.
pub(crate) type Item = Arc<dyn WorkItem>;

pub(crate) struct Injector {
    channel: Box<dyn Channel<WorkMessage>>,
    entry: Box<dyn Port<WorkMessage>>,
    exit: Box<dyn Port<WorkMessage>>,
    /// The exit's inbox, or what lies beside a channel that carries.
    queue: TQueue<WorkMessage>,
    is_local: bool,
    depth: Option<Depth>,
}

struct Depth {
    items: TVar<usize>,
    capacity: usize,
}

/// What became of a put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Put {
    /// It is in.
    Done,
    /// The channel has no room at present.
    Full,
    /// The entry is no longer connected: the transport has gone.
    Gone,
}

impl Injector {
    pub(crate) fn new(
        transport: &dyn Transport,
        capacity: Option<usize>,
    ) -> Result<Self, ConnectError> {
        let channel = transport.work_channel();
        let entry = channel.connect()?;
        let exit = channel.connect()?;
        // What the first end sends lies in the second end's inbox.
        let local = channel.local_queues().map(|[_, second]| second);
        Ok(Injector {
            channel,
            entry,
            exit,
            is_local: local.is_some(),
            queue: local.unwrap_or_default(),
            depth: capacity.map(|capacity| Depth {
                items: TVar::new(0),
                capacity,
            }),
        })
    }

    /// Does an item arrive as soon as its put commits, so that the putter's
    /// notification is enough?
    pub(crate) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Has it reached its capacity?
    pub(crate) fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        match &self.depth {
            Some(depth) => Ok(depth.items.read(tx)? >= depth.capacity),
            None => Ok(false),
        }
    }

    /// Puts an item, beyond the capacity but not beyond what the channel holds.
    pub(crate) fn put(&self, tx: &mut Transaction<'_>, item: Item) -> StmResult<Put> {
        let message = WorkMessage::new(item);
        if self.is_local {
            self.queue.put(tx, message)?;
        } else {
            match self.entry.try_send(tx, message)? {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(Put::Full),
                Err(_) => return Ok(Put::Gone),
            }
        }
        self.deepen(tx)?;
        Ok(Put::Done)
    }

    /// Puts an item that must not wait for room.
    pub(crate) fn put_anyway(&self, tx: &mut Transaction<'_>, item: Item) -> StmResult<Put> {
        match self.put(tx, Arc::clone(&item))? {
            Put::Full => self.put_back(tx, item).map(|()| Put::Done),
            put => Ok(put),
        }
    }

    /// Puts an item that has been taken, without another way through the transport.
    pub(crate) fn put_back(&self, tx: &mut Transaction<'_>, item: Item) -> StmResult<()> {
        self.queue.put(tx, WorkMessage::new(item))?;
        self.deepen(tx)
    }

    fn deepen(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        match &self.depth {
            Some(depth) => depth.items.modify(tx, |items| items + 1),
            None => Ok(()),
        }
    }

    /// Takes up to `most` items, in order.
    pub(crate) fn take(&self, most: usize) -> Vec<WorkMessage> {
        atomically(|tx| {
            let mut batch = self.queue.take_batch(tx, most)?;
            if !self.is_local && batch.len() < most {
                let arrived = self.exit.receive_batch(tx, most - batch.len())?;
                batch.append(&mut arrived.unwrap_or_default());
            }
            if let (Some(depth), false) = (&self.depth, batch.is_empty()) {
                let taken = batch.len();
                depth
                    .items
                    .modify(tx, |items| items.saturating_sub(taken))?;
            }
            Ok(batch)
        })
    }

    /// The next of those that are still on their way, waiting for it; none when all
    /// have arrived, or after some patience with a transport that does not say so.
    /// For when nothing more will be put.
    pub(crate) fn take_last(&self) -> Option<WorkMessage> {
        if self.is_local {
            return None;
        }
        // A transport is a user's code. Disconnecting twice is an error without
        // effect.
        shield(|| _ = self.channel.disconnect(&*self.entry));
        let received = contain(|| self.exit.receive_timeout(PATIENCE));
        received.ok()?.ok()?
    }

    /// Was there nothing to take a moment ago? As [`is_empty`](Injector::is_empty), but
    /// without a transaction where that can be had.
    ///
    /// The emptiness that it answers was true at an instant during the call. So after a
    /// heavy barrier it cannot miss an item whose put committed before its putter's light
    /// one: that put's store to the queue's end is seen by the second of its two loads.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        self.queue.is_empty_now() && (self.is_local || self.is_empty())
    }

    /// Is there nothing to take?
    pub(crate) fn is_empty(&self) -> bool {
        if !atomically(|tx| self.queue.is_empty(tx)) {
            return false;
        }
        if self.is_local {
            return true;
        }
        let looked: Result<(), bool> = atomically_or(|tx| match self.exit.try_receive(tx)? {
            Ok(Some(_)) => abort::<_, bool>(false),
            Ok(None) | Err(_) => Err(Abort::Caller(true)),
        });
        looked.err().unwrap_or(true)
    }
}

impl fmt::Debug for Injector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injector")
            .field("entry", &self.entry)
            .field("exit", &self.exit)
            .finish_non_exhaustive()
    }
}
