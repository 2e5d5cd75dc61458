//! What a thread keeps between transactions: its shard, how far it has seen the
//! clocks, and the logs, whose memory is used again.
//!
//! An attempt takes the context out of its thread-local place and puts it back
//! when it is over. A transaction inside a transaction is told by a flag of its
//! own, which needs no destructor and so works as long as the thread does. A
//! thread that is being taken down finds no place any more: its transactions
//! work on a context made for the purpose.

use std::cell::Cell;

use crate::clock::Shard;
use crate::facade::local;
use crate::facade::sync::Arc;
use crate::transaction::nest::Effects;
use crate::transaction::read_log::ReadLog;
use crate::wait::Waiter;

local! {
    static PLACE: Cell<Option<Box<Context>>> = const { Cell::new(None) };
}

local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// The state of a thread's transactions.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) shard: Shard,
    /// How far each clock has been seen; 0 beyond the end.
    pub(crate) seen: Vec<u64>,
    /// Room for an extension to keep the clocks in.
    pub(crate) clocks: Vec<u64>,
    pub(crate) reads: ReadLog,
    pub(crate) effects: Effects,
    /// The transaction holds the elder token.
    pub(crate) elder: bool,
    /// The attempt has met a conflict and must not commit.
    pub(crate) poisoned: bool,
    /// To be notified when the attempt is over.
    pub(crate) woken: Vec<Arc<Waiter>>,
}

impl Context {
    #[cold]
    fn new() -> Box<Context> {
        Box::new(Context {
            shard: Shard::acquire(),
            seen: Vec::new(),
            clocks: Vec::new(),
            reads: ReadLog::default(),
            effects: Effects::default(),
            elder: false,
            poisoned: false,
            woken: Vec::new(),
        })
    }

    /// Takes the thread's context and marks the thread as running a transaction.
    ///
    /// # Panics
    ///
    /// When it is running one already.
    #[inline]
    pub(crate) fn enter() -> Box<Context> {
        if RUNNING.with(|running| running.replace(true)) {
            nested_transaction();
        }
        PLACE
            .try_with(Cell::take)
            .ok()
            .flatten()
            .unwrap_or_else(Context::new)
    }

    /// Undoes `enter`.
    #[inline]
    pub(crate) fn leave(self: Box<Self>) {
        // In a thread that is being taken down this drops the context, and
        // with it gives the shard back.
        let mut context = Some(self);
        let _ = PLACE.try_with(|place| place.set(context.take()));
        RUNNING.with(|running| running.set(false));
    }
}

#[cold]
fn nested_transaction() -> ! {
    panic!(
        "a transaction was started inside another one on the same thread. Inside a transaction, \
         pass its `&mut Transaction` on, and use `read(tx)`, `write(tx, …)` and the `…_in(tx, …)` \
         forms; for a part that can fail on its own use `Transaction::nested`, for something to do \
         after the commit `Transaction::on_commit`"
    );
}

/// Is a transaction running on this thread?
///
/// For code that must choose between a transactional and a plain form, such as
/// a `Drop` that may run inside somebody's transaction.
#[must_use]
pub fn in_transaction() -> bool {
    RUNNING.with(Cell::get)
}
