//! A thread's own list of latent halves, and when it offers one to others.
//!
//! # The list
//!
//! The frames of the forks whose first half runs, from `tail`, the newest, through
//! `parent` to the oldest. They lie on this thread's stack and nobody else may touch them. To
//! *promote* one is to push it to the list's deque, from which thieves steal; the oldest is
//! always promoted first, being the largest part of what is left. So the latent frames
//! are the newest ones, the deque holds older ones in order of age, and a frame that
//! returns and is promoted is either the newest in the deque or stolen. That holds because the list
//! is the order of the frames on the stack, whichever [`Fork`] of this thread's lists them.
//!
//! A promotion walks the list. That a long walk does not cost each of many promotions, one
//! in 64 frames is promoted in a walk.

use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;

use hivework_stm::facade::atomic::Ordering;
use hivework_stm::facade::local;
use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::facade::thread;

use super::Fork;
use super::frame::{Frame, Job};
use super::look::Pace;
use super::peer::Peer;
use crate::worker::deque::Deque;

/// The most that is promoted at a time.
const MOST: usize = 32;

/// What a list needs of its scheduler.
pub trait Around: Send + Sync {
    /// Something was offered: wakes a worker unless one searches.
    fn announce(&self);
    /// A section goes on for a while: the supervisor should tick.
    fn stir(&self);
    /// Does a worker sleep?
    fn has_sleepers(&self) -> bool;
    /// Does the supervisor sleep without a tick?
    fn is_dozing(&self) -> bool;
    /// All who fork.
    fn peers(&self) -> Arc<[Arc<Peer>]>;
}

/// See the [module](self).
pub struct Latents {
    peer: Arc<Peer>,
    deque: Deque<Job>,
    around: Weak<dyn Around>,
    /// The newest frame.
    pub(super) tail: Cell<Option<NonNull<Frame>>>,
    pub(super) pace: Pace,
}

/// A list before its thread is there.
pub struct Seed {
    peer: Arc<Peer>,
    deque: Deque<Job>,
}

local! {
    /// The list of the section that this thread is in.
    static CURRENT: Cell<Option<NonNull<Latents>>> = const { Cell::new(None) };
}

impl Seed {
    /// For a worker, or for a guest.
    #[must_use]
    pub fn new(is_worker: bool) -> Self {
        let deque = Deque::lifo();
        Seed {
            peer: Arc::new(Peer::new(deque.stealer(), is_worker)),
            deque,
        }
    }

    /// The thread as others see it.
    pub fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// The list, on its thread.
    pub fn grow(self, around: Weak<dyn Around>) -> Latents {
        Latents {
            peer: self.peer,
            deque: self.deque,
            around,
            tail: Cell::new(None),
            pace: Pace::default(),
        }
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Latents {
    /// The thread as others see it.
    pub fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// How deep forks are listed; 0 is a request.
    #[inline(always)]
    pub(super) fn limit(&self) -> u32 {
        // Ordering: Relaxed; a request carries nothing.
        self.peer.limit.load(Ordering::Relaxed)
    }

    pub(super) fn around(&self) -> Option<Arc<dyn Around>> {
        self.around.upgrade()
    }

    /// A section begins: its first fork is to look around.
    pub(crate) fn begin(&self) {
        self.pace.begin();
    }

    /// The fork of what runs on this thread at present.
    #[inline(always)]
    pub(super) fn fork(&self) -> Fork<'_> {
        let frame = self.tail.get();
        // SAFETY: a listed frame is alive, and its depth is written once.
        let depth = frame.map_or(0, |frame| unsafe { (*frame.as_ptr()).depth });
        Fork {
            latents: self,
            frame,
            depth,
        }
    }

    /// Runs something that has nothing to do with the frames below.
    pub fn nested<R>(&self, f: impl FnOnce(&mut Fork<'_>) -> R) -> R {
        struct Below<'a>(&'a Latents, Option<NonNull<Frame>>, u32);
        impl Drop for Below<'_> {
            fn drop(&mut self) {
                self.0.tail.set(self.1);
                self.0.pace.base.set(self.2);
                self.0.list_for_a_while();
            }
        }
        let _below = Below(self, self.tail.replace(None), self.pace.base.replace(0));
        self.begin();
        let _current = self.make_current();
        f(&mut self.fork())
    }

    /// Makes it the list that the free functions on this thread use, for as long as
    /// the answer lives.
    pub fn make_current(&self) -> Current<'_> {
        let below = CURRENT.try_with(|current| current.replace(Some(NonNull::from(self))));
        Current {
            below: below.ok().flatten(),
            _latents: self,
        }
    }

    /// Runs `f` with the list of the section that this thread is in, if it is in one.
    #[inline(always)]
    pub(super) fn with_current<R>(f: impl FnOnce(Option<&Latents>) -> R) -> R {
        let current = CURRENT.try_with(Cell::get).ok().flatten();
        // SAFETY: `Current` borrows the list for as long as it is the current one, and what
        // runs in `f` returns before the seat that is there now is given up.
        f(current.map(|latents| unsafe { &*latents.as_ptr() }))
    }

    /// Promotes the oldest latent frame, and of a long list some more; says how many.
    pub(super) fn promote_oldest(&self) -> usize {
        let mut oldest = [None; MOST];
        let mut count = 0;
        self.for_each_latent(|frame| {
            oldest[count % MOST] = Some(frame);
            count += 1;
        });
        let promoted = (count / 64).clamp(1, MOST).min(count);
        for age in 1..=promoted {
            if let Some(frame) = oldest[(count - age) % MOST] {
                self.promote(frame);
            }
        }
        promoted
    }

    /// Promotes all that is latent, before the thread blocks; announces what it offers.
    pub(crate) fn hand_over(&self) {
        // They are between two looks, and gone in no time.
        while self.peer.has_visitors() {
            thread::yield_now();
        }
        let mut latent = Vec::new();
        self.for_each_latent(|frame| latent.push(frame));
        for frame in latent.into_iter().rev() {
            self.promote(frame);
        }
        if self.peer.has_work() {
            if let Some(around) = self.around() {
                around.announce();
            }
        }
    }

    /// From the newest to the oldest.
    fn for_each_latent(&self, mut f: impl FnMut(NonNull<Frame>)) {
        let mut next = self.tail.get();
        while let Some(frame) = next {
            // SAFETY: a listed frame is alive, and its cells are this thread's.
            let head = unsafe { frame.as_ref() };
            if head.run.get().is_none() {
                // So are all that are older.
                return;
            }
            f(frame);
            next = head.parent;
        }
    }

    /// Promotes a frame, than which no latent one is older. There are no visitors.
    fn promote(&self, frame: NonNull<Frame>) {
        // SAFETY: a listed frame is the head of a half of this thread's that is alive.
        if let Some(job) = unsafe { Job::promote(frame) } {
            // SAFETY: as above.
            self.pace.base.set(unsafe { frame.as_ref() }.depth);
            self.deque.push(job);
        }
    }

    /// Takes a promoted half back, unless it has been stolen. It is the newest one that is
    /// promoted and has not been settled.
    pub(super) fn take_back(&self, frame: NonNull<Frame>) -> bool {
        match self.deque.pop() {
            Some(job) if job.is_of(frame) => true,
            // Not a panic: to unwind here is to leave a frame that a thief may know of.
            Some(_) => std::process::abort(),
            None => false,
        }
    }
}

/// See [`Latents::make_current`].
#[must_use]
#[derive(Debug)]
pub struct Current<'a> {
    below: Option<NonNull<Latents>>,
    _latents: &'a Latents,
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.below));
    }
}

impl fmt::Debug for Latents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latents")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
