#![allow(
    unsafe_code,
    reason = "an item's memory and its stage are governed by its state word"
)]
//! A work item's one allocation: what it is called, how far it has come, what
//! it is to run and what came of it; and the references to it.
//!
//! # References
//!
//! A [`Task`] is made in a box and reached through three kinds of reference, which the
//! [state word](super::state) counts: one [`HandleEnd`], which knows the type of the
//! result; any number of [`Item`]s, which know neither that nor the closure's type: the queue's,
//! the timers', the contexts'; and before it is put one [`Fresh`], which is both the handle's and
//! the queue's and thereby alone. Whoever gives up the last reference frees the box.
//! Every pointer is the one that the box was made into, or a cast of it: the head is the
//! first field of a `repr(C)` struct.
//!
//! # The stage
//!
//! The closure, then nothing, then the outcome, all in one place, which is touched by one
//! thread at a time. Who that is the state word says:
//!
//! | the stage belongs to | from | to |
//! |---|---|---|
//! | `Fresh` | the making | the put |
//! | nobody | the put | the next line |
//! | who begins the item ([`Begin::Begun`]) | `begin` | its `end`; or its last use, if OVERDUE |
//! | who withdraws or cancels it ([`Withdraw::Mine`], [`Cancel::Withdrawn`]) | that | `publish` |
//! | who buries it, if it was OVERDUE unbegun | `bury`, won once | its last use |
//! | the handle, if it is not OVERDUE | PUBLISHED, not DETACHED | the handle's last use |
//! | who published it, if it was DETACHED by then | PUBLISHED | its last use |
//! | who frees it | the last reference's end | |
//!
//! Each line's first access comes after the last one of the line before: both sides are
//! changes of the word that release and acquire. An item that is OVERDUE has
//! its outcome in the word, so that neither the timer that expires it nor its handle
//! touches the stage, which its runner may still be using. An item is OVERDUE only if that
//! won the word, so no line's owner loses the stage to another.
//!
//! Of the handle, shared borrows only read the stage, exclusive ones change it; so the
//! borrow checker does the rest.
//!
//! # Running an item
//!
//! 1. Its deadline is looked at: an item whose time is over never begins.
//! 2. *Begin*: the claim that makes this thread the one that runs it. Who
//!    loses it has met a tombstone: it drops the closure, where the deadline
//!    left one behind, and runs the callbacks that the deadline left over. So
//!    does who takes the item out of its queue, or keeps it from ever getting
//!    there.
//! 3. The closure runs, unwinding contained, with the item's id on the
//!    thread's list of running work.
//! 4. *End*: the outcome is put on the stage and published by one change of the word. With a
//!    deadline, with callbacks, or after a checkpoint that said stop, it is *finished*
//!    first; who loses to the deadline drops its late result and runs the callbacks.
//! 5. The books count the item before its outcome is published, so that
//!    whoever has seen the outcome finds it counted; and count it *ended* only
//!    after its callbacks have run, because a drain waits for the ended ones and
//!    callbacks may put work.
//!
//! A thread that dies between 2 and 4 publishes [`WorkError::Lost`] on its way
//! out ([`Unfinished`]).

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;

use hivework_stm::facade::cell::UnsafeCell;
use hivework_stm::facade::sync::Arc;
use stm_ports::{Refusal, WorkItem};

use super::completion::{Completion, Outcome};
use super::context::WorkContext;
use super::error::{PanicReport, WorkError};
use super::info::Info;
use super::own::Own;
use super::priority::Priority;
use super::settle;
use super::state::{Begin, Cancel, Claim, Detach, StateWord};
use super::unwind::{contain, drop_contained};
use crate::books::Ending;
use crate::handle::deep::Nudge;
use crate::local;

/// What can be called as a work item's body.
pub(crate) trait Body<T>: Send + 'static {
    fn call(self, context: &dyn Fn() -> WorkContext) -> T;
}

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

/// What every item begins with, whatever its types.
pub(crate) struct Head {
    pub(crate) state: StateWord,
    /// The item as a trait object.
    ///
    /// Its safety: the head is that of the item it was made for, and the pointer that of its box.
    widen: unsafe fn(NonNull<Head>) -> NonNull<dyn Runs>,
    pub(crate) info: Info,
}

