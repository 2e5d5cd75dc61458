//! Does a model notice when the code is wrong?
//!
//! Each mutant of the [catalogue] weakens one ordering or drops or swaps one
//! step of a protocol, in a copy of the tree; then the models of that protocol
//! must fail. A mutant that survives is a hole in the models, unless the
//! catalogue gives the argument why no model can tell it from the original.
//!
//! ```text
//! cargo run --release -p hivework-loom-tests --bin mutants              all; writes loom-tests/MUTANTS.md
//! cargo run --release -p hivework-loom-tests --bin mutants -- NAME…     those whose name contains one of these
//! ```

mod catalogue;
mod tree;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use catalogue::{Expected, Mutant};
use tree::{Tree, Verdict};

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match run(&root, &wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Says whether every mutant ended as the catalogue expects.
fn run(root: &Path, wanted: &[String]) -> Result<bool, String> {
    let chosen: Vec<&Mutant> = catalogue::MUTANTS
        .iter()
        .filter(|mutant| {
            wanted.is_empty()
                || wanted
                    .iter()
                    .any(|part| mutant.name.contains(part.as_str()))
        })
        .collect();
    if chosen.is_empty() {
        return Err("no mutant of the catalogue has such a name".into());
    }
    let tree = Tree::copy(root)?;
    let binaries: BTreeMap<&str, ()> = chosen.iter().map(|mutant| (mutant.models, ())).collect();
    for models in binaries.keys() {
        if tree.run_models(models, "")? != Verdict::Passed {
            return Err(format!("the models `{models}` fail without any mutant"));
        }
    }
    let mut table = String::from("| mutant | file | what noticed | seconds |\n|---|---|---|---|\n");
    let mut as_expected = true;
    for mutant in chosen {
        let began = Instant::now();
        let verdict = tree.with(mutant, |tree| {
            let verdict = tree.run_models(mutant.models, mutant.by)?;
            let missed = verdict == Verdict::Passed && matches!(mutant.expected, Expected::Caught);
            if missed && !mutant.by.is_empty() {
                return tree.run_models(mutant.models, "");
            }
            Ok(verdict)
        })?;
        let seconds = began.elapsed().as_secs();
        let outcome = match (&verdict, mutant.expected) {
            (Verdict::Failed(by), Expected::Caught | Expected::Open(_)) => by.clone(),
            (Verdict::Passed, Expected::Equivalent(why)) => format!("nothing can: {why}"),
            (Verdict::Passed, Expected::Open(why)) => format!("**nothing yet**: {why}"),
            (Verdict::Passed, Expected::Caught) => {
                as_expected = false;
                "**NOTHING**".into()
            }
            (Verdict::Failed(by), Expected::Equivalent(_)) => {
                as_expected = false;
                format!("**{by}**, though the catalogue calls it equivalent")
            }
        };
        let row = format!(
            "| {} | {} | {outcome} | {seconds} |\n",
            mutant.name, mutant.file
        );
        print!("{row}");
        // Writing into a string does not fail.
        let _ = write!(table, "{row}");
    }
    if wanted.is_empty() {
        let page = format!(
            "# Mutants\n\nWritten by `cargo run --release -p hivework-loom-tests --bin mutants`. Each \
             row is one change that makes a protocol wrong, and the model that noticed first.\n\n{table}"
        );
        let path = root.join("loom-tests/MUTANTS.md");
        std::fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(as_expected)
}
