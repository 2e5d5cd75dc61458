//! Does a model notice when the code is wrong?
//!
//! Each mutant of the [catalogue] weakens one ordering or drops or swaps one
//! step of a protocol, in a copy of the tree; then the models of that protocol
//! must fail, with the facade's companions or without them. A mutant that survives is
//! a hole in the models, unless the catalogue gives the argument why no model can tell
//! it from the original.
//!
//! ```text
//! cargo run --release -p hivework-loom-tests --bin mutants              all
//! cargo run --release -p hivework-loom-tests --bin mutants -- NAME…     those whose name contains one of these
//! ```
//!
//! What they found goes into `loom-tests/MUTANTS.md`, one row after the other; rows that
//! were not run stay as they are there.

mod catalogue;
mod page;
mod tree;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use catalogue::{Expected, Mutant};
use page::Page;
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
    let chosen: Vec<&Mutant> = catalogue::all()
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
    for mutant in &chosen {
        tree.mutated(mutant)?;
    }
    let binaries: BTreeSet<&str> = chosen.iter().map(|mutant| mutant.models).collect();
    for models in binaries.into_iter().filter(|_| wanted.is_empty()) {
        if let Verdict::Failed(by) = tree.run_models(models, "")? {
            return Err(format!(
                "the models `{models}` fail without any mutant: {by}"
            ));
        }
    }
    let mut page = Page::of(root);
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
        let outcome = match (&verdict, mutant.expected) {
            (Verdict::Failed(by), Expected::Caught) => by.clone(),
            (Verdict::Passed, Expected::Equivalent(why)) => format!("nothing can: {why}"),
            (Verdict::Passed, Expected::Beyond(why)) => format!("no model can: {why}"),
            (Verdict::Passed, Expected::Caught) => {
                as_expected = false;
                "**NOTHING**".into()
            }
            (Verdict::Failed(by), Expected::Equivalent(_) | Expected::Beyond(_)) => {
                as_expected = false;
                format!("**{by}**, though the catalogue says that nothing can")
            }
        };
        print!("{}", page.enter(mutant, &outcome, began.elapsed()));
        page.write()?;
    }
    Ok(as_expected)
}
