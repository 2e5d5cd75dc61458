//! An allocator that counts.
//!
//! It is the report's allocator all the time, so its counters are off but while
//! something is counted: then an allocation costs one more load and a branch, the
//! same for every contestant.

use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

/// What something used of the heap.
pub(crate) struct Used {
    pub(crate) allocations: usize,
    /// Bytes asked for and not given back.
    pub(crate) live: usize,
}

/// Counts what `f` uses; no other thread may allocate meanwhile.
pub(crate) fn used_by(f: impl FnOnce()) -> Used {
    let before = (
        ALLOCATIONS.load(Ordering::Relaxed),
        LIVE.load(Ordering::Relaxed),
    );
    ON.store(true, Ordering::Relaxed);
    f();
    ON.store(false, Ordering::Relaxed);
    Used {
        allocations: ALLOCATIONS.load(Ordering::Relaxed) - before.0,
        live: LIVE.load(Ordering::Relaxed).wrapping_sub(before.1),
    }
}
