//! Multicast: what is sent reaches every receiver that had joined before.
//!
//! Each receiver has an inbox of its own, a queue; the broadcast keeps a list of
//! the inboxes, without keeping them alive.
//!
//! 1. Joining adds a new inbox to the list. The list is a variable, so a send
//!    either comes after the joining and reaches the inbox, or before.
//! 2. A send reads the list and puts the value into every inbox that is still
//!    somebody's. If an inbox is at the bound, its oldest value goes and is
//!    counted as missed, in the same step.
//! 3. Leaving is dropping the receiver, with its inbox and what is in it. It
//!    needs no transaction, so it may happen anywhere. The entry that stays in
//!    the list is taken out by the next send or joining.
//! 4. Closing takes the list away: a send finds none, and is refused. And it sets a
//!    flag that all receivers share, who look at it when their inbox is empty. The
//!    last handle of the broadcast closes it when it goes.
//!
//! **Why not one shared chain with a place for each receiver.** One receiver that
//! lags would hold on to everything for all; and since nobody could cut a link
//! that another receiver may still read, the chain would be given back one link
//! for each grace period of the engine, slower than it is built.
//!
//! **Races.** Whether an inbox is somebody's is looked up outside the transaction,
//! but it changes only once: what is put into an inbox that is let go at that
//! moment goes with it, and an inbox found abandoned will not come back. (A send
//! that looked before the leaving may commit after the inbox was cut: the segments
//! that it has appended there then go one after the other.) A send reads the list that a closing
//! takes away, so it comes before the closing, and reaches the inboxes, or is
//! refused; a receiver that waits has read the flag, and is woken.

use std::fmt;
use std::num::NonZeroUsize;

use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{StmResult, TVar, Transaction, after_transaction, atomically};

use super::queue::TQueue;
use crate::error::Closed;

mod receiver;

/// Where to send what every receiver is to see.
///
/// A handle: clones share the broadcast. A receiver sees what is sent after it
/// joined, each value once, and all receivers see values in the same order.
/// While nobody has joined, what is sent is dropped.
///
/// What a receiver has not read yet is kept for it alone and goes when it leaves.
/// [`TBroadcast::new`] keeps all of it, so a receiver that never reads makes
/// memory grow; [`TBroadcast::bounded`] keeps the newest of it and counts the
/// rest.
///
/// [`TBroadcast::close`], or the drop of the last handle, is the end: a receiver
/// gets what was sent before, and then [`Closed`].
///
/// ```
/// use stm_ports::{Closed, TBroadcast};
///
/// let news = TBroadcast::new();
/// news.send_now("nobody hears this")?;
/// let (ann, ben) = (news.subscribe(), news.subscribe());
/// news.send_now("hello")?;
/// assert_eq!(ann.receive_blocking(), Ok("hello"));
/// assert_eq!(ben.receive_blocking(), Ok("hello"));
/// assert_eq!(ben.receive_now(), Ok(None));
///
/// news.send_now("the last word")?;
/// news.close();
/// assert_eq!(ann.receive_blocking(), Ok("the last word"));
/// assert_eq!(ann.receive_blocking(), Err(Closed));
/// assert_eq!(news.send_now("one more"), Err(Closed));
/// # Ok::<(), Closed>(())
/// ```
pub struct TBroadcast<T: Send + Sync + 'static>(Arc<Audience<T>>);

struct Audience<T: Send + Sync + 'static> {
    /// None once it is closed.
    inboxes: TVar<Option<Inboxes<T>>>,
    bound: Option<NonZeroUsize>,
    closed: TVar<bool>,
}

type Inboxes<T> = Arc<[Weak<Inbox<T>>]>;

impl<T: Send + Sync + 'static> Drop for Audience<T> {
    fn drop(&mut self) {
        let closed = self.closed.clone();
        after_transaction(move || closed.store(true));
    }
}

struct Inbox<T: Send + Sync + 'static> {
    /// Values are shared among inboxes; each receiver clones for itself.
    unread: TQueue<Arc<T>>,
    missed: TVar<u64>,
    bound: Option<NonZeroUsize>,
    /// The audience's.
    closed: TVar<bool>,
}

/// One who sees what is sent to a [`TBroadcast`] after it joined.
///
/// A handle: a clone is the same receiver, so each value goes to one of the
/// clones; [`TBroadcast::subscribe`] makes another receiver. It leaves when its
/// last handle is dropped.
pub struct TBroadcastReceiver<T: Send + Sync + 'static>(Arc<Inbox<T>>);

