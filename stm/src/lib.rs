//! Software transactional memory: shared state that any number of threads read
//! and change in steps of any size, each step taking effect at one instant or
//! not at all.
//!
//! * **Opaque.** A running transaction never sees a state that never was, not
//!   even one that will have to run again.
//! * **Without a global clock or lock.** Transactions on different variables
//!   share no cache line.
//! * **Composable.** [`retry`] waits for something that was read to change,
//!   [`Transaction::or_else`] tries one thing and then another, and
//!   [`Transaction::nested`] undoes a part.
//! * **Never starving.** The number of times a transaction runs again is bounded.
//!
//! ```
//! use hivework_stm::{TVar, atomically, retry};
//!
//! let (queue, done) = (TVar::new(vec![1, 2, 3]), TVar::new(0));
//! // Taken and accounted for in one step: nobody ever sees neither or both.
//! let item = atomically(|tx| {
//!     let mut items = queue.read(tx)?;
//!     let Some(item) = items.pop() else { return retry() };
//!     queue.write(tx, items)?;
//!     done.modify(tx, |done| done + 1)?;
//!     Ok(item)
//! });
//! assert_eq!((item, done.load()), (3, 1));
//! ```
//!
//! How it works is told where it is done, one mechanism a file:
//! `transaction/snapshot.rs` (what may be read), `transaction/commit.rs` (with
//! the proof), `wait.rs` (no lost wake-up), `contention.rs` (the bound),
//! `reclaim.rs` (memory), `clock.rs` and `version.rs` (the words).

#![deny(missing_docs)]

mod after;
mod atomically;
mod cell;
mod clock;
mod contention;
mod context;
#[doc(hidden)]
pub mod facade;
mod future;
mod outcome;
mod parker;
#[doc(hidden)]
pub mod probe;
mod reclaim;
mod transaction;
mod tvar;
mod version;
mod wait;

pub use after::after_transaction;
pub use atomically::{atomically, atomically_or, atomically_timeout, try_atomically};
pub use context::in_transaction;
pub use future::{AtomicallyFuture, atomically_async};
pub use outcome::{Abort, StmError, StmResult, abort, check, retry};
pub use parker::{BlockHook, set_block_hook};
pub use transaction::Transaction;
pub use tvar::TVar;

/// Drops the values that commits on this thread have displaced, as far as no
/// running transaction can be reading them any more.
///
/// There is no need to call it for memory's sake. A displaced value is dropped
/// after the thread that displaced it has displaced some 64 more or has ended,
/// and threads have run some hundred transactions since. Call this when
/// something waits for such a `Drop`: a channel that closes when its last sender
/// goes, say. Values that another thread has displaced and still keeps are that
/// thread's to flush, and values that another thread has already collected drop
/// when that thread's present transaction is over.
///
/// Does nothing inside a transaction.
pub fn flush() {
    if !in_transaction() {
        reclaim::flush();
    }
}
