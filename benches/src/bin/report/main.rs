//! Measures everything and writes `benches/REPORT.md`, and `benches/growth.svg` beside it.
//!
//! ```text
//! cargo run --release -p hivework-benches --bin report               minutes
//! cargo run --release -p hivework-benches --bin report -- --smoke    seconds; writes nothing
//! cargo run --release -p hivework-benches --bin report -- --only increment
//!                                          what has the word in its name; writes nothing
//! ```

mod effects;
mod heap;
mod memory;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

use hivework_benches::growth::{self, Case};
use hivework_benches::report::{Effort, compare, targets};
use hivework_benches::workload::{self, Subject};

use effects::Effects;
use memory::Memory;

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

/// The title of the part that is no subject.
const MEMORY: &str = "Memory of a variable";

/// The head of the part about growth.
const GROWTH: &str = "\
## Growth

Each of our containers at several sizes, and beside it the standard library's counterpart, which
has no transactions and is one thread's alone. What they grow to from the first size to the last,
one relative to the other, is the median over the rounds.

![Time per operation over the number of elements](growth.svg)
";

type Subjects = fn() -> Vec<Subject>;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("report: {error}\nusage: report [--smoke] [--only WORD]...");
            return ExitCode::from(2);
        }
    };
    let effort = if options.smoke {
        Effort::SMOKE
    } else {
        Effort::FULL
    };

    let cases: Vec<Case> = growth::cases()
        .into_iter()
        .filter(|case| options.wants(case.name))
        .collect();
    let sizes = if options.smoke {
        &growth::SIZES[..2]
    } else {
        &growth::SIZES
    };

    // First, while there is no other thread.
    let memory = options.wants(MEMORY).then(Memory::measure);
    let mut body = String::new();
    if let Some(memory) = &memory {
        tell(&mut body, &format!("## {MEMORY}\n\n{memory}"));
    }
    let parts: [(&str, Subjects); 3] = [
        ("Transactions", workload::transactions),
        ("Containers", workload::containers),
        ("Scheduling", workload::scheduling),
    ];
    let mut comparisons = Vec::new();
    for (title, subjects) in parts {
        // Writing into a string does not fail.
        let _ = writeln!(body, "\n## {title}");
        for subject in subjects() {
            if !options.wants(&subject.name) {
                continue;
            }
            let comparison = compare(subject, effort);
            tell(&mut body, &comparison.to_string());
            comparisons.push(comparison);
        }
    }
    let mut growths = Vec::new();
    if !cases.is_empty() {
        tell(&mut body, GROWTH);
        let mut effects = Effects::new(sizes);
        for case in &cases {
            let ours = case.filled(sizes);
            effects.count(case.name, &ours);
            let growth = case.measure(sizes, &ours, effort);
            tell(&mut body, &growth.to_string());
            growths.push(growth);
        }
        tell(&mut body, &effects.to_string());
    }
    if comparisons.is_empty() && memory.is_none() && growths.is_empty() {
        eprintln!("report: no subject has such a name; there are");
        for subject in parts.iter().flat_map(|(_, subjects)| subjects()) {
            eprintln!("  {}", subject.name);
        }
        for case in growth::cases() {
            eprintln!("  {}", case.name);
        }
        eprintln!("  {MEMORY}");
        return ExitCode::from(2);
    }
    let bytes = memory.as_ref().and_then(Memory::of_a_variable);
    let summary = targets::summary(&comparisons, &growths, bytes);
    if options.smoke {
        println!("every subject ran; figures this short mean nothing and are not kept");
        return ExitCode::SUCCESS;
    }
    if let Some(summary) = &summary {
        println!("{summary}");
    }
    if !options.only.is_empty() {
        return ExitCode::SUCCESS;
    }
    let summary = summary.unwrap_or_default();
    let machine = machine();
    let report = format!("{PREFACE}\n{machine}\n\n{SUMMARY}\n{summary}{body}");
    match write("growth.svg", &growth::plot(&growths)).and_then(|()| write("REPORT.md", &report)) {
        Ok(()) => {
            println!("written to benches/REPORT.md and benches/growth.svg");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Adds a section to the report, and shows it at once.
fn tell(body: &mut String, section: &str) {
    println!("{section}");
    // Writing into a string does not fail.
    let _ = write!(body, "\n{section}");
}

/// Writes a file of the crate's folder.
fn write(name: &str, text: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// What the command line asks for.
#[derive(Default)]
struct Options {
    smoke: bool,
    /// In lower case, words of which a subject's name must contain one; none:
    /// all subjects.
    only: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--smoke" => options.smoke = true,
                "--only" => {
                    let word = arguments.next().ok_or("--only needs a word")?;
                    options.only.push(word.to_lowercase());
                }
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        Ok(options)
    }

    fn wants(&self, subject: &str) -> bool {
        let subject = subject.to_lowercase();
        self.only.is_empty() || self.only.iter().any(|word| subject.contains(word))
    }
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
