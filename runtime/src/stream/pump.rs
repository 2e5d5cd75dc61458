//! One pump at a time on a thread: a pump that is begun in the middle of another is put off.

use std::cell::RefCell;

use hivework_stm::facade::local;
use hivework_stm::facade::sync::Arc;

use super::drawer::Drawer;

local! {
    /// While a pump runs on this thread: those that are to follow.
    static PUMPING: RefCell<Option<Vec<Arc<Drawer>>>> = RefCell::new(None);
}

/// A pump that runs on this thread.
#[must_use]
pub(super) struct Turn(());

impl Turn {
    /// None where one runs, which will see to this.
    pub(super) fn begin(drawer: &Arc<Drawer>) -> Option<Turn> {
        let begun = PUMPING.try_with(|pumping| match &mut *pumping.borrow_mut() {
            Some(next) => {
                if !next.iter().any(|other| Arc::ptr_eq(other, drawer)) {
                    next.push(Arc::clone(drawer));
                }
                false
            }
            none => {
                *none = Some(Vec::new());
                true
            }
        });
        // A thread that is about to end has no such place, and no pumps inside of pumps.
        begun.unwrap_or(true).then(|| Turn(()))
    }

    /// One that was put off.
    #[expect(clippy::unused_self, reason = "who has it is in a pump")]
    pub(super) fn next(&self) -> Option<Arc<Drawer>> {
        let next = PUMPING.try_with(|pumping| pumping.borrow_mut().as_mut()?.pop());
        next.ok().flatten()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let left = PUMPING.try_with(|pumping| pumping.borrow_mut().take());
        drop(left);
    }
}
