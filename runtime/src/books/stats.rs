//! The books as a snapshot.

use std::time::Duration;

use hivework_stm::TransactionStats;

use super::counts::Counts;
use super::histogram::Histogram;
use super::names::NameStats;
use super::worker::{WorkerBooks, WorkerStats};
use super::{Books, OwnCounter};
use crate::shared::Shared;
use crate::work::priority::Priority;

/// A scheduler's figures at about one moment. Items move on while they are read, but in every
/// snapshot each work item is in one place:
/// `put = queued + running + waiting + finished + panicked + cancelled + overdue + blocked + evicted +
/// stopped + lost`.
/// So it is for each name by itself.
///
/// Shown, it is a table:
///
/// ```
/// use hivework::{make_scheduler, make_work};
///
/// let scheduler = make_scheduler();
/// scheduler.put_work(make_work(|| 6 * 7).name("answer")).join().unwrap();
/// let stats = scheduler.stats();
/// assert_eq!((stats.put, stats.finished), (1, 1));
/// assert_eq!(stats.name("answer").unwrap().run_time.count(), 1);
/// println!("{stats}");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Work items put, those of rolled-back transactions not counted.
    pub put: u64,
    /// Put, and not begun.
    pub queued: u64,
    /// Begun, and neither waiting nor over.
    pub running: u64,
    /// Futures and transactions that are set aside until something wakes them.
    pub waiting: u64,
    /// Of those that are queued or waiting: works that are delayed, and periodic works between two
    /// turns.
    pub delayed: u64,
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
    /// Turns of periodic works that were left out, because the one before took too long or the
    /// scheduler was stopped.
    pub skipped: u64,
    /// Rounds that the supervisor has made.
    pub ticks: u64,
    /// How often a work ran for longer than its time slices.
    pub overran: u64,
    /// Worker threads that died and were replaced.
    pub crashed_workers: u64,
    /// Workers that are blocked inside their work at this moment.
    pub blocked_workers: usize,
    /// Those that have ever worked here, by number, spares after the others.
    pub workers: Vec<WorkerStats>,
    /// Works by their [name](crate::Work::name), in the order of the names. There are 1024 names at
    /// most, and what came later is in one more entry, [`NameStats::OTHERS`].
    pub names: Vec<NameStats>,
    /// How long works without a name ran, of which one in 64 is timed; see
    /// [`NameStats::run_time`].
    pub unnamed: Histogram,
    /// The queues that workers take from, the most urgent first. What workers themselves
    /// have put or moved lies on their own deques ([`WorkerStats::queued`]).
    pub queues: Vec<QueueStats>,
    /// What transactions have done: all of this process, since it began, whoever ran them. Conflicts by
    /// the variable's name are in
    /// [`conflicts_by_name`](TransactionStats::conflicts_by_name).
    pub transactions: TransactionStats,
}

/// One of the queues that workers take from.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct QueueStats {
    /// The works' priority.
    pub priority: Priority,
    /// How many works there are. One that was cancelled counts until a worker meets it; what a
    /// transport still carries does not.
    pub depth: u64,
    /// How long the oldest has been there at least, and no more than a tick longer; none
    /// where there is no work. After hundreds of ticks it may be a tenth longer. In a scheduler that
    /// does not run this begins with the first look.
    pub oldest: Option<Duration>,
}

impl Stats {
    /// The figures of the works of this name; none where no such work was ever put, or it came
    /// too late for books of its own ([`NameStats::OTHERS`]).
    ///
    /// ```
    /// use hivework::{make_scheduler, make_work};
    ///
    /// let scheduler = make_scheduler();
    /// scheduler.put_work(make_work(|| ()).name("import")).join().unwrap();
    /// let stats = scheduler.stats();
    /// assert_eq!(stats.name("import").unwrap().finished, 1);
    /// assert!(stats.name("export").is_none());
    /// ```
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&NameStats> {
        let place = self
            .names
            .binary_search_by(|other| str::cmp(&other.name, name));
        place.ok().map(|place| &self.names[place])
    }

    pub(crate) fn read(shared: &Shared) -> Stats {
        let books = &shared.books;
        // Before the totals, so that these are not behind.
        let names = books.names.read();
        let counts = books.counts();
        let (queued, running, waiting) = counts.split();
        let workers = books.workers();
        let mut unnamed = books.elsewhere.unnamed.read();
        for worker in &workers {
            unnamed.add(&worker.unnamed.read());
        }
        Stats {
            put: counts.put(),
            queued,
            running,
            waiting,
            finished: counts.finished,
            panicked: counts.endings.panicked,
            cancelled: counts.endings.cancelled,
            overdue: counts.endings.overdue,
            blocked: counts.endings.blocked,
            evicted: counts.endings.evicted,
            stopped: counts.endings.stopped,
            lost: counts.endings.lost,
            skipped: books.skipped.get(),
            overran: books.overran.get(),
            ticks: books.ticks.get(),
            delayed: shared.supervisor.timers.asleep().1 as u64,
            crashed_workers: books.crashes.get(),
            blocked_workers: shared.away.count(),
            workers: workers
                .iter()
                .map(|worker| of_worker(shared, worker))
                .collect(),
            names,
            unnamed,
            queues: of_queues(shared),
            transactions: hivework_stm::stats(),
        }
    }
}

impl Books {
    /// In the order that [`Counts`] asks for. The list of workers is locked meanwhile: one who is yet
    /// to come counts nothing before it is on the list.
    fn counts(&self) -> Counts {
        let workers = self.workers.lock();
        let sum = |outside: u64, count: fn(&WorkerBooks) -> &OwnCounter| {
            outside
                + workers
                    .iter()
                    .map(|worker| count(worker).get())
                    .sum::<u64>()
        };
        let elsewhere = &self.elsewhere;
        Counts {
            finished: sum(elsewhere.finished.get(), |worker| &worker.finished),
            endings: self.endings.read(),
            settled: sum(elsewhere.settled.get(), |worker| &worker.settled),
            taken_up: sum(elsewhere.taken_up.get(), |worker| &worker.taken_up),
            aside: sum(elsewhere.aside.get(), |worker| &worker.aside),
            begun: sum(elsewhere.begun.get(), |worker| &worker.begun),
            accepted: sum(self.accepted_outside(), |worker| &worker.accepted),
        }
    }
}

fn of_worker(shared: &Shared, books: &WorkerBooks) -> WorkerStats {
    let mut stats = books.read();
    let roster = shared.crew.roster();
    let seat = roster.iter().find(|seat| seat.number == stats.number);
    stats.queued = seat.map_or(0, |seat| seat.stealer.len());
    stats
}

fn of_queues(shared: &Shared) -> Vec<QueueStats> {
    let [low, normal, high] = shared.note_ages();
    let priorities = [Priority::High, Priority::Normal, Priority::Low];
    let queues = priorities.into_iter().zip([high, normal, low]);
    queues
        .map(|(priority, (depth, oldest))| QueueStats {
            priority,
            depth,
            oldest,
        })
        .collect()
}

impl Shared {
    /// Has a look at the queues, low, normal and high, so that it is known later how old what is
    /// in them is; how much each holds, and for how long the oldest has been there ([`ages`](super::ages)).
    pub(crate) fn note_ages(&self) -> [(u64, Option<Duration>); 3] {
        let look = || self.injector.bands().passed();
        self.books.ages.note(look, || self.now())
    }
}
