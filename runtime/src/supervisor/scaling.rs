//! How many workers there are to be.

use std::sync::Arc;
use std::time::Instant;

use crate::shared::Shared;

/// What the supervisor keeps in mind about the load.
#[derive(Debug, Default)]
pub(super) struct Scaling;

impl Scaling {
    /// One round.
    pub(super) fn round(&mut self, _shared: &Arc<Shared>, _now: Instant) {}

    /// When it has to look again although nobody works.
    pub(super) fn due(&self) -> Option<Instant> {
        None
    }
}
