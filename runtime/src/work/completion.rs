//! How an outcome reaches whoever waits for it: published once, nobody missed.
//!
//! # Parts
//!
//! The [state word](super::state) says who may decide the outcome. This file is
//! what happens from there: a slot for the outcome behind a lock, a condition
//! variable for threads, a waker for a future, and a transactional variable
//! (the *watch*) for transactions.
//!
//! # Publishing, by the one thread that settled the item
//!
//! 1. Run the `on_done` callbacks, each contained, with the outcome in hand.
//! 2. Lock. If a callback was added meanwhile: unlock, back to 1. Otherwise put
//!    the outcome into the slot, mark the word PUBLISHED, take the waker and
//!    the watch out, unlock.
//! 3. Store `true` to the watch, notify the condition variable, wake the waker.
//! 4. If the handle is gone (DETACHED), drop the outcome here, contained.
//!
//! A deadline that passes is published from step 2 on, because whoever watches
//! deadlines must not run users' callbacks; the thread that finds the item
//! over (the one that ran it too long, or that meets its tombstone) then runs
//! them with the error ([`Completion::run_late_callbacks`]). It may find it so
//! before step 2, and waits for that: whoever set OVERDUE is on the way there and
//! waits for nobody, and from the publication on no callback is added any more.
//!
//! # Waiting
//!
//! - A thread locks, and waits on the condition variable while the slot is
//!   pending. Steps 2 and 3 cannot pass between its look and its wait: both
//!   are under the lock.
//! - A future locks, and leaves its waker while the slot is pending.
//! - A transaction reads the watch and retries while it says `false`. The
//!   engine logs the read, so the transaction is woken by the store of step 3,
//!   and a snapshot taken before the work finished never shows its outcome
//!   beside older state. For this the watch of a published item must have been
//!   *stored to* after the work's own commits: step 2 makes one where nobody
//!   has asked yet, unless no transaction can ask any more.
//!
//! # The outcome belongs to the handle
//!
//! It is taken out once, through `&mut` or by value. [`Completion::lend`]
//! hands out copies meanwhile: it moves the outcome into an `Arc` (behind
//! `dyn Any`, because only there is `T` known to be `Sync`), clones that under
//! the lock and `T` outside of it, where user code may run. The `Arc`s that are
//! out live no longer than the shared borrow of the handle, so whoever takes
//! the outcome through `&mut` finds the only one.

use std::any::Any;
use std::fmt;
use std::mem;
use std::task::Waker;
use std::time::Instant;

use hivework_stm::facade::sync::{Arc, Condvar, Mutex};
use hivework_stm::{StmResult, TVar, Transaction, retry};

use crate::idle::patience::{ROUNDS, pause};

use super::error::WorkError;
use super::state::StateWord;
use super::unwind::{drop_contained, shield};

/// What a work item comes to.
pub(crate) type Outcome<T> = Result<T, WorkError>;

/// Told the outcome before the handle is.
pub(crate) type Callback<T> = Box<dyn FnOnce(&Outcome<T>) + Send>;

enum Slot<T> {
    Pending,
    Ready(Outcome<T>),
    /// An `Arc<Outcome<T>>`.
    Lent(Box<dyn Any + Send>),
    Taken,
}

struct Inner<T> {
    slot: Slot<T>,
    /// Threads in `wait`.
    parked: usize,
    waker: Option<Waker>,
    watch: Option<TVar<bool>>,
    callbacks: Vec<Callback<T>>,
    /// It expired before anybody began it, and nobody has met its tombstone.
    unburied: bool,
}

/// An item's state word and the place of its outcome.
pub struct Completion<T> {
    /// The life-cycle word.
    pub state: StateWord,
    inner: Mutex<Inner<T>>,
    arrived: Condvar,
}

impl<T> fmt::Debug for Completion<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Default for Completion<T> {
    fn default() -> Self {
        Completion::new()
    }
}

