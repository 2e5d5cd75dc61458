//! Books by the name of a work.
//!
//! A name's books are made when the first work of that name is put, found again by the name, and kept
//! for as long as the scheduler. The item keeps a reference to them beside its name, so that the table
//! is asked once, at the put, and not by items without a name, which nothing of this costs more
//! than finding out that they have none.
//!
//! Names may be made up at run time, so there are at most [`MOST`] books; what comes with
//! another name then is counted in one more, under a name that is reserved for it
//! ([`NameStats::OTHERS`]).
//!
//! The table is in parts, each behind a lock: putters of different names mostly do not meet
//! there. Those of one name meet at its counts.
//!
//! # What a run is expected to take
//!
//! is the median of the last [`RECENT`] runs that came to their end. One that panicked or stopped at a
//! checkpoint says nothing of how long the work takes. As a median it does not care about a few runs
//! that took very long, and as one of the last runs it follows a work that changes: half as
//! many runs later it is of the new kind.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc as StdArc;
use std::time::Duration;

use hivework_stm::facade::atomic::{AtomicU64, AtomicUsize, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};

use super::counts::{Counts, Endings};
use super::histogram::{Histogram, Recorder, nanos};
use super::{Counter, Ending};

/// How many names have books of their own.
const MOST: usize = 1024;

/// How many locks the table has.
const PARTS: usize = 16;

/// Of how many runs the expectation is the median.
const RECENT: usize = 32;

/// One name's books.
#[derive(Default)]
pub(crate) struct NameBooks {
    put: Counter,
    begun: Counter,
    settled: Counter,
    aside: Counter,
    taken_up: Counter,
    finished: Counter,
    endings: Endings,
    run_time: Recorder,
    recent: Recent,
}

impl NameBooks {
    pub(crate) fn begun(&self) {
        self.begun.add(1);
    }

    pub(crate) fn settled(&self) {
        self.settled.add(1);
    }

    pub(crate) fn set_aside(&self) {
        self.aside.add(1);
    }

    pub(crate) fn taken_up(&self) {
        self.taken_up.add(1);
    }

    pub(crate) fn settle(&self, ending: Ending) {
        match ending {
            Ending::Finished => _ = self.finished.add(1),
            _ => self.endings.add(ending),
        }
    }

    /// A work has run for so long; `complete` says whether to its end.
    pub(crate) fn ran(&self, took: Duration, complete: bool) {
        self.run_time.record(took);
        if complete {
            self.recent.add(took);
        }
    }

    /// In the order that [`Counts`] asks for.
    fn counts(&self) -> Counts {
        Counts {
            finished: self.finished.get(),
            endings: self.endings.read(),
            settled: self.settled.get(),
            taken_up: self.taken_up.get(),
            aside: self.aside.get(),
            begun: self.begun.get(),
            accepted: self.put.get(),
        }
    }

    fn read(&self, name: StdArc<str>) -> NameStats {
        // First of all, so that what is counted as run is counted as begun.
        let run_time = self.run_time.read();
        let counts = self.counts();
        let endings = &counts.endings;
        let (queued, running, waiting) = counts.split();
        NameStats {
            name,
            put: counts.put(),
            queued,
            running,
            waiting,
            finished: counts.finished,
            panicked: endings.panicked,
            cancelled: endings.cancelled,
            overdue: endings.overdue,
            blocked: endings.blocked,
            evicted: endings.evicted,
            stopped: endings.stopped,
            lost: endings.lost,
            run_time,
            expected: self.recent.median(),
        }
    }
}

/// How long the last runs took.
struct Recent {
    /// In nanoseconds, and at least one; 0 where there was no run yet.
    runs: [AtomicU64; RECENT],
    next: AtomicUsize,
}

impl Default for Recent {
    fn default() -> Self {
        Recent {
            runs: std::array::from_fn(|_| AtomicU64::new(0)),
            next: AtomicUsize::new(0),
        }
    }
}

impl Recent {
    fn add(&self, took: Duration) {
        // Ordering: Relaxed, here and below; figures that nothing hangs on.
        let place = self.next.fetch_add(1, Ordering::Relaxed) % RECENT;
        self.runs[place].store(nanos(took).max(1), Ordering::Relaxed);
    }

    /// The lower of the two in the middle where they are even in number.
    fn median(&self) -> Option<Duration> {
        let runs = self.runs.iter().map(|run| run.load(Ordering::Relaxed));
        let mut runs: Vec<_> = runs.filter(|run| *run != 0).collect();
        let middle = runs.len().checked_sub(1)? / 2;
        let (_, median, _) = runs.select_nth_unstable(middle);
        Some(Duration::from_nanos(*median))
    }
}

type Part = HashMap<StdArc<str>, Arc<NameBooks>>;

