//! What a map cannot be told.

use std::fmt;

/// Why a [map](crate::Scheduler::map) cannot go as it was told to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MapError {
    /// A window of 0.
    NoWindow,
    /// Chunks of 0.
    NoChunk,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MapError::NoWindow => {
                "a window of 0 lets no input in: give 1 for one input at a time, or leave it out \
                 for as many as keep the workers busy"
            }
            MapError::NoChunk => {
                "a chunk of 0 takes no input on: give 1, or leave it out, for one work an input"
            }
        })
    }
}

impl std::error::Error for MapError {}
