//! Multicast within a process: a [`TBroadcast`] with an identity.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;

use hivework_stm::{StmResult, Transaction};

use crate::containers::broadcast::{TBroadcast, TBroadcastReceiver};
use crate::error::{Closed, Disconnected};
use crate::id::{ChannelId, PortId};
use crate::multicast::{Listener, Multicast};

/// A [`Multicast`] channel within a process.
///
/// A handle: clones share the channel. When the last of them goes, the channel is
/// closed.
pub struct LocalMulticast<M: Send + Sync + 'static> {
    channel: ChannelId,
    broadcast: TBroadcast<M>,
}

impl<M: Clone + Send + Sync + 'static> LocalMulticast<M> {
    /// A new channel whose listeners miss nothing.
    #[must_use]
    pub fn new() -> Self {
        LocalMulticast::over(TBroadcast::new())
    }

    /// A new channel that keeps the newest `bound` messages for each listener; see
    /// [`Listener::missed`].
    #[must_use]
    pub fn bounded(bound: NonZeroUsize) -> Self {
        LocalMulticast::over(TBroadcast::bounded(bound))
    }

    fn over(broadcast: TBroadcast<M>) -> Self {
        LocalMulticast {
            channel: ChannelId::new(),
            broadcast,
        }
    }
}

impl<M: Clone + Send + Sync + 'static> Multicast<M> for LocalMulticast<M> {
    fn id(&self) -> ChannelId {
        self.channel
    }

    fn send(&self, tx: &mut Transaction<'_>, message: M) -> StmResult<Result<(), Closed>> {
        self.broadcast.send(tx, message)
    }

    fn join_in(&self, tx: &mut Transaction<'_>) -> StmResult<Result<Box<dyn Listener<M>>, Closed>> {
        if self.broadcast.is_closed(tx)? {
            return Ok(Err(Closed));
        }
        Ok(Ok(Box::new(LocalListener {
            id: PortId::new(),
            channel: self.channel,
            inbox: self.broadcast.subscribe_in(tx)?,
        })))
    }

    fn close_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.broadcast.close_in(tx)
    }
}

struct LocalListener<M: Send + Sync + 'static> {
    id: PortId,
    channel: ChannelId,
    inbox: TBroadcastReceiver<M>,
}

impl<M: Send + Sync + 'static> LocalListener<M> {
    fn over(&self, _: Closed) -> Disconnected {
        Disconnected {
            port: self.id,
            channel: self.channel,
        }
    }
}

impl<M: Clone + Send + Sync + 'static> Listener<M> for LocalListener<M> {
    fn id(&self) -> PortId {
        self.id
    }

    fn channel(&self) -> ChannelId {
        self.channel
    }

    fn receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<M, Disconnected>> {
        let received = self.inbox.receive(tx)?;
        Ok(received.map_err(|closed| self.over(closed)))
    }

    fn try_receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<Option<M>, Disconnected>> {
        let received = self.inbox.try_receive(tx)?;
        Ok(received.map_err(|closed| self.over(closed)))
    }

    fn receive_batch(
        &self,
        tx: &mut Transaction<'_>,
        max: usize,
    ) -> StmResult<Result<Vec<M>, Disconnected>> {
        let received = self.inbox.receive_batch(tx, max)?;
        Ok(received.map_err(|closed| self.over(closed)))
    }

    fn missed(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        self.inbox.missed(tx)
    }
}

impl<M: Send + Sync + 'static> fmt::Debug for LocalListener<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalListener")
            .field("id", &self.id.get())
            .field("channel", &self.channel.get())
            .field("inbox", &self.inbox)
            .finish()
    }
}

impl<M: Send + Sync + 'static> Clone for LocalMulticast<M> {
    /// Another handle of the same channel.
    fn clone(&self) -> Self {
        LocalMulticast {
            channel: self.channel,
            broadcast: self.broadcast.clone(),
        }
    }
}

impl<M: Clone + Send + Sync + 'static> Default for LocalMulticast<M> {
    fn default() -> Self {
        LocalMulticast::new()
    }
}

impl<M: Send + Sync + 'static> PartialEq for LocalMulticast<M> {
    fn eq(&self, other: &Self) -> bool {
        self.channel == other.channel
    }
}

impl<M: Send + Sync + 'static> Eq for LocalMulticast<M> {}

impl<M: Send + Sync + 'static> Hash for LocalMulticast<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.channel.hash(state);
    }
}

impl<M: Send + Sync + 'static> fmt::Debug for LocalMulticast<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalMulticast")
            .field("id", &self.channel.get())
            .field("broadcast", &self.broadcast)
            .finish()
    }
}
