//! Why there is no pool.

use std::error::Error;
use std::{fmt, io};

use crate::slots::error::SlotsError;

/// Why there are no slots that processes share.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobserverError {
    /// There can be no such number.
    Size(SlotsError),
    /// No `make` offers a pool: there is no `--jobserver-auth` in the environment.
    Missing,
    /// What the environment says of the pool cannot be read; what is wrong with it.
    Malformed(String),
    /// The environment names a pool that cannot be opened; why.
    Closed(String),
    /// No pool of ours is behind these slots.
    NotShared,
    /// So many slots are held, and what runs under them may hold more.
    Held(usize),
    /// The system gave no pipe, or no thread.
    System(io::Error),
}

impl fmt::Display for JobserverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobserverError::Size(why) => why.fmt(f),
            JobserverError::Missing => f.write_str(
                "there is no --jobserver-auth in MAKEFLAGS: start this from a `make -j`, or make \
                 slots of its own",
            ),
            JobserverError::Malformed(why) => write!(
                f,
                "the jobserver in MAKEFLAGS cannot be understood ({why}): make slots of its own"
            ),
            JobserverError::Closed(why) => write!(
                f,
                "the jobserver in MAKEFLAGS cannot be opened ({why}): begin the line of the recipe \
                 that starts this with a `+`, or make slots of its own"
            ),
            JobserverError::NotShared => f.write_str(
                "these slots are not from a pool of this program's own making: make them by Slots::shared",
            ),
            JobserverError::Held(held) => write!(
                f,
                "{held} slots of the pool are held: wait until all are back"
            ),
            JobserverError::System(why) => write!(f, "no pool of slots: {why}"),
        }
    }
}

impl Error for JobserverError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JobserverError::Size(why) => Some(why),
            JobserverError::System(why) => Some(why),
            _ => None,
        }
    }
}

impl From<SlotsError> for JobserverError {
    fn from(why: SlotsError) -> Self {
        JobserverError::Size(why)
    }
}
