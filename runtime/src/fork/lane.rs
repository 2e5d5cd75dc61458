//! A thread's own list of latent halves, and when it offers one to others.
//!
//! # The list
//!
//! The frames of the forks whose first half runs, from `tail`, the newest, through
//! `parent` to the oldest. They lie on this thread's stack and nobody else may touch them. To
//! *promote* one is to push it to the lane's deque, from which thieves steal; the oldest is
//! always promoted first, being the largest part of what is left. So the latent frames
//! are the newest ones, the deque holds older ones in order of age, and a frame that
//! returns and is promoted is either the newest in the deque or stolen.
//!
//! # When
//!
//! A fork that nobody asks for must cost what a call costs: it reads `limit`, and writes a frame.
//! All else happens in [`Lane::look`], which a fork comes to
//!
//! 1. as the *first of a section* (a work item, a stolen half, an outside thread's section): that one
//!    is promoted at once and quietly. Whoever is awake finds it, whoever sleeps is
//!    not woken for what may be over in a microsecond. Where the whole scheduler dozes nobody
//!    would ever look: there one worker is woken.
//! 2. on *request*: a searching worker, or the supervisor's beat, has set `limit` to 0.
//!    The oldest latent half is promoted, the new one where there is no other, and announced.
//! 3. after 1, 2, 4, … 512 forks, from then on every 512: where the section has run for
//!    [`PATIENCE`] since the last promotion and somebody sleeps, as on request.
//! 4. where the list has become *deep*, see below.
//!
//! A promotion may be lost to a race (a request that this thread overwrites) or put off (while the
//! lane has visitors, see [`wait`](super::wait)): one of the others follows.
//!
//! # How much is listed
//!
//! A list of the [`WINDOW`] oldest latent halves is enough to feed a machine as long as each
//! promotion lets another one in, and computations that branch hardly ever come back to what they
//! did not list. So forks below the window are calls, which is most of them in a fine-grained
//! tree. Not so in a chain (`join(rest, one)`, thousands deep), where what is not listed could not be
//! offered any more. Both are told apart by depth: everything is listed until 512 forks have been seen
//! with the list never far deeper than the window; and a fork that finds itself more than [`NEAR`]
//! bytes of stack below the last frame listed takes up listing everything again.
//!
//! A promotion walks the list. That a long walk does not cost each of many promotions, one
//! in 64 frames is promoted in a walk.

use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use hivework_stm::facade::atomic::Ordering;
use hivework_stm::facade::local;
use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::facade::thread;
use hivework_stm::in_transaction;

use super::Fork;
use super::frame::{Frame, Job};
use super::peer::Peer;
use crate::worker::deque::Deque;

/// How many latent halves are listed where the computation branches.
const WINDOW: u32 = 8;
/// How many frames deeper than its window a list makes a chain.
const CHAIN: u32 = 64;
/// How often a section looks around itself at the least, in forks.
const STRIDE: u32 = 512;
/// How many bytes of stack may go by without a frame being listed.
const NEAR: usize = 4096;
/// How long a section runs before somebody is woken for it.
const PATIENCE: Duration = Duration::from_micros(10);
/// The most that is promoted at a time.
const MOST: usize = 32;

/// What a lane needs of its scheduler.
pub(crate) trait Around: Send + Sync {
    /// Something was offered: wakes a worker unless one searches.
    fn announce(&self);
    /// Does a worker sleep?
    fn has_sleepers(&self) -> bool;
    /// Does the supervisor sleep without a tick?
    fn is_dozing(&self) -> bool;
    /// All who fork.
    fn peers(&self) -> Arc<[Arc<Peer>]>;
}

/// What a fork is to do with its new half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offer {
    /// List it.
    No,
    /// Promote it, waking nobody.
    Quietly,
    /// Promote it and wake somebody.
    Loudly,
}

/// See the [module](self).
pub(crate) struct Lane {
    peer: Arc<Peer>,
    deque: Deque<Job>,
    around: Weak<dyn Around>,
    /// The newest frame.
    pub(super) tail: Cell<Option<NonNull<Frame>>>,
    /// How many forks are left before the next look.
    pub(super) fuel: Cell<u32>,
    /// How many there were between the last two looks.
    stride: Cell<u32>,
    /// No fork of the section has been seen.
    is_fresh: Cell<bool>,
    /// When the section began or last promoted.
    since: Cell<Option<Instant>>,
    /// The depth of the newest frame that was promoted.
    base: Cell<u32>,
}

