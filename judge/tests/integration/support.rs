//! Histories in short notation: variables and versions are small numbers, and the
//! word of a version follows from both.

use std::ops::Range;

use hivework_judge::graph::SLACK;
use hivework_judge::{History, Judge, Read, Violation, Why, Write};

pub(crate) const X: usize = 64;
pub(crate) const Y: usize = 128;
pub(crate) const Z: usize = 192;

pub(crate) fn read(variable: usize, version: u64) -> Read {
    Read {
        variable,
        version,
        word: variable * 1000 + version as usize,
    }
}

pub(crate) fn write(variable: usize, before: u64, after: u64) -> Write {
    Write {
        variable,
        before,
        after,
        word: variable * 1000 + after as usize,
    }
}

/// Takes times in units that are longer than the slack.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) history: History,
}

impl Script {
    pub(crate) fn committed(
        mut self,
        thread: usize,
        time: Range<u64>,
        reads: &[Read],
        writes: &[Write],
    ) -> Self {
        self.history.add(thread, scaled(time), true, reads, writes);
        self
    }

    pub(crate) fn aborted(mut self, thread: usize, time: Range<u64>, reads: &[Read]) -> Self {
        self.history.add(thread, scaled(time), false, reads, &[]);
        self
    }

    pub(crate) fn judged(&self) -> Result<(), Violation> {
        Judge::default().judge(&self.history)
    }

    /// Demands a cycle; answers its attempts, in order of their numbers, and the reasons.
    pub(crate) fn cycle(&self) -> (Vec<usize>, Vec<Why>) {
        match self.judged() {
            Err(Violation::Cycle(steps)) => {
                let mut attempts: Vec<_> = steps.iter().map(|step| step.attempt).collect();
                attempts.sort_unstable();
                (attempts, steps.into_iter().map(|step| step.why).collect())
            }
            other => panic!("a cycle, not {other:?}"),
        }
    }
}

fn scaled(time: Range<u64>) -> Range<u64> {
    time.start * 2 * SLACK..time.end * 2 * SLACK
}
