//! What can go wrong with a connection, and the end of a broadcast.

use std::fmt;

use crate::id::{ChannelId, PortId};

/// Why a port could not be connected or disconnected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// Both ends of the channel have their port.
    ChannelFullyOccupied {
        /// The channel.
        channel: ChannelId,
        /// The port that should have been connected, if it existed already.
        port: Option<PortId>,
    },
    /// The port is connected to its channel already.
    PortAlreadyConnected {
        /// The channel.
        channel: ChannelId,
        /// The port.
        port: PortId,
    },
    /// The port is not connected to this channel: it has been disconnected, or it
    /// is another channel's.
    PortNotConnected {
        /// The channel.
        channel: ChannelId,
        /// The port.
        port: PortId,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::ChannelFullyOccupied {
                channel,
                port: None,
            } => write!(
                f,
                "both ends of {channel} are occupied: no port can be connected"
            ),
            ConnectError::ChannelFullyOccupied {
                channel,
                port: Some(port),
            } => write!(
                f,
                "both ends of {channel} are occupied: {port} cannot be connected"
            ),
            ConnectError::PortAlreadyConnected { channel, port } => {
                write!(f, "{port} is already connected to {channel}")
            }
            ConnectError::PortNotConnected { channel, port } => {
                write!(f, "{port} is not connected to {channel}")
            }
        }
    }
}

impl std::error::Error for ConnectError {}

/// What sending to and receiving from a port answers once one of the channel's
/// ends has been disconnected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Disconnected {
    /// The port that was to send or receive.
    pub port: PortId,
    /// Its channel.
    pub channel: ChannelId,
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} or the one at the other end of {} has been disconnected",
            self.port, self.channel
        )
    }
}

impl std::error::Error for Disconnected {}

/// What sending to and receiving from a broadcast or a multicast channel answers once
/// it has been closed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it has been closed: nothing can be sent any more")
    }
}

impl std::error::Error for Closed {}
