//! How a time is spread: percentiles, each the median of those of the rounds.

use std::fmt;

use super::quantile;

/// Half of the times are less.
pub const P50: f64 = 0.5;
pub(crate) const P90: f64 = 0.9;
pub(crate) const P99: f64 = 0.99;
pub(crate) const P999: f64 = 0.999;

/// What came of one question about spread.
#[derive(Debug, Clone)]
pub struct Spread {
    subject: String,
    /// Which percentiles, in rising order.
    parts: &'static [f64],
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    name: &'static str,
    /// What is to be known of it beside its times.
    remark: String,
    /// For each round the percentiles, in nanoseconds.
    rounds: Vec<Vec<f64>>,
}

impl Spread {
    /// With a row for each name and remark, ours first.
    pub(crate) fn new(
        subject: impl Into<String>,
        parts: &'static [f64],
        rows: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let row = |(name, remark)| Row {
            name,
            remark,
            rounds: Vec::new(),
        };
        Spread {
            subject: subject.into(),
            parts,
            rows: rows.into_iter().map(row).collect(),
        }
    }

    /// Adds a round of one row, in nanoseconds.
    pub(crate) fn add(&mut self, row: usize, times: &[f64]) {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let of_round = self.parts.iter().map(|part| quantile(&sorted, *part));
        self.rows[row].rounds.push(of_round.collect());
    }

    /// What was asked.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The first row's percentile as a multiple of that of the other with the least: the
    /// median over the rounds.
    #[must_use]
    pub fn ratio_to_best(&self, part: f64) -> Option<f64> {
        let place = self.parts.iter().position(|p| *p == part)?;
        let (first, others) = self.rows.split_first()?;
        let least = |a: &&Row, b: &&Row| a.percentile(place).total_cmp(&b.percentile(place));
        let best = others.iter().min_by(least)?;
        Some(first.ratio(best, place))
    }

    /// A row's name and percentiles, in nanoseconds, for each row.
    pub(crate) fn percentiles(&self) -> impl Iterator<Item = (&'static str, Vec<f64>)> {
        let places = 0..self.parts.len();
        self.rows.iter().map(move |row| {
            let all = places.clone().map(|place| row.percentile(place));
            (row.name, all.collect())
        })
    }

    /// What the percentiles are called.
    pub(crate) fn labels(&self) -> Vec<String> {
        let label = |part: &f64| format!("p{}", (part * 1000.0).round() / 10.0);
        self.parts.iter().map(label).collect()
    }
}

impl Row {
    fn percentile(&self, place: usize) -> f64 {
        let all: Vec<f64> = self.rounds.iter().map(|round| round[place]).collect();
        quantile(&all, 0.5)
    }

    fn ratio(&self, other: &Row, place: usize) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        let ratios = pairs.map(|(of, to)| of[place] / to[place]);
        quantile(&ratios.collect::<Vec<_>>(), 0.5)
    }
}

/// As a section of Markdown.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.subject)?;
        write!(f, "| µs | |")?;
        for label in self.labels() {
            write!(f, " {label} |")?;
        }
        writeln!(f, " {} × hivework |", self.labels()[0])?;
        writeln!(f, "|---|---|{}--:|", "--:|".repeat(self.parts.len()))?;
        for row in &self.rows {
            write!(f, "| {} | {} |", row.name, row.remark)?;
            for place in 0..self.parts.len() {
                write!(f, " {:.2} |", row.percentile(place) / 1000.0)?;
            }
            writeln!(f, " {:.2} |", row.ratio(&self.rows[0], 0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_medians_of_the_rounds() {
        let rows = [
            ("hivework", "first".into()),
            ("slow", "".into()),
            ("best", "".into()),
        ];
        let mut spread = Spread::new("anything", &[P50, P999], rows);
        for round in [1.0, 1.0, 100.0] {
            let times: Vec<f64> = (1..=101).map(|n| f64::from(n) * 1000.0 * round).collect();
            spread.add(0, &times);
            spread.add(1, &times.iter().map(|time| 3.0 * time).collect::<Vec<_>>());
            spread.add(2, &times.iter().map(|time| 0.5 * time).collect::<Vec<_>>());
        }
        assert_eq!(spread.ratio_to_best(P50), Some(2.0));
        assert_eq!(spread.ratio_to_best(P99), None);
        let table = spread.to_string();
        assert!(
            table.contains("| µs | | p50 | p99.9 | p50 × hivework |"),
            "{table}"
        );
        assert!(
            table.contains("| hivework | first | 51.00 | 101.00 | 1.00 |"),
            "{table}"
        );
        assert!(
            table.contains("| slow |  | 153.00 | 303.00 | 3.00 |"),
            "{table}"
        );
    }
}
