//! Scheduling as one picture: how works grow in number, how times are spread, and what
//! two workers gain.

use crate::growth::WorksGrowth;
use crate::plot::{Kind, Panel, sheet};
use crate::report::spread::Spread;
use crate::report::{Comparison, targets};
use crate::workload::names::{HIVEWORK, RAYON, SEQUENTIAL};

/// The picture, as SVG.
#[must_use]
pub fn scheduling(comparisons: &[Comparison], spreads: &[Spread], works: &[WorksGrowth]) -> String {
    let mut panels: Vec<Panel> = works.iter().map(WorksGrowth::panel).collect();
    panels.extend(spreads.iter().map(percentiles));
    panels.extend(gains(comparisons));
    sheet(&panels)
}

fn percentiles(spread: &Spread) -> Panel {
    let micros = |times: Vec<f64>| times.into_iter().map(|ns| ns / 1000.0).collect();
    let (title, _) = spread
        .subject()
        .split_once([':', ','])
        .unwrap_or((spread.subject(), ""));
    Panel {
        title: title.into(),
        across: "percentile",
        places: spread.labels(),
        up: "µs",
        kind: Kind::Lines,
        series: spread
            .percentiles()
            .map(|(name, times)| {
                let (pool, _) = name.split_once(',').unwrap_or((name, ""));
                (pool.into(), micros(times))
            })
            .collect(),
    }
}

/// What two workers gain over one thread, for whatever has no other operation than it.
fn gains(comparisons: &[Comparison]) -> Option<Panel> {
    let gain = |comparison: &Comparison, name| comparison.ratio((SEQUENTIAL, 1), (name, 1));
    let measured: Vec<(String, f64, f64)> = targets::kernels()
        .filter_map(|(short, subject)| {
            let comparison = comparisons.iter().find(|c| c.subject() == subject)?;
            let gains = (gain(comparison, HIVEWORK)?, gain(comparison, RAYON)?);
            Some((short.into(), gains.0, gains.1))
        })
        .collect();
    if measured.is_empty() {
        return None;
    }
    Some(Panel {
        title: "how many times as fast as one thread".into(),
        across: "",
        places: measured.iter().map(|(short, ..)| short.clone()).collect(),
        up: "times",
        kind: Kind::Bars,
        series: vec![
            (
                HIVEWORK.into(),
                measured.iter().map(|(_, ours, _)| *ours).collect(),
            ),
            (
                RAYON.into(),
                measured.iter().map(|(.., theirs)| *theirs).collect(),
            ),
        ],
    })
}
