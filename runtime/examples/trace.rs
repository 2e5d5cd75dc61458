//! Writes a trace of some works and a computation that forks, to be looked at with
//! <https://ui.perfetto.dev>.
//!
//! ```text
//! cargo run --release --example trace --features trace -- trace.json
//! ```

use std::thread::sleep;
use std::time::Duration;

use hivework::{Fork, Scheduler, TVar, TraceFile, WorkContext, blocking, make_work};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or("trace.json".to_owned());
    let scheduler = Scheduler::builder()
        .workers(4)
        .trace(TraceFile::create(&path)?)
        .start()?;

    // Works that meet at a variable, put others, and wait.
    let sum = TVar::named("sum", 0);
    let loaves: Vec<_> = (0..50_u64)
        .map(|loaf| {
            let sum = sum.clone();
            let bake = move |work: &WorkContext| {
                sum.update(|sum| sum + fib_alone(loaf % 20));
                if loaf % 10 == 0 {
                    blocking(|| sleep(Duration::from_millis(2)));
                }
                work.scheduler().map(|scheduler| scheduler.put_work(|| ()))
            };
            scheduler.put_work(make_work(bake).name(format!("loaf {loaf}")))
        })
        .collect();
    for loaf in loaves {
        loaf.join()?;
    }

    // A computation that is divided among whoever is hungry.
    let answer = scheduler.fork(|fork| fib(fork, 27));
    scheduler.drain(Duration::from_secs(10))?;
    println!("fib(27) = {answer}; the trace is in {path}: open it with https://ui.perfetto.dev");
    Ok(())
}

fn fib(fork: &mut Fork<'_>, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = fork.join(|fork| fib(fork, n - 1), |fork| fib(fork, n - 2));
    a + b
}

fn fib_alone(n: u64) -> u64 {
    if n < 2 {
        n
    } else {
        fib_alone(n - 1) + fib_alone(n - 2)
    }
}
