//! Points in time that may lie beyond what the clock can say; and patience.

use std::time::{Duration, Instant};

/// How long the end of something waits for the next message of a transport that does
/// not say that there is none.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// See [`soon`].
const SOON: Duration = Duration::from_millis(1);

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

/// That instant, or an early one if it is later: for a sleep that could not make sure
/// that there is nothing to do.
pub(crate) fn soon(until: Option<Instant>) -> Option<Instant> {
    earlier(until, after(SOON))
}
