//! A channel within a process.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction};

use super::inbox::{Answer, Between};
use super::port::{EndPort, reconnect};
use super::seats::Seats;
use crate::channel::Channel;
use crate::containers::queue::TQueue;
use crate::error::ConnectError;
use crate::id::{ChannelId, PortId};
use crate::port::Port;

/// A [`Channel`] within a process: two [`TQueue`]s, one for each direction.
///
/// A handle: clones share the channel, and so do its ports, so a channel lives as
/// long as any of them. [`LocalChannel::new`] has no bound: a send never waits.
pub struct LocalChannel<M: Send + Sync + 'static>(Arc<Seats<M>>);

impl<M: Clone + Send + Sync + 'static> LocalChannel<M> {
    /// A new channel with both ends free.
    #[must_use]
    pub fn new() -> Self {
        LocalChannel::between(None, None)
    }

    /// A new channel with both ends free, in each of whose directions lie `bound`
    /// messages at most. A send waits while there is no room, and hears of it when
    /// one of the ends is left meanwhile.
    ///
    /// A transaction that sends more than `bound` messages in one direction can
    /// never commit, and waits for ever.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use hivework_stm::atomically;
    /// use stm_ports::{Channel, LocalChannel};
    ///
    /// let channel = LocalChannel::bounded(const { NonZeroUsize::new(1).unwrap() });
    /// let (here, there) = (channel.connect()?, channel.connect()?);
    /// here.send_blocking("fits").unwrap();
    /// // What does not is given back, or waits until something is received.
    /// assert_eq!(atomically(|tx| here.try_send(tx, "later")), Ok(Some("later")));
    /// assert_eq!(there.receive_blocking(), Ok("fits"));
    /// here.send_blocking("later").unwrap();
    /// # Ok::<(), stm_ports::ConnectError>(())
    /// ```
    #[must_use]
    pub fn bounded(bound: NonZeroUsize) -> Self {
        LocalChannel::between(Some(bound), None)
    }

    /// Within the process, with what answers messages that nobody will receive.
    pub(crate) fn between(bound: Option<NonZeroUsize>, answer: Option<Answer<M>>) -> Self {
        LocalChannel::over(&Between {
            bound,
            outbox: None,
            answer,
        })
    }

    /// Two ends with that between them.
    pub(crate) fn over(between: &Between<M>) -> Self {
        LocalChannel(Arc::new(Seats::new(between)))
    }
}

impl<M: Clone + Send + Sync + 'static> Channel<M> for LocalChannel<M> {
    fn id(&self) -> ChannelId {
        self.0.channel
    }

    fn connect_in(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<Box<dyn Port<M>>, ConnectError>> {
        Ok(match EndPort::connect(tx, &self.0)? {
            Some(port) => Ok(Box::new(port)),
            None => Err(ConnectError::ChannelFullyOccupied {
                channel: self.0.channel,
                port: None,
            }),
        })
    }

    fn reconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<M>,
    ) -> StmResult<Result<(), ConnectError>> {
        let channel = self.0.channel;
        let (of, port) = (port.channel(), port.id());
        Ok(if of != channel {
            Err(ConnectError::PortNotConnected { channel, port })
        } else if self.0.find(tx, port)?.is_some() {
            Err(ConnectError::PortAlreadyConnected { channel, port })
        } else if reconnect(tx, &self.0, port)? {
            Ok(())
        } else {
            Err(ConnectError::ChannelFullyOccupied {
                channel,
                port: Some(port),
            })
        })
    }

    fn disconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<M>,
    ) -> StmResult<Result<(), ConnectError>> {
        let port: PortId = port.id();
        Ok(if self.0.leave(tx, port)? {
            Ok(())
        } else {
            Err(ConnectError::PortNotConnected {
                channel: self.0.channel,
                port,
            })
        })
    }

    fn local_queues(&self) -> Option<[TQueue<M>; 2]> {
        self.0.queues()
    }
}

impl<M: Send + Sync + 'static> Clone for LocalChannel<M> {
    /// Another handle of the same channel.
    fn clone(&self) -> Self {
        LocalChannel(Arc::clone(&self.0))
    }
}

impl<M: Clone + Send + Sync + 'static> Default for LocalChannel<M> {
    fn default() -> Self {
        LocalChannel::new()
    }
}

impl<M: Send + Sync + 'static> PartialEq for LocalChannel<M> {
    fn eq(&self, other: &Self) -> bool {
        self.0.channel == other.0.channel
    }
}

impl<M: Send + Sync + 'static> Eq for LocalChannel<M> {}

impl<M: Send + Sync + 'static> Hash for LocalChannel<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.channel.hash(state);
    }
}

impl<M: Send + Sync + 'static> fmt::Debug for LocalChannel<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
