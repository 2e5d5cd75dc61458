//! Takes the measurements, part by part, and writes the report.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::thread;

use hivework_benches::growth::{self, Case, Growth, WorksGrowth};
use hivework_benches::idle::{self, Idle};
use hivework_benches::report::spread::Spread;
use hivework_benches::report::targets::Measured;
use hivework_benches::report::{Comparison, compare};
use hivework_benches::{latency, picture, workload};

use crate::effects::Effects;
use crate::memory::Memory;
use crate::{MEMORY, Options, PARTS};

const PREFACE: &str = "\
# Hivework beside its peers

Written by `cargo run --release -p hivework-benches --bin report`.

Wall time divided by the operations of all threads, in nanoseconds: the median of
the samples and their middle half. *× hivework* is the median of the ratios to the
first row with as many threads, taken round by round in the same process; *rate ÷
own on 1 thread* is taken in the same way. The ratios are what to compare between
machines; they too move by some ten percent from run to run.
";

const SUMMARY: &str = "\
## What must be reached

Each figure is the median of the ratios of one round, as in the tables below: neither
our best round nor a peer's worst.
";

/// The head of the part about how times are spread.
const SPREADS: &str = "\
## How long one waits

Percentiles, each the median of those of the rounds, in which the pools take turns. Under load, the rate is a part
of what the pool itself can take of works of some 5 µs, so that each is as busy as the others.

![Works by their number, times by percentile, and what two workers gain](scheduling.svg)
";

/// The head of the part about growth.
const GROWTH: &str = "\
## Growth

Each of our containers at several sizes, and beside it the standard library's counterpart, which
has no transactions and is one thread's alone. What they grow to from the first size to the last,
one relative to the other, is the median over the rounds.

![Time per operation over the number of elements](growth.svg)
";

/// The head of the part about the number of works.
const WORKS: &str = "\
## Growth of the number of works

What a work costs, put and run, by how many are put at once; where they are put before the workers are
started, with what the starting takes.
";

/// What was measured, and the report's text about it but for its head.
#[derive(Default)]
pub(crate) struct Measurements {
    pub(crate) body: String,
    memory: Option<Memory>,
    idle: Option<Idle>,
    comparisons: Vec<Comparison>,
    spreads: Vec<Spread>,
    growths: Vec<Growth>,
    works: Vec<WorksGrowth>,
}

impl Measurements {
    /// Measures whatever is wanted.
    pub(crate) fn take(options: &Options) -> Self {
        let mut all = Measurements::default();
        // First, while there is no other thread.
        if options.wants(MEMORY) {
            let memory = Memory::measure();
            all.tell(&format!("## {MEMORY}\n\n{memory}"));
            all.memory = Some(memory);
        }
        all.compare(options);
        all.idle(options);
        all.spreads(options);
        all.works(options);
        all.containers(options);
        all
    }

    /// Adds a section to the report, and shows it at once.
    fn tell(&mut self, section: &str) {
        println!("{section}");
        // Writing into a string does not fail.
        let _ = write!(self.body, "\n{section}");
    }

    fn compare(&mut self, options: &Options) {
        for (title, subjects) in PARTS {
            let subjects = subjects(options.scale()).into_iter();
            let wanted: Vec<_> = subjects.filter(|s| options.wants(&s.name)).collect();
            if wanted.is_empty() {
                continue;
            }
            self.tell(&format!("## {title}\n"));
            if title == "Scheduling" {
                self.tell(workload::THREADS);
            }
            for subject in wanted {
                let comparison = compare(subject, options.effort());
                self.tell(&comparison.to_string());
                self.comparisons.push(comparison);
            }
        }
    }

    fn idle(&mut self, options: &Options) {
        if !options.wants(idle::IDLE) {
            return;
        }
        match idle::measure(options.scale()) {
            Ok(idle) => {
                self.tell(&idle.to_string());
                self.idle = Some(idle);
            }
            Err(error) => self.tell(&format!(
                "### {}\n\nNot to be measured here: {error}.\n",
                idle::IDLE
            )),
        }
    }

    fn spreads(&mut self, options: &Options) {
        let scale = options.scale();
        if options.wants(latency::AFTER_A_PAUSE) {
            self.spreads.push(latency::after_a_pause(scale));
        }
        for subject in latency::UNDER_LOAD {
            if options.wants(subject.0) {
                self.spreads.push(latency::under_load(subject, scale));
            }
        }
        if !self.spreads.is_empty() {
            self.tell(SPREADS);
        }
        for place in 0..self.spreads.len() {
            self.tell(&self.spreads[place].to_string());
        }
    }

    fn works(&mut self, options: &Options) {
        let wanted = growth::WORKS
            .into_iter()
            .filter(|case| options.wants(case.name));
        for case in wanted {
            if self.works.is_empty() {
                self.tell(WORKS);
            }
            let sizes = growth::numbers_of_works(options.scale());
            let growth = case.measure(sizes, options.scale());
            self.tell(&growth.to_string());
            self.works.push(growth);
        }
    }

    fn containers(&mut self, options: &Options) {
        let cases = growth::cases().into_iter();
        let cases: Vec<Case> = cases.filter(|case| options.wants(case.name)).collect();
        if cases.is_empty() {
            return;
        }
        let sizes = match options.smoke {
            true => &growth::SIZES[..2],
            false => &growth::SIZES,
        };
        self.tell(GROWTH);
        let mut effects = Effects::new(sizes);
        for case in &cases {
            let ours = case.filled(sizes);
            effects.count(case.name, &ours);
            let growth = case.measure(sizes, &ours, options.effort());
            self.tell(&growth.to_string());
            self.growths.push(growth);
        }
        self.tell(&effects.to_string());
    }

    /// For the targets.
    pub(crate) fn measured(&self) -> Measured<'_> {
        Measured {
            comparisons: &self.comparisons,
            spreads: &self.spreads,
            idle: self.idle.as_ref(),
            growths: &self.growths,
            bytes_of_a_variable: self.memory.as_ref().and_then(Memory::of_a_variable),
        }
    }

    /// Writes the report and its pictures.
    pub(crate) fn write(&self, summary: &str) -> Result<(), String> {
        let (machine, body) = (machine(), &self.body);
        let report = format!("{PREFACE}\n{machine}\n\n{SUMMARY}\n{summary}{body}");
        let scheduling = picture::scheduling(&self.comparisons, &self.spreads, &self.works);
        write("growth.svg", &growth::plot(&self.growths))?;
        write("scheduling.svg", &scheduling)?;
        write("REPORT.md", &report)
    }
}

/// Writes a file of the crate's folder.
fn write(name: &str, text: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The class of machine, in words.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let rustc = Command::new("rustc")
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_else(|| "rustc unknown".into());
    format!(
        "Measured on a machine with {cores} cores, {} on {}, {}.",
        std::env::consts::OS,
        std::env::consts::ARCH,
        rustc.trim()
    )
}
