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
//! # It judges
//!
//! Each row is one change to the engine, made in a copy; then three runs of at most
//! four million attempts each, undisturbed and disturbed, stopped at the first round
//! that was refused. The figures are thousands of attempts until then, in the
//! slowest of the three; the least is two rounds, some 16. A dash: not in every run.
//!
//! | change | found as | undisturbed | disturbed |
//! |---|---|---|---|
//! | commit: does not check its reads | cycle | 66 | 34 |
//! | commit: checks its reads before it locks | cycle | 100 | 34 |
//! | commit: an own lock passes for unchanged | cycle | 99 | 51 |
//! | commit: ticks before the data is stored | word | – | 373 |
//! | commit: versions published before the data is stored | word, or a crash | 117 | 17 |
//! | commit: each version published with its own data | word | – | 102 |
//! | commit: a swallowed conflict commits | sum | – | 68 |
//! | lock: taken by a load and a store | fork, or a crash | 33 | 17 |
//! | read: any version accepted | cycle, word | 17 | 34 |
//! | read: locks ignored | word | 33 | 35 |
//! | read: data loaded after the version | word | – | 34 |
//! | read: no second look after an extension | word | 50 | 17 |
//! | read: serves again what the thread read last | cycle | 34 | 34 |
//! | extension: without a check | cycle | 17 | 34 |
//! | extension: without a check, long logs only | cycle | 133 | 102 |
//! | extension: clocks read after the check | cycle | 254 | 223 |
//! | clock: the shared one ticked by a load and a store | version twice | 106 | 196 |
//! | `or_else`: the left side is not undone | sum | 33 | 34 |
//! | wait: flagged before the entry is queued | asleep | – | 2099 |
//! | wait: waits though the variable has changed | asleep | – | 444 |
//! | commit: wakes nobody | asleep | 33 | 34 |
//!
//! Undisturbed runs depend on two threads meeting by chance, on a busy machine less
//! often than here; disturbed ones hardly do. The shared clock is counted from
//! where its rounds begin. What chance finds here, the models find by looking at
//! every schedule; but of small programs only.
//!
//! # An example
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
