//! What a line of the walk is, and how it says what it saw.

use std::error::Error;
use std::time::Duration;

use hivework::{Event, Events};

/// What was seen, or why the line does not hold.
pub(crate) type Seen = Result<String, Box<dyn Error>>;

/// A line of the README and what shows it.
pub(crate) struct Line {
    pub(crate) says: &'static str,
    pub(crate) shown: fn() -> Seen,
}

/// Longer than anything here takes on a machine that does other things as well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// `seen`, if what was to be is so.
pub(crate) fn saw(held: bool, seen: impl Into<String>) -> Seen {
    let seen = seen.into();
    if held { Ok(seen) } else { Err(seen.into()) }
}

/// The first event of which `wanted` makes something.
pub(crate) fn wait_for<T>(
    events: &Events,
    wanted: impl Fn(Event) -> Option<T>,
) -> Result<T, Box<dyn Error>> {
    while let Some(event) = events.next_timeout(PATIENCE) {
        if let Some(found) = wanted(event) {
            return Ok(found);
        }
    }
    Err("the event did not come".into())
}
