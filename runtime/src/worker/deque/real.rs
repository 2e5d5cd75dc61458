//! The shipped side of the seam: crossbeam-deque.

use std::fmt;

use crossbeam_deque as deque;

use super::Steal;

/// The owner's end.
pub struct Deque<T>(deque::Worker<T>);

/// A thief's end.
pub struct Stealer<T>(deque::Stealer<T>);

impl<T> Default for Deque<T> {
    fn default() -> Self {
        Deque::new()
    }
}

impl<T> Deque<T> {
    /// An empty deque whose owner takes the oldest item first, as thieves do.
    #[must_use]
    pub fn new() -> Self {
        Deque(deque::Worker::new_fifo())
    }

    /// An empty deque whose owner takes the newest item first.
    #[must_use]
    pub fn lifo() -> Self {
        Deque(deque::Worker::new_lifo())
    }

    /// Another thief's end.
    #[must_use]
    pub fn stealer(&self) -> Stealer<T> {
        Stealer(self.0.stealer())
    }

    /// Adds an item at the back.
    pub fn push(&self, item: T) {
        self.0.push(item);
    }

    /// Takes the item whose turn it is.
    #[must_use]
    pub fn pop(&self) -> Option<T> {
        self.0.pop()
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
        self.0.len()
    }
}

impl<T> Stealer<T> {
    /// Takes the item at the front and moves up to half of the rest to `home`.
    pub fn steal_into(&self, home: &Deque<T>) -> Steal<T> {
        self.0.steal_batch_and_pop(&home.0).into()
    }

    /// Takes the item at the front.
    pub fn steal(&self) -> Steal<T> {
        self.0.steal().into()
    }

    /// Was there nothing at the moment of the look?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many items there were at the moment of the look.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> From<deque::Steal<T>> for Steal<T> {
    fn from(steal: deque::Steal<T>) -> Self {
        match steal {
            deque::Steal::Success(item) => Steal::Taken(item),
            deque::Steal::Empty => Steal::Empty,
            deque::Steal::Retry => Steal::Retry,
        }
    }
}

impl<T> Clone for Stealer<T> {
    fn clone(&self) -> Self {
        Stealer(self.0.clone())
    }
}

impl<T> fmt::Debug for Deque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deque").field("len", &self.0.len()).finish()
    }
}

impl<T> fmt::Debug for Stealer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stealer")
            .field("len", &self.0.len())
            .finish()
    }
}
