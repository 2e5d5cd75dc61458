//! What a variable costs in memory, by an allocator that counts.
//!
//! It is the report's allocator all the time, so its counters are off but for
//! these measurements: then an allocation costs one more load and a branch, the
//! same for every contestant.

use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::fmt;
use std::hint::black_box;
use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hivework_benches::system::{AsyncStm, FastStm, Hivework, Stm, System, Value};
use parking_lot::Mutex;

/// How many variables are made and divided by.
const VARIABLES: usize = 10_000;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
/// Bytes asked for less bytes given back, modulo the word.
static LIVE: AtomicUsize = AtomicUsize::new(0);

fn count(allocations: usize, asked: usize, given_back: usize) {
    // Relaxed: switched and read by the only thread that allocates meanwhile.
    if ON.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(allocations, Ordering::Relaxed);
        LIVE.fetch_add(asked.wrapping_sub(given_back), Ordering::Relaxed);
    }
}

// SAFETY: every method passes its arguments on to the system's allocator and
// answers with its answer; counting touches no memory that it hands out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: the caller's obligations are those of the system's allocator.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: as in `alloc`.
        unsafe { Heap.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: `place` came from the system's allocator with this layout,
        // because every allocation here does.
        unsafe { Heap.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(0, size, layout.size());
        // SAFETY: as in `dealloc`; the new size is the caller's obligation.
        unsafe { Heap.realloc(place, layout, size) }
    }
}

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
        let before = (
            ALLOCATIONS.load(Ordering::Relaxed),
            LIVE.load(Ordering::Relaxed),
        );
        ON.store(true, Ordering::Relaxed);
        variables.extend((0..VARIABLES).map(|_| make()));
        ON.store(false, Ordering::Relaxed);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before.0;
        let live = LIVE.load(Ordering::Relaxed).wrapping_sub(before.1);
        black_box(&variables);
        Row {
            name,
            handle: size_of::<V>(),
            heap: live as f64 / VARIABLES as f64,
            allocations: allocations as f64 / VARIABLES as f64,
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
