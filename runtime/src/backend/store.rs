//! Where it is written down what is at the berths, so that a restart sees what was running.
//!
//! A store keeps one [`Record`] for each berth, by name. It knows neither tasks nor time: it compares
//! and sets.
//!
//! # Revisions
//!
//! Whatever changes a berth raises the *revision* of its record. A save says which revision it follows,
//! and a store that has another one refuses it ([`StoreError::Newer`]). So of two who write to one
//! store none overwrites what it has not seen: not a keepalive of a task that is long over
//! the record of the next one, and not a start the start of somebody else. Who is refused loads, and goes
//! on from there ([`tend`](super::tend) tells how).
//!
//! # A store on a server
//!
//! Whoever writes one for a Redis server that task_semaphore uses as well needs this much:
//!
//! * A record is the value of the key `task_semaphore.scheduler.NAME.slot.BERTH`, without an expiry and
//!   absent at first; a pickled dictionary with exactly `_current_task_id`, `_backends_names`,
//!   `_current_backend_name`, `_started_at` and `_last_keepalive_at`, the last two naive datetimes in UTC.
//!   An empty berth has none but the list, which is always to be written: the other side takes it over. A
//!   reader must know a safe subset of pickle, and never run what it reads.
//! * There is no place for a revision in there. It can be a hash of the value: *the one before* is then
//!   what was loaded last, compared as a whole.
//! * Comparing and setting is one step by the lock of the other side, the key
//!   `task_semaphore.scheduler.NAME.lock`: `SET` with `NX` and `EX 300`, and as its value a token of the owner's, so
//!   that it is deleted only by comparing first, in a script. A lock that expired is so never taken from who has it
//!   now. What the other side writes while it holds the lock is met as [`StoreError::Newer`].
//! * All of that is waiting for a server: `load` and `save` are called outside of transactions and locks,
//!   as a worker that is away.

#[cfg(feature = "store")]
pub(crate) mod disk;
#[cfg(feature = "store")]
mod envelope;
pub(crate) mod memory;

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::task::RunningTask;

/// What is written down of a berth.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Record {
    /// How often the berth has changed since it was first written down: 1 or more, and always more than in
    /// the record before.
    pub revision: u64,
    /// The task that is at it.
    pub task: Option<RunningTask>,
    /// The names of its backends, in order.
    pub backends: Vec<Arc<str>>,
}

impl Record {
    /// A record.
    #[must_use]
    pub fn new(revision: u64, task: Option<RunningTask>, backends: Vec<Arc<str>>) -> Record {
        Record {
            revision,
            task,
            backends,
        }
    }
}

/// Where it is written down what is at the berths. [`MemoryStore`](crate::MemoryStore) is one, and
/// `DiskStore` (feature `store`) another.
///
/// Called outside of transactions and locks, and from a worker as in [`blocking`](crate::blocking()). A panic
/// is contained, and counts as [`StoreError::Failed`].
pub trait Store: Send + Sync + 'static {
    /// The record of a berth, if it has one.
    ///
    /// # Errors
    ///
    /// That it could not be read. A record that cannot be understood is an error, and never none.
    fn load(&self, berth: &str) -> Result<Option<Record>, StoreError>;

    /// Replaces the record of a berth whose revision is `after`, 0 for none, in one step. Once it has
    /// returned the record outlasts whatever the store is made to outlast.
    ///
    /// # Errors
    ///
    /// [`StoreError::Newer`] when there is another revision, and else that it could not be written. Then it
    /// has been written either wholly or not at all.
    fn save(&self, berth: &str, after: u64, record: &Record) -> Result<(), StoreError>;

    /// The names of all berths that have a record.
    ///
    /// # Errors
    ///
    /// That they could not be read.
    fn berths(&self) -> Result<Vec<String>, StoreError>;
}

/// One store, for whoever needs another handle of it.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn load(&self, berth: &str) -> Result<Option<Record>, StoreError> {
        (**self).load(berth)
    }

    fn save(&self, berth: &str, after: u64, record: &Record) -> Result<(), StoreError> {
        (**self).save(berth, after, record)
    }

    fn berths(&self) -> Result<Vec<String>, StoreError> {
        (**self).berths()
    }
}

/// Why something could not be read or written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else has written meanwhile.
    Newer {
        /// The revision that there is, 0 for none.
        found: u64,
    },
    /// It was written by a newer version of this program.
    NewerFormat {
        /// Its format.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// It is cut, or was changed by something else, or is no store.
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// Another process has it open.
    InUse {
        /// Where it is.
        path: PathBuf,
    },
    /// The operating system, a server or the store itself says no.
    Failed(Arc<dyn Error + Send + Sync>),
}

impl StoreError {
    /// A store's own error.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        StoreError::Failed(Arc::from(error.into()))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Newer { found } => write!(
                f,
                "somebody else has written meanwhile (revision {found}): load it, and go on from there"
            ),
            StoreError::NewerFormat { found, known } => write!(
                f,
                "written by a newer version of this program, in format {found} where this one knows \
                 {known}: use that version, or another file"
            ),
            StoreError::Damaged { what } => write!(
                f,
                "damaged: {what}; nothing was changed: bring back a copy, or move it away to begin with \
                 an empty store"
            ),
            StoreError::InUse { path } => write!(
                f,
                "{} is open in another process: end that one, or use another file",
                path.display()
            ),
            StoreError::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}
