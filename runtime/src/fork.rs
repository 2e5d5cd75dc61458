//! Forking: two halves of a computation, of which somebody else may take the second.
//!
//! A fork costs about what a call costs until somebody is hungry: the second closure stays on the
//! stack of the thread that forks, as a *latent* half in that thread's own [list](latents), and is
//! *promoted* to a deque, where others can steal it, only on request, by the supervisor's beat, or when
//! the section turns out to be long. [`frame`] has the proof that this is sound, [`latents`] says when halves are
//! promoted, [`wait`] what a thread does whose half was stolen, [`guest`] how a thread that is no
//! worker takes part.
//!
//! The flags and lists follow Acar, Charguéraud, Rainey, *Scheduling parallel programs by work stealing
//! with private deques* (PPoPP 2013), and Acar, Charguéraud, Guatto, Rainey, Sieczkowski, *Heartbeat
//! scheduling* (PLDI 2018).

#![allow(
    unsafe_code,
    reason = "halves lie on the stack of the thread that forks; `frame` has the proof"
)]

pub(crate) mod beat;
mod frame;
mod guest;
pub(crate) mod latch;
pub(crate) mod latents;
mod look;
pub(crate) mod peer;
mod wait;

use std::fmt;
use std::mem;
use std::panic;
use std::ptr::NonNull;

use hivework_stm::facade::sync::Arc;
use hivework_stm::in_transaction;

use crate::Scheduler;
use crate::local;
use crate::shared::Shared;
use crate::work::unwind::drop_contained;
use frame::{Frame, Half};
use latents::Latents;
use look::Offer;

/// A place from which a computation can fork: handed to the closures of
/// [`Scheduler::fork`] and [`Fork::join`].
///
/// It carries what a fork needs, so that [`Fork::join`] need not look for it; the free
/// [`join`] does the same and finds it in a thread-local variable, which costs
/// a nanosecond or so more.
///
/// ```
/// use hivework::{make_scheduler, Fork};
///
/// fn sum(fork: &mut Fork<'_>, numbers: &[u64]) -> u64 {
///     if numbers.len() <= 2 {
///         return numbers.iter().sum();
///     }
///     let (left, right) = numbers.split_at(numbers.len() / 2);
///     let (left, right) = fork.join(|fork| sum(fork, left), |fork| sum(fork, right));
///     left + right
/// }
///
/// let scheduler = make_scheduler();
/// let numbers: Vec<u64> = (1..=1000).collect();
/// assert_eq!(scheduler.fork(|fork| sum(fork, &numbers)), 500_500);
/// ```
pub struct Fork<'a> {
    latents: &'a Latents,
    /// The newest frame that was listed when this was made.
    frame: Option<NonNull<Frame>>,
    /// How many there are.
    depth: u32,
}

