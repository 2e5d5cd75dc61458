//! A port of a channel, and what dropping it does.
//!
//! Sending and receiving is told in [`super::seats`]. Dropping a port has it leave
//! its seat, which takes a transaction, while a drop may come at any time: before
//! the transaction that connects the port has committed, in an attempt that is
//! then thrown away, or inside somebody else's transaction.
//!
//! **States.** A port's `life` has two bits: CONNECTED (a transaction that gave it a
//! seat has committed) and DROPPED.
//!
//! 1. Every transaction that gives the port a seat, connecting or reconnecting it,
//!    leaves a commit hook behind.
//! 2. The hook sets CONNECTED. If it finds DROPPED, it leaves the seat itself.
//! 3. The drop sets DROPPED. If it finds CONNECTED, it leaves the seat. If not,
//!    either the hook will run and find DROPPED, or the attempt is rolled back, and
//!    the seat was never taken.
//! 4. Leaving takes a transaction of its own. Inside another transaction it is put
//!    off until that one is over.
//!
//! A port that is connected again is known by its id only, so the seats keep the
//! `life` of every port that there is.
//!
//! **Races.** Hook and drop may run on different threads at once; both are one
//! read-modify-write of `life`, so the second finds what the first has set, and
//! leaves the seat. Both may: a port that was connected before and is dropped
//! while it is connected again. Leaving a seat that one does not hold changes
//! nothing; a seat may be another port's by then, but it is found by the port's id.

use std::fmt;

use hivework_stm::facade::atomic::{AtomicU8, Ordering};
use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{StmResult, Transaction, after_transaction, atomically, retry};

use super::seats::{Held, Seats};
use crate::error::Disconnected;
use crate::id::{ChannelId, PortId};
use crate::port::Port;

const CONNECTED: u8 = 1;
const DROPPED: u8 = 2;

/// One of the two ports of a [`LocalChannel`](super::channel::LocalChannel).
pub(super) struct EndPort<M: Send + Sync + 'static> {
    holder: Holder<M>,
    life: Arc<AtomicU8>,
}

/// Whose seat, and where.
struct Holder<M: Send + Sync + 'static> {
    seats: Arc<Seats<M>>,
    id: PortId,
}

impl<M: Send + Sync + 'static> Clone for Holder<M> {
    fn clone(&self) -> Self {
        Holder {
            seats: Arc::clone(&self.seats),
            id: self.id,
        }
    }
}

impl<M: Send + Sync + 'static> Holder<M> {
    /// Leaves the seat, now or as soon as can be.
    fn leave(self) {
        after_transaction(move || {
            atomically(|tx| self.seats.leave(tx, self.id));
        });
    }
}

impl<M: Send + Sync + 'static> EndPort<M> {
    /// A new port in the first free end, if there is one.
    pub(super) fn connect(
        tx: &mut Transaction<'_>,
        seats: &Arc<Seats<M>>,
    ) -> StmResult<Option<Self>> {
        let id = PortId::new();
        if !seats.take(tx, id)? {
            return Ok(None);
        }
        let holder = Holder {
            seats: Arc::clone(seats),
            id,
        };
        let life = Arc::new(AtomicU8::new(0));
        seats.lives.lock().insert(id, Arc::downgrade(&life));
        connected_on_commit(tx, holder.clone(), Arc::clone(&life));
        Ok(Some(EndPort { holder, life }))
    }

    /// The channel as seen from the port's end, if it holds one.
    fn held(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Held<'_, M>>> {
        self.holder.seats.find(tx, self.holder.id)
    }

    fn disconnected(&self) -> Disconnected {
        Disconnected {
            port: self.holder.id,
            channel: self.holder.seats.channel,
        }
    }
}

impl<M: Send + Sync + 'static> Drop for EndPort<M> {
    fn drop(&mut self) {
        // Ordering: AcqRel, pairs with that of the commit hook: whichever comes
        // second finds the other's bit, and the hook's comes after the commit
        // that took the seat.
        let before = self.life.fetch_or(DROPPED, Ordering::AcqRel);
        self.holder.seats.lives.lock().remove(&self.holder.id);
        if before & CONNECTED != 0 {
            self.holder.clone().leave();
        }
    }
}

/// Steps 1 and 2, for the transaction that gives the holder a seat.
fn connected_on_commit<M: Send + Sync + 'static>(
    tx: &mut Transaction<'_>,
    holder: Holder<M>,
    life: Arc<AtomicU8>,
) {
    tx.on_commit(move || {
        // Ordering: AcqRel, pairs with that of the drop.
        if life.fetch_or(CONNECTED, Ordering::AcqRel) & DROPPED != 0 {
            holder.leave();
        }
    });
}

/// Gives a free end to a port that exists. Says whether there was one.
pub(super) fn reconnect<M: Send + Sync + 'static>(
    tx: &mut Transaction<'_>,
    seats: &Arc<Seats<M>>,
    id: PortId,
) -> StmResult<bool> {
    if !seats.take(tx, id)? {
        return Ok(false);
    }
    let life = seats.lives.lock().get(&id).and_then(Weak::upgrade);
    if let Some(life) = life {
        let seats = Arc::clone(seats);
        connected_on_commit(tx, Holder { seats, id }, life);
    }
    Ok(true)
}

impl<M: Clone + Send + Sync + 'static> Port<M> for EndPort<M> {
    fn id(&self) -> PortId {
        self.holder.id
    }

    fn channel(&self) -> ChannelId {
        self.holder.seats.channel
    }

    fn send(&self, tx: &mut Transaction<'_>, message: M) -> StmResult<Result<(), Disconnected>> {
        match self.try_send(tx, message)? {
            Ok(None) => Ok(Ok(())),
            Ok(Some(_)) => retry(),
            Err(disconnected) => Ok(Err(disconnected)),
        }
    }

    fn try_send(
        &self,
        tx: &mut Transaction<'_>,
        message: M,
    ) -> StmResult<Result<Option<M>, Disconnected>> {
        match self.held(tx)? {
            Some(held) if !held.other.was_left(tx)? => {
                held.other.inbox.try_put(tx, message).map(Ok)
            }
            _ => Ok(Err(self.disconnected())),
        }
    }

    fn receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<M, Disconnected>> {
        match self.try_receive(tx)? {
            Ok(Some(message)) => Ok(Ok(message)),
            Ok(None) => retry(),
            Err(disconnected) => Ok(Err(disconnected)),
        }
    }

    fn try_receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<Option<M>, Disconnected>> {
        let Some(Held { own, other }) = self.held(tx)? else {
            return Ok(Err(self.disconnected()));
        };
        let message = own.inbox.try_take(tx)?;
        if message.is_none() && other.was_left(tx)? && own.inbox.is_drained(tx)? {
            return Ok(Err(self.disconnected()));
        }
        Ok(Ok(message))
    }

    fn receive_batch(
        &self,
        tx: &mut Transaction<'_>,
        max: usize,
    ) -> StmResult<Result<Vec<M>, Disconnected>> {
        let Some(Held { own, other }) = self.held(tx)? else {
            return Ok(Err(self.disconnected()));
        };
        let messages = own.inbox.take_batch(tx, max)?;
        if messages.is_empty() && other.was_left(tx)? && own.inbox.is_drained(tx)? {
            return Ok(Err(self.disconnected()));
        }
        Ok(Ok(messages))
    }

    fn is_connected(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.held(tx)?.is_some())
    }
}

impl<M: Send + Sync + 'static> fmt::Debug for EndPort<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("id", &self.holder.id.get())
            .field("channel", &self.holder.seats)
            .finish()
    }
}
