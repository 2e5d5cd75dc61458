//! Comparing: paired measurements in one process, medians, ratios.
//!
//! 1. Each contestant of a subject is warmed up, and how many operations fill
//!    one sample is found by doubling.
//! 2. In every round each contestant takes one sample; who begins moves on from
//!    round to round, so that none always runs behind the same neighbour.
//! 3. A contestant's figure is the median of its samples. Its ratio is the
//!    median of the ratios of one round, not the ratio of the medians: what
//!    slows the whole machine down for a while is on both sides of each.

pub mod spread;
pub mod targets;

use std::fmt;
use std::time::Duration;

use crate::workload::names::SEQUENTIAL;
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
        rounds: 31,
    };

    /// What a subject that is [brief](Subject::brief) gets of it.
    fn brief(self) -> Self {
        Effort {
            sample: self.sample / 2,
            rounds: self.rounds.div_ceil(3),
        }
    }

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
    threads: u64,
    /// Nanoseconds per operation, one sample a round.
    samples: Vec<f64>,
}

/// Measures `subject`.
#[must_use]
pub fn compare(subject: Subject, effort: Effort) -> Comparison {
    let name = subject.name.clone();
    let effort = if subject.brief {
        effort.brief()
    } else {
        effort
    };
    let mut contestants = subject.contestants();
    let samples = rounds(&mut contestants, effort);
    let rows = contestants
        .iter()
        .zip(samples)
        .map(|(contestant, samples)| Row {
            name: contestant.name,
            threads: contestant.threads,
            samples,
        });
    Comparison {
        rows: rows.collect(),
        subject: name,
    }
}

/// Measures all in turn, as the head of this file has it: for each contestant its
/// nanoseconds per operation, one sample a round.
pub(crate) fn rounds(contestants: &mut [Contestant], effort: Effort) -> Vec<Vec<f64>> {
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
    samples
}

/// How many operations take about `wanted`, shared evenly by the threads.
fn sample_size(contestant: &mut Contestant, wanted: Duration) -> u64 {
    let portion = contestant.portion;
    let mut size = 16_u64.next_multiple_of(portion);
    loop {
        let mut took = contestant.run(size);
        // A thread that the operating system lets wait makes a few operations look
        // long once, and every sample would then be as small as that: only what is
        // slow again and again is.
        for _ in 0..2 {
            if took >= wanted / 2 {
                took = took.min(contestant.run(size));
            }
        }
        if took >= wanted / 2 {
            let factor = wanted.as_secs_f64() / took.as_secs_f64();
            let filling = (size as f64 * factor) as u64;
            return filling.max(2).next_multiple_of(portion);
        }
        size *= 2;
    }
}

impl Comparison {
    /// What was compared.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The time of one contestant as a multiple of another's, each named with its
    /// number of threads: the median over the rounds. None if there is no such
    /// contestant.
    #[must_use]
    pub fn ratio(&self, of: (&str, u64), to: (&str, u64)) -> Option<f64> {
        Some(paired(self.row(of)?, self.row(to)?))
    }

    fn row(&self, (name, threads): (&str, u64)) -> Option<&Row> {
        let same = |row: &&Row| row.name == name && row.threads == threads;
        self.rows.iter().find(same)
    }

    /// The median time of one contestant's operation, in nanoseconds.
    #[must_use]
    pub fn time(&self, of: (&str, u64)) -> Option<f64> {
        Some(quantile(&self.row(of)?.samples, 0.5))
    }

    /// How many times as fast on two threads as on one each was that ran on both.
    fn gains(&self) -> Vec<(&'static str, f64)> {
        let on_two = self.rows.iter().filter(|row| row.threads == 2);
        on_two
            .filter_map(|row| Some((row.name, self.ratio((row.name, 1), (row.name, 2))?)))
            .collect()
    }
}

/// The median of the ratios of one round.
fn paired(of: &Row, to: &Row) -> f64 {
    let ratios = of.samples.iter().zip(&to.samples).map(|(of, to)| of / to);
    quantile(&ratios.collect::<Vec<_>>(), 0.5)
}

