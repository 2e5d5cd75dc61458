//! The timer: ends delays when their time has come, on a thread of its own.
//!
//! **State**, behind one lock: the entries, by (deadline, number), and how the
//! timer is: not started, busy, or asleep until some deadline.
//!
//! **Making a delay.** Take the lock, *then* look at the clock for the deadline;
//! start the timer if there is none; enter (deadline, number); if the timer sleeps
//! beyond that deadline, count it as busy and notify it.
//!
//! **The timer**, for ever:
//!
//! 1. Lock, look at the clock, take out all that is due.
//! 2. Nothing due: note until when, sleep on the condition variable, and go to 1
//!    whatever ended the sleep. With no entry at all it sleeps without a limit.
//! 3. Something due: unlock. Set each variable, in order, in a transaction of its
//!    own. That wakes who waits, wakers of tasks among them, so no lock is held.
//!    What panics is contained.
//!
//! **The last handle** takes the entry out, if it is still in, and drops it when
//! the lock is free again. So a long delay that is given up leaves no memory
//! behind. It does not notify the timer: that would be a switch of threads for each
//! timeout that was not needed. The timer may wake once for a deadline that is gone,
//! and finds nothing; between that and the next delay it does not wake at all.
//!
//! **Races.** The lock orders all but step 3. A delay given up between steps 1 and 3
//! is set all the same, and nobody sees it. A delay made during step 3 finds the
//! timer busy and does not notify it: the timer comes to step 1 before it sleeps.
//! No delay ends early: the timer compares with its own later look at the clock.
//! Delays end in the order of their deadlines: the clock is looked at under the lock,
//! so what is entered after step 1 is due after everything that step 1 took out.
//!
//! **No thread to be had.** Then nobody could ever end the delay, and `after` panics
//! before it has entered anything; the next one tries again.
//!
//! In a model time does not pass: no model makes a delay that needs the timer.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::facade::sync::{Condvar, Mutex};
use crate::facade::{global, thread};
use crate::reclaim::garbage::contain;
use crate::tvar::TVar;

/// Deadline, and a number that tells those of one deadline apart.
pub(super) type Key = (Instant, u64);

type Entries = BTreeMap<Key, TVar<bool>>;

global! {
    static TIMER: Timer = Timer {
        state: Mutex::new(State { entries: BTreeMap::new(), next: 0, thread: Thread::Missing }),
        changed: Condvar::new(),
    };
}

/// The process has one.
pub(super) fn timer() -> &'static Timer {
    &TIMER
}

pub(super) struct Timer {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    entries: Entries,
    /// The number of the next entry.
    next: u64,
    thread: Thread,
}

/// How the timer's thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thread {
    /// Not started.
    Missing,
    /// Sure to look at the entries before it sleeps.
    Busy,
    /// Asleep until then; without an instant, until it is notified.
    Asleep(Option<Instant>),
}

impl Timer {
    /// Enters a delay; without a key if its deadline is beyond the clock.
    pub(super) fn enter(&self, limit: Duration, over: &TVar<bool>) -> io::Result<Option<Key>> {
        let over = over.clone();
        let mut state = self.state.lock();
        let Some(deadline) = Instant::now().checked_add(limit) else {
            return Ok(None);
        };
        if state.thread == Thread::Missing {
            // Under the lock, so that nobody relies on a thread that is then refused.
            thread::Builder::new()
                .name("hivework-timer".into())
                .spawn(|| timer().run())?;
            state.thread = Thread::Busy;
        }
        let (key, notify) = state.insert(deadline, over);
        drop(state);
        if notify {
            self.changed.notify_one();
        }
        Ok(Some(key))
    }

    /// Takes a delay out that has been given up, if it is still in.
    pub(super) fn take_back(&self, key: Key) {
        // Dropped with the lock free: a variable's end may run foreign code.
        let entry = self.state.lock().entries.remove(&key);
        drop(entry);
    }

    /// The timer's thread.
    fn run(&self) {
        loop {
            for over in self.due().into_values() {
                contain(|| over.store(true));
            }
        }
    }

    /// Steps 1 and 2: waits until something is due.
    fn due(&self) -> Entries {
        let mut state = self.state.lock();
        loop {
            state.thread = Thread::Busy;
            let due = state.take_due(Instant::now());
            if !due.is_empty() {
                return due;
            }
            let until = state.earliest();
            state.thread = Thread::Asleep(until);
            match until {
                None => self.changed.wait(&mut state),
                Some(until) => drop(self.changed.wait_until(&mut state, until)),
            }
        }
    }
}

impl State {
    /// Enters a delay, and tells whether the timer is to be notified: once, however
    /// many come before it is awake.
    fn insert(&mut self, deadline: Instant, over: TVar<bool>) -> (Key, bool) {
        let key = (deadline, self.next);
        self.next += 1;
        self.entries.insert(key, over);
        let notify = match self.thread {
            Thread::Asleep(until) => until.is_none_or(|until| deadline < until),
            Thread::Busy | Thread::Missing => false,
        };
        if notify {
            self.thread = Thread::Busy;
        }
        (key, notify)
    }

    /// Takes out what is due at `now`, that instant included.
    fn take_due(&mut self, now: Instant) -> Entries {
        if self.earliest().is_none_or(|earliest| now < earliest) {
            return Entries::new();
        }
        let later = self.entries.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.entries, later)
    }

    fn earliest(&self) -> Option<Instant> {
        self.entries.keys().next().map(|&(deadline, _)| deadline)
    }
}

#[cfg(all(test, not(hivework_loom)))]
impl Timer {
    /// Is this delay entered?
    pub(super) fn has(&self, key: &Key) -> bool {
        self.state.lock().entries.contains_key(key)
    }
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn state(thread: Thread) -> State {
        State {
            entries: Entries::new(),
            next: 0,
            thread,
        }
    }

    #[test]
    fn what_is_due_is_taken_in_order_and_the_rest_is_left() {
        let (mut state, now) = (state(Thread::Busy), Instant::now());
        let deadlines = [3, 1, 2, 1, 4].map(|n| now + HOUR * n);
        let keys = deadlines.map(|deadline| state.insert(deadline, TVar::new(false)).0);
        assert!(state.take_due(now).is_empty());
        let just_before = deadlines[2] - Duration::from_nanos(1);
        let due: Vec<_> = state.take_due(just_before).into_keys().collect();
        assert_eq!(due, [keys[1], keys[3]], "in the order they were made");
        let due: Vec<_> = state.take_due(deadlines[0]).into_keys().collect();
        assert_eq!(due, [keys[2], keys[0]], "the instant itself is due");
        assert_eq!(state.earliest(), Some(deadlines[4]));
    }

    #[test]
    fn the_timer_is_notified_only_for_what_it_would_oversleep_and_once() {
        let now = Instant::now();
        let insert = |state: &mut State, n| state.insert(now + HOUR * n, TVar::new(false)).1;
        let mut idle = state(Thread::Asleep(None));
        assert!(insert(&mut idle, 5));
        assert!(!insert(&mut idle, 1), "it has yet to look");
        let mut asleep = state(Thread::Asleep(Some(now + HOUR * 3)));
        assert!(!insert(&mut asleep, 4) && !insert(&mut asleep, 3));
        assert!(insert(&mut asleep, 2) && !insert(&mut asleep, 1));
        let mut busy = state(Thread::Busy);
        assert!(!insert(&mut busy, 1));
    }
}
