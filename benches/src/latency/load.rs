//! Works that are put at an even rate from one outside thread, and how long each waits
//! until a worker begins it.
//!
//! 1. What a pool can take is measured first: so many works put as fast as it goes, until
//!    all have run. Each keeps a worker busy for some microseconds, so that it is the
//!    workers who are loaded and not the thread that puts.
//! 2. The rates are parts of that, each pool's own: every pool is as busy as the others.
//!    The table says what the rate is.
//! 3. The one who puts sleeps until the next is due, and then puts what is due: the rate holds over
//!    the round. (Waiting for a time that short by yielding, it would take a processor from the
//!    workers, whose pool could then not do what was measured in 1.) What is measured begins at the
//!    put itself.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hivework::Scheduler;
use rayon::ThreadPool as Rayon;
use threadpool::ThreadPool;
use tokio::runtime::Runtime as Tokio;

use crate::report::quantile;
use crate::report::spread::{P50, P90, P99, P999, Spread};
use crate::workload::Scale;
use crate::workload::scheduling::Tally;
use crate::workload::scheduling::pools::{CrossbeamPool, Pool};
use crate::workload::sequence::mixed;

/// The subjects, and the part of what the pool can take.
pub const SUBJECTS: [(&str, f64); 2] = [
    (
        "put at 50 % of what the pool can take: from the put until the work begins",
        0.5,
    ),
    (
        "put at 80 % of what the pool can take: from the put until the work begins",
        0.8,
    ),
];

/// How long each work keeps its worker.
const WORK: Duration = Duration::from_micros(5);
/// How long a round puts, and how many rounds there are.
const ROUND: Duration = Duration::from_millis(100);
const ROUNDS: usize = 9;
/// By which what a pool can take is found.
const TRIED: usize = 5000;
/// No round has more.
const MOST: usize = 100_000;

/// Measures one of [`SUBJECTS`].
#[must_use]
pub fn under_load((subject, part): (&str, f64), scale: Scale) -> Spread {
    let (rounds, round) = scale.pick((ROUNDS, ROUND), (1, Duration::from_millis(2)));
    let steps = steps_of_a_work();
    let mut pools = [
        Loaded::new::<Scheduler>(steps),
        Loaded::new::<Arc<Rayon>>(steps),
        Loaded::new::<Arc<Tokio>>(steps),
        Loaded::new::<ThreadPool>(steps),
        Loaded::new::<CrossbeamPool>(steps),
    ];
    let rates: Vec<f64> = pools.iter_mut().map(|pool| part * pool.rate()).collect();
    let remark = |rate: f64| format!("{:.0} works per ms", rate / 1000.0);
    let rows = pools.iter().zip(&rates);
    let rows = rows.map(|(pool, rate)| (pool.name, remark(*rate)));
    let mut spread = Spread::new(subject, &[P50, P90, P99, P999], rows);
    for turn in 0..rounds * pools.len() {
        let who = (turn + turn / pools.len()) % pools.len();
        let works = (rates[who] * round.as_secs_f64()) as usize;
        let interval = Duration::from_secs_f64(1.0 / rates[who]);
        let waits = (pools[who].put)(works.clamp(1, MOST), interval);
        spread.add(who, &waits);
    }
    spread
}

struct Loaded {
    name: &'static str,
    /// Puts so many works, one every so often, and answers how long each waited once all
    /// have run, in nanoseconds.
    put: Box<dyn FnMut(usize, Duration) -> Vec<f64>>,
}

impl Loaded {
    fn new<P: Pool>(steps: u64) -> Self {
        let (pool, tally) = (P::make(), Tally::for_good());
        // Works refer to it, so it stays for good, as the tally does.
        let waits: &'static [AtomicU64] = (0..MOST)
            .map(|_| AtomicU64::new(0))
            .collect::<Vec<_>>()
            .leak();
        let put = move |works: usize, interval: Duration| {
            let counted = tally.total();
            let mut due = Instant::now();
            for wait in &waits[..works] {
                let mut put_at = Instant::now();
                while put_at < due {
                    thread::sleep(due - put_at);
                    put_at = Instant::now();
                }
                pool.put(move || {
                    // Relaxed: the tally publishes it.
                    wait.store(put_at.elapsed().as_nanos() as u64, Ordering::Relaxed);
                    busy(steps);
                    tally.count();
                });
                due += interval;
            }
            tally.wait_for(counted + works as u64);
            let waits = waits[..works].iter();
            waits
                .map(|wait| wait.load(Ordering::Relaxed) as f64)
                .collect()
        };
        Loaded {
            name: P::NAME,
            put: Box::new(put),
        }
    }

    /// How many works it can take in a second.
    fn rate(&mut self) -> f64 {
        let tries = (0..3).map(|_| {
            let began = Instant::now();
            (self.put)(TRIED, Duration::ZERO);
            TRIED as f64 / began.elapsed().as_secs_f64()
        });
        quantile(&tries.collect::<Vec<_>>(), 0.5)
    }
}

/// Keeps a worker busy.
fn busy(steps: u64) {
    let mut number = steps;
    for step in 0..steps {
        number = mixed(number, step);
    }
    black_box(number);
}

/// How many steps keep a worker for [`WORK`].
fn steps_of_a_work() -> u64 {
    const STEPS: u64 = 100_000;
    let tries = (0..5).map(|_| {
        let began = Instant::now();
        busy(STEPS);
        began.elapsed().as_secs_f64() / STEPS as f64
    });
    let step = quantile(&tries.collect::<Vec<_>>(), 0.5);
    (WORK.as_secs_f64() / step) as u64
}
