//! The targets about scheduling.

use std::sync::OnceLock;

use super::{Bound, Figure, Target, Who, at_least, at_most, line, within};
use crate::idle::Idle;
use crate::latency::AFTER_A_PAUSE;
use crate::report::spread::{P50, Spread};
use crate::workload::names::{
    AFTER, BEFORE, BY_PRIORITY, CHILIS, CHOICE, CROSSBEAM_POOL, FIB, FROM_A_WORKER, FROM_OUTSIDE,
    HIVEWORK, KERNELS, OURS_EXCHANGED, OURS_JOINED, RAYON, RAYON_SCOPE, ROUND_TRIP, TREE_INSIDE,
    TREE_OUTSIDE,
};

const OURS: Who = (HIVEWORK, 1);

/// Ours must take at most as long as chili in whatever form is the fastest.
const fn at_most_chilis(what: &'static str, subject: &'static str) -> Target {
    Target {
        what,
        subject,
        figure: Figure::ToFastest(OURS, &CHILIS),
        bound: Bound::AtMost(1.0),
    }
}

const TARGETS: [Target; 10] = [
    at_most_chilis("fib(32): our time ÷ that of chili's fastest form", FIB),
    at_most_chilis(
        "large tree, nodes before their children: our time ÷ that of chili's fastest form",
        BEFORE,
    ),
    at_most_chilis(
        "large tree, nodes after their children: our time ÷ that of chili's fastest form",
        AFTER,
    ),
    at_most(
        1.0,
        "the same, both with the second half first: our time ÷ chili's",
        AFTER,
        (OURS_EXCHANGED, 1),
        ("chili", 1),
    ),
    within(
        6.0,
        "tree of 1023 nodes, each started from outside, ns a node",
        TREE_OUTSIDE,
        OURS,
    ),
    at_most_chilis(
        "tree of 1023 nodes inside one section: our time ÷ that of chili's fastest form",
        TREE_INSIDE,
    ),
    at_most(
        0.7,
        "work from outside: our time ÷ that of a crossbeam-channel pool",
        FROM_OUTSIDE,
        OURS,
        (CROSSBEAM_POOL, 1),
    ),
    at_most(
        0.45,
        "work from a worker: our time ÷ that of rayon::scope's spawn",
        FROM_A_WORKER,
        OURS,
        (RAYON_SCOPE, 1),
    ),
    within(
        1000.0,
        "round trip back to back, ns",
        ROUND_TRIP,
        (OURS_JOINED, 1),
    ),
    within(
        1000.0,
        "a choice among 1000 active streams, ns",
        CHOICE,
        (BY_PRIORITY, 1),
    ),
];

/// What must be no slower than rayon: in as few words as a picture has room for, in full,
/// and the subject.
const AS_FAST_AS_RAYON: [(&str, &str, &str); 12] = [
    ("fib", "fib(32): rayon's time ÷ ours", FIB),
    ("tree", "large tree: rayon's time ÷ ours", BEFORE),
    (
        "tree'",
        "large tree, nodes after their children: rayon's time ÷ ours",
        AFTER,
    ),
    (
        "1023",
        "tree of 1023 nodes inside one section: rayon's time ÷ ours",
        TREE_INSIDE,
    ),
    ("quick", "quicksort: rayon's time ÷ ours", KERNELS[0]),
    ("merge", "merge sort: rayon's time ÷ ours", KERNELS[1]),
    ("matrix", "matrix multiply: rayon's time ÷ ours", KERNELS[2]),
    ("queens", "n-queens: rayon's time ÷ ours", KERNELS[3]),
    ("mandel", "Mandelbrot: rayon's time ÷ ours", KERNELS[4]),
    ("skewed", "skewed tree: rayon's time ÷ ours", KERNELS[5]),
    ("sort", "par_sort: rayon's time ÷ ours", KERNELS[6]),
    (
        "unst.",
        "par_sort_unstable: rayon's time ÷ ours",
        KERNELS[7],
    ),
];

/// All kernels, in as few words as a picture has room for, and their subjects.
pub fn kernels() -> impl Iterator<Item = (&'static str, &'static str)> {
    AS_FAST_AS_RAYON
        .iter()
        .map(|(short, _, subject)| (*short, *subject))
}

/// The targets about subjects.
pub(super) fn targets() -> &'static [Target] {
    static ALL: OnceLock<Vec<Target>> = OnceLock::new();
    ALL.get_or_init(|| {
        let kernels = AS_FAST_AS_RAYON
            .iter()
            .map(|(_, what, subject)| at_least(1.0, what, subject, (RAYON, 1), OURS));
        TARGETS.into_iter().chain(kernels).collect()
    })
}

/// Those about what is no subject.
pub(super) fn lines(spreads: &[Spread], idle: Option<&Idle>) -> Vec<String> {
    let mut lines = Vec::new();
    let pause = spreads
        .iter()
        .find(|spread| spread.subject() == AFTER_A_PAUSE);
    if let Some(ratio) = pause.and_then(|spread| spread.ratio_to_best(P50)) {
        let what = "round trip after a pause, p50: our time ÷ that of the best peer";
        lines.push(line(what, Bound::AtMost(1.0), ratio));
    }
    if let Some(idle) = idle {
        let (switches, milliseconds) = idle.ours();
        let none = Bound::AtMost(0.0);
        lines.push(line(
            "idle over 10 s: wake-ups of the whole process",
            none,
            switches,
        ));
        lines.push(line("idle over 10 s: its CPU time, ms", none, milliseconds));
    }
    lines
}
