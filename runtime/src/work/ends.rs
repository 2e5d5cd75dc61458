#![allow(
    unsafe_code,
    reason = "an item is reached by counted pointers; `item.rs` and `task.rs` have the rules"
)]
//! The references to an item that know the type of its result: before the put, and the handle's.
//! [`item`](super::item) tells how references are counted, [`task`](super::task) when the stage,
//! and with it the outcome, is the handle's.

use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;

use super::completion::{Callback, Completion, Outcome};
use super::error::WorkError;
use super::info::Info;
use super::item::{Head, Item, Kind, Runs};
use super::memory;
use super::priority::Priority;
use super::state::{Detach, StateWord};

/// An item as its handle sees it.
pub(crate) trait Core<T>: Runs {
    fn head(&self) -> &Head;
    fn completion(&self) -> Completion<'_, T>;
    /// The handle goes.
    fn forget_waker(&self);
    /// The stage's outcome, if there is one.
    ///
    /// # Safety
    ///
    /// The stage belongs to the caller's handle, which is borrowed for as long as the answer.
    unsafe fn outcome(&self) -> Option<&Outcome<T>>;
    /// Drops what was to be run, contained.
    ///
    /// # Safety
    ///
    /// The stage belongs to the caller.
    unsafe fn discard(&self);
    /// Replaces the stage's outcome.
    ///
    /// # Safety
    ///
    /// The stage belongs to the caller; where that is the handle, it is held exclusively.
    unsafe fn exchange(&self, outcome: Option<Outcome<T>>) -> Option<Outcome<T>>;
}

/// Work that is not put: nobody else can reach it.
pub(crate) struct Fresh<T>(NonNull<dyn Core<T>>);

/// The handle's reference.
pub(crate) struct HandleEnd<T>(NonNull<dyn Core<T>>);

// SAFETY: a reference to an item, which is Sync and Send as `Runs` demands.
unsafe impl<T: Send> Send for Fresh<T> {}
// SAFETY: as above; a shared one shows the head alone.
unsafe impl<T: Send> Sync for Fresh<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for HandleEnd<T> {}
// SAFETY: as above; a shared one hands out a T only where T is Sync.
unsafe impl<T: Send> Sync for HandleEnd<T> {}

impl<T: Send + 'static> Fresh<T> {
    /// An item of any kind, which `make` makes with the head that it is given.
    pub(crate) fn of<I: Kind + Core<T>>(make: impl FnOnce(Head) -> I) -> Self {
        let item: NonNull<I> = memory::place(make(Head::of::<I>()));
        Fresh(item)
    }

    pub(crate) fn info_mut(&mut self) -> &mut Info {
        let head: *mut Head = self.0.cast::<Head>().as_ptr();
        // SAFETY: it is allocated, and a Fresh is the only one to reach it.
        unsafe { &mut (*head).info }
    }

    pub(crate) fn set_priority(&mut self, priority: Priority) {
        self.core().head().state.set_priority(priority);
    }

    pub(crate) fn info(&self) -> &Info {
        &self.core().head().info
    }

    pub(crate) fn core(&self) -> &dyn Core<T> {
        // SAFETY: allocated for as long as this is there.
        unsafe { self.0.as_ref() }
    }

    /// The two ends, for the put. From now on others may reach it.
    pub(crate) fn split(self) -> (HandleEnd<T>, Item) {
        let core = ManuallyDrop::new(self).0;
        // SAFETY: a Fresh's item, and one of the two references that the word began with; the other
        // is the handle's.
        let item = unsafe { Item::counted(core.cast()) };
        (HandleEnd(core), item)
    }

    /// Undoes the split, where nobody else has had the item.
    pub(crate) fn rejoin(handle: HandleEnd<T>, item: Item) -> Result<Self, HandleEnd<T>> {
        let same = item.is_to(handle.0.cast());
        if !same || !item.head().state.take_back() {
            return Err(handle);
        }
        mem::forget(item);
        Ok(Fresh(ManuallyDrop::new(handle).0))
    }
}