impl Head {
    #[inline]
    pub(crate) fn priority(&self) -> Priority {
        self.state.priority()
    }
}

/// See the [module](self).
#[repr(C)]
struct Task<F, T> {
    head: Head,
    stage: UnsafeCell<Stage<F, T>>,
}

enum Stage<F, T> {
    Closure(F),
    Empty,
    Ready(Outcome<T>),
}

// SAFETY: what is in a task is sent from thread to thread (F and T are Send), and the stage,
// which alone is not Sync by itself, is touched by one thread at a time, or read by holders of
// a shared handle, which hands out a T to them only where T is Sync (`HandleEnd::lend`).
unsafe impl<F: Send, T: Send> Sync for Task<F, T> {}
// SAFETY: as above.
unsafe impl<F: Send, T: Send> Send for Task<F, T> {}

/// A kind of item.
///
/// # Safety
///
/// It is `repr(C)`, and its first field is the head that it was made with.
pub(crate) unsafe trait Kind: Runs + 'static {}

// SAFETY: see its definition, and where it is made.
unsafe impl<F: Body<T>, T: Send + 'static> Kind for Task<F, T> {}

/// # Safety
///
/// The head is that of an `I`, and the pointer is the box's.
unsafe fn widen<I: Kind>(head: NonNull<Head>) -> NonNull<dyn Runs> {
    head.cast::<I>()
}

/// Work that is not put: nobody else can reach it.
pub(crate) struct Fresh<T>(NonNull<dyn Core<T>>);

/// The handle's reference.
pub(crate) struct HandleEnd<T>(NonNull<dyn Core<T>>);

/// A reference that knows nothing of closure and result: what lies in queues and deques.
pub(crate) struct Item(NonNull<Head>);

// SAFETY: a reference to a Task, which is Sync and Send.
unsafe impl<T: Send> Send for Fresh<T> {}
// SAFETY: as above; a shared one shows the head alone.
unsafe impl<T: Send> Sync for Fresh<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for HandleEnd<T> {}
// SAFETY: as above; a shared one hands out a T only where T is Sync.
unsafe impl<T: Send> Sync for HandleEnd<T> {}
// SAFETY: as above.
unsafe impl Send for Item {}
// SAFETY: as above.
unsafe impl Sync for Item {}

impl<T: Send + 'static> Fresh<T> {
    pub(crate) fn new<F: Body<T>>(body: F) -> Self {
        Fresh::of(|head| Task {
            head,
            stage: UnsafeCell::new(Stage::Closure(body)),
        })
    }

    /// An item of any kind, which `make` makes with the head that it is given.
    pub(crate) fn of<I: Kind + Core<T>>(make: impl FnOnce(Head) -> I) -> Self {
        let item = Box::new(make(Head {
            state: StateWord::new(),
            widen: widen::<I>,
            info: Info::new(),
        }));
        let item: NonNull<I> = NonNull::from(Box::leak(item));
        Fresh(item)
    }

    pub(crate) fn info_mut(&mut self) -> &mut Info {
        let head: *mut Head = self.0.cast::<Head>().as_ptr();
        // SAFETY: the box is allocated, and a Fresh is the only one to reach it.
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
        // The two references that the word began with.
        (HandleEnd(core), Item(core.cast()))
    }

    /// Undoes the split, where nobody else has had the item.
    pub(crate) fn rejoin(handle: HandleEnd<T>, item: Item) -> Result<Self, HandleEnd<T>> {
        let same = handle.0.cast::<Head>() == item.0;
        if !same || !item.head().state.take_back() {
            return Err(handle);
        }
        mem::forget(item);
        Ok(Fresh(ManuallyDrop::new(handle).0))
    }
}

impl<T> Drop for Fresh<T> {
    fn drop(&mut self) {
        // SAFETY: made from a box, and a Fresh is the only one to reach it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T> HandleEnd<T> {
    pub(crate) fn core(&self) -> &dyn Core<T> {
        // SAFETY: allocated for as long as this reference is counted.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn info(&self) -> &Info {
        &self.core().head().info
    }

    pub(crate) fn state(&self) -> &StateWord {
        &self.core().head().state
    }

    /// Another reference.
    pub(crate) fn item(&self) -> Item {
        self.state().more();
        Item(self.0.cast())
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
            return Err(if first {
                WorkError::DeadlineExceeded
            } else {
                TAKEN
            });
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
            return Err(WorkError::DeadlineExceeded);
        }
        // SAFETY: as in `take`; it is borrowed, and T is Sync.
        let outcome = unsafe { self.core().outcome() };
        outcome.cloned().unwrap_or(Err(TAKEN))
    }

