//! Runs rounds of transactions and judges every one.
//!
//! ```text
//! RUSTFLAGS="--cfg hivework_probe" CARGO_TARGET_DIR=target/probe \
//!     cargo run --release -p hivework-judge -- --attempts 2000000 --seed 1 --chaos both
//! ```
//!
//! `--attempts N` (default 2000000): at least so many. `--seed S` (default: of the
//! clock; printed): decides the rounds; how the threads run is up to the system.
//! `--chaos on|off|both` (default both): disturb all rounds, none, or every second.
//!
//! The last quarter of the attempts runs in a [crowd](Crowd), where threads share a
//! clock: for half of it all of them, then all but two.
//!
//! Ends with 0 if all was well, with 1 after the first round that was not, and
//! with 2 when it was called wrongly or built without the probe.

use std::process::ExitCode;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hivework_judge::stress::{self, Crowd, Random, Round};
use hivework_judge::{History, Judge};
use hivework_stm::probe::PROBED;

/// After how many attempts it tells how it goes.
const NEWS: u64 = 10_000_000;

fn main() -> ExitCode {
    let orders = match Orders::parse(std::env::args().skip(1)) {
        Ok(orders) => orders,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if !PROBED {
        eprintln!(
            "built without the probe: set RUSTFLAGS=\"--cfg hivework_probe\", see ci/judge.sh"
        );
        return ExitCode::from(2);
    }
    if run(&orders) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Which rounds are disturbed.
#[derive(Clone, Copy, Debug)]
enum Disturbed {
    All,
    None,
    EverySecond,
}

#[derive(Debug)]
struct Orders {
    attempts: u64,
    seed: u64,
    chaos: Disturbed,
}

impl Orders {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Orders, String> {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut orders = Orders {
            attempts: 2_000_000,
            seed: since.as_micros() as u64,
            chaos: Disturbed::EverySecond,
        };
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} lacks its value"))?;
            let number = || {
                let digits = value.replace('_', "");
                digits
                    .parse()
                    .map_err(|_| format!("{name} wants a number, not {value}"))
            };
            match name.as_str() {
                "--attempts" => orders.attempts = number()?,
                "--seed" => orders.seed = number()?,
                "--chaos" => {
                    orders.chaos = match value.as_str() {
                        "on" => Disturbed::All,
                        "off" => Disturbed::None,
                        "both" => Disturbed::EverySecond,
                        _ => return Err(format!("--chaos wants on, off or both, not {value}")),
                    }
                }
                _ => return Err(format!("no such argument: {name}")),
            }
        }
        Ok(orders)
    }
}

/// One place in the pipeline: a round, and what it is judged with. The memory
/// of both is used again.
#[derive(Debug, Default)]
struct Bench {
    room: Vec<hivework_stm::probe::Trace>,
    judge: Judge,
}

#[derive(Debug, Default)]
struct Count {
    attempts: u64,
    commits: u64,
    rounds: u64,
}

impl Count {
    fn add(&mut self, history: &History) {
        self.rounds += 1;
        self.attempts += history.attempts.len() as u64;
        self.commits += history
            .attempts
            .iter()
            .filter(|attempt| attempt.committed)
            .count() as u64;
    }

    fn print(&self, begin: Instant, violations: u32) {
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{} attempts, {} commits, {} aborted, {} rounds, {violations} violations; {seconds:.1} s, {:.0} attempts a second",
            self.attempts,
            self.commits,
            self.attempts - self.commits,
            self.rounds,
            self.attempts as f64 / seconds,
        );
    }
}

/// Which clocks the rounds' threads have.
#[derive(Debug, Default)]
struct Clocks {
    crowd: Option<Crowd>,
    /// How many changes there have been.
    changes: u32,
}

impl Clocks {
    /// Changes them when so much of the whole has been done.
    fn change(&mut self, done: u64, whole: u64) {
        if self.changes == 0 && done >= whole / 4 * 3 {
            self.changes = 1;
            match Crowd::gather() {
                Ok(crowd) => self.crowd = Some(crowd),
                Err(error) => println!("no crowd, hence no shared clock: {error}"),
            }
        }
        if self.changes == 1 && done >= whole / 8 * 7 {
            self.changes = 2;
            if let Some(crowd) = &mut self.crowd {
                crowd.dismiss(2);
            }
        }
    }
}

/// Rounds run one after another, each with the whole machine; then as many as
/// there are cores are judged side by side. Says whether all was well.
fn run(orders: &Orders) -> bool {
    println!("seed {}, chaos {:?}", orders.seed, orders.chaos);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut benches: Vec<Bench> = (0..cores).map(|_| Bench::default()).collect();
    let mut seeds = Random::new(orders.seed);
    let mut clocks = Clocks::default();
    let (begin, mut count, mut told) = (Instant::now(), Count::default(), 0);
    while count.attempts < orders.attempts {
        clocks.change(count.attempts, orders.attempts);
        let mut rounds = Vec::new();
        for bench in &mut benches {
            let seed = seeds.draw();
            let chaos = match orders.chaos {
                Disturbed::All => true,
                Disturbed::None => false,
                Disturbed::EverySecond => seed % 2 == 0,
            };
            let round = stress::round(seed, chaos, &mut bench.room);
            count.add(&round.history);
            rounds.push((seed, chaos, round));
        }
        let verdicts: Vec<Option<String>> = thread::scope(|scope| {
            let judges: Vec<_> = benches
                .iter_mut()
                .zip(&rounds)
                .map(|(bench, (_, _, round))| scope.spawn(|| verdict(&mut bench.judge, round)))
                .collect();
            let verdicts = judges.into_iter().map(|judge| {
                judge
                    .join()
                    .unwrap_or_else(|_| Some("the judge itself has panicked".into()))
            });
            verdicts.collect()
        });
        let mut violations = 0;
        for (verdict, (seed, chaos, _)) in verdicts.iter().zip(&rounds) {
            if let Some(text) = verdict {
                violations += 1;
                println!("VIOLATION in the round of seed {seed}, chaos {chaos}: {text}");
            }
        }
        if violations > 0 {
            count.print(begin, violations);
            return false;
        }
        if count.attempts / NEWS > told {
            told = count.attempts / NEWS;
            count.print(begin, 0);
        }
    }
    count.print(begin, 0);
    true
}

/// What is wrong with a round, if anything.
fn verdict(judge: &mut Judge, round: &Round) -> Option<String> {
    if let Err(violation) = judge.judge(&round.history) {
        return Some(violation.to_string());
    }
    round.mishap.map(|mishap| mishap.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Orders, String> {
        Orders::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn orders_are_followed() {
        let orders = parsed("--attempts 1_000 --chaos off --seed 7");
        assert!(orders.is_ok_and(|orders| orders.attempts == 1000
            && orders.seed == 7
            && matches!(orders.chaos, Disturbed::None)));
    }

    #[test]
    fn wrong_orders_are_told_apart() {
        for (line, part) in [
            ("--attempts", "lacks its value"),
            ("--attempts many", "a number, not many"),
            ("--chaos perhaps", "on, off or both, not perhaps"),
            ("--speed 3", "no such argument: --speed"),
        ] {
            let error = parsed(line).err().unwrap_or_default();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
