//! Streams of jobs.

pub(crate) mod criterion;
pub(crate) mod end;
pub(crate) mod evict;
