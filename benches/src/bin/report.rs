//! Measures everything and writes `benches/REPORT.md`.
//!
//! ```text
//! cargo run --release -p hivework-benches --bin report               minutes
//! cargo run --release -p hivework-benches --bin report -- --smoke    seconds; writes nothing
//! cargo run --release -p hivework-benches --bin report -- --only increment
//!                                          what has the word in its name; writes nothing
//! ```

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

use hivework_benches::report::{Effort, compare};
use hivework_benches::workload::{self, Subject};

const PREFACE: &str = "\
# Hivework beside its peers

Written by `cargo run --release -p hivework-benches --bin report`.

Wall time divided by the operations of all threads, in nanoseconds: the median of
the samples and their middle half. The last column is the median of the ratios to
the first row, taken round by round in the same process. The ratios are what to
compare between machines; they too move by some ten percent from run to run.
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

    let mut report = format!("{PREFACE}\n{}\n", machine());
    let parts: [(&str, Subjects); 2] = [
        ("Transactions", workload::transactions),
        ("Scheduling", workload::scheduling),
    ];
    let mut measured = 0;
    for (title, subjects) in parts {
        // Writing into a string does not fail.
        let _ = writeln!(report, "\n## {title}");
        for mut subject in subjects() {
            if !options.wants(&subject.name) {
                continue;
            }
            measured += 1;
            let comparison = compare(&mut subject, effort);
            println!("{comparison}");
            let _ = write!(report, "\n{comparison}");
        }
    }
    if measured == 0 {
        eprintln!("report: no subject has such a name");
        return ExitCode::from(2);
    }
    if options.smoke {
        println!("every subject ran; figures this short mean nothing and are not kept");
    }
    if options.smoke || !options.only.is_empty() {
        return ExitCode::SUCCESS;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("REPORT.md");
    match std::fs::write(&path, report) {
        Ok(()) => {
            println!("written to benches/REPORT.md");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("report: {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Options {
    smoke: bool,
    /// Words of which a subject's name must contain one; none: all subjects.
    only: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--smoke" => options.smoke = true,
                "--only" => options
                    .only
                    .push(arguments.next().ok_or("--only needs a word")?),
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        Ok(options)
    }

    fn wants(&self, subject: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| subject.contains(word.as_str()))
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
