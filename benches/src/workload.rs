//! What is measured: subjects, each with one contestant a system.

mod counters;
mod maps;
mod queues;
mod reads;
pub(crate) mod scheduling;
pub(crate) mod sequence;
mod slots;
mod structures;
mod transfers;
mod waiting;

use std::fmt;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

pub use counters::ARITHMETIC;
pub use maps::PAPAYA;
pub use queues::{CROSSBEAM, HAND_OVER, OURS_IN_BATCHES, PUT_TAKE};
pub use scheduling::{THREADS, names, subjects as scheduling};
pub use slots::TAKE_GIVE;

/// All subjects about transactions.
#[must_use]
pub fn transactions() -> Vec<Subject> {
    let mut all = counters::subjects();
    all.extend(reads::subjects());
    all.extend(transfers::subjects());
    all.extend(structures::subjects());
    all.extend(waiting::subjects());
    all
}

/// All subjects about containers.
#[must_use]
pub fn containers(scale: Scale) -> Vec<Subject> {
    let mut all = queues::subjects();
    all.extend(maps::subjects(scale));
    all.extend(slots::subjects());
    all
}

/// How large the workloads are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As large as their names say.
    Full,
    /// Small: for seeing that they run.
    Small,
}

impl Scale {
    pub(crate) fn pick<T>(self, full: T, small: T) -> T {
        match self {
            Scale::Full => full,
            Scale::Small => small,
        }
    }
}

/// One question, put to several systems.
pub struct Subject {
    /// What one operation is.
    pub name: String,
    /// One of many alike, which need not be measured as long as others.
    pub brief: bool,
    contestants: Box<dyn FnOnce() -> Vec<Contestant>>,
}

impl Subject {
    fn new(
        name: impl Into<String>,
        contestants: impl FnOnce() -> Vec<Contestant> + 'static,
    ) -> Self {
        Subject {
            name: name.into(),
            brief: false,
            contestants: Box::new(contestants),
        }
    }

    /// Says so.
    fn brief(self) -> Self {
        Subject {
            brief: true,
            ..self
        }
    }

    /// Makes what the subject needs: ours first, then the peers. Not before it
    /// is measured, so that no subject has the state of others beside it.
    #[must_use]
    pub fn contestants(self) -> Vec<Contestant> {
        (self.contestants)()
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subject").field(&self.name).finish()
    }
}

/// One system's answer to a subject.
pub struct Contestant {
    /// Which system, and in which form.
    pub name: &'static str,
    /// How many threads share the operations.
    pub threads: u64,
    /// How many operations one run of it is, at least.
    pub(crate) portion: u64,
    run: Box<dyn FnMut(u64) -> Duration>,
}

impl Contestant {
    pub(crate) fn new(
        name: &'static str,
        threads: u64,
        run: impl FnMut(u64) -> Duration + 'static,
    ) -> Self {
        Contestant {
            name,
            threads,
            portion: threads,
            run: Box::new(run),
        }
    }

    /// One that does its operations only in portions of so many at a time: a whole
    /// tree, say, of which an operation is a node. `run` is told how many portions.
    pub(crate) fn in_portions(
        name: &'static str,
        portion: u64,
        mut run: impl FnMut(u64) -> Duration + 'static,
    ) -> Self {
        let portion = portion.max(1);
        let run = move |operations: u64| {
            let portions = operations.div_ceil(portion).max(1);
            // Of somebody who asks for less than a portion, too, the time is that of
            // what was asked for.
            let share = operations as f64 / (portions * portion) as f64;
            run(portions).mul_f64(share)
        };
        Contestant {
            portion,
            ..Contestant::new(name, 1, run)
        }
    }

    /// `threads` threads that call `operation` with the thread's number and a
    /// count of its own.
    fn threads(
        name: &'static str,
        threads: u64,
        operation: impl Fn(u64, u64) + Sync + 'static,
    ) -> Self {
        Contestant::new(name, threads, move |n| timed_on(threads, n, &operation))
    }

    /// Does `operations` operations, all threads together, and answers how long
    /// that took. They are shared evenly: rounded up to a multiple of the threads,
    /// or of a portion.
    pub fn run(&mut self, operations: u64) -> Duration {
        (self.run)(operations)
    }
}

impl fmt::Debug for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contestant")
            .field("name", &self.name)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

/// The numbers of threads that a subject about scaling is measured with.
fn thread_counts() -> Vec<u64> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    doubled_up_to(2 * cores as u64)
}

/// 1, 2, 4 and so on below `most`, and `most`.
fn doubled_up_to(most: u64) -> Vec<u64> {
    let powers = (0..).map(|n| 1 << n);
    powers.take_while(|n| *n < most).chain([most]).collect()
}

/// Times `operations` calls of `operation` on this thread.
fn timed(operations: u64, mut operation: impl FnMut(u64)) -> Duration {
    let began = Instant::now();
    for n in 0..operations {
        operation(n);
    }
    began.elapsed()
}

/// Splits `operations` among `threads` threads, starts them together, and
/// times from the first start to the last end. `operation` is called with the
/// thread's number and a count of its own.
fn timed_on(threads: u64, operations: u64, operation: impl Fn(u64, u64) + Sync) -> Duration {
    if threads == 1 {
        return timed(operations, |n| operation(0, n));
    }
    let each = operations.div_ceil(threads);
    let operation = &operation;
    let jobs = (0..threads).map(|thread| move || (0..each).for_each(|n| operation(thread, n)));
    timed_together(jobs).0
}

/// Gives each job a thread, starts them together, and times from the first start
/// to the last end. Answers what the jobs answered, too.
fn timed_together<R: Send>(
    jobs: impl IntoIterator<Item = impl FnOnce() -> R + Send>,
) -> (Duration, Vec<R>) {
    let jobs: Vec<_> = jobs.into_iter().collect();
    let line = Barrier::new(jobs.len());
    let runs: Vec<(Instant, Instant, R)> = thread::scope(|scope| {
        let line = &line;
        let runners: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                scope.spawn(move || {
                    line.wait();
                    let began = Instant::now();
                    let answer = job();
                    (began, Instant::now(), answer)
                })
            })
            .collect();
        runners
            .into_iter()
            .map(|runner| runner.join().expect("a workload does not panic"))
            .collect()
    });
    let first = runs.iter().map(|(began, ..)| *began).min();
    let last = runs.iter().map(|(_, ended, _)| *ended).max();
    let took = first
        .zip(last)
        .map_or(Duration::ZERO, |(first, last)| last - first);
    (took, runs.into_iter().map(|(.., answer)| answer).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn counts_of_threads_go_up_to_twice_the_cores() {
        assert_eq!(doubled_up_to(2), [1, 2]);
        assert_eq!(doubled_up_to(4), [1, 2, 4]);
        assert_eq!(doubled_up_to(12), [1, 2, 4, 8, 12]);
    }

    #[test]
    fn each_thread_does_its_share() {
        let count = AtomicU64::new(0);
        let add = |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        timed_on(1, 10, add);
        timed_on(3, 10, add);
        assert_eq!(count.into_inner(), 10 + 12);
    }
}
