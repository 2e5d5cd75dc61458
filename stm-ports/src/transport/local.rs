//! The transports within a process: a channel is two queues.

pub(crate) mod multicast;

use std::num::NonZeroUsize;

use super::Transport;
use super::ends::channel::LocalChannel;
use super::pump::Cargo;
use crate::channel::Channel;
use crate::message::{EventMessage, WorkMessage};

/// The transport within a process, which is the default one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LocalTransport;

impl Transport for LocalTransport {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        channel(None)
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        channel(None)
    }
}

/// A transport within a process whose channels are bounded: a send waits while as
/// many messages as the bound lie in that direction.
///
/// ```
/// use std::num::NonZeroUsize;
/// use hivework_stm::atomically;
/// use stm_ports::{BoundedTransport, EventMessage, Transport};
///
/// let transport = BoundedTransport::new(const { NonZeroUsize::new(1).unwrap() });
/// let channel = transport.event_channel();
/// let (here, _there) = (channel.connect()?, channel.connect()?);
/// here.send_blocking(EventMessage::new(1)).unwrap();
/// let back = atomically(|tx| here.try_send(tx, EventMessage::new(2)));
/// assert!(matches!(back, Ok(Some(_))));
/// # Ok::<(), stm_ports::ConnectError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BoundedTransport {
    bound: NonZeroUsize,
}

impl BoundedTransport {
    /// Channels with room for `bound` messages in each direction.
    #[must_use]
    pub fn new(bound: NonZeroUsize) -> Self {
        BoundedTransport { bound }
    }
}

impl Transport for BoundedTransport {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        channel(Some(self.bound))
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        channel(Some(self.bound))
    }
}

fn channel<M: Cargo>(bound: Option<NonZeroUsize>) -> Box<dyn Channel<M>> {
    Box::new(LocalChannel::between(bound, Some(left_behind)))
}

fn left_behind<M: Cargo>(message: M) {
    message.lost("its channel has gone");
}
