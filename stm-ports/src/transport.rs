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
