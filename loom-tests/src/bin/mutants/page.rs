//! The table of what was found, `loom-tests/MUTANTS.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::catalogue::{self, Mutant};

const HEAD: &str = "# Mutants

Written by `cargo run --release -p hivework-loom-tests --bin mutants`. Each row is one change that makes a protocol wrong, and
the model that noticed first; *plain* says that it did so without the facade's companions only. Rows that were not run stay as
they are, and a mutant of the catalogue that was never run has none.

| mutant | file | what noticed | seconds |
|---|---|---|---|
";

/// The page as it stands.
pub(crate) struct Page {
    path: PathBuf,
    /// The rows by the mutant's name.
    rows: BTreeMap<String, String>,
}

impl Page {
    /// The page of the tree at `root`; empty if there is none yet.
    pub(crate) fn of(root: &Path) -> Page {
        let path = root.join("loom-tests/MUTANTS.md");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let rows = text.lines().filter_map(|line| {
            let name = line.strip_prefix("| ")?.split(" | ").next()?;
            Some((name.to_string(), format!("{line}\n")))
        });
        Page {
            rows: rows.collect(),
            path,
        }
    }

    /// Enters what was found, and answers the row.
    pub(crate) fn enter(&mut self, mutant: &Mutant, outcome: &str, took: Duration) -> &str {
        let (name, file, seconds) = (mutant.name, mutant.file(), took.as_secs());
        let row = format!("| {name} | {file} | {outcome} | {seconds} |\n");
        let entry = self.rows.entry(name.to_string()).or_default();
        *entry = row;
        entry
    }

    /// Writes the rows in the catalogue's order; what it does not know any more goes.
    pub(crate) fn write(&self) -> Result<(), String> {
        let mut page = String::from(HEAD);
        for row in catalogue::all().filter_map(|mutant| self.rows.get(mutant.name)) {
            // Writing into a string does not fail.
            let _ = write!(page, "{row}");
        }
        fs::write(&self.path, page).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}
