//! The transactional entry queue: where work from outside comes in.
//!
//! It is the transport's work channel. One end is the *entry*, into which puts
//! send inside their transaction; the other is the *exit*, from which workers
//! take batches. Where the channel is nothing but two local queues, both are
//! resolved once, when the scheduler is built, to the one queue between them.
//!
//! Whether there is anything at the exit is asked by taking it in a transaction
//! that is rolled back, because a port has no other way to look.
//!
//! With a capacity, a transactional counter says how many items lie in the
//! queue. Without one there is none: putters and takers would meet at it.

use std::fmt;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{Abort, StmResult, TVar, Transaction, abort, atomically, atomically_or};
use stm_ports::{ConnectError, Port, TQueue, Transport, WorkItem, WorkMessage};

/// What lies in queues and deques.
pub(crate) type Item = Arc<dyn WorkItem>;

pub(crate) struct Injector {
    entry: Box<dyn Port<WorkMessage>>,
    exit: Box<dyn Port<WorkMessage>>,
    /// The exit's inbox, where the channel is local.
    local: Option<TQueue<WorkMessage>>,
    depth: Option<Depth>,
}

struct Depth {
    items: TVar<usize>,
    capacity: usize,
}

/// The entry is no longer connected: the transport has gone.
#[derive(Debug)]
pub(crate) struct Gone;

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
            entry,
            exit,
            local,
            depth: capacity.map(|capacity| Depth {
                items: TVar::new(0),
                capacity,
            }),
        })
    }

    /// Does an item arrive as soon as its put commits, so that the putter's
    /// notification is enough?
    pub(crate) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// Has it reached its capacity?
    pub(crate) fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        match &self.depth {
            Some(depth) => Ok(depth.items.read(tx)? >= depth.capacity),
            None => Ok(false),
        }
    }

    /// Puts an item, full or not.
    pub(crate) fn put(&self, tx: &mut Transaction<'_>, item: Item) -> StmResult<Result<(), Gone>> {
        let message = WorkMessage::new(item);
        match &self.local {
            Some(queue) => queue.put(tx, message)?,
            None => {
                if self.entry.send(tx, message)?.is_err() {
                    return Ok(Err(Gone));
                }
            }
        }
        if let Some(depth) = &self.depth {
            depth.items.modify(tx, |items| items + 1)?;
        }
        Ok(Ok(()))
    }

    /// Takes up to `most` items, in order.
    pub(crate) fn take(&self, most: usize) -> Vec<WorkMessage> {
        atomically(|tx| {
            let batch = match &self.local {
                Some(queue) => queue.take_batch(tx, most)?,
                None => self.exit.receive_batch(tx, most)?.unwrap_or_default(),
            };
            if let (Some(depth), false) = (&self.depth, batch.is_empty()) {
                let taken = batch.len();
                depth
                    .items
                    .modify(tx, |items| items.saturating_sub(taken))?;
            }
            Ok(batch)
        })
    }

    /// Is there nothing to take?
    pub(crate) fn is_empty(&self) -> bool {
        match &self.local {
            Some(queue) => atomically(|tx| queue.is_empty(tx)),
            None => {
                let looked: Result<(), bool> =
                    atomically_or(|tx| match self.exit.try_receive(tx)? {
                        Ok(Some(_)) => abort::<_, bool>(false),
                        Ok(None) | Err(_) => Err(Abort::Caller(true)),
                    });
                looked.err().unwrap_or(true)
            }
        }
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
