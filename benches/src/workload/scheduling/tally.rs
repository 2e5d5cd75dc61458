//! Counts works as they end.
//!
//! Each thread counts on a cache line of its own. Were there one counter for all, what is
//! measured of a short work would for the most part be that line on its way from worker to
//! worker, the same for every pool, and would hide what the pools themselves cost.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// More than there are workers at a time. Two threads with the same line are no more
/// than slower.
const LINES: usize = 64;

#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU64);

/// A count of works.
pub(crate) struct Tally([Line; LINES]);

impl Tally {
    /// One that works can refer to without counting the references, which would again be
    /// a shared line. It stays for good; a contestant makes one.
    pub(crate) fn for_good() -> &'static Self {
        Box::leak(Box::new(Tally(std::array::from_fn(|_| Line::default()))))
    }

    /// One more work has ended.
    #[inline]
    pub(crate) fn count(&self) {
        // Ordering: Release, for the load in `total`.
        self.0[line_of_this_thread()]
            .0
            .fetch_add(1, Ordering::Release);
    }

    /// How many have ended.
    pub(crate) fn total(&self) -> u64 {
        // Ordering: Acquire pairs with the Release in `count`: what the works did is seen.
        self.0
            .iter()
            .map(|line| line.0.load(Ordering::Acquire))
            .sum()
    }

    /// Waits until so many have ended. Looks from time to time instead of being woken,
    /// because nobody knows that his work is the last; what it is late by is little of a
    /// sample.
    pub(crate) fn wait_for(&self, total: u64) {
        while self.total() < total {
            thread::sleep(Duration::from_micros(10));
        }
    }
}

#[inline]
fn line_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    const NONE: usize = usize::MAX;
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(NONE) };
    }
    MINE.with(|mine| {
        if mine.get() == NONE {
            // Relaxed: only that the numbers differ counts.
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % LINES);
        }
        mine.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_threads_count_is_in_the_total() {
        let tally = Tally::for_good();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..1000).for_each(|_| tally.count()));
            }
            tally.wait_for(3000);
        });
        assert_eq!(tally.total(), 3000);
    }
}
