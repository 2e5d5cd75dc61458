//! When a thread offers a half to others, and which halves it lists.
//!
//! # When
//!
//! A fork that nobody asks for must cost what a call costs: it reads `limit`, and writes a frame.
//! All else happens in [`Latents::look`], which a fork comes to
//!
//! 1. as the *first of a section* (a work item, a stolen half, an outside thread's section): that one
//!    is promoted at once and quietly. Whoever is awake finds it, whoever sleeps is
//!    not woken for what may be over in a microsecond. Where the whole scheduler dozes nobody
//!    would ever look: there one worker is woken.
//! 2. on *request*: a searching worker, or the supervisor's beat, has set `limit` to 0.
//!    The oldest latent half is promoted, the new one where there is no other, and announced. A
//!    section that promoted or began only just now ([`PATIENCE`]) keeps the request in mind: what is
//!    stolen costs both sides some hundred nanoseconds. Where it turns out not to be worth
//!    that ([`SHORT`]) the next one is waited for longer.
//! 3. after 1, 2, 4, … 512 forks, from then on every 512: as on request, where one is in mind
//!    or somebody sleeps.
//! 4. where the list has become *deep*, see below.
//!
//! A promotion may be lost to a race (a request that this thread overwrites) or put off (while the
//! list has visitors, see [`wait`](super::wait)): one of the others follows.
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

use std::cell::Cell;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use hivework_stm::facade::MODELLED;
use hivework_stm::facade::atomic::Ordering;
use hivework_stm::in_transaction;

use super::frame::Frame;
use super::latents::Latents;

/// How many latent halves are listed where the computation branches.
const WINDOW: u32 = 4;
/// How many frames deeper than its window a list makes a chain.
const CHAIN: u32 = 64;
/// How often a section looks around itself at the least, in forks.
const STRIDE: u32 = 512;
/// How many bytes of stack may go by without a frame being listed.
const NEAR: usize = 4096;
/// How long a section runs before it promotes, and before it promotes again, at the least and at
/// the most. A model knows no time.
const PATIENCE: Duration = Duration::from_micros(if MODELLED { 0 } else { 20 });
const MOST_PATIENCE: Duration = Duration::from_micros(160);

/// A stolen half that runs shorter was not worth it.
const SHORT: u32 = 4000;

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

/// What a thread remembers between two looks.
pub(super) struct Pace {
    /// How many forks are left before the next look.
    pub(super) fuel: Cell<u32>,
    /// How many there were between the last two looks.
    stride: Cell<u32>,
    /// Somebody has asked, too early.
    is_wanted: Cell<bool>,
    /// A fork of the section has been seen.
    is_known: Cell<bool>,
    /// When the section began or last promoted.
    since: Cell<Option<Instant>>,
    /// How long it waits before it promotes again.
    patience: Cell<Duration>,
    /// The depth of the newest frame that was promoted.
    pub(super) base: Cell<u32>,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            fuel: Cell::new(0),
            stride: Cell::new(0),
            is_wanted: Cell::new(false),
            is_known: Cell::new(false),
            since: Cell::new(None),
            patience: Cell::new(PATIENCE),
            base: Cell::new(0),
        }
    }
}

impl Pace {
    /// The next fork is a section's first.
    pub(super) fn begin(&self) {
        self.is_known.set(false);
        self.fuel.set(0);
    }
}

impl Latents {
    /// What a fork that does not simply list its half is to do. `limit` is what it read.
    #[cold]
    #[inline(never)]
    pub(super) fn look(&self, limit: u32, depth: u32) -> Offer {
        if limit != 0 && depth >= limit {
            self.list_for_a_while();
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
        if !self.pace.is_known.replace(true) {
            self.pace.since.set(Some(now));
            self.pace.stride.set(0);
            self.pace.base.set(0);
            self.list_all();
            self.pace.fuel.set(1);
            // It passes a SeqCst fence, which orders the section's beginning before the look
            // whether somebody dozes; partner: the fence in `Bell::doze`.
            return if self.peer().has_visitors() {
                Offer::No
            } else if around.is_dozing() {
                around.stir();
                Offer::Loudly
            } else {
                Offer::Quietly
            };
        }
        let was_wanted = self.pace.is_wanted.get();
        let wanted = was_wanted || limit == 0;
        let since = self.pace.since.get();
        let patience = self.patience();
        let is_early = since.is_some_and(|since| now.saturating_duration_since(since) < patience);
        if is_early || !(wanted || around.has_sleepers()) {
            if wanted && !was_wanted {
                // From now on it looks again soon, and ever less often.
                self.pace.stride.set(0);
            }
            self.pace.is_wanted.set(wanted);
            self.go_on();
            return Offer::No;
        }
        self.pace.is_wanted.set(false);
        self.pace.since.set(Some(now));
        around.stir();
        if self.peer().has_visitors() {
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

    /// Twice as long each time that a stolen half was short.
    fn patience(&self) -> Duration {
        let patience = match self.peer().lasted() {
            None => self.pace.patience.get(),
            Some(lasted) if lasted < SHORT => (self.pace.patience.get() * 2).min(MOST_PATIENCE),
            Some(_) => PATIENCE,
        };
        self.pace.patience.set(patience);
        patience
    }

    /// Is a half wanted, and none there to be promoted? Promotes one if there is.
    #[cold]
    #[inline(never)]
    pub(super) fn look_between_forks(&self, limit: u32, depth: u32) -> bool {
        match self.look(limit, depth) {
            Offer::No => false,
            offer @ (Offer::Quietly | Offer::Loudly) => {
                // The fork that follows is the one to be offered.
                self.pace.is_known.set(offer == Offer::Loudly);
                self.pace.fuel.set(0);
                if offer == Offer::Loudly {
                    self.peer().request();
                }
                true
            }
        }
    }

    /// Sets the distance to the next look, and what is listed until then.
    fn go_on(&self) {
        let stride = (self.pace.stride.get() * 2).clamp(1, STRIDE);
        self.pace.stride.set(stride);
        self.pace.fuel.set(stride);
        let depth = self.fork().depth;
        let base = self.pace.base.get().min(depth);
        self.pace.base.set(base);
        if stride == STRIDE && depth - base < CHAIN {
            // Ordering: Relaxed; a request that this overwrites is made up for, see the module.
            self.peer().limit.store(base + WINDOW, Ordering::Relaxed);
        } else {
            self.list_all();
        }
    }

    /// Lists every half until the next look.
    fn list_all(&self) {
        // Ordering: as in `go_on`.
        self.peer().limit.store(u32::MAX, Ordering::Relaxed);
    }

    /// Lists every half for a while.
    pub(super) fn list_for_a_while(&self) {
        self.list_all();
        self.pace.fuel.set(STRIDE);
    }

    /// Does what [`look`](Latents::look) said, when the new half has been listed.
    #[cold]
    pub(super) fn offer(&self, offer: Offer) {
        let promoted = self.promote_oldest();
        if promoted > 0 && offer == Offer::Loudly {
            if let Some(around) = self.around() {
                around.announce();
            }
        }
    }

    /// Is a frame listed at this many bytes from here, or nearer?
    #[inline(always)]
    pub(super) fn is_near(frame: Option<NonNull<Frame>>) -> bool {
        let anchor = 0u8;
        let here = (&raw const anchor).addr();
        // The stack grows downwards where this pays; elsewhere no frame is near.
        let frame = frame.map_or(0, |frame| frame.addr().get());
        frame.wrapping_sub(here) < NEAR
    }
}
