//! Whoever waits for an item: told once, nobody missed.
//!
//! # Parts
//!
//! The [state word](super::state) says who may decide the outcome, and the
//! [task](super::task) keeps it. Most outcomes find nobody waiting, and a word that says
//! so; all that waiting takes lies in a box, [`Waiting`], that the first one makes who
//! waits or adds a callback: a lock, a list of sleeping threads, a waker for a
//! future, a transactional variable (the *watch*) for transactions.
//!
//! # The two sides
//!
//! - W1 Who waits locks the box and says in there how. W2 Still under the lock it sets
//!   WATCHED, which tells whether the item is PUBLISHED already: then it does not wait.
//! - P1 Who publishes sets PUBLISHED. P2 If WATCHED was set, it locks the box and wakes
//!   whoever it finds.
//!
//! W2 and P1 are two changes of one word. If W2 is first, P1 reads WATCHED, and P2's lock
//! comes after that of W1: it finds who waits. A thread holds the lock from W2 to its
//! wait, so that P2 does not pass between. If P1 is first, W2 reads PUBLISHED.
//!
//! # Callbacks
//!
//! Each is called once, in the order in which they were added, one after the other, by
//! whichever thread. They lie in a list behind the lock, and CALLS, which is set under the
//! lock as WATCHED is, says that there are some.
//!
//! - K1 Who publishes cannot while CALLS is set. It takes out the list and clears
//!   CALLS under the lock, calls each past it, and tries again. So the callbacks come before the
//!   answer, and one that is added meanwhile, by another thread or by a callback,
//!   comes after those on the list, and not inside the one that adds it.
//! - K2 A deadline that passes is published past CALLS, because whoever watches deadlines must
//!   not run users' callbacks. The thread that finds the item over (the one that ran it for too
//!   long, or that meets its tombstone), of which there is one, is the *late caller*. It waits for the
//!   publication: whoever set OVERDUE is on the way there and waits for nobody. Then it takes out the list
//!   and says so under the lock, calls each with the error, and looks again; where the list is empty it
//!   says, under the same lock, that it has done.
//! - K3 Who adds one locks the box and sets CALLS, which tells whether the item is PUBLISHED. If it is
//!   not, the callback goes on the list, and K1 or K2 is to come. If it is, the adder itself calls it, there
//!   and at once; unless there are others on the list, or with the late caller: then it goes on the list behind them.
//!
//! *Added while it is published.* If K3 sets CALLS before the publication, K1's change of the word
//! declines and finds the callback, or K2 comes later. If it comes after, K1 has called all that were
//! there, because the publication found CALLS clear.
//!
//! *Added after a deadline, before the late caller.* With others on the list it stays behind them, and K2 is
//! to come, because the list is not empty and nobody has done. With an empty list it has nobody to wait for.
//!
//! *Added while the late caller calls.* The lock orders it with the last look at the list: it is
//! found by that, or finds that the late caller has done.
//!
//! *Two who add.* There are none: it takes the handle, and there is one, which whoever calls an own callback
//! at once holds exclusively.
//!
//! A callback that panics is counted and told of, and the next one is called. One that does not return
//! keeps the item from its answer, and a drain waiting.
//!
//! # Transactions
//!
//! A snapshot taken before the work finished must never show its outcome beside older
//! state, nor must "no outcome yet" ever be answered beside state that somebody wrote who
//! had seen the outcome.
//!
//! - The first who asks and finds the item not PUBLISHED makes the watch. From then on the
//!   watch alone answers: it reads `false` until P2 has stored `true`, after the work's own
//!   commits. The engine logs the read, wakes who retries, and orders all answers, no and
//!   yes, with what else is in the transactions.
//! - Where there is no watch and the item is PUBLISHED, nobody has ever been answered "not
//!   yet", and nobody will be: WATCHED is set by a read-modify-write, which reads the latest
//!   word. The answer is yes, once the engine has found that what the transaction has read
//!   still holds now, after the publication ([`revalidate`]). That costs a published item
//!   nothing, and one read of what was read.

