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
//!   [`Transaction::nested`] undoes a part. [`after()`] makes time something to
//!   wait for.
//! * **Walkable.** [`TVar::read_ref`] lends a value for as long as the attempt lasts, and a
//!   [`TArray`] keeps many variables side by side.
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
//! `reclaim.rs` (memory), `row.rs` (many variables in one allocation), `clock.rs` and
//! `version.rs` (the words).

#![deny(missing_docs)]

mod after;
mod array;
mod atomically;
mod cell;
mod clock;
mod contention;
mod context;
mod delay;
#[doc(hidden)]
pub mod facade;
mod future;
mod handles;
mod lent;
mod outcome;
mod parker;
mod place;
#[doc(hidden)]
pub mod probe;
mod reclaim;
mod row;
mod slots;
mod stats;
#[doc(hidden)]
pub mod trace;
mod transaction;
mod tvar;
mod version;
mod wait;

pub use after::after_transaction;
pub use array::TArray;
pub use atomically::{atomically, atomically_or, atomically_timeout, try_atomically};
pub use context::in_transaction;
pub use delay::{Delay, after};
pub use future::{AtomicallyFuture, atomically_async};
pub use lent::Ref;
pub use outcome::{Abort, StmError, StmResult, abort, check, retry};
pub use parker::{BlockHook, set_block_hook};
pub use stats::{TransactionStats, stats};
pub use transaction::Transaction;
pub use tvar::TVar;

/// The mechanisms, for the models and for the containers of `stm-ports`. Not part of the
/// interface.
#[doc(hidden)]
pub mod internals {
    pub use crate::context::DropsLater;
    pub use crate::reclaim::bare::{Sealed, Section};
    pub use crate::slots::{Slots, peek_ref};
    pub use crate::transaction::snapshot::revalidate;
}

/// Drops the values that commits on this thread have displaced, as far as no
/// running transaction can be reading them any more.
///
/// There is no need to call it for memory's sake, as long as a thread goes on displacing values:
/// each is dropped once every transaction that was running then is over and the thread that
/// displaced it has displaced some more: one or two, if they come slowly, up to some thousands, if
/// they come within a fraction of a millisecond. It does not wait for those when the thread runs
/// some ten thousand transactions more, or ends. A thread that displaces no more keeps its last.
///
/// Call it when something waits for such a `Drop`: a channel that closes when its last
/// sender goes, say. Values that another thread has displaced and still keeps are that thread's
/// to flush.
///
/// Does nothing inside a transaction, or inside the `Drop` of a value that is being dropped so.
pub fn flush() {
    let here = context::Here::get();
    if !here.in_transaction() {
        here.member().flush();
        here.settle();
    }
}
