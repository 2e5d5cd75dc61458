//! A channel: two ends, each for one port.

use std::fmt;

use hivework_stm::{StmResult, Transaction, atomically};

use crate::containers::queue::TQueue;
use crate::error::ConnectError;
use crate::id::ChannelId;
use crate::port::Port;

/// Two ends, each for one [`Port`]: what one sends the other receives, in order.
///
/// Connecting and disconnecting is one transaction each, or a part of the
/// caller's in the forms with `_in`. Channels are equal when they have the same id.
///
/// ```
/// use stm_ports::{Channel, ConnectError, LocalChannel, Port};
///
/// let channel = LocalChannel::<&str>::new();
/// let (here, there) = (channel.connect()?, channel.connect()?);
/// here.send_blocking("hello").unwrap();
/// assert_eq!(there.receive_blocking(), Ok("hello"));
///
/// drop(here);
/// assert!(there.receive_blocking().is_err());
/// # Ok::<(), ConnectError>(())
/// ```
pub trait Channel<M>: Send + Sync + fmt::Debug {
    /// Its identity.
    fn id(&self) -> ChannelId;

    /// Connects a new port to the first free end, in a transaction of its own.
    ///
    /// # Errors
    ///
    /// [`ConnectError::ChannelFullyOccupied`].
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`Channel::connect_in`] there.
    fn connect(&self) -> Result<Box<dyn Port<M>>, ConnectError> {
        atomically(|tx| self.connect_in(tx))
    }

    /// Connects a new port to the first free end, as a part of the transaction.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error is [`ConnectError::ChannelFullyOccupied`].
    fn connect_in(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<Box<dyn Port<M>>, ConnectError>>;

    /// Connects a disconnected port of this channel again, to the first free end,
    /// in a transaction of its own.
    ///
    /// # Errors
    ///
    /// [`ConnectError::PortAlreadyConnected`],
    /// [`ConnectError::ChannelFullyOccupied`], or
    /// [`ConnectError::PortNotConnected`] if the port is another channel's.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`Channel::reconnect_in`] there.
    fn reconnect(&self, port: &dyn Port<M>) -> Result<(), ConnectError> {
        atomically(|tx| self.reconnect_in(tx, port))
    }

    /// Connects a disconnected port of this channel again, to the first free end,
    /// as a part of the transaction.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error is that of [`Channel::reconnect`].
    fn reconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<M>,
    ) -> StmResult<Result<(), ConnectError>>;

    /// Disconnects a port, in a transaction of its own; see [`Port`] for what that
    /// means for it and for the other end.
    ///
    /// # Errors
    ///
    /// [`ConnectError::PortNotConnected`].
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`Channel::disconnect_in`]
    /// there.
    fn disconnect(&self, port: &dyn Port<M>) -> Result<(), ConnectError> {
        atomically(|tx| self.disconnect_in(tx, port))
    }

    /// Disconnects a port, as a part of the transaction.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error is [`ConnectError::PortNotConnected`].
    fn disconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<M>,
    ) -> StmResult<Result<(), ConnectError>>;

    /// The two queues, where the channel is nothing but two queues without a bound
    /// within the process: first the one from which the first end receives, then the one from
    /// which the second does. `None` for every other transport.
    ///
    /// Whoever puts and takes there goes past the ports and learns nothing of
    /// disconnections: a scheduler resolves its way to its workers once.
    fn local_queues(&self) -> Option<[TQueue<M>; 2]>
    where
        M: Clone + Send + Sync + 'static,
    {
        None
    }
}

impl<M> PartialEq for dyn Channel<M> + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<M> Eq for dyn Channel<M> + '_ {}
