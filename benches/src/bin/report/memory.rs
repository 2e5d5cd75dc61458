//! What a variable costs in memory.

use std::fmt;
use std::hint::black_box;
use std::mem::size_of;
use std::sync::Arc;

use hivework_benches::system::{AsyncStm, FastStm, Hivework, Stm, System, Value};
use parking_lot::Mutex;

use crate::heap;

/// How many variables are made and divided by.
const VARIABLES: usize = 10_000;

/// One system's variable of one type.
struct Row {
    name: &'static str,
    /// Of the handle, wherever its owner keeps it.
    handle: usize,
    /// Asked of the allocator and not given back, per variable.
    heap: f64,
    allocations: f64,
}

impl Row {
    fn measure<V>(name: &'static str, make: impl Fn() -> V) -> Self {
        // What a system allocates once is not a variable's.
        black_box(make());
        let mut variables = Vec::with_capacity(VARIABLES);
        let used = heap::used_by(|| variables.extend((0..VARIABLES).map(|_| make())));
        black_box(&variables);
        Row {
            name,
            handle: size_of::<V>(),
            heap: used.live as f64 / VARIABLES as f64,
            allocations: used.allocations as f64 / VARIABLES as f64,
        }
    }

    fn of<S: System, T: Value>(make: fn() -> T) -> Self {
        Row::measure(S::NAME, || S::var(make()))
    }
}

/// The table of the report.
pub(crate) struct Memory(Vec<(&'static str, Vec<Row>)>);

impl Memory {
    /// Measures; no other thread may be running.
    pub(crate) fn measure() -> Self {
        fn rows<T: Value>(make: fn() -> T) -> Vec<Row> {
            vec![
                Row::of::<Hivework, T>(make),
                Row::of::<Stm, T>(make),
                Row::of::<FastStm, T>(make),
                Row::of::<AsyncStm, T>(make),
                Row::measure("mutex in an Arc", || Arc::new(Mutex::new(make()))),
            ]
        }
        Memory(vec![
            ("u64", rows(|| 0_u64)),
            ("String, empty", rows(String::new)),
            ("[u64; 4]", rows(|| [0_u64; 4])),
        ])
    }

    /// The heap of one `TVar<u64>` of ours.
    pub(crate) fn of_a_variable(&self) -> Option<f64> {
        Some(self.0.first()?.1.first()?.heap)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Of {VARIABLES} variables, per variable. Heap is what was asked of the allocator, \
             without its own overhead;\nthe handle lies wherever its owner keeps it.\n"
        )?;
        writeln!(f, "| holds | | heap, bytes | allocations | handle, bytes |")?;
        writeln!(f, "|---|---|--:|--:|--:|")?;
        for (holds, rows) in &self.0 {
            for row in rows {
                writeln!(
                    f,
                    "| {holds} | {} | {:.1} | {:.2} | {} |",
                    row.name, row.heap, row.allocations, row.handle
                )?;
            }
        }
        Ok(())
    }
}
