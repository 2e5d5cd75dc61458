//! Measures everything and writes `benches/REPORT.md`, and `benches/growth.svg` and
//! `benches/scheduling.svg` beside it.
//!
//! ```text
//! cargo run --release -p hivework-benches --bin report               minutes
//! cargo run --release -p hivework-benches --bin report -- --smoke    seconds; writes nothing
//! cargo run --release -p hivework-benches --bin report -- --only increment
//!                                          what has the word in its name; writes nothing
//! ```

mod effects;
mod heap;
mod measurements;
mod memory;

use std::process::ExitCode;

use hivework_benches::report::{Effort, targets};
use hivework_benches::workload::{self, Scale, Subject};
use hivework_benches::{growth, idle, latency};

use measurements::Measurements;

/// The title of the part that is no subject.
const MEMORY: &str = "Memory of a variable";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == idle::CHILD).is_some() {
        return be_idle(arguments.next());
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("report: {error}\nusage: report [--smoke] [--only WORD]...");
            return ExitCode::from(2);
        }
    };
    let measurements = Measurements::take(&options);
    if measurements.body.is_empty() {
        eprintln!("report: no subject has such a name; there are");
        for name in names() {
            eprintln!("  {name}");
        }
        return ExitCode::from(2);
    }
    if options.smoke {
        println!("every subject ran; figures this short mean nothing and are not kept");
        return ExitCode::SUCCESS;
    }
    let summary = targets::summary(measurements.measured());
    if let Some(summary) = &summary {
        println!("{summary}");
    }
    if !options.only.is_empty() {
        return ExitCode::SUCCESS;
    }
    match measurements.write(&summary.unwrap_or_default()) {
        Ok(()) => {
            println!("written to benches/REPORT.md, benches/growth.svg and benches/scheduling.svg");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Holds a pool that idles, for the parent to look at.
fn be_idle(name: Option<String>) -> ExitCode {
    match idle::be_child(&name.unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}

type Subjects = fn(Scale) -> Vec<Subject>;

/// The parts of the report that are subjects.
const PARTS: [(&str, Subjects); 3] = [
    ("Transactions", |_| workload::transactions()),
    ("Containers", workload::containers),
    ("Scheduling", workload::scheduling),
];

/// What `--only` can choose from.
fn names() -> Vec<String> {
    let subjects = PARTS
        .iter()
        .flat_map(|(_, subjects)| subjects(Scale::Small));
    let mut names: Vec<String> = subjects.map(|subject| subject.name).collect();
    names.extend(latency::UNDER_LOAD.map(|(name, _)| name.into()));
    names.extend(growth::cases().iter().map(|case| case.name.into()));
    names.extend(growth::WORKS.map(|case| case.name.into()));
    names.extend([MEMORY, latency::AFTER_A_PAUSE, idle::IDLE].map(String::from));
    names
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

    fn scale(&self) -> Scale {
        match self.smoke {
            true => Scale::Small,
            false => Scale::Full,
        }
    }

    fn effort(&self) -> Effort {
        match self.smoke {
            true => Effort::SMOKE,
            false => Effort::FULL,
        }
    }

    fn wants(&self, subject: &str) -> bool {
        let subject = subject.to_lowercase();
        self.only.is_empty() || self.only.iter().any(|word| subject.contains(word))
    }
}
