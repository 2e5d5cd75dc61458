//! A port of a local channel, and what dropping it does.
//!
//! Sending and receiving is told in [`super::seats`]. Dropping a port has it leave
//! its seat, which takes a transaction, while a drop may come at any time: before
//! the transaction that connects the port has committed, in an attempt that is
//! then thrown away, or inside somebody else's transaction.
//!
//! **States** of a port's `life`: `PENDING` (made by a transaction that has not
//! committed), `CONNECTED` (that one has committed), `DROPPED`.
//!
//! 1. Connecting makes the port PENDING and leaves a commit hook behind.
//! 2. The hook moves PENDING to CONNECTED. If it finds DROPPED, it leaves the seat
//!    itself.
//! 3. The drop swaps in DROPPED. If it finds PENDING, it does nothing more: either
//!    the hook will run and find DROPPED, or the attempt is rolled back, and the
//!    seat was never taken. If it finds CONNECTED, it leaves the seat.
//! 4. Leaving takes a transaction of its own. Inside another transaction it is put
//!    off until that one is over.
//!
//! **Races.** Hook and drop may run on different threads at once; both are one
//! read-modify-write of `life`, so exactly one of them comes second, and it is the
//! one that leaves the seat. A port that was disconnected before it is dropped
//! holds no seat, and leaving then changes nothing; the seat may be another
//! port's by then, but it is found by the port's id.

use std::fmt;

use hivework_stm::facade::atomic::{AtomicU8, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, after_transaction, atomically, retry};

use super::seats::{Held, Seats};
use crate::channel::ChannelId;
use crate::error::Disconnected;
use crate::port::{Port, PortId};

const PENDING: u8 = 0;
const CONNECTED: u8 = 1;
const DROPPED: u8 = 2;

/// One of the two ports of a [`LocalChannel`](super::LocalChannel).
pub(super) struct LocalPort<M: Send + Sync + 'static> {
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

impl<M: Send + Sync + 'static> LocalPort<M> {
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
        let life = Arc::new(AtomicU8::new(PENDING));
        let (hook_holder, hook_life) = (holder.clone(), Arc::clone(&life));
        tx.on_commit(move || {
            // Ordering: Release, pairs with the Acquire of the drop, whose
            // transaction then sees the seat taken. Acquire on failure is not
            // needed: the seat was taken by this thread.
            let lived = hook_life.compare_exchange(
                PENDING,
                CONNECTED,
                Ordering::Release,
                Ordering::Relaxed,
            );
            if lived.is_err() {
                hook_holder.leave();
            }
        });
        Ok(Some(LocalPort { holder, life }))
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

impl<M: Send + Sync + 'static> Drop for LocalPort<M> {
    fn drop(&mut self) {
        // Ordering: Acquire, pairs with the Release of the commit hook. Nothing is
        // handed to the hook: it leaves a seat that its own thread has taken.
        if self.life.swap(DROPPED, Ordering::Acquire) == CONNECTED {
            self.holder.clone().leave();
        }
    }
}

impl<M: Clone + Send + Sync + 'static> Port<M> for LocalPort<M> {
    fn id(&self) -> PortId {
        self.holder.id
    }

    fn channel(&self) -> ChannelId {
        self.holder.seats.channel
    }

    fn send(&self, tx: &mut Transaction<'_>, message: M) -> StmResult<Result<(), Disconnected>> {
        match self.held(tx)? {
            Some(held) if !held.other.was_left(tx)? => held.other.inbox.put(tx, message).map(Ok),
            _ => Ok(Err(self.disconnected())),
        }
    }

    fn try_send(
        &self,
        tx: &mut Transaction<'_>,
        message: M,
    ) -> StmResult<Result<Option<M>, Disconnected>> {
        let sent = self.send(tx, message)?;
        Ok(sent.map(|()| None))
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
        if message.is_none() && other.was_left(tx)? {
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
        if messages.is_empty() && own.inbox.is_empty(tx)? && other.was_left(tx)? {
            return Ok(Err(self.disconnected()));
        }
        Ok(Ok(messages))
    }

    fn is_connected(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.held(tx)?.is_some())
    }
}

impl<M: Send + Sync + 'static> fmt::Debug for LocalPort<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPort")
            .field("id", &self.holder.id.get())
            .field("channel", &self.holder.seats)
            .finish()
    }
}