impl<T: Clone + Send + Sync + 'static> TBroadcast<T> {
    /// A new broadcast whose receivers miss nothing.
    #[must_use]
    pub fn new() -> Self {
        TBroadcast::with_bound(None)
    }

    /// A new broadcast that keeps the newest `bound` values for each receiver. One
    /// that lags by more loses the oldest, and
    /// [`TBroadcastReceiver::missed`] tells how many those were.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use stm_ports::TBroadcast;
    ///
    /// let news = TBroadcast::bounded(const { NonZeroUsize::new(2).unwrap() });
    /// let slow = news.subscribe();
    /// for n in 1..=5 {
    ///     news.send_now(n)?;
    /// }
    /// assert_eq!(slow.receive_blocking(), Ok(4));
    /// assert_eq!(hivework_stm::atomically(|tx| slow.missed(tx)), 3);
    /// # Ok::<(), stm_ports::Closed>(())
    /// ```
    #[must_use]
    pub fn bounded(bound: NonZeroUsize) -> Self {
        TBroadcast::with_bound(Some(bound))
    }

    fn with_bound(bound: Option<NonZeroUsize>) -> Self {
        TBroadcast(Arc::new(Audience {
            inboxes: TVar::new(Some(Arc::from([]))),
            bound,
            closed: TVar::new(false),
        }))
    }

    /// Sends a value to every receiver. Never waits.
    ///
    /// Takes time in proportion to the number of receivers. Sends conflict with
    /// each other, with joining, and with a receiver that has read everything; a
    /// send to a bounded broadcast conflicts with every receiving.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error says that the broadcast is closed.
    pub fn send(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<Result<(), Closed>> {
        let Some(inboxes) = self.0.inboxes.read(tx)? else {
            return Ok(Err(Closed));
        };
        if inboxes.is_empty() {
            return Ok(Ok(()));
        }
        let value = Arc::new(value);
        let mut abandoned = false;
        for inbox in inboxes.iter() {
            match inbox.upgrade() {
                Some(inbox) => inbox.deliver(tx, Arc::clone(&value))?,
                None => abandoned = true,
            }
        }
        if abandoned {
            let still = Some(in_use(&inboxes).collect());
            self.0.inboxes.write(tx, still)?;
        }
        Ok(Ok(()))
    }

    /// [`TBroadcast::send`] in a transaction of its own.
    ///
    /// # Errors
    ///
    /// When the broadcast is closed.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn send_now(&self, value: T) -> Result<(), Closed> {
        atomically(|tx| self.send(tx, value.clone()))
    }

    /// Closes it, for ever: receivers get what was sent before and then hear of it.
    /// Without effect the second time.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`TBroadcast::close_in`] there.
    pub fn close(&self) {
        atomically(|tx| self.close_in(tx));
    }

    /// Closes it as a part of the transaction.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn close_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.0.inboxes.write(tx, None)?;
        self.0.closed.write(tx, true)
    }

    /// Is it closed?
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_closed(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.closed.read(tx)
    }

    /// Joins: a receiver that sees what is sent from now on. It may join a broadcast
    /// that is closed, of which it then hears at once.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread: use [`TBroadcast::subscribe_in`]
    /// there.
    #[must_use = "a receiver leaves when it is dropped"]
    pub fn subscribe(&self) -> TBroadcastReceiver<T> {
        atomically(|tx| self.subscribe_in(tx))
    }

    /// Joins as a part of the transaction: a receiver that sees what is sent after
    /// it, later in the same transaction included.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn subscribe_in(&self, tx: &mut Transaction<'_>) -> StmResult<TBroadcastReceiver<T>> {
        let inbox = Arc::new(Inbox {
            unread: TQueue::new(),
            missed: TVar::new(0),
            bound: self.0.bound,
            closed: self.0.closed.clone(),
        });
        if let Some(inboxes) = self.0.inboxes.read(tx)? {
            let joined = in_use(&inboxes).chain([Arc::downgrade(&inbox)]).collect();
            self.0.inboxes.write(tx, Some(joined))?;
        }
        Ok(TBroadcastReceiver(inbox))
    }

    /// How many receivers there are; none that anybody could send to once it is
    /// closed.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn receivers(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0
            .inboxes
            .read_with(tx, |inboxes| count(inboxes.as_ref()))
    }
}

/// How many inboxes are still somebody's.
fn count<T: Send + Sync + 'static>(inboxes: Option<&Inboxes<T>>) -> usize {
    inboxes.map_or(0, |inboxes| in_use(inboxes).count())
}

/// The inboxes that are still somebody's.
fn in_use<T: Send + Sync + 'static>(
    inboxes: &[Weak<Inbox<T>>],
) -> impl Iterator<Item = Weak<Inbox<T>>> + '_ {
    inboxes
        .iter()
        .filter(|inbox| inbox.strong_count() > 0)
        .cloned()
}

impl<T: Send + Sync + 'static> Inbox<T> {
    fn deliver(&self, tx: &mut Transaction<'_>, value: Arc<T>) -> StmResult<()> {
        if self.is_full(tx)? && self.unread.try_take(tx)?.is_some() {
            self.missed.modify(tx, |missed| missed + 1)?;
        }
        self.unread.put(tx, value)
    }

    fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        match self.bound {
            Some(bound) => Ok(self.unread.len(tx)? >= bound.get()),
            None => Ok(false),
        }
    }
}

impl<T: Send + Sync + 'static> Clone for TBroadcast<T> {
    /// Another handle of the same broadcast.
    fn clone(&self) -> Self {
        TBroadcast(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Clone for TBroadcastReceiver<T> {
    /// Another handle of the same receiver: each value goes to one of them.
    fn clone(&self) -> Self {
        TBroadcastReceiver(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Default for TBroadcast<T> {
    fn default() -> Self {
        TBroadcast::new()
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for TBroadcast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TBroadcast")
            .field("receivers", &count(self.0.inboxes.load().as_ref()))
            .field("closed", &self.0.closed.load())
            .field("bound", &self.0.bound)
            .finish()
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for TBroadcastReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TBroadcastReceiver")
            .field("unread", &self.0.unread)
            .field("missed", &self.0.missed.load())
            .field("closed", &self.0.closed.load())
            .field("bound", &self.0.bound)
            .finish()
    }
}
