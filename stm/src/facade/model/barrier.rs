//! The pair of unequal barriers, in both of the shipped forms.
//!
//! loom knows no `membarrier`. Its place is taken by a word that both sides read,
//! modify and write: of two of them the later sees what came before the earlier, and
//! other fences take no part in that. With `fence(SeqCst)` on both sides every such
//! fence would do for the heavy side, and the protocol around it would be idle.

use super::atomic::{Ordering, fence};

loom::lazy_static! {
    static ref PASSED: loom::sync::atomic::AtomicUsize = loom::sync::atomic::AtomicUsize::new(0);
}

std::thread_local! {
    static ASYMMETRIC: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// As shipped.
pub fn asymmetric() -> bool {
    ASYMMETRIC.get()
}

/// Sets which form models on this thread use.
pub fn set_asymmetric(asymmetric: bool) {
    ASYMMETRIC.set(asymmetric);
}

fn pass() {
    // Ordering: AcqRel, pairs with itself.
    PASSED.fetch_add(1, Ordering::AcqRel);
}

/// As shipped.
pub fn light(asymmetric: bool) {
    if asymmetric {
        pass();
    } else {
        fence(Ordering::SeqCst);
    }
}

/// As shipped.
#[must_use]
pub fn heavy() -> bool {
    fence(Ordering::SeqCst);
    if asymmetric() {
        pass();
        fence(Ordering::SeqCst);
    }
    true
}
