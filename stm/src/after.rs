//! Doing something when the running transaction is over, from where there is no
//! `&mut Transaction`: a `Drop`, in most cases.
//!
//! It goes into the thread's bag of what is ready to be dropped, which every
//! attempt empties as the last thing it does ([`crate::reclaim`]).

use crate::context::{Here, in_transaction};
use crate::reclaim::garbage::Garbage;

/// Runs `f` when the transaction that runs on this thread is over, whichever way
/// that ends, and at once where none runs.
///
/// For a `Drop` that needs a transaction, and may happen inside one. Unlike
/// [`Transaction::on_commit`](crate::Transaction::on_commit) it needs no
/// `&mut Transaction`, and it is not undone by a roll-back. A panic of `f` that
/// was put off is contained.
///
/// ```
/// use hivework_stm::{TVar, after_transaction, atomically};
///
/// let open = TVar::new(1);
/// struct Closes(TVar<i32>);
/// impl Drop for Closes {
///     fn drop(&mut self) {
///         let open = self.0.clone();
///         after_transaction(move || open.update(|n| n - 1));
///     }
/// }
/// atomically(|tx| {
///     let last = Closes(open.clone());
///     open.read(tx)?;
///     drop(last); // a transaction here would be one inside another
///     Ok(())
/// });
/// assert!(open.load() <= 0); // once for every attempt
/// ```
pub fn after_transaction(f: impl FnOnce() + Send + 'static) {
    if !in_transaction() {
        return f();
    }
    type Deferred = Box<dyn FnOnce() + Send>;
    unsafe fn run(deferred: *mut ()) {
        // SAFETY: made of a box below, and run once.
        let deferred = unsafe { Box::from_raw(deferred.cast::<Deferred>()) };
        deferred();
    }
    let deferred: Box<Deferred> = Box::new(Box::new(f));
    // SAFETY: `run` takes the box that is given up here; the closure is Send.
    let garbage = unsafe { Garbage::new(Box::into_raw(deferred).cast(), run) };
    Here::get().member().ready(garbage);
}
