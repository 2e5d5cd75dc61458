//! The books as a snapshot.

use std::fmt;

use super::{Books, WorkerBooks};

/// A scheduler's figures at about one moment: each is exact, and none is ahead
/// of what it follows from (`running` and `queued` never fall below zero), but
/// items move on while they are read. When nothing runs, they add up:
/// `put = queued + running + waiting + finished + panicked + cancelled + overdue + stopped + lost`.
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
    /// Ran to their end.
    pub finished: u64,
    /// Ended in a panic.
    pub panicked: u64,
    /// Cancelled before they began or at a checkpoint.
    pub cancelled: u64,
    /// Their deadline passed.
    pub overdue: u64,
    /// Answered `Stopped` or `Full`: not run by this scheduler.
    pub stopped: u64,
    /// Lost with their worker or by their transport.
    pub lost: u64,
    /// How often a work ran for longer than its time slices.
    pub overran: u64,
    /// Worker threads that died and were replaced.
    pub crashed_workers: u64,
    /// Workers that are blocked inside their work at this moment.
    pub blocked_workers: usize,
    /// The workers, by number; those after the first
    /// [`workers`](crate::Scheduler::workers) are spares.
    pub workers: Vec<WorkerStats>,
}

/// One worker's figures since the scheduler was built, across replacements.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Items that it began.
    pub run: u64,
    /// Items that it stole from others, or moved along with one it stole.
    pub stolen: u64,
    /// How often it went to sleep for want of work.
    pub parked: u64,
}

impl Stats {
    pub(crate) fn read(books: &Books) -> Stats {
        let (workers, elsewhere) = (books.workers(), &books.elsewhere);
        let sum = |outside: u64, count: fn(&WorkerBooks) -> u64| {
            outside + workers.iter().map(|worker| count(worker)).sum::<u64>()
        };
        let finished = sum(elsewhere.finished.get(), |worker| worker.finished.get());
        let settled = sum(elsewhere.settled.get(), |worker| worker.settled.get());
        let mut stats = Stats {
            finished,
            panicked: books.panicked.get(),
            cancelled: books.cancelled.get(),
            overdue: books.overdue.get(),
            stopped: books.stopped.get(),
            lost: books.lost.get(),
            overran: books.overran.get(),
            crashed_workers: books.crashes.get(),
            ..Stats::default()
        };
        let rolled_back = books.rolled_back.get();
        let withdrawn = books.withdrawn.get();
        let begun = sum(elsewhere.begun.get(), |worker| worker.begun.get());
        // Read last, so that it is not behind.
        let accepted = books.accepted();
        stats.put = accepted.saturating_sub(rolled_back);
        stats.waiting = books.waiting();
        stats.running = begun.saturating_sub(settled + stats.waiting);
        stats.queued = accepted.saturating_sub(withdrawn + begun);
        stats.workers = workers
            .iter()
            .map(|worker| WorkerStats {
                run: worker.begun.get(),
                stolen: worker.stolen.get(),
                parked: worker.parked.get(),
            })
            .collect();
        stats
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "put {}, queued {}, running {}, waiting {}, finished {}, panicked {}, cancelled {}, \
             overdue {}, stopped {}, lost {}",
            self.put,
            self.queued,
            self.running,
            self.waiting,
            self.finished,
            self.panicked,
            self.cancelled,
            self.overdue,
            self.stopped,
            self.lost,
        )?;
        for (number, worker) in self.workers.iter().enumerate() {
            write!(f, "\nworker {number}: {worker}")?;
        }
        Ok(())
    }
}

impl fmt::Display for WorkerStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "run {}, stolen {}, parked {}",
            self.run, self.stolen, self.parked
        )
    }
}
