//! What must be reached: each target is a median of the ratios of one subject's
//! rounds, or a median time, a size, a growth. Whether it was is told either way.

mod scheduling;
mod transactions;

use super::Comparison;
use super::spread::Spread;
use crate::growth::Growth;
use crate::idle::Idle;
use crate::workload::ARITHMETIC;

pub use scheduling::kernels;
use transactions::{FAR, OWN_UPDATES, TARGETS};

/// One contestant and its number of threads.
type Who = (&'static str, u64);

/// What is looked at of a subject.
#[derive(Debug, Clone, Copy)]
enum Figure {
    /// The first one's time as a multiple of the second one's.
    Ratio(Who, Who),
    /// The first one's time as a multiple of that of the fastest of the others.
    ToFastest(Who, &'static [&'static str]),
    /// The time, in nanoseconds.
    Time(Who),
}

impl Figure {
    fn of(self, comparison: &Comparison) -> Option<f64> {
        match self {
            Figure::Ratio(of, to) => comparison.ratio(of, to),
            Figure::ToFastest(of, others) => {
                let timed = others.iter().map(|name| (*name, of.1));
                let timed = timed.filter_map(|who| Some((who, comparison.time(who)?)));
                let (fastest, _) = timed.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
                comparison.ratio(of, fastest)
            }
            Figure::Time(of) => comparison.time(of),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn is_met_by(self, measured: f64) -> bool {
        match self {
            Bound::AtLeast(bound) => measured >= bound,
            Bound::AtMost(bound) => measured <= bound,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Target {
    what: &'static str,
    subject: &'static str,
    figure: Figure,
    bound: Bound,
}

/// `of`'s time must be at least so many times `to`'s.
const fn at_least(
    bound: f64,
    what: &'static str,
    subject: &'static str,
    of: Who,
    to: Who,
) -> Target {
    Target {
        what,
        subject,
        figure: Figure::Ratio(of, to),
        bound: Bound::AtLeast(bound),
    }
}

/// `of`'s time must be at most so many times `to`'s.
const fn at_most(
    bound: f64,
    what: &'static str,
    subject: &'static str,
    of: Who,
    to: Who,
) -> Target {
    Target {
        what,
        subject,
        figure: Figure::Ratio(of, to),
        bound: Bound::AtMost(bound),
    }
}

/// `of`'s time must be at most so many nanoseconds.
const fn within(bound: f64, what: &'static str, subject: &'static str, of: Who) -> Target {
    Target {
        what,
        subject,
        figure: Figure::Time(of),
        bound: Bound::AtMost(bound),
    }
}

/// How much more than its counterpart of the standard library's a container may
/// slow down as it grows.
const GROWTH: Bound = Bound::AtMost(1.25);

/// How many bytes of heap a `TVar<u64>` may take.
const BYTES: Bound = Bound::AtMost(64.0);

/// What was measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured<'a> {
    /// Of the subjects.
    pub comparisons: &'a [Comparison],
    /// Of how times are spread.
    pub spreads: &'a [Spread],
    /// Of idling.
    pub idle: Option<&'a Idle>,
    /// Of the containers' growth.
    pub growths: &'a [Growth],
    /// Of memory.
    pub bytes_of_a_variable: Option<f64>,
}

/// The targets and what was measured, as a table in Markdown. Those whose
/// subject was not measured are left out; None if that is all of them.
#[must_use]
pub fn summary(measured: Measured<'_>) -> Option<String> {
    let Measured {
        comparisons,
        spreads,
        idle,
        growths,
        bytes_of_a_variable,
    } = measured;
    let mut lines: Vec<String> = TARGETS
        .iter()
        .chain(scheduling::targets())
        .filter_map(|target| {
            let comparison = comparisons.iter().find(|c| c.subject() == target.subject)?;
            let measured = target.figure.of(comparison)?;
            Some(line(target.what, target.bound, measured))
        })
        .collect();
    lines.extend(scheduling::lines(spreads, idle));
    for growth in growths {
        let what = format!("{}: by how much more than its counterpart", growth.name());
        lines.push(line(&what, GROWTH, growth.relative()));
    }
    if let Some(bytes) = bytes_of_a_variable {
        lines.push(line("heap of one `TVar<u64>`, bytes", BYTES, bytes));
    }
    if lines.is_empty() {
        return None;
    }
    Some(format!(
        "| what | must be | measured | |\n|---|--:|--:|---|\n{}{}{}",
        lines.concat(),
        room(comparisons).unwrap_or_default(),
        gains_of_maps(comparisons).unwrap_or_default()
    ))
}

/// What two threads could gain at all: a machine whose cores are busy elsewhere
/// lets nobody scale.
fn room(comparisons: &[Comparison]) -> Option<String> {
    let far = comparisons.iter().find(|c| c.subject() == FAR)?;
    let mutexes = far.ratio(("mutexes", 1), ("mutexes", 2))?;
    let arithmetic = far.ratio((ARITHMETIC, 1), (ARITHMETIC, 2))?;
    Some(format!(
        "\nIn the rounds of the far variables, mutexes as far apart ran {mutexes:.2} times as fast \
         on 2 threads as on 1,\nand arithmetic on registers, which shares nothing at all, \
         {arithmetic:.2} times: so much the machine had to give.\n"
    ))
}

/// How each map gained by a second thread that shares no key with the first.
fn gains_of_maps(comparisons: &[Comparison]) -> Option<String> {
    let updates = comparisons.iter().find(|c| c.subject() == OWN_UPDATES)?;
    let gains: Vec<String> = updates
        .gains()
        .into_iter()
        .map(|(name, gain)| format!("{name} {gain:.2}"))
        .collect();
    Some(format!(
        "\nIn the rounds of the updates of a hash map of 100000, each thread with keys of its own, \
         2 threads were so many times\nas fast as 1: {}.\n",
        gains.join(", ")
    ))
}

fn line(what: &str, bound: Bound, measured: f64) -> String {
    let wanted = match bound {
        Bound::AtLeast(bound) => format!("≥ {bound}"),
        Bound::AtMost(bound) => format!("≤ {bound}"),
    };
    let verdict = match bound.is_met_by(measured) {
        true => "reached",
        false => "short of it",
    };
    format!("| {what} | {wanted} | {measured:.2} | {verdict} |\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Row;
    use crate::workload;

    fn subjects() -> impl Iterator<Item = workload::Subject> {
        let all = workload::transactions().into_iter();
        all.chain(workload::containers(workload::Scale::Small))
            .chain(workload::scheduling(workload::Scale::Small))
    }

    fn all_targets() -> impl Iterator<Item = &'static Target> {
        TARGETS.iter().chain(scheduling::targets())
    }

    #[test]
    fn every_target_has_its_contestants() {
        for subject in subjects() {
            let of_this = all_targets().filter(|t| t.subject == subject.name);
            let targets: Vec<_> = of_this.collect();
            if targets.is_empty() {
                continue;
            }
            let contestants = subject.contestants();
            let is_there = |who: Who| contestants.iter().any(|c| (c.name, c.threads) == who);
            for target in targets {
                let all_there = match target.figure {
                    Figure::Ratio(of, to) => is_there(of) && is_there(to),
                    Figure::ToFastest(of, others) => {
                        is_there(of) && others.iter().all(|name| is_there((name, of.1)))
                    }
                    Figure::Time(of) => is_there(of),
                };
                assert!(all_there, "{target:?}");
            }
        }
        let subjects: Vec<_> = subjects().collect();
        for target in all_targets() {
            let subject = target.subject;
            assert!(subjects.iter().any(|s| s.name == subject), "{subject}");
        }
    }

    #[test]
    fn a_target_that_is_missed_is_said_to_be() {
        let row = |name, sample| Row {
            name,
            threads: 1,
            samples: vec![sample],
        };
        let measured = |stm| Comparison {
            subject: "read 1, 1 thread".into(),
            rows: vec![row("hivework", 10.0), row("stm", stm)],
        };
        let told = |comparison: &Comparison, bytes| {
            summary(Measured {
                comparisons: std::slice::from_ref(comparison),
                bytes_of_a_variable: Some(bytes),
                ..Measured::default()
            })
            .unwrap()
        };
        let text = told(&measured(99.9), 64.0);
        assert!(text.contains("| ≥ 10 | 9.99 | short of it |"), "{text}");
        assert!(text.contains("| ≤ 64 | 64.00 | reached |"), "{text}");
        let text = told(&measured(100.0), 64.1);
        assert!(text.contains("| ≥ 10 | 10.00 | reached |"), "{text}");
        assert!(text.contains("| ≤ 64 | 64.10 | short of it |"), "{text}");
        assert_eq!(summary(Measured::default()), None);
    }

    #[test]
    fn the_fastest_of_the_others_is_the_one_to_meet() {
        let row = |name, sample| Row {
            name,
            threads: 1,
            samples: vec![sample],
        };
        let comparison = Comparison {
            subject: "anything".into(),
            rows: vec![row("hivework", 2.0), row("slow", 9.0), row("fast", 1.0)],
        };
        let figure = Figure::ToFastest(("hivework", 1), &["slow", "fast"]);
        assert_eq!(figure.of(&comparison), Some(2.0));
    }
}