/// A lane before its thread is there.
pub(crate) struct Seed {
    peer: Arc<Peer>,
    deque: Deque<Job>,
}

local! {
    /// The lane of the section that this thread is in.
    static CURRENT: Cell<Option<NonNull<Lane>>> = const { Cell::new(None) };
}

impl Seed {
    /// For a worker, or for a guest.
    pub(crate) fn new(is_worker: bool) -> Self {
        let deque = Deque::lifo();
        Seed {
            peer: Arc::new(Peer::new(deque.stealer(), is_worker)),
            deque,
        }
    }

    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    pub(crate) fn grow(self, around: Weak<dyn Around>) -> Lane {
        Lane {
            peer: self.peer,
            deque: self.deque,
            around,
            tail: Cell::new(None),
            fuel: Cell::new(0),
            stride: Cell::new(0),
            is_fresh: Cell::new(true),
            since: Cell::new(None),
            base: Cell::new(0),
        }
    }
}

/// The surroundings of who is alone.
enum Nobody {}

impl Around for Nobody {
    fn announce(&self) {}
    fn has_sleepers(&self) -> bool {
        false
    }
    fn is_dozing(&self) -> bool {
        false
    }
    fn peers(&self) -> Arc<[Arc<Peer>]> {
        Arc::new([])
    }
}

impl Lane {
    /// One that nobody knows of.
    pub(super) fn alone() -> Self {
        Seed::new(false).grow(Weak::<Nobody>::new())
    }

    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    pub(super) fn around(&self) -> Option<Arc<dyn Around>> {
        self.around.upgrade()
    }

    /// A section begins: its first fork is to look around.
    pub(crate) fn begin(&self) {
        self.is_fresh.set(true);
        self.fuel.set(0);
    }

