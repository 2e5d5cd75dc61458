//! How an operation's time grows with the container: ours at several sizes,
//! beside the standard library's counterpart, which has no transactions and is
//! one thread's alone.
//!
//! All sizes of both are measured in interleaved rounds, and the figure is taken
//! within a round: how many times as long ours takes at the largest size as at
//! the smallest, divided by the same of the counterpart. A cache that is too small
//! for many elements is on both sides of it.

mod containers;
mod maps;
mod transacted;
mod works;

use std::fmt;
use std::rc::Rc;

use crate::plot::{Kind, Panel, sheet, short};
use crate::report::{Effort, figure, quantile, rounds};
use crate::workload::Contestant;

pub use transacted::{Effects, Transacted};
pub use works::{CASES as WORKS, WorksGrowth, sizes as numbers_of_works};

/// The numbers of elements.
pub const SIZES: [usize; 4] = [1000, 10_000, 100_000, 1_000_000];

/// An operation on a container, and its counterpart.
pub struct Case {
    /// Which container and which operation.
    pub name: &'static str,
    counterpart: &'static str,
    ours: fn(usize) -> Rc<dyn Transacted>,
    theirs: fn(usize) -> Contestant,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// All operations whose growth is measured.
#[must_use]
pub fn cases() -> Vec<Case> {
    containers::cases()
}

impl Case {
    /// Ours with each number of elements.
    #[must_use]
    pub fn filled(&self, sizes: &[usize]) -> Vec<Rc<dyn Transacted>> {
        sizes.iter().map(|size| (self.ours)(*size)).collect()
    }

    /// Measures ours, which [`filled`](Case::filled) has made with these `sizes`,
    /// and the counterpart.
    #[must_use]
    pub fn measure(&self, sizes: &[usize], ours: &[Rc<dyn Transacted>], effort: Effort) -> Growth {
        let mut contestants = Vec::new();
        for (size, ours) in sizes.iter().zip(ours) {
            let ours = Rc::clone(ours);
            contestants.push(Contestant::new("hivework", 1, move |n| ours.operate(n)));
            contestants.push((self.theirs)(*size));
        }
        let effort = Effort {
            rounds: effort.rounds.div_ceil(2),
            ..effort
        };
        let mut samples = rounds(&mut contestants, effort).into_iter();
        let mut growth = Growth {
            name: self.name,
            counterpart: self.counterpart,
            sizes: sizes.to_vec(),
            ours: Vec::new(),
            theirs: Vec::new(),
        };
        while let (Some(ours), Some(theirs)) = (samples.next(), samples.next()) {
            growth.ours.push(ours);
            growth.theirs.push(theirs);
        }
        growth
    }
}

/// What came of one case.
#[derive(Debug, Clone)]
pub struct Growth {
    name: &'static str,
    counterpart: &'static str,
    sizes: Vec<usize>,
    /// For each size a sample a round, nanoseconds per operation.
    ours: Vec<Vec<f64>>,
    theirs: Vec<Vec<f64>>,
}

impl Growth {
    /// Which container and which operation.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Our growth from the smallest size to the largest, relative to the
    /// counterpart's: the median over the rounds.
    #[must_use]
    pub fn relative(&self) -> f64 {
        let (ours, theirs) = (growths(&self.ours), growths(&self.theirs));
        let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs);
        median(&ratios.collect::<Vec<_>>())
    }
}

/// How the containers grow, as one picture: ours a line and the counterpart a dashed one.
#[must_use]
pub fn plot(growths: &[Growth]) -> String {
    let panels: Vec<Panel> = growths.iter().map(Growth::panel).collect();
    sheet(&panels)
}

impl Growth {
    fn panel(&self) -> Panel {
        let medians = |samples: &[Vec<f64>]| samples.iter().map(|s| median(s)).collect();
        Panel {
            title: format!(
                "{}: {:.2} × the counterpart's",
                self.name.trim_start_matches("growth of "),
                self.relative()
            ),
            across: "elements",
            places: self.sizes.iter().map(|size| short(*size)).collect(),
            up: "ns per operation",
            kind: Kind::Lines,
            series: vec![
                ("hivework".into(), medians(&self.ours)),
                (self.counterpart.into(), medians(&self.theirs)),
            ],
        }
    }
}

impl WorksGrowth {
    pub(crate) fn panel(&self) -> Panel {
        let lines = self.medians();
        Panel {
            title: self.name.trim_start_matches("growth of ").into(),
            across: "works",
            places: self.sizes.iter().map(|size| short(*size)).collect(),
            up: "ns per work",
            kind: Kind::Lines,
            series: lines.map(|(name, values)| (name.into(), values)).collect(),
        }
    }
}

/// Of each round, the largest size's time by the smallest's.
fn growths(samples: &[Vec<f64>]) -> Vec<f64> {
    match samples {
        [smallest, .., largest] => {
            let pairs = largest.iter().zip(smallest);
            pairs
                .map(|(largest, smallest)| largest / smallest)
                .collect()
        }
        _ => Vec::new(),
    }
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// As a section of Markdown.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.name)?;
        write!(f, "| ns per operation, elements |")?;
        for size in &self.sizes {
            write!(f, " {size} |")?;
        }
        writeln!(f, " growth |")?;
        writeln!(f, "|---|{}--:|", "--:|".repeat(self.sizes.len()))?;
        for (name, samples) in [("hivework", &self.ours), (self.counterpart, &self.theirs)] {
            write!(f, "| {name} |")?;
            for samples in samples {
                write!(f, " {} |", figure(median(samples)))?;
            }
            writeln!(f, " {:.2} |", median(&growths(samples)))?;
        }
        writeln!(
            f,
            "\nOur growth relative to the counterpart's: {:.2}.",
            self.relative()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(ours: [f64; 2], theirs: [f64; 2]) -> Growth {
        let samples = |[small, large]: [f64; 2]| {
            // The second round was twice as slow for all.
            vec![vec![small, 2.0 * small], vec![large, 2.0 * large]]
        };
        Growth {
            name: "anything",
            counterpart: "its counterpart",
            sizes: vec![10, 1000],
            ours: samples(ours),
            theirs: samples(theirs),
        }
    }

    #[test]
    fn growth_is_relative_to_the_counterparts() {
        let growth = growth([10.0, 60.0], [5.0, 10.0]);
        assert_eq!(growth.relative(), 3.0);
        let table = growth.to_string();
        assert!(
            table.contains("| hivework | 20.0 | 120 | 6.00 |"),
            "{table}"
        );
        assert!(table.contains("counterpart's: 3.00."), "{table}");
    }

    #[test]
    fn every_case_runs_and_counts() {
        for case in cases() {
            let sizes = &SIZES[..2];
            let ours = case.filled(sizes);
            let growth = case.measure(sizes, &ours, Effort::SMOKE);
            assert!(growth.relative() > 0.0, "{growth}");
            let effects = ours[0].effects();
            assert!(effects.reads + effects.writes > 0, "{}", case.name);
        }
    }

    #[test]
    fn the_plot_shows_every_case() {
        let svg = plot(&[growth([10.0, 60.0], [5.0, 10.0])]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("anything") && svg.contains("its counterpart"));
        assert!(!svg.contains("NaN"), "{svg}");
    }
}
