//! A pump: what carries messages between transactional ports and a wire, which is
//! not transactional.
//!
//! # Purpose
//!
//! What a transaction sends must leave when it commits, and a transaction that
//! receives must be able to give back what it took. A wire (a socket, another
//! process's memory, another transactional memory) can do neither. So ports send into
//! the pump's [outbox] and receive from inboxes, both of them queues, and two threads
//! move messages between those and the wire.
//!
//! # Steps
//!
//! Outgoing, one thread:
//! - O1 Take a batch from the outbox, in one transaction; wait while there is none.
//! - O2 Put each message into a [`Parcel`] and give the batch to [`Wire::send`].
//! - O3 When the outbox is over and empty: [`Wire::close`], and end.
//!
//! Incoming, one thread:
//! - I1 [`Wire::receive`]; `None` is the end.
//! - I2 Put each message into the inbox that its parcel knows, and count it as
//!   settled, in one transaction.
//!
//! An outbox is over when its last handle goes: the pump's own, and one for each inbox
//! of a channel that it carries for.
//!
//! # Nothing is lost silently
//!
//! From O2 to I2 a message is owned by its parcel. Whatever becomes of a parcel that is
//! not put into an inbox (the wire drops it, panics with it, ends with it; the channel
//! is gone when it arrives), its drop counts the message as settled, so that no
//! receiver waits for it, and answers it ([`Cargo::lost`]).
//!
//! A wire that panics is done with: it is closed, and what would go over it is answered
//! at once.
//!
//! # Why it ends
//!
//! The outbox's last handle wakes the outgoing thread, which closes the wire, which lets
//! `receive` answer `None` once everything has arrived. Nobody joins the threads: the
//! last handle may go inside a transaction, or on one of the two.

pub(super) mod cargo;
pub(crate) mod outbox;
pub(super) mod parcel;

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::thread;
use hivework_stm::{TVar, atomically, retry};

pub use cargo::Cargo;
pub use parcel::Parcel;

use super::ends::channel::LocalChannel;
use super::ends::inbox::Between;
use crate::channel::Channel;
use outbox::{Entry, Outbox, Outgoing, shielded};

/// How many messages are moved in one transaction.
const BATCH: usize = 64;

/// Carries parcels from [`Wire::send`] to [`Wire::receive`].
///
/// **Order.** Parcels of one [`Lane`](crate::Lane) must be received in the order in which they
/// were sent; parcels of different lanes may overtake each other.
///
/// **Loss.** A wire that cannot deliver a parcel drops it, which answers its message as
/// lost. A wire that panics is closed and used no more.
pub trait Wire<M: Cargo>: Send + Sync + 'static {
    /// Takes parcels away. May wait for the wire. One thread calls it.
    fn send(&self, parcels: Vec<Parcel<M>>);

    /// The parcels that have arrived; waits until there is one. After [`Wire::close`]
    /// it answers what is still on the wire, and then `None`. One thread calls it.
    fn receive(&self) -> Option<Vec<Parcel<M>>>;

    /// Nothing will be sent any more. Wakes a `receive` that waits.
    fn close(&self);
}

/// Makes channels whose messages travel over a [`Wire`], as transactional as any.
///
/// A handle: clones share the wire, and so do the channels. The wire is closed when
/// the last of them, and of their ports, has gone.
///
/// A whole transport, over the standard library's channels:
///
/// ```
/// use std::sync::Mutex;
/// use std::sync::mpsc::{Receiver, Sender, channel};
/// use stm_ports::{
///     Cargo, Channel, EventMessage, Parcel, Pump, Transport, Wire, WorkMessage,
/// };
///
/// struct Pipe<M: Cargo> {
///     sender: Mutex<Option<Sender<Vec<Parcel<M>>>>>,
///     receiver: Mutex<Receiver<Vec<Parcel<M>>>>,
/// }
///
/// impl<M: Cargo> Pipe<M> {
///     fn new() -> Self {
///         let (sender, receiver) = channel();
///         Pipe { sender: Mutex::new(Some(sender)), receiver: Mutex::new(receiver) }
///     }
/// }
///
/// impl<M: Cargo> Wire<M> for Pipe<M> {
///     fn send(&self, parcels: Vec<Parcel<M>>) {
///         if let Some(sender) = &*self.sender.lock().unwrap() {
///             let _ = sender.send(parcels);
///         }
///     }
///
///     fn receive(&self) -> Option<Vec<Parcel<M>>> {
///         self.receiver.lock().unwrap().recv().ok()
///     }
///
///     fn close(&self) {
///         *self.sender.lock().unwrap() = None;
///     }
/// }
///
/// #[derive(Debug)]
/// struct PipeTransport {
///     work: Pump<WorkMessage>,
///     events: Pump<EventMessage>,
/// }
///
/// impl Transport for PipeTransport {
///     fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
///         self.work.channel()
///     }
///
///     fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
///         self.events.channel()
///     }
/// }
///
/// let transport = PipeTransport {
///     work: Pump::start(Pipe::new())?,
///     events: Pump::start(Pipe::new())?,
/// };
/// let channel = transport.event_channel();
/// let (here, there) = (channel.connect()?, channel.connect()?);
/// here.send_blocking(EventMessage::new("hello")).unwrap();
/// let event = there.receive_blocking().unwrap();
/// assert_eq!(event.downcast_ref(), Some(&"hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pump<M: Cargo> {
    outbox: Arc<Outbox<M>>,
    bound: Option<NonZeroUsize>,
}

