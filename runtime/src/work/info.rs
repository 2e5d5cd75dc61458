//! What everybody may know of a work item.

use std::borrow::Cow;
use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::sync::Arc;

use crate::shared::Shared;

/// What everybody may know of an item. Written before it is put.
#[derive(Default)]
pub(crate) struct Info {
    pub(crate) id: u64,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) due: Option<Instant>,
    pub(crate) owner: Option<Arc<Shared>>,
    /// The number of the thread whose transaction put the item, and 0 where it
    /// was put without one. It stays; whether the transaction may still be open
    /// is for the state word to say (HELD).
    pub(crate) held_by: AtomicU64,
}

impl Info {
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn is_overdue(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    /// This thread's transaction puts the item.
    pub(crate) fn hold(&self, thread: u64) {
        // Ordering: Relaxed; read back by this thread alone, the rest only
        // compare it with their own number.
        self.held_by.store(thread, Ordering::Relaxed);
    }

    /// Was it this thread's transaction that put it?
    pub(crate) fn is_held_by(&self, thread: u64) -> bool {
        // Ordering: as above.
        self.held_by.load(Ordering::Relaxed) == thread
    }
}
