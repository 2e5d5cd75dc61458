//! How a waiter sleeps and is woken, and who else wants to know that it sleeps.
//!
//! A [`Waiter`] is notified once. It stands for a thread that waits for a transaction,
//! or for a task, whose waker it keeps. A thread's goes through three states:
//!
//! | state | set by | means |
//! |---|---|---|
//! | `AWAKE` | making it | not notified; the thread is not asleep, but may be about to be |
//! | `ASLEEP` | `park`, under the lock | not notified; who notifies must wake the thread |
//! | `NOTIFIED` | `notify` | final |
//!
//! **Park**: look for the notification for a short while, since the commit that is waited for is
//! often on its way and sleeping costs two system calls and a trip through the kernel's scheduler;
//! then announce that the thread blocks, lock, AWAKE → ASLEEP, and wait on the condition variable
//! until NOTIFIED.
//!
//! **Notify**: swap in NOTIFIED. If it was ASLEEP, pass through the lock, and wake.
//!
//! **No wake-up is lost.** A swap that finds AWAKE makes the exchange to ASLEEP fail, so the thread
//! does not sleep. One that finds ASLEEP comes after an exchange that was made under the lock; the
//! thread gives the lock up only by waiting on the condition variable, so whoever passes through
//! the lock after that finds it waiting there, or gone because its time has run out.
//!
//! A scheduler whose worker is about to sleep in a transaction wants to know, to put another in its
//! place: it registers a [`BlockHook`] on its threads. One that would rather have the transaction
//! run again when there is something new, and do other work until then, polls
//! [`atomically_async`](crate::atomically_async) with a waker of its own.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crossbeam_utils::Backoff;

use crate::facade::atomic::{AtomicU8, Ordering};
use crate::facade::sync::{Condvar, Mutex};
use crate::facade::{MODELLED, local};

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const NOTIFIED: u8 = 2;

/// Somebody who waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    state: AtomicU8,
    place: Place,
}

/// Where it waits.
#[derive(Debug)]
enum Place {
    Thread { lock: Mutex<()>, woken: Condvar },
    Task(Waker),
}

impl Waiter {
    /// The calling thread.
    pub(crate) fn thread() -> Waiter {
        Waiter::at(Place::Thread {
            lock: Mutex::new(()),
            woken: Condvar::new(),
        })
    }

    /// A task.
    pub(crate) fn task(waker: Waker) -> Waiter {
        Waiter::at(Place::Task(waker))
    }

    fn at(place: Place) -> Waiter {
        Waiter {
            state: AtomicU8::new(AWAKE),
            place,
        }
    }

    /// Wakes it, the first time. A task's waker is user code and may panic.
    pub(crate) fn notify(&self) {
        // Ordering: AcqRel. Release, pairs with the loads in `is_notified`: what was
        // committed comes before what the woken waiter does. Acquire for what the
        // waiter did before it fell asleep.
        let before = self.state.swap(NOTIFIED, Ordering::AcqRel);
        match &self.place {
            _ if before == NOTIFIED => {}
            Place::Task(waker) => waker.wake_by_ref(),
            Place::Thread { lock, woken } if before == ASLEEP => {
                drop(lock.lock());
                woken.notify_one();
            }
            Place::Thread { .. } => {}
        }
    }

    /// Has it been notified?
    pub(crate) fn is_notified(&self) -> bool {
        // Ordering: Acquire, pairs with `notify`.
        self.state.load(Ordering::Acquire) == NOTIFIED
    }

    /// Waits to be notified. Says false when `deadline` came first.
    ///
    /// # Panics
    ///
    /// When it is a task's.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        let Place::Thread { lock, woken } = &self.place else {
            unreachable!("a task does not park")
        };
        if self.is_soon() {
            return true;
        }
        let _away = Away::announce();
        let mut held = lock.lock();
        // Ordering: Relaxed on success, since the lock orders it; Acquire on failure,
        // pairs with `notify`.
        let asleep =
            self.state
                .compare_exchange(AWAKE, ASLEEP, Ordering::Relaxed, Ordering::Acquire);
        if asleep.is_err() {
            return true;
        }
        while !self.is_notified() {
            match deadline {
                None => woken.wait(&mut held),
                Some(deadline) => {
                    if woken.wait_until(&mut held, deadline).timed_out() {
                        return self.is_notified();
                    }
                }
            }
        }
        true
    }

    /// Is it notified within a few microseconds?
    fn is_soon(&self) -> bool {
        // A model has no time to spend: it would only add schedules.
        if MODELLED {
            return false;
        }
        let backoff = Backoff::new();
        while !self.is_notified() {
            if backoff.is_completed() {
                return false;
            }
            backoff.snooze();
        }
        true
    }
}

/// Told when its thread is about to sleep in a transaction and when it is back.
///
/// For schedulers: a worker that sleeps is away, and another should take its
/// place. Both calls come on the thread itself, outside any transaction, and
/// always in pairs.
pub trait BlockHook: Send + Sync + fmt::Debug {
    /// The thread is about to sleep.
    fn block(&self);
    /// The thread is back.
    fn unblock(&self);
}

local! {
    static HOOK: RefCell<Option<Arc<dyn BlockHook>>> = const { RefCell::new(None) };
}

/// Registers the calling thread's [`BlockHook`], in place of any it had;
/// `None` removes it. Answers the one it had.
pub fn set_block_hook(hook: Option<Arc<dyn BlockHook>>) -> Option<Arc<dyn BlockHook>> {
    // A thread that is being taken down has no hook any more, and needs none.
    HOOK.try_with(|slot| slot.replace(hook)).unwrap_or(None)
}

/// Pairs the hook's calls.
struct Away(Option<Arc<dyn BlockHook>>);

impl Away {
    fn announce() -> Away {
        let hook = HOOK.try_with(|slot| slot.borrow().clone()).unwrap_or(None);
        if let Some(hook) = &hook {
            hook.block();
        }
        Away(hook)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if let Some(hook) = &self.0 {
            hook.unblock();
        }
    }
}