    /// Calls back with the outcome, which stays. Call it when the item is published.
    pub(crate) fn tell(&mut self, callback: impl FnOnce(&Outcome<T>)) {
        let outcome = self.take();
        callback(&outcome);
        if self.state().flags().1 {
            return;
        }
        // SAFETY: as in `take`; it was published there.
        drop(unsafe { self.core().exchange(Some(outcome)) });
    }
}

impl<T> Drop for HandleEnd<T> {
    fn drop(&mut self) {
        self.core().forget_waker();
        match self.state().detach() {
            Detach::Left => {}
            Detach::Last => {
                // SAFETY: made from a box, and this was the last reference.
                drop(unsafe { Box::from_raw(self.0.as_ptr()) });
            }
            Detach::Published => {
                // What drops the reference, also if the outcome's own Drop panics.
                let _reference = Item(self.0.cast());
                if !self.state().flags().1 {
                    // SAFETY: published with a handle, and not overdue: the stage is
                    // the handle's, which is held exclusively.
                    drop(unsafe { self.core().exchange(None) });
                }
            }
        }
    }
}

impl Item {
    #[inline]
    pub(crate) fn head(&self) -> &Head {
        // SAFETY: allocated for as long as this reference is counted.
        unsafe { self.0.as_ref() }
    }

