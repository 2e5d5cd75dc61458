//! One worker's books, which its thread alone writes to, so that workers do not meet there.

use std::fmt;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use super::OwnCounter;
use super::histogram::Recorder;
use super::times::{Spent, Times};

/// One worker place's counters. A replacement goes on with those of the worker
/// that it replaces.
#[derive(Debug)]
pub(crate) struct WorkerBooks {
    pub(super) number: usize,
    is_spare: bool,
    pub(super) accepted: OwnCounter,
    pub(super) ended: OwnCounter,
    pub(crate) begun: OwnCounter,
    pub(crate) settled: OwnCounter,
    pub(crate) finished: OwnCounter,
    pub(crate) stolen: OwnCounter,
    pub(crate) parked: OwnCounter,
    /// Items set aside here, to be woken.
    pub(crate) aside: OwnCounter,
    /// Items that had been set aside somewhere, and were woken or ended here.
    pub(crate) taken_up: OwnCounter,
    /// How long works without a name took, of which one now and then is timed.
    pub(crate) unnamed: Recorder,
    /// Apart from what is written for each item.
    pub(crate) times: CachePadded<Times>,
}

impl WorkerBooks {
    pub(super) fn new(number: usize, is_spare: bool) -> Self {
        WorkerBooks {
            number,
            is_spare,
            accepted: OwnCounter::default(),
            ended: OwnCounter::default(),
            begun: OwnCounter::default(),
            settled: OwnCounter::default(),
            finished: OwnCounter::default(),
            stolen: OwnCounter::default(),
            parked: OwnCounter::default(),
            aside: OwnCounter::default(),
            taken_up: OwnCounter::default(),
            unnamed: Recorder::default(),
            times: CachePadded::default(),
        }
    }

    /// As [`Books::accept`](super::Books::accept), for what this worker puts.
    #[inline]
    pub(crate) fn accept(&self, count: u64) {
        self.accepted.add(count);
    }

    /// As [`Books::end`](super::Books::end), for what this worker has run.
    #[inline]
    pub(crate) fn end(&self) {
        self.ended.add(1);
    }

    /// All but what lies on its deque.
    pub(super) fn read(&self) -> WorkerStats {
        let Spent {
            is_here,
            busy,
            parked,
            away,
        } = self.times.read();
        WorkerStats {
            number: self.number,
            is_spare: self.is_spare,
            is_here,
            run: self.begun.get(),
            stolen: self.stolen.get(),
            parked: self.parked.get(),
            queued: 0,
            busy_time: busy,
            parked_time: parked,
            away_time: away,
        }
    }
}

/// One worker's figures since the scheduler was built, across replacements and runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its number, by which events name it.
    pub number: usize,
    /// Does it stand in for workers that are blocked?
    pub is_spare: bool,
    /// Does it exist at this moment?
    pub is_here: bool,
    /// Items that it began.
    pub run: u64,
    /// Items that it stole from others, or moved along with one it stole.
    pub stolen: u64,
    /// How often it went to sleep for want of work.
    pub parked: u64,
    /// Items on its own deque.
    pub queued: usize,
    /// How long it ran works or looked for some: all of its [`life`](WorkerStats::life) but what follows.
    pub busy_time: Duration,
    /// How long it slept for want of work, up to this moment if it sleeps.
    pub parked_time: Duration,
    /// How long it was blocked inside its work, in a transaction, a join or
    /// [`blocking`](crate::blocking()), up to this moment if it is.
    pub away_time: Duration,
}

impl WorkerStats {
    /// For how long there was such a worker: `busy_time + parked_time + away_time`.
    ///
    /// ```
    /// let scheduler = hivework::make_scheduler();
    /// for worker in &scheduler.stats().workers {
    ///     assert!(worker.parked_time <= worker.life());
    /// }
    /// ```
    #[must_use]
    pub fn life(&self) -> Duration {
        self.busy_time
            .saturating_add(self.parked_time)
            .saturating_add(self.away_time)
    }
}

impl fmt::Display for WorkerStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "run {}, stolen {}, parked {}, queued {}, busy {:.1?}, parked for {:.1?}, away for {:.1?}",
            self.run,
            self.stolen,
            self.parked,
            self.queued,
            self.busy_time,
            self.parked_time,
            self.away_time,
        )
    }
}
