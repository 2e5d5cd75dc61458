//! Choosing alone, without starting anything, for the benches.

use hivework_stm::atomically;

use super::StreamScheduler;

/// Chooses a stream and its next job, says that it has had its turn, as a drawing does, and leaves the
/// job where it is. Says whether there was one.
#[must_use]
pub fn choose(streams: &StreamScheduler) -> bool {
    let drawer = &streams.drawer;
    atomically(|tx| {
        let Some(lane) = drawer.index.first(tx)? else {
            return Ok(false);
        };
        let job = lane.pending.first(tx)?;
        lane.serve(tx)?;
        Ok(job.is_some())
    })
}
