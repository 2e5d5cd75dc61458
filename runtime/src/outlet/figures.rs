//! The books, to the recorder of the facade `metrics`.
//!
//! A figure is a line of one of the tables below. Counters are set to what the books say, so it
//! does not matter how often, or by how many threads, they are recorded.

use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::books::{Stats, WorkerStats};
use crate::scheduler::Scheduler;

/// A figure of an `S`: what it is called, what it says, and where it is found.
type Figure<S> = (&'static str, &'static str, fn(&S) -> u64);

/// What only grows.
const COUNTERS: &[Figure<Stats>] = &[
    ("hivework_works_put_total", "Works put.", |stats| stats.put),
    (
        "hivework_works_finished_total",
        "Works that ran to their end.",
        |stats| stats.finished,
    ),
    (
        "hivework_works_panicked_total",
        "Works that panicked.",
        |stats| stats.panicked,
    ),
    (
        "hivework_works_cancelled_total",
        "Works that were cancelled.",
        |stats| stats.cancelled,
    ),
    (
        "hivework_works_overdue_total",
        "Works whose deadline passed.",
        |stats| stats.overdue,
    ),
    (
        "hivework_works_stopped_total",
        "Works answered unrun by a scheduler that stopped.",
        |stats| stats.stopped,
    ),
    (
        "hivework_works_lost_total",
        "Works lost with their worker or by their transport.",
        |stats| stats.lost,
    ),
    (
        "hivework_workers_crashed_total",
        "Worker threads that died.",
        |stats| stats.crashed_workers,
    ),
];

/// What grows and shrinks.
const GAUGES: &[Figure<Stats>] = &[
    (
        "hivework_works_queued",
        "Works put, and not begun.",
        |stats| stats.queued,
    ),
    (
        "hivework_works_running",
        "Works begun, and neither waiting nor over.",
        |stats| stats.running,
    ),
    (
        "hivework_works_waiting",
        "Futures and transactions that wait to be woken.",
        |stats| stats.waiting,
    ),
    (
        "hivework_workers_blocked",
        "Workers that are blocked inside their work.",
        |stats| stats.blocked_workers as u64,
    ),
];

/// What each worker counts; labelled `worker`, with its number.
const WORKERS: &[Figure<WorkerStats>] = &[
    (
        "hivework_worker_run_total",
        "Works that the worker began.",
        |worker| worker.run,
    ),
    (
        "hivework_worker_stolen_total",
        "Works that the worker stole.",
        |worker| worker.stolen,
    ),
    (
        "hivework_worker_parked_total",
        "How often the worker went to sleep.",
        |worker| worker.parked,
    ),
];

/// What the transactions of the whole process count; not labelled.
const TRANSACTIONS: &[Figure<hivework_stm::TransactionStats>] = &[
    (
        "hivework_transactions_committed_total",
        "Transactions that committed.",
        |stats| stats.commits,
    ),
    (
        "hivework_transactions_conflicts_total",
        "Attempts that met a conflict.",
        |stats| stats.conflicts,
    ),
    (
        "hivework_transactions_retries_total",
        "Attempts that asked to retry.",
        |stats| stats.retries,
    ),
    (
        "hivework_transactions_waits_total",
        "Retries that waited.",
        |stats| stats.waits,
    ),
];

/// The conflicts on named variables; labelled `variable`.
const CONFLICTS: &str = "hivework_variable_conflicts_total";

impl Scheduler {
    /// Records the books ([`stats`](Scheduler::stats)) with the recorder of the crate `metrics`:
    /// the figures at this moment, as counters and gauges that are labelled `scheduler`, with its
    /// name, and those of a worker `worker`, with its number. What the transactions of the process
    /// count ([`hivework_stm::stats`]) goes along without these labels.
    ///
    /// Call it as often as the figures are to be fresh. Without a recorder it does nothing much.
    /// Two schedulers of one name record over each other.
    ///
    /// Needs the feature `metrics`.
    ///
    /// ```
    /// use hivework::Scheduler;
    /// use std::time::Duration;
    ///
    /// // A recorder, of an exporter to Prometheus say, has been installed before.
    /// let scheduler = Scheduler::builder().workers(1).name("imports").start()?;
    /// for _ in 0..3 {
    ///     scheduler.put_work(|| 6 * 7).join()?;
    ///     scheduler.record_metrics();
    ///     std::thread::sleep(Duration::from_millis(1));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record_metrics(&self) {
        let stats = self.stats();
        let scheduler = self.shared().config.name.as_str();
        for (name, says, figure) in COUNTERS {
            describe_counter!(*name, *says);
            counter!(*name, "scheduler" => scheduler.to_owned()).absolute(figure(&stats));
        }
        for (name, says, figure) in GAUGES {
            describe_gauge!(*name, *says);
            gauge!(*name, "scheduler" => scheduler.to_owned()).set(figure(&stats) as f64);
        }
        for (name, says, figure) in WORKERS {
            describe_counter!(*name, *says);
            for (number, worker) in stats.workers.iter().enumerate() {
                let (scheduler, number) = (scheduler.to_owned(), number.to_string());
                counter!(*name, "scheduler" => scheduler, "worker" => number)
                    .absolute(figure(worker));
            }
        }
        let stats = hivework_stm::stats();
        for (name, says, figure) in TRANSACTIONS {
            describe_counter!(*name, *says);
            counter!(*name).absolute(figure(&stats));
        }
        describe_counter!(CONFLICTS, "Conflicts on the named variable.");
        for (variable, conflicts) in stats.conflicts_by_name {
            counter!(CONFLICTS, "variable" => variable).absolute(conflicts);
        }
    }
}
