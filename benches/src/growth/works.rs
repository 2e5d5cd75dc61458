//! How the cost of a work grows with their number: put on a scheduler that is stopped and
//! then started, so that all of them are queued at once; and put while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hivework::Scheduler;
use rayon::ThreadPool as Rayon;
use threadpool::ThreadPool;
use tokio::runtime::Runtime as Tokio;

use super::median;
use crate::report::figure;
use crate::workload::Scale;
use crate::workload::scheduling::Tally;
use crate::workload::scheduling::pools::{CrossbeamPool, Pool, WORKERS};

/// The numbers of works.
const SIZES: [usize; 5] = [1000, 10_000, 100_000, 1_000_000, 10_000_000];

/// So many works a sample has at least, in as many goes as that takes.
const SAMPLE: usize = 50_000;

/// What a work may take of memory while it is queued, whoever's it is: who has less than
/// that to spare leaves the largest number out.
const ROOM_OF_A_WORK: u64 = 600;

/// A way of putting and running.
pub struct Case {
    /// What is done.
    pub name: &'static str,
    lines: fn() -> Vec<Line>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// One pool.
struct Line {
    name: &'static str,
    /// Puts so many works and waits until all have run.
    put_and_run: Box<dyn FnMut(usize) -> Duration>,
}

/// Both ways.
pub const CASES: [Case; 2] = [
    Case {
        name: "growth of works: put while stopped, then started",
        lines: || {
            vec![
                Line::new("hivework", put_then_start),
                Line::new(CrossbeamPool::NAME, send_then_spawn),
            ]
        },
    },
    Case {
        name: "growth of works: put while running",
        lines: || {
            vec![
                Line::running::<Scheduler>(),
                Line::running::<Arc<Rayon>>(),
                Line::running::<Arc<Tokio>>(),
                Line::running::<ThreadPool>(),
                Line::running::<CrossbeamPool>(),
            ]
        },
    },
];

impl Line {
    fn new(name: &'static str, put_and_run: fn(&'static Tally, usize) -> Duration) -> Self {
        let tally = Tally::for_good();
        Line {
            name,
            put_and_run: Box::new(move |works| put_and_run(tally, works)),
        }
    }

    fn running<P: Pool>() -> Self {
        let (pool, tally) = (P::make(), Tally::for_good());
        let put_and_run = move |works| {
            let total = tally.total() + works as u64;
            let began = Instant::now();
            for _ in 0..works {
                pool.put(|| tally.count());
            }
            tally.wait_for(total);
            began.elapsed()
        };
        Line {
            name: P::NAME,
            put_and_run: Box::new(put_and_run),
        }
    }
}

fn put_then_start(tally: &'static Tally, works: usize) -> Duration {
    let scheduler = Scheduler::builder().workers(WORKERS).build();
    let scheduler = scheduler.expect("the configuration is right");
    let total = tally.total() + works as u64;
    let began = Instant::now();
    for _ in 0..works {
        scheduler.put(|| tally.count());
    }
    scheduler.start().expect("workers can be started");
    tally.wait_for(total);
    began.elapsed()
}

fn send_then_spawn(tally: &'static Tally, works: usize) -> Duration {
    let (pool, takes) = CrossbeamPool::stopped();
    let total = tally.total() + works as u64;
    let began = Instant::now();
    for _ in 0..works {
        pool.put(|| tally.count());
    }
    let workers = CrossbeamPool::workers(&takes);
    tally.wait_for(total);
    let took = began.elapsed();
    drop(pool);
    for worker in workers {
        worker.join().expect("a work does not panic");
    }
    took
}

/// The numbers of works that there is memory for.
#[must_use]
pub fn sizes(scale: Scale) -> &'static [usize] {
    let largest = SIZES[SIZES.len() - 1] as u64;
    let sizes = match available_memory() {
        Some(available) if available < largest * ROOM_OF_A_WORK => &SIZES[..SIZES.len() - 1],
        _ => &SIZES[..],
    };
    scale.pick(sizes, &SIZES[..2])
}

/// In bytes, where the system tells.
fn available_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn rounds(size: usize, scale: Scale) -> usize {
    match size {
        _ if scale == Scale::Small => 1,
        10_000_000.. => 3,
        1_000_000.. => 5,
        _ => 9,
    }
}

impl Case {
    /// Measures each number of works in rounds in which every pool has its turn.
    #[must_use]
    pub fn measure(&self, sizes: &[usize], scale: Scale) -> WorksGrowth {
        let mut lines = (self.lines)();
        let mut samples = vec![vec![Vec::new(); sizes.len()]; lines.len()];
        for (place, size) in sizes.iter().enumerate() {
            let goes = scale.pick(SAMPLE, 1).div_ceil(*size);
            for round in 0..rounds(*size, scale) {
                for turn in 0..lines.len() {
                    let who = (round + turn) % lines.len();
                    let took: Duration = (0..goes).map(|_| (lines[who].put_and_run)(*size)).sum();
                    samples[who][place].push(took.as_nanos() as f64 / (goes * size) as f64);
                }
            }
        }
        WorksGrowth {
            name: self.name,
            sizes: sizes.to_vec(),
            lines: lines.iter().map(|line| line.name).zip(samples).collect(),
        }
    }
}

/// What came of one case.
#[derive(Debug, Clone)]
pub struct WorksGrowth {
    pub(super) name: &'static str,
    pub(super) sizes: Vec<usize>,
    /// For each pool and each size a sample a round, nanoseconds per work.
    lines: Vec<(&'static str, Vec<Vec<f64>>)>,
}

impl WorksGrowth {
    /// What a work costs by their number, the medians over the rounds, for each pool.
    pub(super) fn medians(&self) -> impl Iterator<Item = (&'static str, Vec<f64>)> {
        let lines = self.lines.iter();
        lines.map(|(name, samples)| (*name, samples.iter().map(|s| median(s)).collect()))
    }
}

/// As a section of Markdown.
impl fmt::Display for WorksGrowth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.name)?;
        write!(f, "| ns per work, works |")?;
        for size in &self.sizes {
            write!(f, " {size} |")?;
        }
        writeln!(f, " growth |\n|---|{}--:|", "--:|".repeat(self.sizes.len()))?;
        for (name, medians) in self.medians() {
            write!(f, "| {name} |")?;
            for nanoseconds in &medians {
                write!(f, " {} |", figure(*nanoseconds))?;
            }
            if let [first, .., last] = medians[..] {
                write!(f, " {:.2} |", last / first)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_run_to_the_end() {
        for case in CASES {
            let growth = case.measure(&SIZES[..2], Scale::Small);
            assert!(
                growth
                    .medians()
                    .all(|(_, all)| all.iter().all(|ns| *ns > 0.0))
            );
            assert!(growth.to_string().contains("| hivework |"), "{growth}");
        }
    }
}