    fn runs(&self) -> &dyn Runs {
        // SAFETY: the head's own function, and a pointer that comes from its box.
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

/// An item that is not of this process's making, or comes back from a transport.
#[repr(C)]
struct Foreign {
    head: Head,
    inner: Arc<dyn WorkItem>,
}

// SAFETY: see its definition, and where it is made.
unsafe impl Kind for Foreign {}

impl Item {
    /// What came out of a transport, as something that can be queued.
    pub(crate) fn received(inner: Arc<dyn WorkItem>) -> Item {
        let priority = Priority::of(inner.urgency());
        let foreign: NonNull<Foreign> = NonNull::from(Box::leak(Box::new(Foreign {
            head: Head {
                state: StateWord::new(),
                widen: widen::<Foreign>,
                info: Info::new(),
            },
            inner,
        })));
        let item = Item(foreign.cast());
        item.head().state.set_priority(priority);
        // It has no handle, whose reference goes here; the other one is the item's.
        let _ = item.head().state.detach();
        item
    }
}

impl Runs for Foreign {
    fn run(&self, _: &Item) {
        Arc::clone(&self.inner).run();
    }

    fn refuse(&self, why: Refusal) {
        Arc::clone(&self.inner).refuse(why);
    }

    // What follows is asked of items that this process has put.

    fn run_here(&self, _: &Item) {}

    fn expire(&self, _: &Item) {}

    fn roll_back(&self) {}

    fn withdraw(&self, _: WorkError) {}

    fn cancel(&self) -> bool {
        false
    }

    fn wake(&self) {}

    fn nudge(&self) {}
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
            // SAFETY: the head's own function, and a pointer that comes from its box.
            let wide = unsafe { (self.head().widen)(self.0) };
            // SAFETY: made from a box, and this was the last reference.
            drop(unsafe { Box::from_raw(wide.as_ptr()) });
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

impl<F: Body<T>, T: Send + 'static> Task<F, T> {
    fn state(&self) -> &StateWord {
        &self.head.state
    }

    fn info(&self) -> &Info {
        &self.head.info
    }

    /// Replaces what is on the stage.
    ///
    /// # Safety
    ///
    /// The stage belongs to the caller.
    unsafe fn set_stage(&self, stage: Stage<F, T>) -> Stage<F, T> {
        self.stage.with_mut(|place| {
            // SAFETY: in bounds and initialised; nobody else touches it now.
            unsafe { mem::replace(&mut *place, stage) }
        })
    }

    /// Takes the closure, by whoever owns the stage of an item that has not run.
    ///
    /// # Safety
    ///
    /// The stage belongs to the caller.
    unsafe fn take_closure(&self) -> Option<F> {
        // SAFETY: passed on from the caller.
        match unsafe { self.set_stage(Stage::Empty) } {
            Stage::Closure(closure) => Some(closure),
            _ => None,
        }
    }

    /// Steps 1 to 5. False when the claim was lost.
    fn run_claimed(&self, this: &Item, claim: Claim) -> bool {
        if self.info().is_overdue() {
            self.expire(this);
        }
        match self.state().begin(claim) {
            Begin::Begun => {
                self.execute(this);
                true
            }
            Begin::Gone | Begin::Held => false,
        }
    }

    fn execute(&self, this: &Item) {
        let own = Own::of(self.info());
        own.begun();
        let running = local::Running::enter(self.info());
        // SAFETY: begun by this thread.
        let body = unsafe { self.take_closure() };
        let unfinished = Unfinished(Some((self, &own)));
        let ran = contain(|| body.map(|body| body.call(&|| WorkContext::new(this.clone()))));
        unfinished.disarm();
        let (outcome, ending) = match ran {
            Ok(Some(value)) => (Ok(value), Ending::Finished),
            Ok(None) => {
                let why = "it was taken apart before it ran";
                (Err(WorkError::Lost(why)), Ending::Lost)
            }
            Err(payload) => {
                let report = PanicReport::new(payload);
                (Err(WorkError::Panicked(report)), Ending::Panicked)
            }
        };
        settle::finish(self, &own, outcome, ending);
        drop(running);
    }
}

/// Publishes [`WorkError::Lost`] when its thread unwinds past it.
struct Unfinished<'a, F: Body<T>, T: Send + 'static>(Option<(&'a Task<F, T>, &'a Own)>);

impl<F: Body<T>, T: Send + 'static> Unfinished<'_, F, T> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: Body<T>, T: Send + 'static> Drop for Unfinished<'_, F, T> {
    fn drop(&mut self) {
        if let Some((task, own)) = self.0 {
            let why = WorkError::Lost("the worker that ran it died");
            settle::finish(task, own, Err(why), Ending::Lost);
        }
    }
}

impl<F: Body<T>, T: Send + 'static> Runs for Task<F, T> {
    fn run(&self, this: &Item) {
        if !self.run_claimed(this, Claim::Queue) {
            settle::bury(self);
        }
    }

    fn run_here(&self, this: &Item) {
        self.run_claimed(this, Claim::Handle);
    }

    fn refuse(&self, why: Refusal) {
        settle::refuse(self, why);
    }

    fn expire(&self, _: &Item) {
        let _ = settle::expire(self);
    }

    fn roll_back(&self) {
        settle::roll_back(self);
    }

    fn withdraw(&self, why: WorkError) {
        settle::withdraw(self, why);
    }

    fn cancel(&self) -> bool {
        match self.state().cancel() {
            Cancel::Withdrawn => {
                settle::publish_unbegun(self, WorkError::Cancelled, Ending::Cancelled);
                true
            }
            Cancel::Asked => true,
            Cancel::TooLate => false,
        }
    }

    fn wake(&self) {
        self.completion().wake(|| {});
    }

    fn nudge(&self) {
        self.completion().nudge();
    }
}

impl Nudge for Item {
    fn nudge(&self) {
        self.runs().nudge();
    }
}

impl<F: Body<T>, T: Send + 'static> Core<T> for Task<F, T> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn completion(&self) -> Completion<'_, T> {
        Completion::of(&self.head)
    }

    fn forget_waker(&self) {
        self.completion().forget_waker();
    }

    unsafe fn outcome(&self) -> Option<&Outcome<T>> {
        self.stage.with(|place| {
            // SAFETY: in bounds and initialised; nobody writes to it, by the caller's promise.
            match unsafe { &*place } {
                Stage::Ready(outcome) => Some(outcome),
                _ => None,
            }
        })
    }

    unsafe fn discard(&self) {
        // SAFETY: passed on from the caller.
        drop_contained(unsafe { self.take_closure() });
    }

    unsafe fn exchange(&self, outcome: Option<Outcome<T>>) -> Option<Outcome<T>> {
        let stage = outcome.map_or(Stage::Empty, Stage::Ready);
        // SAFETY: the stage is the caller's, by its promise.
        match unsafe { self.set_stage(stage) } {
            Stage::Ready(outcome) => Some(outcome),
            _ => None,
        }
    }
}
