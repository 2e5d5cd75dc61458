//! What is measured: subjects, each with one contestant a system.

mod scheduling;
mod transactions;

use std::fmt;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

pub use scheduling::subjects as scheduling;
pub use transactions::subjects as transactions;

/// One question, put to several systems.
#[derive(Debug)]
pub struct Subject {
    /// What one operation is.
    pub name: String,
    /// Ours first, then the peers.
    pub contestants: Vec<Contestant>,
}

/// One system's answer to a subject.
pub struct Contestant {
    /// Which system, and in which form.
    pub name: &'static str,
    run: Box<dyn FnMut(u64) -> Duration>,
}

impl Contestant {
    fn new(name: &'static str, run: impl FnMut(u64) -> Duration + 'static) -> Self {
        Contestant {
            name,
            run: Box::new(run),
        }
    }

    /// Does about `operations` operations, all threads together, and answers
    /// how long that took. At least one a thread.
    pub fn run(&mut self, operations: u64) -> Duration {
        (self.run)(operations)
    }
}

impl fmt::Debug for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contestant").field(&self.name).finish()
    }
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
    let line = Barrier::new(threads as usize);
    let run = |thread| {
        line.wait();
        let began = Instant::now();
        for n in 0..each {
            operation(thread, n);
        }
        (began, Instant::now())
    };
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let run = &run;
        let runners: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || run(thread)))
            .collect();
        runners
            .into_iter()
            .map(|runner| runner.join().expect("a workload does not panic"))
            .collect()
    });
    let first = times.iter().map(|(began, _)| *began).min();
    let last = times.iter().map(|(_, ended)| *ended).max();
    first
        .zip(last)
        .map_or(Duration::ZERO, |(first, last)| last - first)
}
