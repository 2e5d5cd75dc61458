//! When memory that others may still be reading can go.
//!
//! A commit displaces boxed values, and the last handle of a variable leaves
//! its core behind, while other threads' transactions may hold raw pointers to
//! either. The seam is small on purpose, so that what stands behind it can be
//! exchanged:
//!
//! 1. [`Member::pin`]: what is reachable now stays allocated until `unpin`.
//! 2. [`Member::retire`]: it is unreachable for whoever pins from now on; free it
//!    once everyone who is pinned at this moment has unpinned.
//! 3. [`Member::tend`]: drop what has become free. [`Member::flush`]: hurry.
//!
//! Behind it stands [`grace`]. Pinning costs two stores to the thread's own line; the price, a
//! heavy barrier, is paid for many values at once. How many depends on how fast they come: a thread
//! sees to them when [`INTERVAL`] has passed since it last did, or there are [`BATCH`] of them. It
//! looks at the clock once for each *stride* of values: [`LOOK`] of them where they come fast, and
//! one where they come slowly, because nobody knows here how large they are. So barriers and looks
//! take a few percent of a thread's time at most, and no more is kept than was displaced in a
//! moment.
//!
//! **No garbage is dropped under a pin.** What becomes free goes to the thread's *ready*
//! bag, which is emptied when the thread is unpinned and in no transaction.
//! A value's `Drop` may run transactions, displace values and drop variables:
//! the loop that is already running looks after what that makes ready, so a chain of
//! variables of any length is dropped without recursion. A `Drop` that panics is
//! contained: the rest is still dropped.
//!
//! **Heirs.** A variable whose last handle lay in a value that was dropped is
//! given up only then, and needs a grace period of its own. So that a chain does
//! not wait for a full batch at each link, such garbage is collected at once, but no more
//! than [`LINKS`] links in one go: no transaction pays for the whole.
//!
//! What a thread has not dropped when it ends, the next thread that collects takes over.
//!
//! Under the model nothing is reclaimed unless the model is about that: see
//! [`crate::facade::reclaims`].

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::garbage::Garbage;
use self::grace::{Batch, Participant, Patience};
use crate::facade::sync::Mutex;
use crate::facade::{MODELLED, barrier, global, reclaims};

pub(crate) mod bare;
pub(crate) mod garbage;
mod grace;

/// After how many values a thread considers seeing to them, at most.
const LOOK: usize = 64;

/// The first stride. A model, which must not depend on the clock, never comes to look at it.
const FIRST: usize = if MODELLED { LOOK } else { 1 };

/// How many values a thread keeps at most before it does.
const BATCH: usize = 4096;

/// How long it leaves them, if there are fewer.
const INTERVAL: Duration = Duration::from_micros(250);

/// How many times running in one go what dropping gives up is collected.
const LINKS: usize = 16;

global! {
    /// What was given up on threads that have ended.
    static ORPHANS: Mutex<Vec<Garbage>> = Mutex::new(Vec::new());
}

/// A thread's part in reclamation.
#[derive(Debug)]
pub(crate) struct Member {
    participant: &'static Participant,
    asymmetric: bool,
    /// There is something to tend to.
    due: Cell<bool>,
    /// There always is.
    always_due: bool,
    tending: Cell<bool>,
    /// Collect what was given up however little it is.
    hurry: Cell<bool>,
    /// After how many more values it considers that.
    stride: Cell<usize>,
    /// How many there are then.
    look_at: Cell<usize>,
    /// When things were last seen to.
    collected: Cell<Option<Instant>>,
    given_up: RefCell<Vec<Garbage>>,
    /// Two at most: one that waits for its grace period, one that comes next.
    batches: RefCell<VecDeque<Batch>>,
    ready: RefCell<Vec<Garbage>>,
}

/// What `pin` answers and `unpin` wants back: was it the outermost pin?
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(crate) struct Pinned(bool);

impl Member {
    /// A member for which `tend` is called at every opportunity if `always_due`.
    pub(crate) fn new(always_due: bool) -> Member {
        Member {
            // First: it settles which barriers are used.
            asymmetric: barrier::asymmetric(),
            participant: Participant::register(),
            due: Cell::new(always_due),
            always_due,
            tending: Cell::new(false),
            hurry: Cell::new(false),
            stride: Cell::new(FIRST),
            look_at: Cell::new(FIRST),
            collected: Cell::new(None),
            given_up: RefCell::default(),
            batches: RefCell::default(),
            ready: RefCell::default(),
        }
    }

    /// Keeps what is reachable now allocated until the matching `unpin`.
    #[inline]
    pub(crate) fn pin(&self) -> Pinned {
        // A value's Clone, which runs under a pin, may come back here.
        let outermost = reclaims() && !self.participant.is_inside();
        if outermost {
            self.participant.enter(self.asymmetric);
        }
        Pinned(outermost)
    }

