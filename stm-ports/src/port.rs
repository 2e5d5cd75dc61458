//! A port: what one party of a channel sends to and receives from.

use std::fmt;
use std::time::Duration;

use hivework_stm::{StmResult, Transaction, atomically, atomically_timeout};

use crate::error::Disconnected;
use crate::id::{ChannelId, PortId};

/// One of the two ends of a [`Channel`](crate::Channel), held by one party.
///
/// What is sent to a port leaves when the transaction commits, whatever carries
/// it, and arrives at the other end, now or later, in the order of the commits.
/// Messages sent before anybody has connected to the other end wait there.
///
/// **Disconnecting.** A port is disconnected by
/// [`Channel::disconnect`](crate::Channel::disconnect) or by dropping it. From
/// then on it answers [`Disconnected`]. So does the port at the other end: to a
/// send at once, to a receive when everything that was sent before has been
/// received. Whoever waits in a receive or for room at that moment is woken. What the
/// disconnected port has not received stays in the channel for the next port that
/// is connected to its end, and with that the other end works again.
///
/// Ports are equal when they have the same id. Dropping a port disconnects it at
/// once and for good, inside a transaction as well, and even if that transaction
/// is then rolled back; use
/// [`Channel::disconnect_in`](crate::Channel::disconnect_in) to make it a part of
/// the transaction.
pub trait Port<M>: Send + Sync + fmt::Debug {
    /// Its identity.
    fn id(&self) -> PortId;

    /// The identity of its channel.
    fn channel(&self) -> ChannelId;

    /// Sends a message when the transaction commits; waits until there is room,
    /// where the transport knows a bound.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the channel is full. The inner error says that
    /// nobody will receive the message, which is then dropped.
    fn send(&self, tx: &mut Transaction<'_>, message: M) -> StmResult<Result<(), Disconnected>>;

    /// Sends a message, or gives it back where [`Port::send`] would wait.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error is that of [`Port::send`].
    fn try_send(
        &self,
        tx: &mut Transaction<'_>,
        message: M,
    ) -> StmResult<Result<Option<M>, Disconnected>>;

    /// Receives the next message; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while there is none. The inner error says that there
    /// will be none.
    fn receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<M, Disconnected>>;

    /// Receives the next message, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error says that there is none and will be none.
    fn try_receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<Option<M>, Disconnected>>;

    /// Receives up to `max` messages, in their order; as many as there are, if they
    /// are fewer, and so perhaps none.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error says that there is none and will be none.
    fn receive_batch(
        &self,
        tx: &mut Transaction<'_>,
        max: usize,
    ) -> StmResult<Result<Vec<M>, Disconnected>>;

    /// Does this port hold its end of the channel? Says nothing of the other end.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn is_connected(&self, tx: &mut Transaction<'_>) -> StmResult<bool>;

    /// [`Port::send`] in a transaction of its own: blocks the thread until there is
    /// room, where the transport knows a bound.
    ///
    /// # Errors
    ///
    /// When nobody will receive the message.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    fn send_blocking(&self, message: M) -> Result<(), Disconnected>
    where
        M: Clone,
    {
        atomically(|tx| self.send(tx, message.clone()))
    }

    /// [`Port::receive`] in a transaction of its own: blocks the thread until there
    /// is a message.
    ///
    /// # Errors
    ///
    /// When there will be none.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    fn receive_blocking(&self) -> Result<M, Disconnected> {
        atomically(|tx| self.receive(tx))
    }

    /// As [`Port::receive_blocking`], but blocks no longer than `limit` and then
    /// answers `None`.
    ///
    /// # Errors
    ///
    /// When there will be no message.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    fn receive_timeout(&self, limit: Duration) -> Result<Option<M>, Disconnected> {
        atomically_timeout(limit, |tx| self.receive(tx)).transpose()
    }
}

impl<M> PartialEq for dyn Port<M> + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<M> Eq for dyn Port<M> + '_ {}
