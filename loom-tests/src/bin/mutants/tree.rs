//! A copy of the tree that mutants are put into, one at a time.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::catalogue::Mutant;

/// What the models said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Passed,
    /// The first test that failed.
    Failed(String),
}

/// The copy.
pub(crate) struct Tree {
    root: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Copies what git knows of the tree at `root` below its target folder.
    pub(crate) fn copy(root: &Path) -> Result<Tree, String> {
        let listed = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root)
            .output()
            .map_err(|error| format!("git ls-files: {error}"))?;
        if !listed.status.success() {
            return Err("git ls-files failed: the mutants need a git checkout".into());
        }
        let copy = root.join("target/mutants/tree");
        for file in String::from_utf8_lossy(&listed.stdout).split('\0') {
            let (from, to) = (root.join(file), copy.join(file));
            // A deleted file is still listed; an unchanged one keeps its time,
            // so that cargo need not build it again.
            let Ok(text) = fs::read(&from) else { continue };
            if file.is_empty() || fs::read(&to).is_ok_and(|old| old == text) {
                continue;
            }
            let folder = to.parent().unwrap_or(&copy);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&to, text))
                .map_err(|error| format!("{}: {error}", to.display()))?;
        }
        let target = root.join("target/mutants/target");
        Ok(Tree { root: copy, target })
    }

    /// Puts a mutant in for as long as `f` runs.
    pub(crate) fn with<R>(
        &self,
        mutant: &Mutant,
        f: impl FnOnce(&Tree) -> Result<R, String>,
    ) -> Result<R, String> {
        let path = self.root.join(mutant.file);
        let describe = |error| format!("{}: {error}", path.display());
        let original = fs::read_to_string(&path).map_err(describe)?;
        let mut mutated = original.clone();
        for (from, to) in mutant.edits {
            if mutated.matches(from).count() != 1 {
                return Err(format!(
                    "mutant `{}`: {} does not have exactly one place that reads\n{from}\nBring the \
                     catalogue up to date with it",
                    mutant.name, mutant.file
                ));
            }
            mutated = mutated.replacen(from, to, 1);
        }
        fs::write(&path, mutated).map_err(describe)?;
        let answer = f(self);
        fs::write(&path, original).map_err(describe)?;
        answer
    }

    /// Runs the models of one binary whose names contain `by`, until the first
    /// fails.
    pub(crate) fn run_models(&self, models: &str, by: &str) -> Result<Verdict, String> {
        let built = Command::new("cargo")
            .args([
                "test",
                "--no-run",
                "--profile",
                "loom",
                "-p",
                "hivework-loom-tests",
            ])
            .args(["--test", models])
            .current_dir(&self.root)
            .env("RUSTFLAGS", "--cfg hivework_loom")
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_TERM_COLOR", "never")
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        let told = String::from_utf8_lossy(&built.stderr);
        if !built.status.success() {
            return Err(format!("it does not build:\n{told}"));
        }
        // Run directly: killing cargo would leave the tests running.
        let binary = told
            .lines()
            .find_map(|line| {
                line.trim()
                    .strip_prefix("Executable ")?
                    .split(['(', ')'])
                    .nth(1)
            })
            .ok_or_else(|| format!("cargo does not name the test binary:\n{told}"))?;
        let mut tests = Command::new(self.root.join(binary))
            .args((!by.is_empty()).then_some(by))
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{binary}: {error}"))?;
        let mut failed = None;
        if let Some(output) = tests.stdout.take() {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A test that prints without a newline has its line to itself
                // no more, so only the ends are looked at.
                if let Some(rest) = line.strip_suffix(" ... FAILED") {
                    failed = rest.rsplit("test ").next().map(str::to_string);
                    break;
                }
            }
        }
        if let Some(name) = failed {
            // One is enough; others may take long on broken code.
            let _ = tests.kill();
            let _ = tests.wait();
            return Ok(Verdict::Failed(name));
        }
        let status = tests.wait().map_err(|error| format!("{binary}: {error}"))?;
        if status.success() {
            Ok(Verdict::Passed)
        } else {
            Ok(Verdict::Failed("the whole binary, aborted".into()))
        }
    }
}