/// The value below which `part` of `values` lie.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1)) as f64 * part;
    sorted
        .get(place.round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// As a section of Markdown. Each row's time is compared with that of the first
/// with as many threads, and its rate with its own on one thread.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.rows[0];
        let scales = self.rows.iter().any(|row| row.threads != first.threads);
        writeln!(f, "### {}\n", self.subject)?;
        if scales {
            writeln!(
                f,
                "| | threads | ns per operation | middle half | × hivework | rate ÷ own on 1 thread |"
            )?;
            writeln!(f, "|---|--:|--:|--:|--:|--:|")?;
        } else {
            writeln!(f, "| | ns per operation | middle half | × hivework |")?;
            writeln!(f, "|---|--:|--:|--:|")?;
        }
        for row in &self.rows {
            let threads = match scales {
                true => format!(" {} |", row.threads),
                false => String::new(),
            };
            let same_threads = |other: &&Row| other.threads == row.threads;
            let ours = self.rows.iter().find(same_threads).unwrap_or(first);
            write!(
                f,
                "| {} |{threads} {} | {} – {} | {} |",
                row.name,
                figure(quantile(&row.samples, 0.5)),
                figure(quantile(&row.samples, 0.25)),
                figure(quantile(&row.samples, 0.75)),
                multiple(paired(row, ours))
            )?;
            if scales {
                match self.ratio((row.name, 1), (row.name, row.threads)) {
                    Some(scaling) => write!(f, " {scaling:.2} |")?,
                    None => write!(f, " |")?,
                }
            }
            writeln!(f)?;
        }
        self.write_gains(f)
    }
}

impl Comparison {
    /// How many times as fast as one thread's calls the others were, where that is a row.
    fn write_gains(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_sequential = |row: &&Row| row.name.starts_with(SEQUENTIAL);
        let Some(sequential) = self.rows.iter().find(is_sequential) else {
            return Ok(());
        };
        let others = self.rows.iter().filter(|row| row.name != sequential.name);
        let gains = others.map(|row| format!("{} {:.2}", row.name, paired(sequential, row)));
        writeln!(
            f,
            "\nSo many times as fast as {SEQUENTIAL}: {}.",
            gains.collect::<Vec<_>>().join("; ")
        )
    }
}

/// Three digits or so: more would claim too much.
pub(crate) fn figure(nanoseconds: f64) -> String {
    let digits = if nanoseconds < 100.0 { 1 } else { 0 };
    format!("{nanoseconds:.digits$}")
}

/// As [`figure`]; a small part of one is not rounded to nothing.
fn multiple(ratio: f64) -> String {
    let digits = if ratio < 0.1 { 4 } else { 2 };
    format!("{ratio:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, threads: u64, samples: &[f64]) -> Row {
        Row {
            name,
            threads,
            samples: samples.to_vec(),
        }
    }

    #[test]
    fn a_ratio_is_taken_within_rounds() {
        // The second round was twice as slow for both.
        let comparison = Comparison {
            subject: "anything".into(),
            rows: vec![
                row("hivework", 1, &[1.0, 2.0, 1.0]),
                row("hivework", 2, &[0.5, 1.0, 0.5]),
                row("other", 1, &[3.0, 6.0, 3.0]),
                row("other", 2, &[3.0, 6.0, 3.0]),
            ],
        };
        assert_eq!(comparison.ratio(("other", 1), ("hivework", 1)), Some(3.0));
        assert_eq!(comparison.ratio(("other", 4), ("hivework", 1)), None);
        let table = comparison.to_string();
        assert!(
            table.contains("| hivework | 2 | 0.5 | 0.5 – 1.0 | 1.00 | 2.00 |"),
            "{table}"
        );
        assert!(
            table.contains("| other | 2 | 3.0 | 3.0 – 6.0 | 6.00 | 1.00 |"),
            "{table}"
        );
    }

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
