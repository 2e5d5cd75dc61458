//! Who wrote which version, and who replaced it.
//!
//! 1. Every write makes a version of its variable: new, and of no other commit.
//! 2. Every write replaces a version of its variable, which nobody else replaces.
//! 3. Every read is of such a version, with the word that was written.
//!
//! A version that nobody wrote in the round is its variable's first, from before the
//! round; a variable has one. So each variable's versions form a single chain, or
//! the remainder of them forms rings, which the graph shows as cycles.

use crate::history::History;
use crate::table::Table;
use crate::verdict::Violation;

/// In place of an attempt: there is none.
pub const NOBODY: u32 = u32::MAX;

/// One version of one variable.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// The attempt that wrote it; [`NOBODY`] for a variable's first.
    pub writer: u32,
    /// The attempt that replaced it; [`NOBODY`] if it is the last.
    pub next: u32,
    /// Its data word, once that is known.
    word: Option<usize>,
}

/// The versions of a history.
#[derive(Debug, Default)]
pub struct Versions {
    list: Vec<Version>,
    /// For each read of the history, what it read.
    read: Vec<u32>,
    /// For each write of the history, what it replaced.
    replaced: Vec<u32>,
    by_key: Table,
    firsts: Table,
    commits: Table,
}

impl Versions {
    /// Finds out about all versions of a history.
    ///
    /// # Errors
    ///
    /// Where they do not fit together.
    pub fn resolve(&mut self, history: &History) -> Result<(), Violation> {
        self.by_key.reset(history.writes.len() + 64);
        self.firsts.reset(64);
        self.commits.reset(history.writes.len());
        self.list.clear();
        self.read.clear();
        self.replaced.clear();
        self.enter_written(history)?;
        for (writer, attempt) in history.attempts.iter().enumerate() {
            for write in history.writes_of(attempt) {
                let replaced = self.find(write.variable, write.before, history, writer)?;
                let version = &mut self.list[replaced as usize];
                if version.next != NOBODY {
                    return Err(Violation::fork(
                        history,
                        write,
                        version.next as usize,
                        writer,
                    ));
                }
                version.next = writer as u32;
                self.replaced.push(replaced);
            }
        }
        for (reader, attempt) in history.attempts.iter().enumerate() {
            for read in history.reads_of(attempt) {
                let found = self.find(read.variable, read.version, history, reader)?;
                let version = &mut self.list[found as usize];
                if *version.word.get_or_insert(read.word) != read.word {
                    let (written, writer) = (version.word, version.writer);
                    return Err(Violation::word(history, read, written, writer, reader));
                }
                self.read.push(found);
            }
        }
        Ok(())
    }

    /// Step 1.
    fn enter_written(&mut self, history: &History) -> Result<(), Violation> {
        for (writer, attempt) in history.attempts.iter().enumerate() {
            let writes = history.writes_of(attempt);
            if !writes.is_empty() && !attempt.committed {
                return Err(Violation::aborted_wrote(history, writer));
            }
            for write in writes {
                let number = self.list.len() as u32;
                let found = self
                    .by_key
                    .find_or_insert(write.variable, write.after, number);
                if found != number {
                    let other = self.list[found as usize].writer;
                    return Err(Violation::repeated(
                        history,
                        write.after,
                        other as usize,
                        writer,
                    ));
                }
                let commit = self.commits.find_or_insert(0, write.after, writer as u32);
                if commit != writer as u32 {
                    return Err(Violation::repeated(
                        history,
                        write.after,
                        commit as usize,
                        writer,
                    ));
                }
                self.list.push(Version {
                    writer: writer as u32,
                    next: NOBODY,
                    word: Some(write.word),
                });
            }
        }
        Ok(())
    }

    /// Which version that is; one that nobody wrote becomes its variable's first.
    #[inline]
    fn find(
        &mut self,
        variable: usize,
        version: u64,
        history: &History,
        who: usize,
    ) -> Result<u32, Violation> {
        let number = self.list.len() as u32;
        let found = self.by_key.find_or_insert(variable, version, number);
        if found != number {
            return Ok(found);
        }
        self.list.push(Version {
            writer: NOBODY,
            next: NOBODY,
            word: None,
        });
        if self.firsts.find_or_insert(variable, 0, number) != number {
            return Err(Violation::phantom(history, variable, version, who));
        }
        Ok(found)
    }

    /// What the read at this place of the history read.
    #[inline]
    #[must_use]
    pub fn read(&self, place: usize) -> Version {
        self.list[self.read[place] as usize]
    }

    /// What the write at this place of the history replaced.
    #[inline]
    #[must_use]
    pub fn replaced(&self, place: usize) -> Version {
        self.list[self.replaced[place] as usize]
    }
}
