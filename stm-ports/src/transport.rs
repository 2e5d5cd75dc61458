//! A transport: what a scheduler is configured with to have its messages carried.

use std::fmt;

use crate::channel::Channel;
use crate::message::{EventMessage, WorkMessage};

pub(crate) mod ends;
pub(crate) mod local;
pub(crate) mod pump;
#[cfg(feature = "stm-crate")]
pub(crate) mod stm_crate;

/// Makes the channels over which a scheduler's work and events travel.
///
/// Every call makes a new channel with both ends free.
///
/// # What a transport promises
///
/// * **Transactions.** What [`Port`](crate::Port) and [`Channel`] say of them holds: a
///   message leaves when its transaction commits, connecting and disconnecting is one
///   step.
/// * **Order.** Messages of one direction of one channel arrive in the order of the
///   commits that sent them, and a disconnection is told after them. Between channels
///   there is no order. A scheduler needs it for the events of one worker; works may
///   overtake each other.
/// * **Time.** A message may be under way for any while. A scheduler looks for what
///   has arrived at every tick, and at least once a millisecond while there is work.
/// * **Nothing is lost silently.** Work that cannot arrive any more is refused
///   ([`WorkItem::refuse`](crate::WorkItem::refuse)): when a wire breaks, and when a
///   channel goes with work in it.
/// * **Room.** Where there is a bound, [`Port::send`](crate::Port::send) waits for room
///   and [`Port::try_send`](crate::Port::try_send) gives the message back. A scheduler
///   never lets running work wait for it.
///
/// One that is made of [`Pump`](crate::Pump)s keeps all of this by itself; any other can
/// be put through the checks of the feature `conformance`.
///
/// ```
/// use stm_ports::{EventMessage, LocalTransport, Transport};
///
/// let transport: Box<dyn Transport> = Box::new(LocalTransport);
/// let events = transport.event_channel();
/// let (worker, supervisor) = (events.connect()?, events.connect()?);
/// worker.send_blocking(EventMessage::new("started")).unwrap();
/// let event = supervisor.receive_blocking().unwrap();
/// assert_eq!(event.downcast_ref(), Some(&"started"));
/// # Ok::<(), stm_ports::ConnectError>(())
/// ```
pub trait Transport: Send + Sync + fmt::Debug {
    /// A channel for work items.
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>>;

    /// A channel for events.
    fn event_channel(&self) -> Box<dyn Channel<EventMessage>>;
}
