//! Where works wait that are [held](crate::work::attendant): found by a drain, and when the last
//! handle of their scheduler goes.
//!
//! A room is kept by whoever lets the works in that wait there, and only known here. Once the rooms
//! are closed a new one gives up at once, and again in every round of the end, as the others do.

use hivework_stm::facade::sync::{Arc, Mutex, Weak};

use crate::work::unwind::shield;

/// A place where works wait to be let in.
pub(crate) trait Room: Send + Sync {
    /// Does any work wait there?
    fn has_waiting(&self) -> bool;

    /// Answers all that wait there with [`Stopped`](crate::WorkError::Stopped), because nothing is
    /// left that would let them in.
    fn give_up(&self);
}

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Rooms(Mutex<Known>);

#[derive(Default)]
struct Known {
    rooms: Vec<Weak<dyn Room>>,
    /// At how many those that are no longer kept are looked for.
    crowd: usize,
    closed: bool,
}

impl Rooms {
    /// Makes a room known.
    pub(crate) fn add(&self, room: &Arc<dyn Room>) {
        let mut known = self.0.lock();
        if known.rooms.len() >= known.crowd {
            known.rooms.retain(|room| room.strong_count() > 0);
            // So that each pays for a look at two, whatever their number.
            known.crowd = 2 * known.rooms.len() + 1;
        }
        known.rooms.push(Arc::downgrade(room));
        let closed = known.closed;
        drop(known);
        if closed {
            shield(|| room.give_up());
        }
    }

    /// Does any work wait in any of them?
    pub(crate) fn has_waiting(&self) -> bool {
        self.all().iter().any(|room| room.has_waiting())
    }

    /// Has all give up what waits there.
    pub(crate) fn give_up(&self) {
        for room in self.all() {
            shield(|| room.give_up());
        }
    }

    /// As [`give_up`](Rooms::give_up), and for those that come from now on as well: the scheduler
    /// ends.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.give_up();
    }

    /// Those that are still kept. Past the lock: what is answered may make another.
    fn all(&self) -> Vec<Arc<dyn Room>> {
        let known = self.0.lock();
        known.rooms.iter().filter_map(Weak::upgrade).collect()
    }
}
