//! What an operation on a container does, as the container grows: variables read
//! and written by its transactions, and allocations.

use std::fmt;
use std::rc::Rc;

use hivework_benches::growth::Transacted;

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
    fn of(ours: &dyn Transacted) -> Self {
        let (mut reads, mut writes) = (0, 0);
        for _ in 0..OPERATIONS {
            let effects = ours.effects();
            reads += effects.reads;
            writes += effects.writes;
        }
        // Looking into a transaction allocates, so the allocations are those of
        // other operations.
        let used = heap::used_by(|| {
            ours.operate(OPERATIONS);
        });
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
    pub(crate) fn new(sizes: &[usize]) -> Self {
        Effects {
            sizes: sizes.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds what operations on `ours` do, which is there in each size; no other
    /// thread may allocate meanwhile.
    pub(crate) fn count(&mut self, name: &'static str, ours: &[Rc<dyn Transacted>]) {
        let means = ours.iter().map(|ours| Means::of(&**ours));
        self.rows.push((name, means.collect()));
    }
}

impl fmt::Display for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "### what an operation does\n\nPer operation, a mean of {OPERATIONS}: variables read, variables written, allocations.\n"
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
