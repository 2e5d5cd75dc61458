//! The books, to the recorder of the facade `metrics`.
//!
//! A figure is a line of one of the tables below. Counters are set to what the books say, so it
//! does not matter how often, or by how many threads, they are recorded.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::books::{NameStats, Stats, WorkerStats};
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
        "hivework_works_blocked_total",
        "Works that could not begin in time.",
        |stats| stats.blocked,
    ),
    (
        "hivework_works_evicted_total",
        "Works that had to leave their slot to something more urgent, for good.",
        |stats| stats.evicted,
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
    (
        "hivework_works_overran_total",
        "How often a work ran for longer than its time slices.",
        |stats| stats.overran,
    ),
    (
        "hivework_periods_skipped_total",
        "Turns of periodic works that were left out.",
        |stats| stats.skipped,
    ),
    (
        "hivework_supervisor_ticks_total",
        "Rounds of the supervisor.",
        |stats| stats.ticks,
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
        "hivework_works_delayed",
        "Works that wait for their time, of those that are queued or wait.",
        |stats| stats.delayed,
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

/// A span of time of an `S`, in seconds; none where there is none.
type Seconds<S> = (&'static str, &'static str, fn(&S) -> Option<Duration>);

/// What each worker does with its time; labelled as [`WORKERS`].
const TIMES: &[Seconds<WorkerStats>] = &[
    (
        "hivework_worker_busy_seconds",
        "How long the worker ran works or looked for some.",
        |worker| Some(worker.busy_time),
    ),
    (
        "hivework_worker_parked_seconds",
        "How long the worker slept for want of work.",
        |worker| Some(worker.parked_time),
    ),
    (
        "hivework_worker_away_seconds",
        "How long the worker was blocked inside its work.",
        |worker| Some(worker.away_time),
    ),
];

/// What is counted of each name; labelled `name`.
const NAMES: &[Figure<NameStats>] = &[
    (
        "hivework_name_put_total",
        "Works of the name put.",
        |name| name.put,
    ),
    (
        "hivework_name_finished_total",
        "Works of the name that ran to their end.",
        |name| name.finished,
    ),
    (
        "hivework_name_panicked_total",
        "Works of the name that panicked.",
        |name| name.panicked,
    ),
];

/// How long works of a name run; labelled `name`.
const RUN_TIMES: &[Seconds<NameStats>] = &[
    (
        "hivework_name_run_time_median_seconds",
        "The median of the run times of the name.",
        |name| name.run_time.quantile(0.5),
    ),
    (
        "hivework_name_run_time_p99_seconds",
        "The 99th percentile of the run times of the name.",
        |name| name.run_time.quantile(0.99),
    ),
    (
        "hivework_name_expected_seconds",
        "What a work of the name is expected to take.",
        |name| name.expected,
    ),
];

/// How many works lie in a queue, and for how long the oldest has; labelled `priority`.
const DEPTH: &str = "hivework_queue_depth";
const OLDEST: &str = "hivework_queue_oldest_seconds";

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
    /// name. Those of a worker are labelled `worker` as well, with its number, those of a work's name
    /// `name`, and those of a queue `priority`. What the transactions of the process
    /// count ([`Stats::transactions`]) goes along without these labels.
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
            for worker in &stats.workers {
                let (scheduler, number) = (scheduler.to_owned(), worker.number.to_string());
                counter!(*name, "scheduler" => scheduler, "worker" => number)
                    .absolute(figure(worker));
            }
        }
        for (name, says, figure) in TIMES {
            describe_gauge!(*name, Unit::Seconds, *says);
            for worker in &stats.workers {
                let (scheduler, number) = (scheduler.to_owned(), worker.number.to_string());
                gauge!(*name, "scheduler" => scheduler, "worker" => number)
                    .set(figure(worker).unwrap_or_default().as_secs_f64());
            }
        }
        record_names(&stats, scheduler);
        record_queues(&stats, scheduler);
        let stats = stats.transactions;
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

fn record_names(stats: &Stats, scheduler: &str) {
    for (name, says, figure) in NAMES {
        describe_counter!(*name, *says);
        for works in &stats.names {
            let (scheduler, called) = (scheduler.to_owned(), works.name.to_string());
            counter!(*name, "scheduler" => scheduler, "name" => called).absolute(figure(works));
        }
    }
    for (name, says, figure) in RUN_TIMES {
        describe_gauge!(*name, Unit::Seconds, *says);
        for works in &stats.names {
            let (scheduler, called) = (scheduler.to_owned(), works.name.to_string());
            if let Some(time) = figure(works) {
                gauge!(*name, "scheduler" => scheduler, "name" => called).set(time.as_secs_f64());
            }
        }
    }
}

fn record_queues(stats: &Stats, scheduler: &str) {
    describe_gauge!(DEPTH, "Works that lie in the queue.");
    describe_gauge!(
        OLDEST,
        Unit::Seconds,
        "How long the oldest work has lain in the queue; zero where there is none."
    );
    for queue in &stats.queues {
        let priority = format!("{:?}", queue.priority).to_lowercase();
        let (owned, labelled) = (scheduler.to_owned(), priority.clone());
        gauge!(DEPTH, "scheduler" => owned, "priority" => labelled).set(queue.depth as f64);
        let oldest = queue.oldest.unwrap_or_default();
        gauge!(OLDEST, "scheduler" => scheduler.to_owned(), "priority" => priority)
            .set(oldest.as_secs_f64());
    }
}