impl<T: Send + 'static> Completion<T> {
    /// Of an item that has just been made.
    #[must_use]
    pub fn new() -> Self {
        Completion {
            state: StateWord::new(),
            inner: Mutex::new(Inner {
                slot: Slot::Pending,
                parked: 0,
                waker: None,
                watch: None,
                callbacks: Vec::new(),
                unburied: false,
            }),
            arrived: Condvar::new(),
        }
    }

    /// Steps 1 to 4, for the thread whose transition settled the item.
    pub fn publish(&self, outcome: Outcome<T>) {
        self.publish_and(outcome, || {});
    }

    /// As [`publish`](Completion::publish), and calls `free` in the moment in which the
    /// outcome becomes visible, if no user's code comes after that on this thread.
    pub fn publish_and(&self, outcome: Outcome<T>, free: impl FnOnce()) {
        let mut inner = self.inner.lock();
        while !inner.callbacks.is_empty() {
            let callbacks = mem::take(&mut inner.callbacks);
            drop(inner);
            for callback in callbacks {
                shield(|| callback(&outcome));
            }
            inner = self.inner.lock();
        }
        self.publish_locked(inner, outcome, free);
    }

    /// Steps 2 to 4 alone, leaving the callbacks for a thread that may run
    /// users' code.
    ///
    /// `unbegun` says that nobody will run the item, so that whoever meets its
    /// tombstone has its closure and its callbacks to see to.
    pub fn publish_expired(&self, unbegun: bool) {
        let mut inner = self.inner.lock();
        inner.unburied = unbegun;
        self.publish_locked(inner, Err(WorkError::DeadlineExceeded), || {});
    }

    fn publish_locked(
        &self,
        mut inner: hivework_stm::facade::sync::MutexGuard<'_, Inner<T>>,
        outcome: Outcome<T>,
        free: impl FnOnce(),
    ) {
        let asked = inner.waker.is_some() || inner.watch.is_some();
        let detached = self.state.publish();
        if !asked && !detached {
            free();
        }
        let (watch, unwanted) = if detached {
            inner.slot = Slot::Taken;
            (inner.watch.take(), Some(outcome))
        } else {
            inner.slot = Slot::Ready(outcome);
            let watch = inner.watch.get_or_insert_with(|| TVar::new(false));
            (Some(watch.clone()), None)
        };
        let waker = inner.waker.take();
        let parked = inner.parked > 0;
        drop(inner);
        if let Some(watch) = watch {
            watch.store(true);
        }
        if parked {
            self.arrived.notify_all();
        }
        if let Some(waker) = waker {
            shield(|| waker.wake());
        }
        drop_contained(unwanted);
    }

    /// Runs the callbacks that an expiry left over. Whoever let the item expire
    /// may not have published that yet: until then callbacks are added, from then
    /// on `on_done` runs them itself.
    pub fn run_late_callbacks(&self) {
        self.wait(None);
        let callbacks = mem::take(&mut self.inner.lock().callbacks);
        let outcome = Err(WorkError::DeadlineExceeded);
        for callback in callbacks {
            shield(|| callback(&outcome));
        }
    }

    /// Claims, once, what an expiry before the beginning left to do.
    #[must_use]
    pub fn claim_burial(&self) -> bool {
        if !self.state.flags().1 {
            return false;
        }
        // It is settled: its publication is on its way.
        self.wait(None);
        mem::take(&mut self.inner.lock().unburied)
    }

    /// Drops the callbacks unrun.
    pub(crate) fn forget_callbacks(&self) {
        let callbacks = mem::take(&mut self.inner.lock().callbacks);
        callbacks.into_iter().for_each(drop_contained);
    }

    /// Waits until the outcome is published, or until `deadline`; says which.
    pub fn wait(&self, deadline: Option<Instant>) -> bool {
        self.is_soon() || self.sleep(deadline, || false)
    }

    /// As [`wait`](Completion::wait), asleep from the beginning, and no longer than until
    /// `in_vain`, of which a [`nudge`](Completion::nudge) tells.
    pub fn sleep(&self, deadline: Option<Instant>, in_vain: impl Fn() -> bool) -> bool {
        let mut inner = self.inner.lock();
        inner.parked += 1;
        let mut arrived = self.state.is_published();
        while !arrived && !in_vain() {
            match deadline {
                None => self.arrived.wait(&mut inner),
                Some(deadline) => {
                    let late = self.arrived.wait_until(&mut inner, deadline).timed_out();
                    if late && !self.state.is_published() {
                        break;
                    }
                }
            }
            arrived = self.state.is_published();
        }
        inner.parked -= 1;
        arrived
    }

    /// Is it published within the while that sleeping and being woken would take?
    pub(crate) fn is_soon(&self) -> bool {
        for round in 0..ROUNDS {
            if self.state.is_published() {
                return true;
            }
            pause(round);
        }
        false
    }

    /// Has the threads in [`sleep`](Completion::sleep) look again, for
    /// whoever has made it vain before.
    pub fn nudge(&self) {
        // A waiter that has not seen it has yet to lock, or waits already.
        drop(self.inner.lock());
        self.arrived.notify_all();
    }

    /// Takes the outcome if it is there, or leaves `waker` to be woken.
    pub fn poll(&self, waker: &Waker) -> Option<Outcome<T>> {
        if self.state.is_published() {
            return Some(self.take());
        }
        // A waker's clone and drop are user code: outside the lock.
        let waker = waker.clone();
        let mut inner = self.inner.lock();
        let old = if self.state.is_published() {
            Some(waker)
        } else {
            inner.waker.replace(waker)
        };
        drop(inner);
        drop(old);
        self.state.is_published().then(|| self.take())
    }

    /// Takes the outcome. Call it when the item is published, from where the
    /// handle is exclusively held.
    pub fn take(&self) -> Outcome<T> {
        let slot = mem::replace(&mut self.inner.lock().slot, Slot::Taken);
        let taken = match slot {
            Slot::Ready(outcome) => Some(outcome),
            Slot::Lent(shared) => shared
                .downcast::<Arc<Outcome<T>>>()
                .ok()
                .and_then(|shared| Arc::into_inner(*shared)),
            Slot::Pending | Slot::Taken => None,
        };
        taken.unwrap_or(Err(WorkError::Lost("its result has been taken before")))
    }

    /// The outcome, from within a transaction that waits for it.
    pub fn wait_in(&self, tx: &mut Transaction<'_>) -> StmResult<Outcome<T>>
    where
        T: Clone + Sync,
    {
        let watch = {
            let mut inner = self.inner.lock();
            inner.watch.get_or_insert_with(|| TVar::new(false)).clone()
        };
        if !watch.read(tx)? {
            return retry();
        }
        Ok(self.lend())
    }

    /// A copy of the outcome, which stays where it is.
    fn lend(&self) -> Outcome<T>
    where
        T: Clone + Sync,
    {
        let shared = {
            let mut inner = self.inner.lock();
            match mem::replace(&mut inner.slot, Slot::Taken) {
                Slot::Ready(outcome) => {
                    let shared = Arc::new(outcome);
                    inner.slot = Slot::Lent(Box::new(Arc::clone(&shared)));
                    Some(shared)
                }
                Slot::Lent(boxed) => {
                    let shared = boxed.downcast_ref::<Arc<Outcome<T>>>().map(Arc::clone);
                    inner.slot = Slot::Lent(boxed);
                    shared
                }
                slot @ (Slot::Pending | Slot::Taken) => {
                    inner.slot = slot;
                    None
                }
            }
        };
        match shared {
            Some(shared) => (*shared).clone(),
            None => Err(WorkError::Lost("its result has been taken before")),
        }
    }

    /// Adds a callback; where the outcome is there already, it runs at once.
    /// Call it from where the handle is exclusively held.
    pub fn on_done(&self, callback: Callback<T>) {
        let mut inner = self.inner.lock();
        if !self.state.is_published() {
            inner.callbacks.push(callback);
            return;
        }
        drop(inner);
        let outcome = self.take();
        shield(|| callback(&outcome));
        self.inner.lock().slot = Slot::Ready(outcome);
    }

    /// Adds a callback to an item that is not put yet.
    pub(crate) fn on_done_before_put(&self, callback: Callback<T>) {
        self.inner.lock().callbacks.push(callback);
    }

    /// The handle is gone: its outcome, if it is there, drops on this thread,
    /// and otherwise on the one that will publish it.
    pub fn detach(&self) {
        if self.state.detach() {
            let slot = mem::replace(&mut self.inner.lock().slot, Slot::Taken);
            drop(slot);
        } else {
            // Nobody is left to be woken.
            let waker = self.inner.lock().waker.take();
            drop(waker);
        }
    }
}
