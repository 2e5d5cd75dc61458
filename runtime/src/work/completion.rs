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
//! They are called before the item is published, so CALLS, set under the lock as
//! WATCHED is, keeps the word from PUBLISHED: who publishes takes them out, clears
//! CALLS, calls each, contained, and tries again. A deadline that passes is published
//! past CALLS, because whoever watches deadlines must not run users' callbacks; the
//! thread that finds the item over (the one that ran it too long, or that meets its
//! tombstone) then runs them with the error. It may find it so before it is published,
//! and waits for that: whoever set OVERDUE is on the way there and waits for nobody, and
//! from the publication on no callback is added any more.
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
use super::unwind::{drop_contained, shield};

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
    callbacks: Vec<Callback<T>>,
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
                }),
            })
        });
        match (**made).downcast_ref() {
            Some(waiting) => waiting,
            None => unreachable!("an item has one type of result"),
        }
    }

    /// Runs the callbacks that are there, so that the item can be published.
    #[cold]
    pub(crate) fn run_callbacks(&self, outcome: &Outcome<T>) {
        for callback in self.take_callbacks() {
            shield(|| callback(outcome));
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

    /// Runs the callbacks that an expiry left over. Whoever let the item expire
    /// may not have published that yet: until then callbacks are added, from then
    /// on `on_done` runs them itself.
    pub(crate) fn run_late_callbacks(&self) {
        self.wait(None);
        self.run_callbacks(&Err(self.state.lateness().1));
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

    /// Adds a callback; hands it back where the outcome is there already.
    pub(crate) fn add_callback(&self, callback: Callback<T>) -> Option<Callback<T>> {
        let mut inner = self.waiting().inner.lock();
        if self.state.add_calls() {
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
