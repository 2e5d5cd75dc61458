//! Who comes before whom.
//!
//! Nodes are attempts, those that did not commit included: they have read, and what
//! they read must have a place in the order, too. Edges, from the earlier one:
//!
//! | edge | from | to |
//! |---|---|---|
//! | wr | the writer of a version | whoever read it |
//! | ww | the writer of a version | whoever replaced it |
//! | rw | whoever read a version | whoever replaced it |
//! | program | an attempt | the next one of its thread |
//! | real time | an attempt | everyone who began after it was over |
//!
//! Real time would be a quadratic number of edges. A chain of *time nodes* stands
//! for them: an attempt leads to the first time node after its end, a time node to
//! the next, and to the attempts that begin between it and the next. So there is a
//! path from A to B over time nodes alone just when A was over before B began.
//!
//! **Slack.** Threads take their times from clocks that agree, but not as a part of
//! memory's order: a processor may tell the time while its last stores are still
//! on their way to the others, and may load before it tells the time. That is no
//! defect of the engine, and to prevent it would take a barrier, which hides
//! defects. So between threads an attempt counts as over only [`SLACK`] later. Within
//! a thread the program's order is exact.

use crate::cycle;
use crate::history::History;
use crate::verdict::{Step, Violation, Why, spell};
use crate::versions::{NOBODY, Versions};

/// How long after its end an attempt counts as over, for other threads, in
/// nanoseconds: much longer than a store takes to arrive.
pub const SLACK: u64 = 2_000;

/// The graph of a history, and the memory to make it in.
#[derive(Debug, Default)]
pub struct Graph {
    attempts: u32,
    nodes: u32,
    edges: Vec<(u32, u32)>,
    begins: Vec<(u64, u32)>,
    ends: Vec<(u64, u32)>,
    last_of_thread: Vec<u32>,
    search: cycle::Search,
}

impl Graph {
    /// Makes the graph of a history.
    pub fn build(&mut self, history: &History, versions: &Versions) {
        self.attempts = history.attempts.len() as u32;
        self.edges.clear();
        let edges = &mut self.edges;
        dependencies(history, versions, |from, to| edges.push((from, to)));
        self.program_order(history);
        self.real_time(history);
    }

    fn program_order(&mut self, history: &History) {
        let last = &mut self.last_of_thread;
        last.clear();
        for (number, attempt) in history.attempts.iter().enumerate() {
            if last.len() <= attempt.thread {
                last.resize(attempt.thread + 1, NOBODY);
            }
            let before = std::mem::replace(&mut last[attempt.thread], number as u32);
            if before != NOBODY {
                self.edges.push((before, number as u32));
            }
        }
    }

    fn real_time(&mut self, history: &History) {
        let numbered = || (0..).zip(&history.attempts);
        self.begins.clear();
        self.begins
            .extend(numbered().map(|(number, attempt)| (attempt.time.start, number)));
        self.ends.clear();
        self.ends
            .extend(numbered().map(|(number, attempt)| (attempt.time.end + SLACK, number)));
        // Stable sorts: they make use of each thread's order.
        self.begins.sort_by_key(|&(time, _)| time);
        self.ends.sort_by_key(|&(time, _)| time);
        let mut latest = NOBODY;
        let mut ended = self.ends.iter().peekable();
        self.nodes = self.attempts;
        for &(begin, later) in &self.begins {
            let mut fresh = NOBODY;
            while let Some(&(_, earlier)) = ended.next_if(|&&(end, _)| end < begin) {
                if fresh == NOBODY {
                    fresh = self.nodes;
                    self.nodes += 1;
                    if latest != NOBODY {
                        self.edges.push((latest, fresh));
                    }
                    latest = fresh;
                }
                self.edges.push((earlier, fresh));
            }
            if latest != NOBODY {
                self.edges.push((latest, later));
            }
        }
    }

    /// The attempts of a shortest cycle, if there is a cycle.
    pub fn shortest_cycle(&mut self) -> Option<Vec<u32>> {
        let mut cycle = self
            .search
            .shortest_cycle(self.nodes, self.attempts, &self.edges)?;
        cycle.retain(|&node| node < self.attempts);
        Some(cycle)
    }
}

/// All edges wr, ww and rw.
#[inline]
fn dependencies(history: &History, versions: &Versions, mut edge: impl FnMut(u32, u32)) {
    for (number, attempt) in (0..).zip(&history.attempts) {
        for place in attempt.reads.clone() {
            let version = versions.read(place);
            if version.writer != NOBODY {
                edge(version.writer, number);
            }
            // Whoever reads a version and replaces it itself comes before nobody.
            if version.next != NOBODY && version.next != number {
                edge(number, version.next);
            }
        }
        for place in attempt.writes.clone() {
            let version = versions.replaced(place);
            if version.writer != NOBODY {
                edge(version.writer, number);
            }
        }
    }
}

/// Tells why each attempt of a cycle comes before the next.
#[must_use]
pub fn explain(history: &History, versions: &Versions, cycle: &[u32]) -> Violation {
    let next = cycle.iter().cycle().skip(1);
    let steps = cycle.iter().zip(next).map(|(&from, &to)| Step {
        attempt: from as usize,
        why: why(history, versions, from, to),
        did: spell(history, from as usize),
    });
    Violation::Cycle(steps.collect())
}

fn why(history: &History, versions: &Versions, from: u32, to: u32) -> Why {
    let (earlier, later) = (
        &history.attempts[from as usize],
        &history.attempts[to as usize],
    );
    for place in later.reads.clone() {
        if versions.read(place).writer == from {
            let read = history.reads[place];
            return Why::ReadFrom {
                variable: read.variable,
                version: read.version,
            };
        }
    }
    for place in later.writes.clone() {
        if versions.replaced(place).writer == from {
            let write = history.writes[place];
            return Why::Replaced {
                variable: write.variable,
                version: write.before,
            };
        }
    }
    for place in earlier.reads.clone() {
        if from != to && versions.read(place).next == to {
            let read = history.reads[place];
            return Why::ReadBefore {
                variable: read.variable,
                version: read.version,
            };
        }
    }
    if earlier.thread == later.thread {
        Why::Program
    } else {
        Why::RealTime
    }
}
