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

/// A file that a mutant changes.
pub(crate) struct Changed {
    path: PathBuf,
    before: String,
    after: String,
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

    /// The files that a mutant changes, each with its text before and after.
    pub(crate) fn mutated(&self, mutant: &Mutant) -> Result<Vec<Changed>, String> {
        let mut changed: Vec<Changed> = Vec::new();
        for &(file, from, to) in mutant.edits {
            let path = self.root.join(file);
            let known = changed.iter().position(|change| change.path == path);
            let position = match known {
                Some(position) => position,
                None => {
                    let before = fs::read_to_string(&path)
                        .map_err(|error| format!("{}: {error}", path.display()))?;
                    let after = before.clone();
                    changed.push(Changed {
                        path,
                        before,
                        after,
                    });
                    changed.len() - 1
                }
            };
            let after = &mut changed[position].after;
            if after.matches(from).count() != 1 {
                return Err(format!(
                    "mutant `{}`: {file} does not have exactly one place that reads\n{from}\nBring \
                     the catalogue up to date with it",
                    mutant.name
                ));
            }
            *after = after.replacen(from, to, 1);
        }
        Ok(changed)
    }

    /// Puts a mutant in for as long as `f` runs.
    pub(crate) fn with<R>(
        &self,
        mutant: &Mutant,
        f: impl FnOnce(&Tree) -> Result<R, String>,
    ) -> Result<R, String> {
        let changed = self.mutated(mutant)?;
        let write = |path: &Path, text: &str| {
            fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        for change in &changed {
            write(&change.path, &change.after)?;
        }
        let answer = f(self);
        for change in &changed {
            write(&change.path, &change.before)?;
        }
        answer
    }

    /// Runs the models of one binary whose names contain one of the words of `by`,
    /// until the first fails: with companions, then without.
    pub(crate) fn run_models(&self, models: &str, by: &str) -> Result<Verdict, String> {
        let binary = self.build(models)?;
        match run(&binary, by, false)? {
            Verdict::Passed => run(&binary, by, true),
            failed => Ok(failed),
        }
    }

    /// Builds a binary of models and answers where it is.
    fn build(&self, models: &str) -> Result<PathBuf, String> {
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
            .args(floors(models))
            .args(quick_to_build())
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
        Ok(self.root.join(binary))
    }
}

/// The models of a floor are built without the floors above it.
fn floors(models: &str) -> &'static [&'static str] {
    match models {
        "stm" => &["--no-default-features"],
        "ports" => &["--no-default-features", "--features", "ports"],
        _ => &[],
    }
}

/// Most of a mutant's time would go into building it: our own crates are built
/// piece by piece and unoptimised, since most of the running is loom's.
fn quick_to_build() -> impl Iterator<Item = String> {
    let crates = ["hivework-stm", "stm-ports", "hivework-loom-tests"];
    let each = crates
        .into_iter()
        .flat_map(|name| ["opt-level", "debug"].map(|option| format!("package.{name}.{option}=0")));
    each.chain(["incremental=true".into()])
        .flat_map(|option| ["--config".into(), format!("profile.loom.{option}")])
}

/// Runs the models of a binary in one of their two forms, until the first fails.
fn run(binary: &Path, by: &str, plain: bool) -> Result<Verdict, String> {
    let describe = |error| format!("{}: {error}", binary.display());
    let mut command = Command::new(binary);
    // One at a time, so that a model which takes the binary down has its name
    // on the last line.
    command
        .args(by.split_whitespace())
        .arg("--test-threads=1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if plain {
        command.env("HIVEWORK_LOOM_PLAIN", "1");
    }
    let mut tests = command.spawn().map_err(describe)?;
    let mut ran = None;
    let mut failed = false;
    if let Some(output) = tests.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((name, end)) = line
                .strip_prefix("test ")
                .and_then(|line| line.split_once(" ... "))
            {
                ran = Some(name.to_string());
                // Where the model has printed something, the end is on a line of its own.
                failed = end == "FAILED";
            }
            failed |= line == "FAILED" || line.ends_with(" ... FAILED");
            if failed {
                break;
            }
        }
    }
    if failed {
        // One is enough; others may take long on broken code.
        let _ = tests.kill();
    }
    let status = tests.wait().map_err(describe)?;
    if !failed && status.success() {
        return match ran {
            Some(_) => Ok(Verdict::Passed),
            None => Err(format!("no model's name contains one of `{by}`")),
        };
    }
    let name = ran.unwrap_or_else(|| "the whole binary".into());
    let form = if plain { ", plain" } else { "" };
    Ok(Verdict::Failed(format!("{name}{form}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_mutant_fits_the_code_as_it_is() {
        let tree = Tree {
            root: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            target: PathBuf::new(),
        };
        let misfits: Vec<String> = catalogue::all()
            .filter_map(|mutant| tree.mutated(mutant).err())
            .collect();
        assert!(misfits.is_empty(), "{}", misfits.join("\n\n"));
    }
}
