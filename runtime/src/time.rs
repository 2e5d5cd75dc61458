//! Points in time that may lie beyond what the clock can say.

use std::time::{Duration, Instant};

/// The instant `limit` from now; none when that is further than the clock
/// reaches, which is as good as never.
pub(crate) fn after(limit: Duration) -> Option<Instant> {
    Instant::now().checked_add(limit)
}

/// The earlier of two instants, of which none is never.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