impl<M: Cargo> Pump<M> {
    /// Starts the threads that serve a wire.
    ///
    /// # Errors
    ///
    /// When the operating system gives no threads.
    pub fn start(wire: impl Wire<M>) -> io::Result<Self> {
        Pump::with_bound(wire, None)
    }

    /// As [`Pump::start`], for channels in each of whose directions are `bound`
    /// messages at most, on their way or arrived: a send waits for room. A transaction
    /// that sends more than that in one direction waits for ever.
    ///
    /// # Errors
    ///
    /// When the operating system gives no threads.
    pub fn bounded(wire: impl Wire<M>, bound: NonZeroUsize) -> io::Result<Self> {
        Pump::with_bound(wire, Some(bound))
    }

    fn with_bound(wire: impl Wire<M>, bound: Option<NonZeroUsize>) -> io::Result<Self> {
        let (pump, outgoing, incoming) = Pump::unstarted(wire, bound);
        let thread = |name: &str| thread::Builder::new().name(name.to_owned());
        thread("pump-out").spawn(outgoing)?;
        // Where this fails the outbox goes, and the outgoing thread closes the wire.
        thread("pump-in").spawn(incoming)?;
        Ok(pump)
    }

    /// A pump, and what its two threads are to do: for models, which must see their
    /// threads end. Not part of the interface.
    #[doc(hidden)]
    pub fn unstarted(
        wire: impl Wire<M>,
        bound: Option<NonZeroUsize>,
    ) -> (
        Self,
        impl FnOnce() + Send + 'static,
        impl FnOnce() + Send + 'static,
    ) {
        let (outbox, outgoing) = Outbox::new();
        let outbox = Arc::new(outbox);
        let (wire, theirs) = {
            let wire = Arc::new(wire);
            (Arc::clone(&wire), wire)
        };
        let broken = TVar::new(false);
        let told = broken.clone();
        (
            Pump { outbox, bound },
            move || send_all(outgoing, wire, told),
            move || receive_all(theirs, &broken),
        )
    }

    /// A new channel with both ends free.
    #[must_use]
    pub fn channel(&self) -> Box<dyn Channel<M>> {
        Box::new(LocalChannel::over(&Between {
            bound: self.bound,
            outbox: Some(Arc::clone(&self.outbox)),
            answer: Some(|message: M| message.lost("its channel has gone")),
        }))
    }
}

/// O1 to O3.
fn send_all<M: Cargo, W: Wire<M>>(outgoing: Outgoing<M>, wire: Arc<W>, broken: TVar<bool>) {
    let mut wire = Some(wire);
    loop {
        let batch = atomically(|tx| {
            let batch = outgoing.take_batch(tx, BATCH)?;
            if batch.is_empty() && !outgoing.is_over(tx)? {
                // A wire that is broken is let go, once.
                return match (wire.is_some(), broken.read(tx)?) {
                    (true, true) => Ok(None),
                    _ => retry(),
                };
            }
            Ok(Some(batch))
        });
        match batch {
            Some(batch) if batch.is_empty() => break,
            Some(batch) => {
                let parcels = batch.into_iter().filter_map(Entry::pack).collect();
                let sent = wire
                    .as_ref()
                    .map(|wire| catch_unwind(AssertUnwindSafe(|| wire.send(parcels))));
                if let Some(Err(_)) = sent {
                    broken.store(true);
                }
            }
            None => {}
        }
        if broken.load() {
            close(wire.take());
        }
    }
    close(wire);
}

fn close<M: Cargo, W: Wire<M>>(wire: Option<Arc<W>>) {
    if let Some(wire) = wire {
        shielded(|| wire.close());
        shielded(|| drop(wire));
    }
}

/// I1 and I2.
fn receive_all<M: Cargo, W: Wire<M>>(wire: Arc<W>, broken: &TVar<bool>) {
    loop {
        match catch_unwind(AssertUnwindSafe(|| wire.receive())) {
            Ok(Some(parcels)) => parcel::deliver(parcels, BATCH),
            Ok(None) => break,
            Err(_) => {
                broken.store(true);
                break;
            }
        }
    }
    shielded(|| drop(wire));
}

impl<M: Cargo> Clone for Pump<M> {
    /// Another handle of the same wire.
    fn clone(&self) -> Self {
        Pump {
            outbox: Arc::clone(&self.outbox),
            bound: self.bound,
        }
    }
}

impl<M: Cargo> fmt::Debug for Pump<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump")
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