impl Fork<'_> {
    /// Runs both closures and answers what both return: `a` on this thread, and `b` after it, or at the
    /// same time on a thread that has nothing better to do.
    ///
    /// It returns when both are done. Inside a transaction both run on this thread.
    ///
    /// # Panics
    ///
    /// Where a closure panics, when the other is done; `b` may then not have run at all. Where both do, with
    /// what `a` said.
    #[inline(always)]
    pub fn join<A, B, RA, RB>(&mut self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce(&mut Fork<'_>) -> RA,
        B: FnOnce(&mut Fork<'_>) -> RB + Send,
        RB: Send,
    {
        let latents = self.latents;
        let limit = latents.limit();
        // Below the window, unless 0 says that somebody asks.
        if limit.wrapping_sub(1) < self.depth && Latents::is_near(self.frame) {
            let first = a(self);
            return (first, b(self));
        }
        let fuel = latents.pace.fuel.get();
        if fuel == 0 || self.depth >= limit {
            let offer = latents.look(limit, self.depth);
            if offer != Offer::No {
                return self.list_and_offer(offer, a, b);
            }
        } else {
            latents.pace.fuel.set(fuel - 1);
        }
        self.list(|| {}, a, b)
    }

    /// As a join that has something to offer.
    #[cold]
    #[inline(never)]
    fn list_and_offer<A, B, RA, RB>(&mut self, offer: Offer, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce(&mut Fork<'_>) -> RA,
        B: FnOnce(&mut Fork<'_>) -> RB + Send,
        RB: Send,
    {
        let latents = self.latents;
        self.list(|| latents.offer(offer), a, b)
    }

    /// A join that lists its half, and calls `listed` then.
    #[inline(always)]
    fn list<A, B, RA, RB>(&mut self, listed: impl FnOnce(), a: A, b: B) -> (RA, RB)
    where
        A: FnOnce(&mut Fork<'_>) -> RA,
        B: FnOnce(&mut Fork<'_>) -> RB + Send,
        RB: Send,
    {
        let latents = self.latents;
        let depth = self.depth + 1;
        // Not `self.frame`: a fork from further out may be used here, and the list is a stack
        // all the same.
        let parent = latents.tail.get();
        let half = Half::new(parent, depth, b);
        let frame = half.head();
        latents.tail.set(Some(frame));
        listed();
        let unwinding = Unwinding {
            latents,
            half: &half,
        };
        let first = a(&mut Fork {
            latents,
            frame: Some(frame),
            depth,
        });
        mem::forget(unwinding);
        latents.tail.set(parent);
        if half.frame.run.get().is_none() && !latents.take_back(frame) {
            latents.wait(frame, true);
            // SAFETY: done, and taken here alone.
            return match unsafe { half.take_result() } {
                Ok(second) => (first, second),
                Err(payload) => panic::resume_unwind(payload),
            };
        }
        // SAFETY: latent and off the list, or taken back.
        let b = unsafe { half.take_closure() };
        (first, b(self))
    }

    /// Lets others have a part of what this computation has left, if they ask for it: for a long stretch
    /// that forks nothing. Costs a few loads.
    #[inline]
    pub fn poll(&mut self) {
        let _ = self.is_wanted();
    }

    /// As [`poll`](Fork::poll); true where there was nothing to give, so that a fork now
    /// would be taken at once.
    #[inline]
    pub(crate) fn is_wanted(&mut self) -> bool {
        let fuel = self.latents.pace.fuel.get();
        let limit = self.latents.limit();
        if fuel == 0 || limit == 0 {
            return self.latents.look_between_forks(limit, self.depth);
        }
        self.latents.pace.fuel.set(fuel - 1);
        false
    }
}

/// Takes a half off the list where the first closure unwinds, and waits for it where it was
/// stolen.
struct Unwinding<'a, B, R>
where
    B: FnOnce(&mut Fork<'_>) -> R,
{
    latents: &'a Latents,
    half: &'a Half<B, R>,
}

impl<B, R> Drop for Unwinding<'_, B, R>
where
    B: FnOnce(&mut Fork<'_>) -> R,
{
    /// Inlined, so that the way that does not unwind need not keep the guard in memory.
    #[inline(always)]
    fn drop(&mut self) {
        unwind(self.latents, self.half);
    }
}

#[cold]
#[inline(never)]
fn unwind<B, R>(latents: &Latents, half: &Half<B, R>)
where
    B: FnOnce(&mut Fork<'_>) -> R,
{
    latents.tail.set(half.frame.parent);
    let frame = half.head();
    if half.frame.run.get().is_none() && !latents.take_back(frame) {
        // Users' code on a thread that unwinds could not panic any more.
        latents.wait(frame, false);
        // SAFETY: done, and taken here alone.
        drop_contained(unsafe { half.take_result() });
    } else {
        // SAFETY: latent and off the list, or taken back.
        drop_contained(unsafe { half.take_closure() });
    }
}

impl fmt::Debug for Fork<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fork")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// Runs both closures and answers what both return: `a` on this thread, and `b` after it, or at
/// the same time on another thread of the pool that the caller runs in.
///
/// A thread runs in a pool inside a work item, and inside [`Scheduler::install`],
/// [`Scheduler::fork`] and their kin. Anywhere else there is nobody to share with, no hidden pool, and
/// both closures run one after the other.
///
/// ```
/// use hivework::{join, make_scheduler};
///
/// fn fib(n: u64) -> u64 {
///     if n < 2 {
///         return n;
///     }
///     let (one, two) = join(|| fib(n - 1), || fib(n - 2));
///     one + two
/// }
///
/// assert_eq!(make_scheduler().install(|| fib(20)), 6765);
/// assert_eq!(fib(10), 55);
/// ```
///
/// # Panics
///
/// As [`Fork::join`]. And inside a transaction: it may run again, and nobody else may run a part
/// of it.
#[inline]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    outside_transactions("join");
    Latents::with_current(|latents| match latents {
        Some(latents) => latents.fork().join(|_| a(), |_| b()),
        None => {
            let first = a();
            (first, b())
        }
    })
}

/// Runs `f` with the fork of the section that this thread is in, if it is in one.
pub(crate) fn in_section<R>(f: impl FnOnce(Option<&mut Fork<'_>>) -> R) -> R {
    Latents::with_current(|latents| match latents {
        Some(latents) => f(Some(&mut latents.fork())),
        None => f(None),
    })
}

/// Runs `f` in a section of this scheduler on this thread.
pub(crate) fn enter<R>(shared: &Arc<Shared>, f: impl FnOnce() -> R) -> R {
    guest::enter(shared, |_| f())
}

/// The scheduler of the section that this thread is in, if it is in one.
pub(crate) fn home() -> Option<Arc<Shared>> {
    guest::home()
}

/// This thread is about to block: what it holds privately goes where others find it, that of a
/// worker that is in a section of another scheduler's, too.
pub(crate) fn hand_over() {
    let worker = local::worker();
    Latents::with_current(|current| {
        if let Some(current) = current {
            current.hand_over();
        }
        let own = worker.as_ref().map(|worker| &worker.latents);
        if let Some(own) = own.filter(|own| !current.is_some_and(|other| std::ptr::eq(*own, other)))
        {
            own.hand_over();
        }
    });
}

fn outside_transactions(what: &str) {
    assert!(
        !in_transaction(),
        "{what} inside a transaction: a transaction may run again, and nobody else may run a \
         part of it; fork before or after it"
    );
}

impl Scheduler {
    /// Runs `f` on this thread, with the workers taking part in what it forks.
    ///
    /// Nothing is handed over, and for a short computation nobody is woken: a thread of the program's own
    /// takes part as a guest. On a scheduler that does not run it does all by itself.
    ///
    /// # Panics
    ///
    /// Inside a transaction. A panic of `f` passes through.
    pub fn fork<R>(&self, f: impl FnOnce(&mut Fork<'_>) -> R) -> R {
        outside_transactions("fork");
        guest::enter(self.shared(), f)
    }

    /// As the free [`join`], with this scheduler's workers.
    ///
    /// ```
    /// let scheduler = hivework::make_scheduler();
    /// let (sum, product) = scheduler.join(|| (1..=10).sum::<u32>(), || (1..=10).product::<u32>());
    /// assert_eq!((sum, product), (55, 3_628_800));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Fork::join`]. Inside a transaction.
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        outside_transactions("join");
        guest::enter(self.shared(), |fork| fork.join(|_| a(), |_| b()))
    }

    /// Runs `f` on this thread, so that [`join`] and its kin in it use this
    /// scheduler's workers.
    ///
    /// ```
    /// let scheduler = hivework::make_scheduler();
    /// let (a, b) = scheduler.install(|| hivework::join(|| 1, || 2));
    /// assert_eq!(a + b, 3);
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a transaction. A panic of `f` passes through.
    pub fn install<R>(&self, f: impl FnOnce() -> R) -> R {
        outside_transactions("install");
        guest::enter(self.shared(), |_| f())
    }
}
