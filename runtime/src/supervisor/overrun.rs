//! Works that take longer than their time slices.

use std::sync::Arc;
use std::time::Instant;

use crate::shared::Shared;

/// What the supervisor keeps in mind about who runs what for how long.
#[derive(Debug, Default)]
pub(super) struct Watch;

impl Watch {
    /// One round.
    pub(super) fn round(&mut self, _shared: &Arc<Shared>, _now: Instant) {}
}
