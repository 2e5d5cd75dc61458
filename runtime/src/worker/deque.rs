//! The seam to the deques: FIFO or LIFO for the thread that owns one, FIFO for
//! thieves.
//!
//! Shipped, it is crossbeam-deque's. crossbeam-deque cannot be modelled, so
//! under the model a stand-in takes its place, which keeps what a protocol
//! around a deque can trip over: emptiness is read without a lock, an item
//! counts only after it lies in its slot, and a thief may be told to try again.

#[cfg(not(hivework_loom))]
mod real;
#[cfg(not(hivework_loom))]
pub use real::{Deque, Stealer};

#[cfg(hivework_loom)]
mod model;
#[cfg(hivework_loom)]
pub use model::{Deque, Stealer};

/// What a thief comes home with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Steal<T> {
    /// An item; more may have been moved to the thief's own deque.
    Taken(T),
    /// There was nothing.
    Empty,
    /// Another thief was faster: look again.
    Retry,
}
