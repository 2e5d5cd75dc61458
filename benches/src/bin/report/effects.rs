//! What an operation on a container does, as the container grows: variables read
//! and written by its transactions, and allocations.

use std::fmt;

use hivework_benches::growth::Case;

use crate::heap;

/// How many operations are averaged.
const OPERATIONS: u64 = 5000;

/// Per operation.
struct Means {
    reads: f64,
    writes: f64,
    allocations: f64,
}

impl Means {
    /// No other thread may be running.
    fn of(case: &Case, size: usize) -> Self {
        let ours = case.ours(size);
        let (mut reads, mut writes) = (0, 0);
        for n in 0..OPERATIONS {
            let effects = ours.effects(n);
            reads += effects.reads;
            writes += effects.writes;
        }
        // Looking into a transaction allocates, so the allocations are those of
        // other operations.
        let used = heap::used_by(|| (OPERATIONS..2 * OPERATIONS).for_each(|n| ours.operate(n)));
        let mean = |sum| sum as f64 / OPERATIONS as f64;
        Means {
            reads: mean(reads),
            writes: mean(writes),
            allocations: mean(used.allocations as u64),
        }
    }
}

/// The table of the report.
pub(crate) struct Effects {
    sizes: Vec<usize>,
    rows: Vec<(&'static str, Vec<Means>)>,
}

impl Effects {
    /// Counts; no other thread may be running.
    pub(crate) fn count(cases: &[Case], sizes: &[usize]) -> Self {
        let row = |case: &Case| {
            let means = sizes.iter().map(|size| Means::of(case, *size));
            (case.name, means.collect())
        };
        Effects {
            sizes: sizes.to_vec(),
            rows: cases.iter().map(row).collect(),
        }
    }
}

impl fmt::Display for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Per operation, a mean of {OPERATIONS}: variables read, variables written, allocations.\n"
        )?;
        write!(f, "| elements |")?;
        for size in &self.sizes {
            write!(f, " {size} |")?;
        }
        writeln!(f, "\n|---|{}", "--:|".repeat(self.sizes.len()))?;
        for (name, means) in &self.rows {
            write!(f, "| {} |", name.trim_start_matches("growth of "))?;
            for Means {
                reads,
                writes,
                allocations,
            } in means
            {
                write!(f, " {reads:.2}, {writes:.2}, {allocations:.2} |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
