//! When memory that others may still be reading can go.
//!
//! A commit displaces boxed values, and the last handle of a variable leaves
//! its core behind, while other threads' transactions may hold raw pointers to
//! either. The seam is small on purpose, so that what stands behind it can be
//! exchanged:
//!
//! 1. [`pin`]: what is reachable now stays allocated until the [`Pin`] goes.
//! 2. [`Pin::retire`]: it is unreachable for whoever pins from now on; free it
//!    once everyone who is pinned at this moment has unpinned.
//! 3. [`drain`]: drop what has become free. [`flush`]: hurry.
//!
//! Behind it stands crossbeam-epoch with a collector of our own, so that no
//! other user's pin runs our garbage and ours runs nobody else's.
//!
//! **No garbage is dropped under a pin.** The collector runs its deferred functions
//! inside `pin`. Ours therefore only move the garbage to the thread's *ready*
//! bag; [`drain`] empties it when the thread is unpinned and in no transaction.
//! A value's `Drop` may run transactions, displace values and drop variables:
//! what that makes ready lands in the bag and is picked up by the loop that is
//! already running, so a chain of variables of any length is dropped without
//! recursion. A `Drop` that panics is contained: the rest is still dropped.
//!
//! Under the model nothing is ever freed: a model cannot then see a value too
//! early gone, which is left to Miri and the sanitizers.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::LazyLock;

use crate::facade::epoch::{Collector, Guard, LocalHandle};
use crate::facade::sync::Mutex;
use crate::facade::{global, local};

static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);

local! {
    static PARTICIPANT: LocalHandle = COLLECTOR.register();
}

/// While it lives, nothing that was reachable when it was made is freed.
pub(crate) struct Pin(Guard);

/// Keeps what is reachable now allocated until the result is dropped.
#[inline]
pub(crate) fn pin() -> Pin {
    // A thread that is being taken down has no participant any more: it
    // registers for this one pin.
    Pin(PARTICIPANT
        .try_with(LocalHandle::pin)
        .unwrap_or_else(|_| COLLECTOR.register().pin()))
}

impl Pin {
    /// Frees `garbage` once everyone who is pinned now has unpinned.
    ///
    /// Whoever pins later must not be able to reach it.
    #[inline]
    pub(crate) fn retire(&self, garbage: Garbage) {
        // SAFETY: the closure owns what it touches and only moves it into a
        // bag; Garbage is Send, so any thread may run it.
        unsafe { self.0.defer_unchecked(move || ready(garbage)) }
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin")
    }
}

/// A value behind an erased pointer, to be dropped once.
#[derive(Debug)]
pub(crate) struct Garbage {
    pointer: *mut (),
    drop: unsafe fn(*mut ()),
}

// SAFETY: the constructor's caller promises that the value may be dropped on
// any thread.
unsafe impl Send for Garbage {}

impl Garbage {
    /// # Safety
    ///
    /// `drop(pointer)` must be sound to call once, on any thread, and nothing
    /// else may do so.
    pub(crate) unsafe fn new(pointer: *mut (), drop: unsafe fn(*mut ())) -> Self {
        Garbage { pointer, drop }
    }
}

impl Drop for Garbage {
    fn drop(&mut self) {
        contain(|| {
            // SAFETY: promised to `new`, and a Garbage is dropped once.
            unsafe { (self.drop)(self.pointer) }
        });
    }
}

/// Runs foreign code whose panic concerns nobody here: the panic hook has told
/// of it, and here it stops.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(f)) {
        drop_payload(payload);
    }
}

/// Drops what a panic carried. That may panic in turn; what that one carries is
/// left alone, or there would be no end to it.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(another) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

local! {
    static READY: RefCell<Vec<Garbage>> = const { RefCell::new(Vec::new()) };
}

local! {
    static DRAINING: Cell<bool> = const { Cell::new(false) };
}

global! {
    /// What became ready on threads that had already taken down their bags.
    static ORPHANED: Mutex<Vec<Garbage>> = Mutex::new(Vec::new());
}

/// Puts garbage whose time has come into the thread's ready bag.
pub(crate) fn ready(garbage: Garbage) {
    let mut garbage = Some(garbage);
    let _ = READY.try_with(|bag| bag.borrow_mut().extend(garbage.take()));
    if let Some(garbage) = garbage {
        ORPHANED.lock().push(garbage);
    }
}

/// Drops what has become free, and tells how many values that were.
///
/// Call it unpinned and outside transactions only: it runs user code.
#[inline]
pub(crate) fn drain() -> usize {
    match READY.try_with(|bag| bag.borrow().is_empty()) {
        Ok(true) | Err(_) => 0,
        Ok(false) => drain_bag(),
    }
}

#[cold]
fn drain_bag() -> usize {
    // The flag keeps a Drop that comes here from recursing; the loop below
    // goes on until such a Drop leaves nothing behind.
    if DRAINING
        .try_with(|draining| draining.replace(true))
        .unwrap_or(true)
    {
        return 0;
    }
    let mut dropped = 0;
    loop {
        let mut bag = READY.try_with(RefCell::take).unwrap_or_default();
        // Orphans have nobody else to look after them.
        bag.append(&mut ORPHANED.lock());
        if bag.is_empty() {
            break;
        }
        dropped += bag.len();
        drop(bag);
    }
    let _ = DRAINING.try_with(|draining| draining.set(false));
    dropped
}

/// How many fruitless rounds convince [`flush`] that somebody is still pinned:
/// the epoch has to advance twice past a value before it is free.
const FRUITLESS_ROUNDS: usize = 4;

/// Hands everything that this thread has displaced to the collector, and drops
/// what nobody can be reading any more, until nothing more becomes free.
pub(crate) fn flush() {
    let mut fruitless = 0;
    while fruitless < FRUITLESS_ROUNDS {
        pin().0.flush();
        if drain_bag() == 0 {
            fruitless += 1;
        } else {
            fruitless = 0;
        }
    }
}
