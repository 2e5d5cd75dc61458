//! How long one waits: for a result after a pause, and for a work to begin under load.

mod load;

use std::thread;
use std::time::{Duration, Instant};

use crate::report::spread::{P50, P90, P99, Spread};
use crate::workload::Scale;
use crate::workload::scheduling::trips;
use crate::workload::sequence::mixed;

pub use load::{SUBJECTS as UNDER_LOAD, under_load};

/// The subject.
pub const AFTER_A_PAUSE: &str = "round trip after 2 to 3 ms without work, 2 workers";

/// How many rounds, and how many trips of each contestant in one.
const ROUNDS: usize = 10;
const TRIPS: u64 = 100;

/// Round trips, each after a pause that lets every worker fall asleep.
#[must_use]
pub fn after_a_pause(scale: Scale) -> Spread {
    let (rounds, trips) = scale.pick((ROUNDS, TRIPS), (1, 3));
    let mut ways = trips::all();
    let rows = ways.iter().map(|way| (way.name, String::new()));
    let mut spread = Spread::new(AFTER_A_PAUSE, &[P50, P90, P99], rows);
    for round in 0..rounds {
        for turn in 0..ways.len() {
            let who = (round + turn) % ways.len();
            let times = (0..trips).map(|n| {
                let more = mixed(round as u64, n) % 1000;
                thread::sleep(Duration::from_micros(2000 + more));
                let began = Instant::now();
                assert_eq!((ways[who].trip)(n), n);
                began.elapsed().as_nanos() as f64
            });
            let times: Vec<f64> = times.collect();
            spread.add(who, &times);
        }
    }
    spread
}
