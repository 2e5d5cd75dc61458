//! Searching: gathering that ends as soon as the answer is known.
//!
//! All parts share one word, the *bound*: whoever is at it or beyond need not go on. It
//! begins beyond everything. A search for the first item lowers it to the place where one
//! was found, so that only what lies before goes on; a search for any item lowers it to
//! 0, and nobody does. Each part looks at it before each block.
//!
//! The bound is a hint that saves work: which item is the first follows from the order in
//! which states are merged, and what a part gave up lies behind one that was found. Hence
//! Relaxed suffices everywhere; the finds themselves come with the join. Places are
//! counted up to `usize::MAX` and no further: a part beyond that is never told to end, and
//! ends by itself.

use std::ops::ControlFlow;

use hivework_stm::facade::atomic::{AtomicUsize, Ordering};

use super::lazy::Gather;

/// Looks for an item of which the closure makes something.
pub(super) struct Search<F> {
    find: F,
    first: bool,
    bound: AtomicUsize,
}

/// How far a part has come.
pub(super) struct Sought<R> {
    found: Option<R>,
    place: usize,
}

impl<F> Search<F> {
    /// For whichever item is found.
    pub(super) fn any(find: F) -> Search<F> {
        Search {
            find,
            first: false,
            bound: AtomicUsize::new(usize::MAX),
        }
    }

    /// For the first in order.
    pub(super) fn first(find: F) -> Search<F> {
        Search {
            first: true,
            ..Search::any(find)
        }
    }

    fn is_over(&self, place: usize) -> bool {
        let bound = self.bound.load(Ordering::Relaxed);
        // Nothing lies beyond the last place that can be told.
        place >= bound && bound != usize::MAX
    }
}

impl<R> Sought<R> {
    /// At the beginning of the input.
    pub(super) fn begin() -> Sought<R> {
        Sought {
            found: None,
            place: 0,
        }
    }

    pub(super) fn found(self) -> Option<R> {
        self.found
    }
}

impl<I, R: Send, F: Fn(I) -> Option<R> + Sync> Gather<I> for Search<F> {
    type State = Sought<R>;

    fn take(&self, state: &mut Sought<R>, mut items: impl Iterator<Item = I>) -> ControlFlow<()> {
        if self.is_over(state.place) {
            return ControlFlow::Break(());
        }
        let mut looked_at = 0;
        state.found = items.find_map(|item| {
            looked_at += 1;
            (self.find)(item)
        });
        state.place = state.place.saturating_add(looked_at);
        if state.found.is_none() {
            return ControlFlow::Continue(());
        }
        let bound = if self.first { state.place } else { 0 };
        self.bound.fetch_min(bound, Ordering::Relaxed);
        ControlFlow::Break(())
    }

    fn split_off(&self, state: &mut Sought<R>, at: usize) -> Sought<R> {
        Sought {
            found: None,
            place: state.place.saturating_add(at),
        }
    }

    fn merge(&self, front: Sought<R>, back: Sought<R>) -> Sought<R> {
        if front.found.is_some() { front } else { back }
    }
}
