//! What was recorded of a round, as the judge sees it.

use std::ops::Range;
use std::time::Instant;

use hivework_stm::probe::{Read, Trace, Write};

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which thread ran it.
    pub thread: usize,
    /// From begin to end, in nanoseconds of the history.
    pub time: Range<u64>,
    /// Did it commit?
    pub committed: bool,
    /// Its reads, by their place in the history.
    pub reads: Range<usize>,
    /// Its writes, by their place in the history.
    pub writes: Range<usize>,
}

/// The attempts of a round; those of one thread stand in order of time.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// In no order but that within each thread.
    pub attempts: Vec<Attempt>,
    /// The reads of all attempts.
    pub reads: Vec<Read>,
    /// The writes of all attempts.
    pub writes: Vec<Write>,
}

impl History {
    /// Puts the traces of a round's threads together.
    #[must_use]
    pub fn of(traces: &[Trace]) -> History {
        let firsts = traces.iter().filter_map(|trace| trace.attempts.first());
        let Some(zero) = firsts.map(|attempt| attempt.begin).min() else {
            return History::default();
        };
        let since = |instant: Instant| instant.duration_since(zero).as_nanos() as u64;
        let count = |f: fn(&Trace) -> usize| traces.iter().map(f).sum();
        let mut history = History {
            attempts: Vec::with_capacity(count(|trace| trace.attempts.len())),
            reads: Vec::with_capacity(count(|trace| trace.reads.len())),
            writes: Vec::with_capacity(count(|trace| trace.writes.len())),
        };
        for (thread, trace) in traces.iter().enumerate() {
            let (reads, writes) = (history.reads.len(), history.writes.len());
            let (mut read, mut written) = (0, 0);
            for attempt in &trace.attempts {
                history.attempts.push(Attempt {
                    thread,
                    time: since(attempt.begin)..since(attempt.end),
                    committed: attempt.committed,
                    reads: reads + read..reads + attempt.reads,
                    writes: writes + written..writes + attempt.writes,
                });
                (read, written) = (attempt.reads, attempt.writes);
            }
            history.reads.extend_from_slice(&trace.reads);
            history.writes.extend_from_slice(&trace.writes);
        }
        history
    }

    /// Adds an attempt by hand; each thread's in order of time.
    pub fn add(
        &mut self,
        thread: usize,
        time: Range<u64>,
        committed: bool,
        reads: &[Read],
        writes: &[Write],
    ) {
        let (first_read, first_write) = (self.reads.len(), self.writes.len());
        self.reads.extend_from_slice(reads);
        self.writes.extend_from_slice(writes);
        self.attempts.push(Attempt {
            thread,
            time,
            committed,
            reads: first_read..self.reads.len(),
            writes: first_write..self.writes.len(),
        });
    }

    /// What an attempt read.
    #[must_use]
    pub fn reads_of(&self, attempt: &Attempt) -> &[Read] {
        &self.reads[attempt.reads.clone()]
    }

    /// What an attempt wrote.
    #[must_use]
    pub fn writes_of(&self, attempt: &Attempt) -> &[Write] {
        &self.writes[attempt.writes.clone()]
    }
}