    /// Takes a pin back.
    #[inline]
    pub(crate) fn unpin(&self, pinned: Pinned) {
        if pinned.0 {
            self.participant.exit();
        }
    }

    /// Frees `garbage` once everyone who is pinned now has unpinned.
    ///
    /// Whoever pins later must not be able to reach it. Nothing is dropped here.
    #[inline]
    pub(crate) fn retire(&self, garbage: Garbage) {
        if !reclaims() {
            std::mem::forget(garbage);
            return;
        }
        let mut given_up = self.given_up.borrow_mut();
        given_up.push(garbage);
        if self.tending.get() {
            self.hurry.set(true);
        } else if given_up.len() >= self.look_at.get() {
            self.due.set(true);
        }
    }

    /// Has `garbage` dropped as soon as the thread is unpinned and in no transaction.
    pub(crate) fn ready(&self, garbage: Garbage) {
        self.ready.borrow_mut().push(garbage);
        self.due.set(true);
    }

    /// Should `tend` be called?
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.due.get()
    }

    /// Is the thread neither pinned nor dropping anything?
    pub(crate) fn is_idle(&self) -> bool {
        !self.participant.is_inside() && !self.tending.get()
    }

    /// Has what was given up collected at the next opportunity, however little it is.
    #[cold]
    pub(crate) fn hurry(&self) {
        if !self.given_up.borrow().is_empty() || !self.batches.borrow().is_empty() {
            self.hurry.set(true);
            self.due.set(true);
        }
    }

    /// Drops what is ready, and sees to what was given up if that has become much.
    /// Outside transactions only: it runs user code.
    #[cold]
    pub(crate) fn tend(&self) {
        self.work_off(LINKS, Patience::Leave);
    }

    /// Drops all that nobody can be reading any more, to the last link of a chain.
    pub(crate) fn flush(&self) {
        self.hurry.set(true);
        self.work_off(usize::MAX, Patience::Wait);
    }

    fn work_off(&self, links: usize, patience: Patience) {
        // A Drop that comes here finds the loop running that looks after it.
        if !self.is_idle() {
            return;
        }
        self.tending.set(true);
        self.due.set(self.always_due);
        let now = match self.hurry.take() {
            true => Some(Instant::now()),
            false => self.worth_while(),
        };
        if let Some(now) = now {
            self.collect(patience, now);
        }
        let mut left = links;
        loop {
            let ready = self.ready.take();
            if ready.is_empty() {
                break;
            }
            drop(ready);
            if self.hurry.take() {
                if left == 0 {
                    self.hurry();
                    break;
                }
                left -= 1;
                self.collect(patience, Instant::now());
            }
        }
        self.tending.set(false);
    }

    /// Is it time to see to what was given up? If so, answers what the time is.
    fn worth_while(&self) -> Option<Instant> {
        let given_up = self.given_up.borrow().len();
        if given_up < self.look_at.get() {
            return None;
        }
        let now = Instant::now();
        let collected = self.collected.get();
        let long_ago = collected.is_none_or(|then| now.duration_since(then) >= INTERVAL);
        let stride = match self.stride.get() {
            stride if !long_ago => (2 * stride).min(LOOK),
            // The first look since then: they come slowly.
            stride if given_up <= stride => (stride / 2).max(1),
            stride => stride,
        };
        self.stride.set(stride);
        self.look_at.set(given_up + stride);
        (long_ago || given_up >= BATCH || self.participant.is_alone()).then_some(now)
    }

    /// Seals what was given up, and moves to the ready bag what has become free.
    fn collect(&self, patience: Patience, now: Instant) {
        self.collected.set(Some(now));
        self.look_at.set(self.stride.get());
        let mut given_up = self.given_up.take();
        // Orphans have nobody else to look after them.
        given_up.append(&mut ORPHANS.lock());
        let mut batches = self.batches.borrow_mut();
        if !given_up.is_empty() {
            // A batch that stands behind another has no watches yet. One by one they would
            // each wait for sections of their own, and never become fewer: so there is one.
            if batches.len() > 1 {
                if let Some(behind) = batches.pop_back() {
                    let newer = std::mem::replace(&mut given_up, behind.into_garbage());
                    given_up.extend(newer);
                }
            }
            batches.push_back(Batch::seal(given_up, self.participant));
        }
        let mut ready = self.ready.borrow_mut();
        while let Some(mut batch) = batches.pop_front() {
            if !batch.advance(patience) {
                batches.push_front(batch);
                break;
            }
            ready.extend(batch.into_garbage());
        }
    }
}

impl Drop for Member {
    /// The thread ends: what it could not drop is left to others.
    fn drop(&mut self) {
        let mut left = self.given_up.take();
        for batch in self.batches.take() {
            left.extend(batch.into_garbage());
        }
        left.append(&mut self.ready.borrow_mut());
        if !left.is_empty() {
            ORPHANS.lock().append(&mut left);
        }
        self.participant.leave();
    }
}