/// The books of all names; see the [module](self).
#[derive(Default)]
pub(crate) struct Names {
    parts: [Mutex<Part>; PARTS],
    count: AtomicUsize,
    others: Arc<NameBooks>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Names {
    fn part(&self, name: &str) -> &Mutex<Part> {
        let mix = |mix: u32, byte: u8| mix.rotate_left(5) ^ u32::from(byte);
        let mixed = name.bytes().fold(0, mix).wrapping_mul(0x9E37_79B9);
        &self.parts[(mixed >> 16) as usize % PARTS]
    }

    /// A work of this name is about to be put.
    pub(crate) fn accept(&self, name: &str) -> Arc<NameBooks> {
        let books = self.of(name);
        books.put.add(1);
        books
    }

    fn of(&self, name: &str) -> Arc<NameBooks> {
        if name == NameStats::OTHERS {
            return Arc::clone(&self.others);
        }
        let mut part = self.part(name).lock();
        if let Some(books) = part.get(name) {
            return Arc::clone(books);
        }
        // Ordering: Relaxed, twice; the second decides, and the first keeps it from going on for ever.
        if self.count.load(Ordering::Relaxed) >= MOST
            || self.count.fetch_add(1, Ordering::Relaxed) >= MOST
        {
            return Arc::clone(&self.others);
        }
        let books = Arc::default();
        part.insert(StdArc::from(name), Arc::clone(&books));
        books
    }

    /// What a work of this name is expected to take.
    pub(crate) fn expected(&self, name: &str) -> Option<Duration> {
        let part = self.part(name).lock();
        let books = Arc::clone(part.get(name)?);
        drop(part);
        books.recent.median()
    }

    /// All that have been used, by name.
    pub(super) fn read(&self) -> Vec<NameStats> {
        let mut all = Vec::new();
        for part in &self.parts {
            let part = part.lock();
            all.extend(
                part.iter()
                    .map(|(name, books)| (StdArc::clone(name), Arc::clone(books))),
            );
        }
        if self.others.put.get() > 0 {
            all.push((StdArc::from(NameStats::OTHERS), Arc::clone(&self.others)));
        }
        all.sort_unstable_by(|(name, _), (other, _)| name.cmp(other));
        let read = |(name, books): (_, Arc<NameBooks>)| books.read(name);
        all.into_iter().map(read).collect()
    }
}

/// The figures of the works of one name. As those of all works, they add up in every snapshot:
/// `put = queued + running + waiting + finished + panicked + cancelled + overdue + blocked + evicted +
/// stopped + lost`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct NameStats {
    /// The name.
    pub name: StdArc<str>,
    /// Works put, those of rolled-back transactions not counted.
    pub put: u64,
    /// Put, and not begun.
    pub queued: u64,
    /// Begun, and neither waiting nor over.
    pub running: u64,
    /// Futures and transactions that are set aside until something wakes them.
    pub waiting: u64,
    /// Ran to their end.
    pub finished: u64,
    /// Ended in a panic.
    pub panicked: u64,
    /// Cancelled before they began or at a checkpoint.
    pub cancelled: u64,
    /// Their deadline passed.
    pub overdue: u64,
    /// They had not begun by the time by which they were to.
    pub blocked: u64,
    /// Had to leave their slot to something more urgent, and were not to come back.
    pub evicted: u64,
    /// Answered `Stopped` or `Full`: not run by this scheduler.
    pub stopped: u64,
    /// Lost with their worker or by their transport.
    pub lost: u64,
    /// How long they ran, each of them timed, whatever came of it: from the call of the
    /// closure to its return or panic, what it waited for included. Futures and transactions that
    /// are set aside count their turns alone, together.
    pub run_time: Histogram,
    /// How long a run is expected to take: the median of the last 32 that came to their end
    /// by themselves, late ones included. None where there was no such run.
    pub expected: Option<Duration>,
}

impl NameStats {
    /// Under this name works are counted together whose names came when 1024 others had books
    /// already. It is reserved: a work that is called so is counted there, too.
    pub const OTHERS: &'static str = "(others)";
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RECENT, Recent};

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn nothing_is_expected_before_the_first_run() {
        let recent = Recent::default();
        assert_eq!(recent.median(), None);
        recent.add(Duration::ZERO);
        assert_eq!(recent.median(), Some(Duration::from_nanos(1)));
    }

    #[test]
    fn a_few_long_runs_are_not_expected_again() {
        let recent = Recent::default();
        for run in 0..RECENT {
            recent.add(if run % 3 == 0 {
                Duration::MAX
            } else {
                micros(5)
            });
        }
        assert_eq!(recent.median(), Some(micros(5)));
    }

    #[test]
    fn a_work_that_changes_is_followed() {
        let recent = Recent::default();
        for _ in 0..100 {
            recent.add(micros(5));
        }
        for _ in 0..RECENT / 2 + 1 {
            recent.add(micros(500));
        }
        assert_eq!(recent.median(), Some(micros(500)));
    }
}
