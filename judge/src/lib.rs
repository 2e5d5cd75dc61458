//! An independent judge of the transactional engine.
//!
//! Built with `--cfg hivework_probe`, the engine keeps a record of every attempt: what it
//! read and wrote, under which versions, and when. Versions name commits and
//! each write knows the version that it replaced, so a history tells completely
//! who depends on whom. The judge trusts none of the engine's reasoning; it
//! looks at what came of it:
//!
//! * **Versions** ([`versions`]). Each variable's versions form one chain, without
//!   forks or repeats; no two commits share a version; nobody reads a version that
//!   nobody wrote, or a word under it that its writer did not write; an attempt that
//!   did not commit wrote nothing.
//! * **Order** ([`graph`], [`cycle`]). There is one order of all attempts, those that
//!   did not commit included, as readers, that all dependencies follow
//!   (serialisable, opaque) and that real time follows (strict): the graph has no cycle.
//!
//! [`stress`] makes histories: rounds of concurrent transactions of many shapes, in
//! calm and in [chaos](hivework_stm::probe), each judged and thrown away.
//!
//! ```
//! use hivework_judge::{History, Judge, Read, Write};
//!
//! const X: usize = 1;
//! let read = Read { variable: X, version: 0, word: 10 };
//! let write = |after, word| Write { variable: X, before: 0, after, word };
//!
//! // Two that read the same version, and both replaced it.
//! let mut history = History::default();
//! history.add(0, 0..10, true, &[read], &[write(1, 11)]);
//! history.add(1, 0..10, true, &[read], &[write(2, 11)]);
//! assert!(Judge::default().judge(&history).is_err());
//! ```

pub mod cycle;
pub mod graph;
pub mod history;
pub mod stress;
mod table;
mod verdict;
pub mod versions;

pub use history::{Attempt, History};
pub use hivework_stm::probe::{Read, Write};
pub use verdict::{Step, Violation, Why};

use graph::Graph;
use versions::Versions;

/// Judges histories, one after the other, in the same memory.
#[derive(Debug, Default)]
pub struct Judge {
    versions: Versions,
    graph: Graph,
}

impl Judge {
    /// Is the history one that a correct engine can have?
    ///
    /// Takes time in proportion to its reads and writes, but for two sorts of its
    /// attempts by time; to describe a cycle takes longer.
    ///
    /// # Errors
    ///
    /// What is wrong with it, the attempts concerned spelled out.
    pub fn judge(&mut self, history: &History) -> Result<(), Violation> {
        self.versions.resolve(history)?;
        self.graph.build(history, &self.versions);
        match self.graph.shortest_cycle() {
            None => Ok(()),
            Some(attempts) => Err(graph::explain(history, &self.versions, &attempts)),
        }
    }
}
