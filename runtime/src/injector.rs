//! The transactional entry queue: where work from outside comes in.
//!
//! Items lie in three queues, one for each priority ([bands]): puts add to them inside
//! their transaction, and workers take from them, batches of what is normal.
//!
//! Where the transport's work channel is nothing but two local queues, that is all of it.
//! Otherwise the work is *carried*: puts send it into one end of the channel, the
//! *entry*, and before workers take they sort what has come out at the other, the
//! *exit*, into the bands. There goes at once what must not wait for room in the channel:
//! what workers had taken and put back, what running work puts and the rest of a batch,
//! where the channel is full.
//!
//! Whether there is anything at the exit is asked by taking it in a transaction
//! that is rolled back, because a port has no other way to look.
//!
//! When the scheduler has gone for good, the entry is disconnected: by then nothing
//! more is put, and the exit brings what is still on its way, and then says that this
//! was all.
//!
//! With a capacity, a transactional counter says how many items are queued, of whatever
//! priority. Without one there is none: putters and takers would meet at it.

pub(crate) mod bands;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hivework_stm::facade::sync::Arc;
use hivework_stm::{Abort, StmResult, TVar, Transaction, abort, atomically, atomically_or};
use stm_ports::{Channel, ConnectError, Port, Transport, WorkItem, WorkMessage};

use crate::time::PATIENCE;
use crate::work::parcel::Parcel;
use crate::work::priority::Priority;
use crate::work::unwind::{contain, drop_contained, shield};
use bands::Bands;

pub(crate) use crate::work::item::Item;

/// How many messages are sorted at a time.
const ARRIVALS: usize = 64;

