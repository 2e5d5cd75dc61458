//! The transport within a process: a channel is two queues.

mod channel;
mod port;
mod seats;

pub use channel::LocalChannel;

use super::Transport;
use crate::channel::Channel;
use crate::message::{EventMessage, WorkMessage};

/// The transport within a process, which is the default one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LocalTransport;

impl Transport for LocalTransport {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        Box::new(LocalChannel::new())
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        Box::new(LocalChannel::new())
    }
}
