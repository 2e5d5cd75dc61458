//! What callbacks and strategies see of streams and jobs.

use std::sync::Arc;
use std::time::Instant;

use crate::event::WorkId;

/// A job, as the callbacks and the strategy of its stream see it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobView {
    /// Its number, unique within its scheduler, and its name.
    pub work: WorkId,
    /// How urgent it is: higher comes first.
    pub priority: i32,
    /// What it belongs to; empty unless set.
    pub key: Arc<str>,
    /// When its deadline passes, if it has one.
    pub deadline: Option<Instant>,
}

impl JobView {
    /// Its number, unique within its scheduler.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.work.id
    }

    /// Its name, where it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.work.name.as_deref()
    }
}

/// A stream, as the strategy of its scheduler sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamView {
    /// Which.
    pub stream: StreamId,
    /// How urgent it is: higher comes first.
    pub priority: i32,
    /// Its share, where it is drawn by weight.
    pub weight: u32,
    /// How many of its jobs wait.
    pub pending: usize,
    /// How many of its jobs run.
    pub running: usize,
}

/// Which stream an event is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct StreamId {
    /// Its number, unique in the process.
    pub id: u64,
    /// Its name.
    pub name: Arc<str>,
}
