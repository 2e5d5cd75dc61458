//! How figures that are counted one by one make a snapshot in which they add up.
//!
//! # What is counted, and when
//!
//! An item is *accepted* before anybody can see it, then perhaps *begun*, then *settled* if it was
//! begun, and last comes its *ending*, as what it may be: finished, panicked, cancelled, and so on,
//! or rolled back, if it was never put. While it is begun it may be set *aside* and *taken up*, any number of
//! times. Each step is counted by an add that releases, on the thread that takes it, and
//! each step of an item comes after the one before.
//!
//! # How they are read
//!
//! Backwards, by loads that acquire: endings, settled, taken up, aside, begun, accepted. So who has
//! seen a step of an item counted sees all earlier ones counted:
//!
//! 1. *put* = accepted − rolled back, at least the sum of all endings.
//! 2. begun − settled, at least 0, and no more than put − endings: an item in there that is begun
//!    is accepted; and if its ending was counted, so was its settling.
//! 3. *waiting* = aside − taken up, at least 0, and of the items in 2.
//!
//! What is *running* is the rest of 2, and what is *queued* is the rest of 1. Those two are
//! differences, and so the equation holds in every snapshot, however far the items have moved on
//! between its first read and its last.
//!
//! # Where the steps come in another order
//!
//! An item that is overdue while it runs or is aside is settled and ended by whoever watches the
//! deadline, which is no item's thread: it may come before the count of the beginning, and comes before that of
//! the taking up. Then 2 and 3 are cut off at what they are a part of. For that moment an
//! item that runs counts as one that is queued or waits; nothing else is off.

use super::Ending;

/// Counts of ends other than the good one.
#[derive(Debug, Default)]
pub(super) struct Endings {
    panicked: super::Counter,
    cancelled: super::Counter,
    overdue: super::Counter,
    blocked: super::Counter,
    evicted: super::Counter,
    stopped: super::Counter,
    lost: super::Counter,
    rolled_back: super::Counter,
}

impl Endings {
    /// The good end is counted elsewhere.
    pub(super) fn add(&self, ending: Ending) {
        let counter = match ending {
            Ending::Finished => return,
            Ending::Panicked => &self.panicked,
            Ending::Cancelled => &self.cancelled,
            Ending::Overdue => &self.overdue,
            Ending::Blocked => &self.blocked,
            Ending::Evicted => &self.evicted,
            Ending::Stopped => &self.stopped,
            Ending::Lost => &self.lost,
            Ending::RolledBack => &self.rolled_back,
        };
        counter.add(1);
    }

    pub(super) fn read(&self) -> Ended {
        Ended {
            panicked: self.panicked.get(),
            cancelled: self.cancelled.get(),
            overdue: self.overdue.get(),
            blocked: self.blocked.get(),
            evicted: self.evicted.get(),
            stopped: self.stopped.get(),
            lost: self.lost.get(),
            rolled_back: self.rolled_back.get(),
        }
    }
}

/// Those counts as they were read.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) panicked: u64,
    pub(super) cancelled: u64,
    pub(super) overdue: u64,
    pub(super) blocked: u64,
    pub(super) evicted: u64,
    pub(super) stopped: u64,
    pub(super) lost: u64,
    pub(super) rolled_back: u64,
}

/// What was counted, read from the first field to the last; see the [module](self).
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) finished: u64,
    pub(super) endings: Ended,
    pub(super) settled: u64,
    pub(super) taken_up: u64,
    pub(super) aside: u64,
    pub(super) begun: u64,
    pub(super) accepted: u64,
}

impl Counts {
    /// How many are over.
    fn over(&self) -> u64 {
        let Ended {
            panicked,
            cancelled,
            overdue,
            blocked,
            evicted,
            stopped,
            lost,
            ..
        } = self.endings;
        self.finished + panicked + cancelled + overdue + blocked + evicted + stopped + lost
    }

    pub(super) fn put(&self) -> u64 {
        let put = self.accepted.saturating_sub(self.endings.rolled_back);
        debug_assert!(put >= self.over(), "an end without a put: {self:?}");
        put.max(self.over())
    }

    /// How many are queued, running and waiting.
    pub(super) fn split(&self) -> (u64, u64, u64) {
        let live = self.put() - self.over();
        let begun = self.begun.saturating_sub(self.settled).min(live);
        let waiting = self.aside.saturating_sub(self.taken_up).min(begun);
        (live - begun, begun - waiting, waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Ended};

    const NONE: Counts = Counts {
        finished: 0,
        endings: Ended {
            panicked: 0,
            cancelled: 0,
            overdue: 0,
            blocked: 0,
            evicted: 0,
            stopped: 0,
            lost: 0,
            rolled_back: 0,
        },
        settled: 0,
        taken_up: 0,
        aside: 0,
        begun: 0,
        accepted: 0,
    };

    #[test]
    fn each_item_is_in_one_place() {
        let counts = Counts {
            accepted: 20,
            begun: 12,
            settled: 4,
            aside: 5,
            taken_up: 3,
            finished: 3,
            endings: Ended {
                panicked: 1,
                cancelled: 2,
                rolled_back: 1,
                ..NONE.endings
            },
        };
        assert_eq!(counts.put(), 19);
        assert_eq!(counts.split(), (5, 6, 2));
    }

    #[test]
    fn what_is_overdue_before_its_beginning_is_counted_is_in_one_place() {
        // Of two, one is overdue, and neither beginning is counted.
        let counts = Counts {
            accepted: 2,
            settled: 1,
            aside: 1,
            endings: Ended {
                overdue: 1,
                ..NONE.endings
            },
            ..NONE
        };
        assert_eq!((counts.put(), counts.split()), (2, (1, 0, 0)));
    }
}
