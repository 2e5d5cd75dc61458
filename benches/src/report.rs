//! Comparing: paired measurements in one process, medians, ratios.
//!
//! 1. Each contestant of a subject is warmed up, and how many operations fill
//!    one sample is found by doubling.
//! 2. In every round each contestant takes one sample; who begins moves on from
//!    round to round, so that none always runs behind the same neighbour.
//! 3. A contestant's figure is the median of its samples. Its ratio is the
//!    median of the ratios of one round, not the ratio of the medians: what
//!    slows the whole machine down for a while is on both sides of each.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::workload::{Contestant, Subject};

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How long one sample should take.
    pub sample: Duration,
    /// How many rounds.
    pub rounds: usize,
}

impl Effort {
    /// For figures that are to be believed.
    pub const FULL: Effort = Effort {
        sample: Duration::from_millis(20),
        rounds: 21,
    };

    /// For knowing that everything runs.
    pub const SMOKE: Effort = Effort {
        sample: Duration::from_micros(100),
        rounds: 2,
    };
}

/// What came of one subject.
#[derive(Debug, Clone)]
pub struct Comparison {
    subject: String,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    name: &'static str,
    /// Nanoseconds per operation: the median, and the middle half of the samples.
    median: f64,
    low: f64,
    high: f64,
    /// How many times the first contestant's time.
    ratio: f64,
}

/// Measures `subject`.
#[must_use]
pub fn compare(subject: &mut Subject, effort: Effort) -> Comparison {
    let contestants = &mut subject.contestants;
    let sizes: Vec<u64> = contestants
        .iter_mut()
        .map(|contestant| sample_size(contestant, effort.sample))
        .collect();
    let mut samples = vec![Vec::with_capacity(effort.rounds); contestants.len()];
    for round in 0..effort.rounds {
        for turn in 0..contestants.len() {
            let who = (round + turn) % contestants.len();
            let took = contestants[who].run(sizes[who]);
            samples[who].push(took.as_nanos() as f64 / sizes[who] as f64);
        }
    }
    let rows = contestants.iter().zip(&samples).map(|(contestant, own)| {
        let ratios = own.iter().zip(&samples[0]).map(|(own, first)| own / first);
        Row {
            name: contestant.name,
            median: quantile(own, 0.5),
            low: quantile(own, 0.25),
            high: quantile(own, 0.75),
            ratio: quantile(&ratios.collect::<Vec<_>>(), 0.5),
        }
    });
    Comparison {
        rows: rows.collect(),
        subject: subject.name.clone(),
    }
}

/// How many operations take about `wanted`.
fn sample_size(contestant: &mut Contestant, wanted: Duration) -> u64 {
    let mut size = 16;
    loop {
        let took = contestant.run(size);
        if took >= wanted / 2 {
            let factor = wanted.as_secs_f64() / took.as_secs_f64();
            return ((size as f64 * factor) as u64).max(2);
        }
        size *= 2;
    }
}

/// The value below which `part` of `values` lie.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1)) as f64 * part;
    sorted
        .get(place.round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// As a section of Markdown.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.subject)?;
        writeln!(f, "| | ns per operation | middle half | × hivework |")?;
        writeln!(f, "|---|--:|--:|--:|")?;
        for row in &self.rows {
            writeln!(
                f,
                "| {} | {} | {} – {} | {:.2} |",
                row.name,
                figure(row.median),
                figure(row.low),
                figure(row.high),
                row.ratio
            )?;
        }
        Ok(())
    }
}

/// Three digits or so: more would claim too much.
fn figure(nanoseconds: f64) -> String {
    let mut text = String::new();
    let digits = if nanoseconds < 100.0 { 1 } else { 0 };
    // Writing into a string does not fail.
    let _ = write!(text, "{nanoseconds:.digits$}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_outlier() {
        assert_eq!(quantile(&[3.0, 1.0, 1_000_000.0, 2.0, 4.0], 0.5), 3.0);
    }

    #[test]
    fn quartiles_are_the_ends_of_the_middle_half() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(
            (quantile(&values, 0.25), quantile(&values, 0.75)),
            (2.0, 4.0)
        );
    }
}
