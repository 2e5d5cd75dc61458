//! How a waiter sleeps and is woken, and who else wants to know that it sleeps.
//!
//! [`Parker`] is a permit: `unpark` leaves one, `park` takes it or waits for
//! it. A thread that waits for a transaction parks on one; a future leaves its
//! task's waker instead ([`Unpark`]).
//!
//! A scheduler whose worker is about to sleep in a transaction wants to know,
//! to put another in its place: it registers a [`BlockHook`] on its threads.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::facade::local;
use crate::facade::sync::{Condvar, Mutex};

/// How a waiter is told to run again.
#[derive(Debug)]
pub(crate) enum Unpark {
    Thread(Parker),
    Task(Waker),
}

impl Unpark {
    /// Tells the waiter. A task's waker is user code and may panic.
    pub(crate) fn unpark(&self) {
        match self {
            Unpark::Thread(parker) => parker.unpark(),
            Unpark::Task(waker) => waker.wake_by_ref(),
        }
    }
}

/// A thread's place to sleep.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    permit: Mutex<bool>,
    changed: Condvar,
}

impl Parker {
    /// Waits for a permit and takes it. Says false when `deadline` came first.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        let _away = Away::announce();
        let mut permit = self.permit.lock();
        while !*permit {
            match deadline {
                None => self.changed.wait(&mut permit),
                Some(deadline) => {
                    if self.changed.wait_until(&mut permit, deadline).timed_out() && !*permit {
                        return false;
                    }
                }
            }
        }
        *permit = false;
        true
    }

    /// Leaves a permit.
    pub(crate) fn unpark(&self) {
        *self.permit.lock() = true;
        self.changed.notify_one();
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
