//! Slots that processes share, by the protocol of GNU Make: one pool for a tree of them.
//!
//! How tokens come and go is told in [`pool`], who sees to it in [`keeper`].

pub(crate) mod environment;
pub(crate) mod error;
pub(super) mod keeper;
pub(super) mod pool;

use std::process::Command;

use jobserver::Client;

use super::source::Source;
use super::{Slots, SlotsError};
use error::JobserverError;
use pool::Pool;

/// The most tokens that a pipe takes everywhere.
const MOST: usize = 4096;

impl Slots {
    /// So many slots, shared with the processes that are [configured](Slots::configure) to: a `make`
    /// that we start draws from them, and so does what it starts in turn.
    ///
    /// Each slot is a token in a pipe, or held by somebody. A token that is here and that nobody
    /// takes goes back into the pipe, at once or after some milliseconds.
    ///
    /// ```
    /// use std::process::Command;
    /// use hivework::Slots;
    ///
    /// let slots = Slots::shared(4)?;
    /// // It is at work itself, and so holds a slot; more it draws from the pipe.
    /// let slot = slots.take();
    /// let mut make = Command::new("make");
    /// slots.configure(&mut make)?;
    /// # let _ = &mut make; // .status()
    /// drop(slot);
    /// # Ok::<(), hivework::JobserverError>(())
    /// ```
    ///
    /// With the feature `jobserver`.
    ///
    /// # Errors
    ///
    /// For none, for more than 4096, which is what every pipe takes, and where there can be no pipe or
    /// thread.
    ///
    /// # The thread
    ///
    /// Two threads see to the pipe, and sleep while nobody wants anything. The crate that speaks the
    /// protocol ends its own by the signal `SIGUSR1`, for which it sets a handler that does nothing:
    /// a program with a handler of its own sets it afterwards. The last handle that is dropped gives back
    /// what is here, and waits for the two to end; in the transaction that it was dropped in, once that is
    /// over.
    pub fn shared(size: usize) -> Result<Slots, JobserverError> {
        match size {
            0 => Err(SlotsError::Zero.into()),
            asked if asked > MOST => Err(SlotsError::TooMany { asked, most: MOST }.into()),
            _ => {
                let client = Client::new(size).map_err(JobserverError::System)?;
                Slots::pooled(client, size, 0)
            }
        }
    }

    /// Has `child` draw from the same pool as these, or as those that they are a part of: of a
    /// part, the child knows nothing.
    ///
    /// Sets `MAKEFLAGS`, `MFLAGS` and `CARGO_MAKEFLAGS`, and has it inherit the pipe. A child is at work itself
    /// without drawing for that: whoever starts it holds a slot for as long as it runs. A `make` that is started
    /// with a `-j` of its own draws from a pool of its own; start it without.
    ///
    /// # Errors
    ///
    /// [`JobserverError::NotShared`] for slots that no pool is behind.
    pub fn configure(&self, child: &mut Command) -> Result<(), JobserverError> {
        self.pool()?.client().configure_make(child);
        Ok(())
    }

    /// Makes up for tokens that died with processes that had drawn them: brings the pool to its size. Answers how
    /// many were lost.
    ///
    /// For when none of the processes that were configured runs any more. One that is killed, a `make` say,
    /// takes along what it has drawn from the pipe, and nobody but the one who made the pool can know.
    /// Slots of our own are never lost: whoever holds one gives it back by its `Drop`.
    ///
    /// ```
    /// use hivework::Slots;
    ///
    /// let slots = Slots::shared(4)?;
    /// assert_eq!(slots.recover()?, 0);
    /// # Ok::<(), hivework::JobserverError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobserverError::NotShared`] for slots that no pool is behind, or one that somebody else made;
    /// [`JobserverError::Held`] while some are held, because some process may run under them.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn recover(&self) -> Result<usize, JobserverError> {
        self.pool()?.recover()
    }

    /// With `implicit` slots that are here from the beginning, and are never put into the pipe.
    fn pooled(client: Client, size: usize, implicit: usize) -> Result<Slots, JobserverError> {
        let pool = Pool::open(client, size, implicit)?;
        let level = pool.level().clone();
        let source = Source { pool: Some(pool) };
        Ok(Slots::of(size, level, Vec::new(), source))
    }

    fn pool(&self) -> Result<&Pool, JobserverError> {
        let root = self.0.above.last().unwrap_or(self);
        let pool = root.0.source.pool.as_ref();
        pool.ok_or(JobserverError::NotShared)
    }
}
