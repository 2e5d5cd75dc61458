//! What is known of a task: its id, whose it is, and since when.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::clock::Clock;

/// By what a task is called, between berths and backends. Any text but the empty one; numbers become
/// text.
///
/// ```
/// use hivework::TaskId;
///
/// assert_eq!(TaskId::from(7), TaskId::from("7"));
/// assert_eq!(TaskId::from("letter 1").as_str(), "letter 1");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An empty id is none: what a backend offers under it is refused.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for TaskId {
    fn from(id: &str) -> TaskId {
        TaskId(Arc::from(id))
    }
}

impl From<String> for TaskId {
    fn from(id: String) -> TaskId {
        TaskId(Arc::from(id))
    }
}

impl From<u64> for TaskId {
    fn from(id: u64) -> TaskId {
        TaskId::from(id.to_string())
    }
}

impl From<&TaskId> for TaskId {
    fn from(id: &TaskId) -> TaskId {
        id.clone()
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A task at its berth.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RunningTask {
    /// Which.
    pub id: TaskId,
    /// The name of the backend that it is of.
    pub backend: Arc<str>,
    /// When it was started.
    pub started_at: SystemTime,
    /// When somebody last said that it is alive, or else when it was started. It is late once more than
    /// the berth's time-out has passed since.
    pub kept_alive_at: SystemTime,
}

impl RunningTask {
    /// One of which it was written down that it runs: a [`Store`](crate::Store) makes these.
    #[must_use]
    pub fn new(
        id: TaskId,
        backend: impl Into<Arc<str>>,
        started_at: SystemTime,
        kept_alive_at: SystemTime,
    ) -> RunningTask {
        RunningTask {
            id,
            backend: backend.into(),
            started_at,
            kept_alive_at,
        }
    }

    /// Is it late, strictly?
    pub(super) fn is_late(&self, now: SystemTime, timeout: Duration) -> bool {
        self.kept_alive_at
            .checked_add(timeout)
            .is_some_and(|last| last < now)
    }
}

/// What time it is, so that it can be written down: the scheduler's clock, told from the system's
/// calendar as it was when this was made. So nothing times out because the calendar is set.
pub(super) struct Calendar {
    clock: Clock,
    since: Instant,
    then: SystemTime,
}

impl Calendar {
    pub(super) fn new(clock: Clock) -> Calendar {
        Calendar {
            since: clock.now(),
            then: clock.wall(),
            clock,
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        let passed = self.clock.now().saturating_duration_since(self.since);
        self.then.checked_add(passed).unwrap_or(self.then)
    }
}