use std::marker::PhantomData;
use std::mem;
use std::task::Waker;
use std::time::Instant;

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::internals::revalidate;
use hivework_stm::{StmResult, TVar, Transaction, retry};

use crate::idle::Parker;
use crate::idle::patience::{ROUNDS, pause};

use super::error::WorkError;
use super::info::Info;
use super::item::Head;
use super::state::StateWord;
use super::unwind::{contain_all, drop_contained, message, shield};

/// What a work item comes to.
pub(crate) type Outcome<T> = Result<T, WorkError>;

/// Told the outcome before the handle is.
pub(crate) type Callback<T> = Box<dyn FnOnce(&Outcome<T>) + Send>;

/// Who waits, and what is to be called.
struct Waiting<T> {
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    /// Threads in `sleep`.
    parked: Vec<Arc<Parker>>,
    waker: Option<Waker>,
    watch: Option<TVar<bool>>,
    /// To be called, in this order.
    callbacks: Vec<Callback<T>>,
    /// Does the late caller have some that it has taken out?
    calling: bool,
}

/// An item's word and its box, which somebody may have made; see the [module](self).
pub(crate) struct Completion<'a, T> {
    state: &'a StateWord,
    info: &'a Info,
    of: PhantomData<fn() -> T>,
}

impl<'a, T: Send + 'static> Completion<'a, T> {
    pub(crate) fn of(head: &'a Head) -> Self {
        Completion {
            state: &head.state,
            info: &head.info,
            of: PhantomData,
        }
    }

    fn made(&self) -> Option<&'a Waiting<T>> {
        (**self.info.rare()?.waiting.get()?).downcast_ref()
    }

    fn waiting(&self) -> &'a Waiting<T> {
        let made = self.info.make_rare().waiting.get_or_make(|| {
            Box::new(Waiting::<T> {
                inner: Mutex::new(Inner {
                    parked: Vec::new(),
                    waker: None,
                    watch: None,
                    callbacks: Vec::new(),
                    calling: false,
                }),
            })
        });
        match (**made).downcast_ref() {
            Some(waiting) => waiting,
            None => unreachable!("an item has one type of result"),
        }
    }

    /// K1: runs the callbacks that are there, so that the item can be published.
    #[cold]
    pub(crate) fn run_callbacks(&self, outcome: &Outcome<T>) {
        for callback in self.take_callbacks() {
            self.call(callback, outcome);
        }
    }

    /// Calls a callback. A panic is contained, even one that would end a worker: others are still to be
    /// called, and the handle has yet to be answered.
    pub(crate) fn call(&self, callback: Callback<T>, outcome: &Outcome<T>) {
        let Err(payload) = contain_all(|| callback(outcome)) else {
            return;
        };
        let message = message(&*payload);
        drop_contained(payload);
        if let Some(shared) = self.info.shared() {
            shield(|| shared.callback_panicked(self.info, &message));
        }
    }

    fn take_callbacks(&self) -> Vec<Callback<T>> {
        let Some(waiting) = self.made() else {
            return Vec::new();
        };
        let mut inner = waiting.inner.lock();
        self.state.clear_calls();
        mem::take(&mut inner.callbacks)
    }

    /// P2. Calls `free` first if no user's code will run.
    #[cold]
    pub(crate) fn wake(&self, free: impl FnOnce()) {
        let Some(waiting) = self.made() else { return };
        let mut inner = waiting.inner.lock();
        // It stays, for those who ask later.
        let watch = inner.watch.clone();
        let waker = inner.waker.take();
        let parked = mem::take(&mut inner.parked);
        drop(inner);
        if watch.is_none() && waker.is_none() {
            free();
        }
        if let Some(watch) = watch {
            watch.store(true);
        }
        for parker in parked {
            parker.unpark();
        }
        if let Some(waker) = waker {
            shield(|| waker.wake());
        }
    }

    /// K2, by the late caller.
    pub(crate) fn run_late_callbacks(&self) {
        self.wait(None);
        let outcome = Err(self.state.lateness().1);
        while let Some(callbacks) = self.take_late_callbacks() {
            for callback in callbacks {
                self.call(callback, &outcome);
            }
        }
    }

    /// Those that have been added since the last look; none when it has done.
    fn take_late_callbacks(&self) -> Option<Vec<Callback<T>>> {
        let mut inner = self.made()?.inner.lock();
        self.state.clear_calls();
        inner.calling = !inner.callbacks.is_empty();
        let callbacks = mem::take(&mut inner.callbacks);
        inner.calling.then_some(callbacks)
    }

    /// Drops the callbacks unrun.
    pub(crate) fn forget_callbacks(&self) {
        self.take_callbacks().into_iter().for_each(drop_contained);
    }

    /// Waits until the outcome is published, or until `deadline`; says which.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        self.is_soon() || self.sleep(deadline, || false)
    }

    /// As [`wait`](Completion::wait), asleep from the beginning, and no longer than until
    /// `in_vain`, of which a [`nudge`](Completion::nudge) tells.
    pub(crate) fn sleep(&self, deadline: Option<Instant>, in_vain: impl Fn() -> bool) -> bool {
        let waiting = self.waiting();
        let me = Parker::of_this_thread();
        let mut arrived = {
            let mut inner = waiting.inner.lock();
            inner.parked.push(Arc::clone(&me));
            self.state.watch()
        };
        // A permit may be one that an earlier sleep has left: the word alone decides.
        while !arrived && !in_vain() {
            let woken = me.park(deadline);
            arrived = self.state.is_published();
            if !woken {
                break;
            }
        }
        let parked = &mut waiting.inner.lock().parked;
        if let Some(place) = parked.iter().position(|other| Arc::ptr_eq(other, &me)) {
            parked.swap_remove(place);
        }
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
        self.state.is_published()
    }

    /// Has the threads in [`sleep`](Completion::sleep) look again, for
    /// whoever has made it vain before.
    pub(crate) fn nudge(&self) {
        let waiting = self.waiting();
        // A waiter that has not seen it has yet to lock, or is on the list.
        for parker in &waiting.inner.lock().parked {
            parker.unpark();
        }
    }

    /// Is the outcome there? If not, leaves `waker` to be woken.
    pub(crate) fn poll(&self, waker: &Waker) -> bool {
        if self.state.is_published() {
            return true;
        }
        // A waker's clone and drop are user code: outside the lock.
        let waker = waker.clone();
        let mut inner = self.waiting().inner.lock();
        let published = self.state.watch();
        let old = if published {
            Some(waker)
        } else {
            inner.waker.replace(waker)
        };
        drop(inner);
        drop_contained(old);
        published
    }

    /// Answers once the outcome is there for the transaction to see, and retries until
    /// then.
    pub(crate) fn wait_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let watch = {
            let mut inner = self.waiting().inner.lock();
            if inner.watch.is_none() && !self.state.watch() {
                inner.watch = Some(TVar::new(false));
            }
            inner.watch.clone()
        };
        let Some(watch) = watch else {
            return revalidate(tx);
        };
        if watch.read(tx)? { Ok(()) } else { retry() }
    }

    /// K3: adds a callback; hands it back where it is the caller's to call.
    pub(crate) fn add_callback(&self, callback: Callback<T>) -> Option<Callback<T>> {
        let mut inner = self.waiting().inner.lock();
        let is_published = self.state.add_calls();
        if is_published && inner.callbacks.is_empty() && !inner.calling {
            return Some(callback);
        }
        inner.callbacks.push(callback);
        None
    }

    /// The handle goes: nobody is left to be woken.
    #[inline]
    pub(crate) fn forget_waker(&self) {
        if let Some(waiting) = self.made() {
            let waker = waiting.inner.lock().waker.take();
            drop_contained(waker);
        }
    }
}
