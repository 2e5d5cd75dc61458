#![allow(
    unsafe_code,
    reason = "items are reached by counted pointers, which the state word counts"
)]
//! References to items: what lies in queues and deques, and what all items have in common.
//!
//! # References
//!
//! An item, of whatever [kind](Kind), is [placed](memory) and reached through three kinds of
//! reference, which its [state word](super::state) counts: one [`HandleEnd`](super::ends::HandleEnd),
//! which knows the type of the result; any number of [`Item`]s, which know neither that nor the
//! closure's type: the queue's, the timers', the contexts'; and before it is put one
//! [`Fresh`](super::ends::Fresh), which is both the handle's and the queue's and thereby alone.
//! Whoever gives up the last reference clears the place.
//! Every pointer is the one to that place, or a cast of it: the [head](Head) is the
//! first field of a `repr(C)` struct.

use std::fmt;
use std::ptr::NonNull;

use stm_ports::Refusal;

use super::error::WorkError;
use super::info::Info;
use super::memory;
use super::priority::Priority;
use super::state::StateWord;
use crate::handle::deep::Nudge;

/// An item as its queue sees it.
pub(crate) trait Runs: Send + Sync {
    /// Runs it, or buries it. `this` is a reference to it.
    fn run(&self, this: &Item);
    /// Runs it on this thread if its handle may claim it.
    fn run_here(&self, this: &Item);
    fn refuse(&self, why: Refusal);
    /// Its deadline has passed. `this` is a reference to it.
    fn expire(&self, this: &Item);
    /// Its put's transaction was rolled back.
    fn roll_back(&self);
    /// Answers its handle with `why` unless somebody has begun it.
    fn withdraw(&self, why: WorkError);
    /// Asks it to cancel; false when it was over.
    fn cancel(&self) -> bool;
    /// Wakes whoever waits for it, now that it is published.
    fn wake(&self);
    /// Has whoever waits for it look again.
    fn nudge(&self);
    /// What it waits for is there, if it runs in turns.
    fn woken(&self, _this: &Item) {}
    /// Its scheduler ends, and it waits.
    fn stop(&self) {}
    /// Its scheduler drains, and nothing is left that would wake it.
    fn give_up(&self) {}
}

/// What every item begins with, whatever its types.
pub(crate) struct Head {
    pub(crate) state: StateWord,
    /// The item as a trait object.
    ///
    /// Its safety: the head is that of the item it was made for, and the pointer that to its place.
    widen: unsafe fn(NonNull<Head>) -> NonNull<dyn Runs>,
    pub(crate) info: Info,
}

impl Head {
    /// The head of an `I`, which has to become its first field.
    pub(super) fn of<I: Kind>() -> Head {
        Head {
            state: StateWord::new(),
            widen: widen::<I>,
            info: Info::new(),
        }
    }

    #[inline]
    pub(crate) fn priority(&self) -> Priority {
        self.state.priority()
    }
}

/// A kind of item.
///
/// # Safety
///
/// It is `repr(C)`, and its first field is the head that it was made with.
pub(crate) unsafe trait Kind: Runs + 'static {}

/// # Safety
///
/// The head is that of an `I`, and the pointer that to its place.
unsafe fn widen<I: Kind>(head: NonNull<Head>) -> NonNull<dyn Runs> {
    head.cast::<I>()
}

/// A reference that knows nothing of closure and result: what lies in queues and deques.
pub(crate) struct Item(NonNull<Head>);

// SAFETY: a reference to an item, which is Sync and Send as `Runs` demands.
unsafe impl Send for Item {}
// SAFETY: as above.
unsafe impl Sync for Item {}

impl Item {
    /// A reference that has been counted before.
    ///
    /// # Safety
    ///
    /// The head is that of an item in its place, the pointer leads to it, and one of the item's
    /// references is given up to this one.
    #[inline]
    pub(super) unsafe fn counted(head: NonNull<Head>) -> Item {
        Item(head)
    }

    /// Is it a reference to the item with this head?
    #[inline]
    pub(super) fn is_to(&self, head: NonNull<Head>) -> bool {
        self.0 == head
    }

    #[inline]
    pub(crate) fn head(&self) -> &Head {
        // SAFETY: allocated for as long as this reference is counted.
        unsafe { self.0.as_ref() }
    }

    fn runs(&self) -> &dyn Runs {
        // SAFETY: the head's own function, and the pointer to its place.
        let wide = unsafe { (self.head().widen)(self.0) };
        // SAFETY: as in `head`.
        unsafe { wide.as_ref() }
    }

    /// Runs it on this thread, if nobody has begun it. A panic is contained.
    pub(crate) fn run(self) {
        self.runs().run(&self);
    }

    /// Answers its handle without running it, if nobody has begun it.
    pub(crate) fn refuse(self, why: Refusal) {
        self.runs().refuse(why);
    }

    pub(crate) fn expire(&self) {
        self.runs().expire(self);
    }

    pub(crate) fn roll_back(&self) {
        self.runs().roll_back();
    }

    pub(crate) fn withdraw(&self, why: WorkError) {
        self.runs().withdraw(why);
    }

    pub(crate) fn cancel(&self) -> bool {
        self.runs().cancel()
    }

    pub(crate) fn wake(&self) {
        self.runs().wake();
    }

    pub(crate) fn woken(&self) {
        self.runs().woken(self);
    }

    pub(crate) fn stop(&self) {
        self.runs().stop();
    }

    pub(crate) fn give_up(&self) {
        self.runs().give_up();
    }

    /// Was it made here, and not received?
    #[inline]
    pub(crate) fn is_own(&self) -> bool {
        self.head().info.home().is_some()
    }

    /// A number that few others have, to spread items by.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.0.addr().get() as u64 >> 6
    }

    /// As a number, for a queue of numbers. The reference stays where it is; who takes the
    /// number out of the queue has it.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr().expose_provenance()
    }

    /// The reference that a number stands for.
    ///
    /// # Safety
    ///
    /// The number is an [`address`](Item::address), and that reference was given up to the caller:
    /// it was forgotten, or will be, and nobody else takes it.
    pub(crate) unsafe fn from_address(address: usize) -> Option<Item> {
        NonNull::new(std::ptr::with_exposed_provenance_mut(address)).map(Item)
    }
}

impl Clone for Item {
    fn clone(&self) -> Self {
        self.head().state.more();
        Item(self.0)
    }
}

impl Drop for Item {
    #[inline]
    fn drop(&mut self) {
        if self.head().state.less() {
            // SAFETY: the head's own function, and the pointer to its place.
            let wide = unsafe { (self.head().widen)(self.0) };
            // SAFETY: placed when it was made, and this was the last reference.
            unsafe { memory::clear(wide) };
        }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { state, info, .. } = self.head();
        f.debug_struct("Work")
            .field("id", &info.id())
            .field("name", &info.name())
            .field("state", state)
            .finish_non_exhaustive()
    }
}

impl Nudge for Item {
    fn nudge(&self) {
        self.runs().nudge();
    }
}
