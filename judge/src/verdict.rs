//! What can be wrong with a history, in words.

use std::error::Error;
use std::fmt::{self, Write as _};

use hivework_stm::probe::{Read, Write};

use crate::history::History;
use crate::versions::NOBODY;

/// Why one attempt comes before another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The later one read what the earlier one wrote.
    ReadFrom {
        /// The variable that was read.
        variable: usize,
        /// The version that was read.
        version: u64,
    },
    /// The later one replaced what the earlier one wrote.
    Replaced {
        /// The variable that was written.
        variable: usize,
        /// The version that was replaced.
        version: u64,
    },
    /// The later one replaced what the earlier one had read.
    ReadBefore {
        /// The variable that was read.
        variable: usize,
        /// The version that was read and replaced.
        version: u64,
    },
    /// The earlier one was over before the later one began, on the same thread.
    Program,
    /// The earlier one was over before the later one began.
    RealTime,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Why::ReadFrom { variable, version } => {
                write!(
                    f,
                    "wrote {} of {variable:#x}, which was read by",
                    Shown(version)
                )
            }
            Why::Replaced { variable, version } => {
                write!(
                    f,
                    "wrote {} of {variable:#x}, which was replaced by",
                    Shown(version)
                )
            }
            Why::ReadBefore { variable, version } => {
                write!(
                    f,
                    "read {} of {variable:#x}, which was replaced by",
                    Shown(version)
                )
            }
            Why::Program => f.write_str("was over, on the same thread, before"),
            Why::RealTime => f.write_str("was over in time before"),
        }
    }
}

/// One attempt of a cycle, and why it comes before the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its place in the history.
    pub attempt: usize,
    /// Why it comes before the next of the cycle.
    pub why: Why,
    /// What it did, spelled out.
    pub did: String,
}

/// What is wrong with a history.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// Attempts that each come before the next, the last before the first.
    Cycle(Vec<Step>),
    /// Two commits with the same version.
    Repeated(String),
    /// Two commits replaced the same version of a variable.
    Fork(String),
    /// A version that nobody wrote.
    Phantom(String),
    /// Another word than what was written under the version.
    Word(String),
    /// An attempt that did not commit published something.
    AbortedWrote(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, text) = match self {
            Violation::Cycle(steps) => {
                f.write_str("no order of the attempts explains what they saw:\n")?;
                for step in steps {
                    writeln!(f, "  {}\n    {}", step.did, step.why)?;
                }
                return f.write_str("  the first again");
            }
            Violation::Repeated(text) => ("two commits have the same version", text),
            Violation::Fork(text) => ("two commits replaced the same version", text),
            Violation::Phantom(text) => ("a version that nobody wrote", text),
            Violation::Word(text) => ("a word that was not written under its version", text),
            Violation::AbortedWrote(text) => ("an attempt wrote without committing", text),
        };
        write!(f, "{name}:\n{text}")
    }
}

impl Error for Violation {}

/// A version as people read it.
///
/// The judge knows nothing about what a version is made of; hexadecimal shows
/// most of it.
struct Shown(u64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {:#x}", self.0)
    }
}

/// Spells out what an attempt did.
pub(crate) fn spell(history: &History, attempt: usize) -> String {
    /// More is of no help.
    const MOST: usize = 12;

    let Some(record) = history.attempts.get(attempt) else {
        return "nobody of this round".into();
    };
    let mut text = format!(
        "attempt {attempt} of thread {}, {} ns to {} ns, {}",
        record.thread,
        record.time.start,
        record.time.end,
        if record.committed {
            "committed"
        } else {
            "not committed"
        },
    );
    // Writing to a String does not fail.
    let (reads, writes) = (history.reads_of(record), history.writes_of(record));
    for read in reads.iter().take(MOST) {
        let _ = write!(
            text,
            "; read {:#x} = {:#x} at {}",
            read.variable,
            read.word,
            Shown(read.version)
        );
    }
    for write in writes.iter().take(MOST) {
        let _ = write!(
            text,
            "; wrote {:#x} = {:#x} from {} to {}",
            write.variable,
            write.word,
            Shown(write.before),
            Shown(write.after)
        );
    }
    let more = reads.len().saturating_sub(MOST) + writes.len().saturating_sub(MOST);
    if more > 0 {
        let _ = write!(text, "; and {more} more");
    }
    text
}

impl Violation {
    #[cold]
    pub(crate) fn repeated(history: &History, version: u64, first: usize, second: usize) -> Self {
        Violation::Repeated(format!(
            "{}\n  {}\n  {}",
            Shown(version),
            spell(history, first),
            spell(history, second)
        ))
    }

    #[cold]
    pub(crate) fn fork(history: &History, write: &Write, first: usize, second: usize) -> Self {
        Violation::Fork(format!(
            "{} of {:#x}\n  {}\n  {}",
            Shown(write.before),
            write.variable,
            spell(history, first),
            spell(history, second)
        ))
    }

    #[cold]
    pub(crate) fn phantom(history: &History, variable: usize, version: u64, who: usize) -> Self {
        Violation::Phantom(format!(
            "{} of {variable:#x}\n  {}",
            Shown(version),
            spell(history, who)
        ))
    }

    #[cold]
    pub(crate) fn word(
        history: &History,
        read: &Read,
        written: Option<usize>,
        writer: u32,
        reader: usize,
    ) -> Self {
        let writer = if writer == NOBODY {
            usize::MAX
        } else {
            writer as usize
        };
        Violation::Word(format!(
            "{} of {:#x} is {:#x}, not {:#x}\n  {}\n  {}",
            Shown(read.version),
            read.variable,
            written.unwrap_or_default(),
            read.word,
            spell(history, writer),
            spell(history, reader)
        ))
    }

    #[cold]
    pub(crate) fn aborted_wrote(history: &History, attempt: usize) -> Self {
        Violation::AbortedWrote(format!("  {}", spell(history, attempt)))
    }
}
