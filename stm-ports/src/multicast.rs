//! Multicast: one entry, and any number of ports that only receive.

use std::fmt;
use std::time::Duration;

use hivework_stm::{StmResult, Transaction, atomically, atomically_timeout};

use crate::error::{Closed, Disconnected};
use crate::id::{ChannelId, PortId};

/// A channel with one entry, through which anybody sends, and any number of
/// [`Listener`]s: each receives what is sent after it joined, in the order of the
/// commits.
///
/// Multicast channels are equal when they have the same id.
///
/// ```
/// use stm_ports::{Closed, Listener, LocalMulticast, Multicast};
///
/// let news = LocalMulticast::new();
/// let (ann, ben) = (news.join()?, news.join()?);
/// news.send_blocking("hello")?;
/// assert_eq!(ann.receive_blocking(), Ok("hello"));
/// assert_eq!(ben.receive_blocking(), Ok("hello"));
/// news.close();
/// assert!(ann.receive_blocking().is_err());
/// # Ok::<(), Closed>(())
/// ```
pub trait Multicast<M>: Send + Sync + fmt::Debug {
    /// Its identity.
    fn id(&self) -> ChannelId;

    /// Sends a message to all listeners when the transaction commits.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error says that the channel is closed.
    fn send(&self, tx: &mut Transaction<'_>, message: M) -> StmResult<Result<(), Closed>>;

    /// A new listener, in a transaction of its own.
    ///
    /// # Errors
    ///
    /// When the channel is closed.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`Multicast::join_in`] there.
    fn join(&self) -> Result<Box<dyn Listener<M>>, Closed> {
        atomically(|tx| self.join_in(tx))
    }

    /// A new listener, as a part of the transaction: it receives what is sent after
    /// it, later in the same transaction included.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error says that the channel is closed.
    fn join_in(&self, tx: &mut Transaction<'_>) -> StmResult<Result<Box<dyn Listener<M>>, Closed>>;

    /// Closes the channel for ever, in a transaction of its own: listeners receive
    /// what was sent before and then hear of it; those that wait are woken. Without
    /// effect the second time.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`Multicast::close_in`] there.
    fn close(&self) {
        atomically(|tx| self.close_in(tx));
    }

    /// Closes the channel, as a part of the transaction.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn close_in(&self, tx: &mut Transaction<'_>) -> StmResult<()>;

    /// [`Multicast::send`] in a transaction of its own: blocks the thread where the
    /// send would wait.
    ///
    /// # Errors
    ///
    /// When the channel is closed.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    fn send_blocking(&self, message: M) -> Result<(), Closed>
    where
        M: Clone,
    {
        atomically(|tx| self.send(tx, message.clone()))
    }
}

impl<M> PartialEq for dyn Multicast<M> + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<M> Eq for dyn Multicast<M> + '_ {}

/// A port that only receives: one of those who hear what is sent to a [`Multicast`].
///
/// It leaves by being dropped, which may happen anywhere, and takes along what it has
/// not received. Listeners are equal when they have the same id.
pub trait Listener<M>: Send + Sync + fmt::Debug {
    /// Its identity.
    fn id(&self) -> PortId;

    /// The identity of its channel.
    fn channel(&self) -> ChannelId;

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

    /// How many messages it has lost because it lagged by more than the channel's
    /// bound. Always 0 without one.
    ///
    /// # Errors
    ///
    /// A conflict.
    fn missed(&self, tx: &mut Transaction<'_>) -> StmResult<u64>;

    /// [`Listener::receive`] in a transaction of its own: blocks the thread until
    /// there is a message.
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

    /// As [`Listener::receive_blocking`], but blocks no longer than `limit` and then
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

impl<M> PartialEq for dyn Listener<M> + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<M> Eq for dyn Listener<M> + '_ {}
