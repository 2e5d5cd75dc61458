//! What a round's variables hold: words in place, or boxes.

use std::fmt::Debug;

/// A number in some form.
pub(super) trait Value: Clone + Debug + Send + Sync + 'static {
    /// The form of a number.
    fn make(number: u64) -> Self;

    /// The number.
    fn number(&self) -> u64;

    /// Is it in one piece?
    fn is_whole(&self) -> bool;
}

impl Value for u64 {
    fn make(number: u64) -> Self {
        number
    }

    #[inline]
    fn number(&self) -> u64 {
        *self
    }

    #[inline]
    fn is_whole(&self) -> bool {
        true
    }
}

/// Behind a pointer, and written twice: a box that has been freed, or is not yet
/// filled in the reader's eyes, will hardly show the same number in both places.
#[derive(Clone, Debug)]
pub(super) struct Boxed {
    number: u64,
    inverse: u64,
}

impl Value for Boxed {
    fn make(number: u64) -> Self {
        Boxed {
            number,
            inverse: !number,
        }
    }

    #[inline]
    fn number(&self) -> u64 {
        self.number
    }

    #[inline]
    fn is_whole(&self) -> bool {
        self.number == !self.inverse
    }
}

impl Drop for Boxed {
    /// What is freed is not whole any more.
    fn drop(&mut self) {
        // A plain store may be left out as dead; the reader would be the defect.
        std::hint::black_box(&mut self.inverse);
        self.inverse = self.number;
        std::hint::black_box(&mut self.inverse);
    }
}