    /// The fork of what runs on this thread at present.
    #[inline(always)]
    pub(super) fn fork(&self) -> Fork<'_> {
        let frame = self.tail.get();
        // SAFETY: a listed frame is alive, and its depth is written once.
        let depth = frame.map_or(0, |frame| unsafe { (*frame.as_ptr()).depth });
        Fork {
            limit: &self.peer.limit,
            lane: self,
            frame,
            depth,
        }
    }

    /// Runs something that has nothing to do with the frames below.
    pub(super) fn nested<R>(&self, f: impl FnOnce(&mut Fork<'_>) -> R) -> R {
        struct Below<'a>(&'a Lane, Option<NonNull<Frame>>, u32);
        impl Drop for Below<'_> {
            fn drop(&mut self) {
                self.0.tail.set(self.1);
                self.0.base.set(self.2);
                self.0.list_all();
            }
        }
        let _below = Below(self, self.tail.replace(None), self.base.replace(0));
        self.begin();
        let _seat = self.sit();
        f(&mut self.fork())
    }

    /// Makes it the lane that the free functions on this thread use, for as long as
    /// the answer lives.
    pub(crate) fn sit(&self) -> Seat<'_> {
        let below = CURRENT.try_with(|current| current.replace(Some(NonNull::from(self))));
        Seat {
            below: below.ok().flatten(),
            _lane: self,
        }
    }

    /// Runs `f` with the lane of the section that this thread is in, if it is in one.
    #[inline(always)]
    pub(super) fn with_current<R>(f: impl FnOnce(Option<&Lane>) -> R) -> R {
        let current = CURRENT.try_with(Cell::get).ok().flatten();
        // SAFETY: `Seat` borrows the lane for as long as it is the current one, and what
        // runs in `f` returns before the seat that is there now is given up.
        f(current.map(|lane| unsafe { &*lane.as_ptr() }))
    }

    /// What a fork that does not simply list its half is to do. `limit` is what it read.
    #[cold]
    #[inline(never)]
    pub(super) fn look(&self, limit: u32, depth: u32) -> Offer {
        if limit != 0 && depth >= limit {
            self.list_all();
            return Offer::No;
        }
        // A transaction may run again, and nobody else may run a part of it.
        if in_transaction() {
            self.go_on();
            return Offer::No;
        }
        let now = Instant::now();
        let Some(around) = self.around() else {
            self.go_on();
            return Offer::No;
        };
        if self.is_fresh.take() {
            self.since.set(Some(now));
            self.stride.set(0);
            self.base.set(0);
            self.list_all();
            self.fuel.set(1);
            // It passes a SeqCst fence, which orders the section's beginning before the look
            // whether somebody dozes; partner: the fence in `Bell::doze`.
            return if self.peer.has_visitors() {
                Offer::No
            } else if around.is_dozing() {
                Offer::Loudly
            } else {
                Offer::Quietly
            };
        }
        let is_long = || {
            let since = self.since.get();
            since.is_none_or(|since| now.saturating_duration_since(since) >= PATIENCE)
        };
        if limit != 0 && !(is_long() && around.has_sleepers()) {
            self.go_on();
            return Offer::No;
        }
        self.since.set(Some(now));
        if self.peer.has_visitors() {
            self.go_on();
            return Offer::No;
        }
        let promoted = self.promote_oldest();
        self.go_on();
        if promoted == 0 {
            return Offer::Loudly;
        }
        around.announce();
        Offer::No
    }

    /// Is a half wanted, and none there to be promoted? Promotes one if there is.
    #[cold]
    #[inline(never)]
    pub(super) fn look_between_forks(&self, limit: u32, depth: u32) -> bool {
        match self.look(limit, depth) {
            Offer::No => false,
            offer @ (Offer::Quietly | Offer::Loudly) => {
                // The fork that follows is the one to be offered.
                self.is_fresh.set(offer == Offer::Quietly);
                self.fuel.set(0);
                if offer == Offer::Loudly {
                    self.peer.request();
                }
                true
            }
        }
    }

    /// Sets the distance to the next look, and what is listed until then.
    fn go_on(&self) {
        let stride = (self.stride.get() * 2).clamp(1, STRIDE);
        self.stride.set(stride);
        self.fuel.set(stride);
        let depth = self.fork().depth;
        let base = self.base.get().min(depth);
        self.base.set(base);
        if stride == STRIDE && depth - base < CHAIN {
            // Ordering: Relaxed; a request that this overwrites is made up for, see the module.
            self.peer.limit.store(base + WINDOW, Ordering::Relaxed);
        } else {
            self.list_all();
        }
    }

    fn list_all(&self) {
        // Ordering: as in `go_on`.
        self.peer.limit.store(u32::MAX, Ordering::Relaxed);
        self.fuel.set(STRIDE);
    }

    /// Promotes the oldest latent frame, and of a long list some more; says how many.
    fn promote_oldest(&self) -> usize {
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
            self.base.set(unsafe { frame.as_ref() }.depth);
            self.deque.push(job);
        }
    }

    /// Does what [`look`](Lane::look) said, when the new half has been listed.
    #[cold]
    pub(super) fn offer(&self, offer: Offer) {
        let promoted = self.promote_oldest();
        if promoted > 0 && offer == Offer::Loudly {
            if let Some(around) = self.around() {
                around.announce();
            }
        }
    }

    /// Takes a promoted half back, unless it has been stolen. It is the newest one that is
    /// promoted and has not been settled.
    pub(super) fn take_back(&self, frame: NonNull<Frame>) -> bool {
        match self.deque.pop() {
            Some(job) => {
                assert!(job.is_of(frame), "halves are settled in order");
                true
            }
            None => false,
        }
    }

    /// Is a frame listed at this many bytes from here, or nearer?
    #[inline(always)]
    pub(super) fn is_near(frame: Option<NonNull<Frame>>) -> bool {
        let anchor = 0u8;
        let here = (&raw const anchor).addr();
        frame.is_some_and(|frame| frame.addr().get().abs_diff(here) < NEAR)
    }
}

/// See [`Lane::sit`].
#[must_use]
pub(crate) struct Seat<'a> {
    below: Option<NonNull<Lane>>,
    _lane: &'a Lane,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.below));
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
