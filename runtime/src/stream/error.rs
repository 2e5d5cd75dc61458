//! What cannot be a stream, or a scheduler of streams.

use std::fmt;

use crate::slots::error::SlotsError;

/// What was set wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// A weight of zero: the stream would never have its turn.
    ZeroWeight,
    /// There are no such slots.
    Slots(SlotsError),
    /// The stream runs through a subordinate scheduler already.
    HasSubordinate,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::ZeroWeight => f.write_str(
                "a stream of weight 0 would never have its turn: give it a weight of at least 1, \
                 or open it paused",
            ),
            StreamError::Slots(error) => error.fmt(f),
            StreamError::HasSubordinate => f.write_str(
                "the stream has a subordinate scheduler: open further streams there, or another \
                 stream for another subordinate",
            ),
        }
    }
}

impl std::error::Error for StreamError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StreamError::Slots(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SlotsError> for StreamError {
    fn from(error: SlotsError) -> Self {
        StreamError::Slots(error)
    }
}
