//! Sweeps the run interval, and writes `docs/tuning.svg` and the table of `docs/tuning.md`.
//!
//! ```text
//! cargo run --release -p hivework-benches --bin tuning               a minute or two
//! cargo run --release -p hivework-benches --bin tuning -- --smoke    seconds; writes nothing
//! ```

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use hivework_benches::tuning;
use hivework_benches::workload::Scale;

/// Between these lines of the page lies the table.
const BEGINS: &str = "<!-- the sweep -->\n";
const ENDS: &str = "<!-- the sweep ends -->\n";

fn main() -> ExitCode {
    let smoke = env::args().nth(1).is_some_and(|first| first == "--smoke");
    match sweep(smoke) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tuning: {error}");
            ExitCode::FAILURE
        }
    }
}

fn sweep(smoke: bool) -> io::Result<()> {
    let scale = if smoke { Scale::Small } else { Scale::Full };
    let sweep = tuning::measure(scale)?;
    if smoke {
        println!("every interval ran; figures this short mean nothing and are not kept");
        return Ok(());
    }
    println!("{sweep}");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::write(docs.join("tuning.svg"), sweep.picture())?;
    let page = docs.join("tuning.md");
    let text = fs::read_to_string(&page)?;
    let table = text
        .split_once(BEGINS)
        .and_then(|(before, rest)| Some((before, rest.split_once(ENDS)?.1)));
    let (before, after) =
        table.ok_or_else(|| io::Error::other("the page has no place for the table"))?;
    fs::write(&page, format!("{before}{BEGINS}\n{sweep}\n{ENDS}{after}"))
}