impl<T> Drop for Fresh<T> {
    fn drop(&mut self) {
        // SAFETY: placed by `of`, and a Fresh is the only one to reach it.
        unsafe { memory::clear(self.0) };
    }
}

impl<T> HandleEnd<T> {
    #[inline]
    pub(crate) fn head(&self) -> &Head {
        // SAFETY: as in `core`; the head is what a kind of item begins with.
        unsafe { self.0.cast::<Head>().as_ref() }
    }

    pub(crate) fn core(&self) -> &dyn Core<T> {
        // SAFETY: allocated for as long as this reference is counted.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn info(&self) -> &Info {
        &self.head().info
    }

    #[inline]
    pub(crate) fn state(&self) -> &StateWord {
        &self.head().state
    }

    /// Another reference.
    pub(crate) fn item(&self) -> Item {
        self.state().more();
        // SAFETY: the handle's item, and the reference was counted just now.
        unsafe { Item::counted(self.0.cast()) }
    }

    /// Runs the item on this thread if nobody has begun it.
    pub(crate) fn run_here(&self) {
        let this = self.item();
        self.core().run_here(&this);
    }

    /// Takes the outcome. Call it when the item is published.
    pub(crate) fn take(&mut self) -> Outcome<T> {
        const TAKEN: WorkError = WorkError::Lost("its result has been taken before");
        let state = self.state();
        if !state.is_published() {
            return Err(TAKEN);
        }
        if state.flags().1 {
            let first = state.take_overdue();
            return Err(if first { state.lateness().1 } else { TAKEN });
        }
        // SAFETY: published, not overdue, and not detached, because here is the handle: the
        // stage is its own. It is held exclusively.
        let taken = unsafe { self.core().exchange(None) };
        taken.unwrap_or(Err(TAKEN))
    }

    /// A copy of the outcome, which stays. Call it when the item is published.
    pub(crate) fn lend(&self) -> Outcome<T>
    where
        T: Clone + Sync,
    {
        const TAKEN: WorkError = WorkError::Lost("its result has been taken before");
        let state = self.state();
        if !state.is_published() {
            return Err(TAKEN);
        }
        if state.flags().1 {
            return Err(state.lateness().1);
        }
        // SAFETY: as in `take`; it is borrowed, and T is Sync.
        let outcome = unsafe { self.core().outcome() };
        outcome.cloned().unwrap_or(Err(TAKEN))
    }

    /// Calls back with the outcome, which stays. Call it when the item is published.
    pub(crate) fn tell(&mut self, callback: Callback<T>)
    where
        T: Send + 'static,
    {
        if self.state().flags().1 {
            let outcome = Err(self.state().lateness().1);
            return self.core().completion().call(callback, &outcome);
        }
        let outcome = self.take();
        self.core().completion().call(callback, &outcome);
        // SAFETY: as in `take`; it was published there.
        drop(unsafe { self.core().exchange(Some(outcome)) });
    }
}

impl<T> Drop for HandleEnd<T> {
    fn drop(&mut self) {
        // Who waits has left word there.
        if self.info().rare().is_some() {
            self.core().forget_waker();
        }
        match self.state().detach() {
            Detach::Left => {}
            Detach::Last => {
                // SAFETY: placed by `Fresh::of`, and this was the last reference.
                unsafe { memory::clear(self.0) };
            }
            Detach::Published => {
                // What drops the reference, also if the outcome's own Drop panics.
                // SAFETY: the handle's item, and the handle's own reference.
                let _reference = unsafe { Item::counted(self.0.cast()) };
                if !self.state().flags().1 {
                    // SAFETY: published with a handle, and not overdue: the stage is
                    // the handle's, which is held exclusively.
                    drop(unsafe { self.core().exchange(None) });
                }
            }
        }
    }
}
