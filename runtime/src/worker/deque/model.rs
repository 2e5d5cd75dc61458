//! The model's side of the seam: a deque that loom can explore.
//!
//! The payload lies behind a lock, but emptiness does not: it is a bare counter,
//! raised after the item lies in its slot, so that "found empty" can race
//! with a push as it does on the real deque. Every other theft is told to try
//! again.

use std::collections::VecDeque;
use std::fmt;

use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};

use super::Steal;

struct Inner<T> {
    is_lifo: bool,
    len: AtomicUsize,
    /// With them, whether the next theft is told to come again. The first one is not: who steals
    /// once, as a visitor does, shall have something.
    items: Mutex<(VecDeque<T>, bool)>,
}

/// The owner's end.
pub struct Deque<T>(Arc<Inner<T>>);

/// A thief's end.
pub struct Stealer<T>(Arc<Inner<T>>);

impl<T> Inner<T> {
    fn is_empty(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `push`.
        self.len.load(Ordering::Acquire) == 0
    }

    fn take(&self, newest: bool) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let mut items = self.items.lock();
        let item = if newest {
            items.0.pop_back()
        } else {
            items.0.pop_front()
        }?;
        // Ordering: Release; partner: the Acquire in `is_empty`.
        self.len.fetch_sub(1, Ordering::Release);
        Some(item)
    }
}

impl<T> Default for Deque<T> {
    fn default() -> Self {
        Deque::new()
    }
}

impl<T> Deque<T> {
    /// An empty deque whose owner takes the oldest item first, as thieves do.
    #[must_use]
    pub fn new() -> Self {
        Deque::of(false)
    }

    /// An empty deque whose owner takes the newest item first.
    #[must_use]
    pub fn lifo() -> Self {
        Deque::of(true)
    }

    fn of(is_lifo: bool) -> Self {
        Deque(Arc::new(Inner {
            is_lifo,
            len: AtomicUsize::new(0),
            items: Mutex::new((VecDeque::new(), false)),
        }))
    }

    /// Another thief's end.
    #[must_use]
    pub fn stealer(&self) -> Stealer<T> {
        Stealer(Arc::clone(&self.0))
    }

    /// Adds an item at the back.
    pub fn push(&self, item: T) {
        self.0.items.lock().0.push_back(item);
        // Ordering: Release, after the item lies in its slot; partner: the
        // Acquire in `is_empty`.
        self.0.len.fetch_add(1, Ordering::Release);
    }

    /// Takes the item whose turn it is.
    #[must_use]
    pub fn pop(&self) -> Option<T> {
        self.0.take(self.0.is_lifo)
    }
}

impl<T> Deque<T> {
    /// Was there nothing at the moment of the look?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many items there were at the moment of the look.
    #[must_use]
    pub fn len(&self) -> usize {
        // Ordering: Acquire; partner: the Release in `push`.
        self.0.len.load(Ordering::Acquire)
    }
}

impl<T> Stealer<T> {
    /// Takes the item at the front and moves up to half of the rest to `home`.
    pub fn steal_into(&self, home: &Deque<T>) -> Steal<T> {
        let taken = self.steal();
        if matches!(taken, Steal::Taken(_)) {
            // Ordering: advice on how much to move.
            let more = self.0.len.load(Ordering::Relaxed) / 2;
            for _ in 0..more {
                match self.0.take(false) {
                    Some(item) => home.push(item),
                    None => break,
                }
            }
        }
        taken
    }

    /// Takes the item at the front.
    pub fn steal(&self) -> Steal<T> {
        if self.0.is_empty() {
            return Steal::Empty;
        }
        {
            let mut items = self.0.items.lock();
            items.1 = !items.1;
            if !items.1 {
                return Steal::Retry;
            }
        }
        self.0.take(false).map_or(Steal::Empty, Steal::Taken)
    }

    /// Was there nothing at the moment of the look?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many items there were at the moment of the look.
    #[must_use]
    pub fn len(&self) -> usize {
        // Ordering: Acquire; partner: the Release in `push`.
        self.0.len.load(Ordering::Acquire)
    }
}

impl<T> Clone for Stealer<T> {
    fn clone(&self) -> Self {
        Stealer(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Deque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deque")
    }
}

impl<T> fmt::Debug for Stealer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stealer")
    }
}
