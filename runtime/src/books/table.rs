//! The snapshot as a person reads it.

use std::fmt;
use std::time::Duration;

use super::stats::Stats;

/// The widest that a name makes its column.
const WIDEST: usize = 32;

impl fmt::Display for Stats {
    /// A line of totals, and tables of the workers, the names, and the queues that hold anything; what
    /// there is nothing of is left out.
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
        for (figure, what) in [
            (self.blocked, "blocked"),
            (self.evicted, "evicted"),
            (self.delayed, "delayed"),
            (self.overran, "times overran"),
            (self.skipped, "turns skipped"),
        ] {
            if figure > 0 {
                write!(f, ", {figure} {what}")?;
            }
        }
        self.show_workers(f)?;
        self.show_names(f)?;
        self.show_queues(f)?;
        self.show_transactions(f)
    }
}

impl Stats {
    fn show_workers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.workers.is_empty() {
            return Ok(());
        }
        write!(
            f,
            "\n{:<16}{:>12}{:>12}{:>10}{:>8}{:>10}{:>10}{:>10}",
            "workers", "run", "stolen", "parked", "queued", "busy", "parked", "away",
        )?;
        for worker in &self.workers {
            let kind = if worker.is_spare { "spare" } else { "worker" };
            let gone = if worker.is_here { "" } else { ", gone" };
            write!(
                f,
                "\n{:<16}{:>12}{:>12}{:>10}{:>8}{:>10}{:>10}{:>10}",
                format!("{kind} {}{gone}", worker.number),
                worker.run,
                worker.stolen,
                worker.parked,
                worker.queued,
                short(Some(worker.busy_time)),
                short(Some(worker.parked_time)),
                short(Some(worker.away_time)),
            )?;
        }
        if self.crashed_workers > 0 {
            write!(f, "\n{} crashed", self.crashed_workers)?;
        }
        if self.blocked_workers > 0 {
            write!(f, "\n{} blocked", self.blocked_workers)?;
        }
        Ok(())
    }

    fn show_names(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.names.is_empty() {
            let lengths = self.names.iter().map(|name| name.name.chars().count());
            let width = lengths.max().unwrap_or(0).clamp("name".len(), WIDEST);
            write!(
                f,
                "\n{:<width$}{:>12}{:>8}{:>8}{:>8}{:>12}{:>8}{:>10}{:>10}{:>10}{:>10}{:>10}",
                "name",
                "put",
                "queued",
                "running",
                "waiting",
                "finished",
                "other",
                "mean",
                "median",
                "p99",
                "longest",
                "expected",
            )?;
            for name in &self.names {
                let other = name.panicked
                    + name.cancelled
                    + name.overdue
                    + name.blocked
                    + name.evicted
                    + name.stopped
                    + name.lost;
                let took = &name.run_time;
                write!(
                    f,
                    "\n{:<width$}{:>12}{:>8}{:>8}{:>8}{:>12}{:>8}{:>10}{:>10}{:>10}{:>10}{:>10}",
                    name.name,
                    name.put,
                    name.queued,
                    name.running,
                    name.waiting,
                    name.finished,
                    other,
                    short(took.mean()),
                    short(took.quantile(0.5)),
                    short(took.quantile(0.99)),
                    short(took.max()),
                    short(name.expected),
                )?;
            }
        }
        if !self.unnamed.is_empty() {
            write!(f, "\nwithout a name, sampled: {}", self.unnamed)?;
        }
        Ok(())
    }

    fn show_queues(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for queue in self.queues.iter().filter(|queue| queue.depth > 0) {
            write!(
                f,
                "\nqueue of priority {:?}: {}, the oldest for {}",
                queue.priority,
                queue.depth,
                short(queue.oldest),
            )?;
        }
        Ok(())
    }

    fn show_transactions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transactions = &self.transactions;
        write!(
            f,
            "\ntransactions of the process: {} committed, {} conflicts, {} retries, {} waits",
            transactions.commits, transactions.conflicts, transactions.retries, transactions.waits,
        )?;
        for (name, conflicts) in &transactions.conflicts_by_name {
            write!(f, "\nconflicts on {name}: {conflicts}")?;
        }
        Ok(())
    }
}

/// A duration in few characters.
fn short(duration: Option<Duration>) -> String {
    match duration {
        Some(duration) => format!("{duration:.1?}"),
        None => "-".to_owned(),
    }
}