pub(crate) struct Injector {
    channel: Box<dyn Channel<WorkMessage>>,
    entry: Box<dyn Port<WorkMessage>>,
    exit: Box<dyn Port<WorkMessage>>,
    is_local: bool,
    bands: Arc<Bands>,
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
        Ok(Injector {
            is_local: channel.local_queues().is_some(),
            channel,
            entry,
            exit,
            bands: Arc::new(Bands::new()),
            depth: capacity.map(|capacity| Depth {
                items: TVar::new(0),
                capacity,
            }),
        })
    }

    /// Does an item arrive as soon as its put commits, so that the putter's
    /// notification is enough?
    #[inline]
    pub(crate) fn is_local(&self) -> bool {
        self.is_local
    }

    /// For [`Rota::first`](bands::Rota::first).
    #[inline]
    pub(crate) fn bands(&self) -> &Bands {
        &self.bands
    }

    /// Has it reached its capacity?
    #[inline]
    pub(crate) fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        match &self.depth {
            Some(depth) => Ok(depth.items.read(tx)? >= depth.capacity),
            None => Ok(false),
        }
    }

    /// Puts items in one transaction, where `ask` lets them in; where it does not, they come
    /// back. Not for what is to be carried.
    pub(crate) fn put_now<I, R>(
        &self,
        items: I,
        mut ask: impl FnMut(&mut Transaction<'_>) -> StmResult<Result<(), R>>,
    ) -> Result<(), (I, R)>
    where
        I: AsRef<[Item]> + IntoIterator<Item = Item>,
    {
        let count = items.as_ref().len();
        self.bands.put_now(items, |tx| {
            let asked = ask(tx)?;
            if asked.is_ok() {
                self.deepen(tx, count)?;
            }
            Ok(asked)
        })
    }

    /// Puts an item as part of the caller's transaction. Not for what is to be carried.
    pub(crate) fn put_in(&self, tx: &mut Transaction<'_>, item: Item) -> StmResult<()> {
        self.bands.put_in(tx, item)?;
        self.deepen(tx, 1)
    }

    /// Sends an item to be carried; beyond the capacity, but not beyond what the channel holds.
    pub(crate) fn send(&self, tx: &mut Transaction<'_>, parcel: &Arc<Parcel>) -> StmResult<Put> {
        let message = WorkMessage::new(Arc::clone(parcel) as Arc<dyn WorkItem>);
        match self.entry.try_send(tx, message)? {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Put::Full),
            Err(_) => return Ok(Put::Gone),
        }
        self.deepen(tx, 1)?;
        Ok(Put::Done)
    }

    /// Sends an item that must not wait for room.
    pub(crate) fn send_anyway(
        &self,
        tx: &mut Transaction<'_>,
        parcel: &Arc<Parcel>,
    ) -> StmResult<Put> {
        match self.send(tx, parcel)? {
            Put::Full => {
                let item = Item::received(Arc::clone(parcel) as Arc<dyn WorkItem>);
                self.put_in(tx, item)?;
                Ok(Put::Done)
            }
            put => Ok(put),
        }
    }

    /// Puts an item that has been taken, whatever the capacity and without another way
    /// through the transport.
    pub(crate) fn put_back(&self, item: Item) {
        let put = self.put_now([item], |_| Ok(Ok::<(), std::convert::Infallible>(())));
        debug_assert!(put.is_ok(), "nobody declines it");
    }

    #[inline]
    fn deepen(&self, tx: &mut Transaction<'_>, count: usize) -> StmResult<()> {
        match &self.depth {
            Some(depth) => depth.items.modify(tx, |items| items + count),
            None => Ok(()),
        }
    }

    fn flatten(&self, tx: &mut Transaction<'_>, count: usize) -> StmResult<()> {
        match &self.depth {
            Some(depth) => depth.items.modify(tx, |items| items.saturating_sub(count)),
            None => Ok(()),
        }
    }

    /// Sorts what has arrived into the bands.
    fn sort(&self) {
        if self.is_local {
            return;
        }
        let arrived = atomically(|tx| self.exit.receive_batch(tx, ARRIVALS));
        let arrived: Vec<_> = arrived
            .unwrap_or_default()
            .into_iter()
            .map(|message| Item::received(message.into_item()))
            .collect();
        if !arrived.is_empty() {
            let put = self
                .bands
                .put_now(arrived, |_| Ok(Ok::<(), std::convert::Infallible>(())));
            debug_assert!(put.is_ok(), "nobody declines them");
        }
    }

    /// Takes up to `most` items of one priority, in order.
    pub(crate) fn take(&self, priority: Priority, most: usize) -> Vec<Item> {
        self.sort();
        self.take_sorted(priority, most)
    }

    fn take_sorted(&self, priority: Priority, most: usize) -> Vec<Item> {
        self.bands
            .take(priority, most, |tx, count| self.flatten(tx, count))
    }

    /// Takes what comes first: up to `most` items, or one where they are not of the normal
    /// priority.
    pub(crate) fn take_any(&self, most: usize) -> Vec<Item> {
        self.sort();
        let bands = [
            (Priority::High, 1),
            (Priority::Normal, most),
            (Priority::Low, 1),
        ];
        for (priority, most) in bands {
            if priority == Priority::High && !self.bands.has_urgent() {
                continue;
            }
            let taken = self.take_sorted(priority, most);
            if !taken.is_empty() {
                return taken;
            }
        }
        // The hint may have been late.
        self.take_sorted(Priority::High, 1)
    }

    /// The next of those that are still on their way, waiting for it; none when all
    /// have arrived, or after some patience with a transport that does not say so.
    /// For when nothing more will be put.
    pub(crate) fn take_last(&self) -> Option<Item> {
        if self.is_local {
            return None;
        }
        // A transport is a user's code. Disconnecting twice is an error without
        // effect.
        shield(|| _ = self.channel.disconnect(&*self.entry));
        let received = contain(|| self.exit.receive_timeout(PATIENCE));
        let message = received.ok()?.ok()??;
        Some(Item::received(message.into_item()))
    }

    /// About how many items there are, of those that have arrived.
    pub(crate) fn len_now(&self) -> usize {
        self.bands.len_now()
    }

    /// Was there nothing to take a moment ago? As [`is_empty`](Injector::is_empty), but
    /// without a transaction where that can be had.
    ///
    /// The emptiness that it answers was true at an instant during the call. So after a
    /// heavy barrier it cannot miss an item whose put committed before its putter's light
    /// one: that put's store to the queue's end is seen by the second of its two loads.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        self.bands.look_empty() && (self.is_local || self.is_empty())
    }

    /// Is there nothing to take?
    ///
    /// A transport is a user's code. One that panics is said to have something: whoever takes
    /// that meets the panic with nothing in hand, and nobody unwinds who merely looks, on the way
    /// to sleep or to an item.
    pub(crate) fn is_empty(&self) -> bool {
        if !self.bands.is_empty() {
            return false;
        }
        if self.is_local {
            return true;
        }
        let look = || -> Result<(), bool> {
            atomically_or(|tx| match self.exit.try_receive(tx)? {
                Ok(Some(_)) => abort::<_, bool>(false),
                Ok(None) | Err(_) => Err(Abort::Caller(true)),
            })
        };
        match catch_unwind(AssertUnwindSafe(look)) {
            Ok(looked) => looked.err().unwrap_or(true),
            Err(payload) => {
                drop_contained(payload);
                false
            }
        }
    }
}

impl fmt::Debug for Injector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injector")
            .field("entry", &self.entry)
            .field("exit", &self.exit)
            .field("bands", &self.bands)
            .finish_non_exhaustive()
    }
}
