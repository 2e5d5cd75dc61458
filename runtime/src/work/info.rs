//! What everybody may know of a work item. Small: an item is as large as its closure and
//! some words, and what few items have lies in a box.

use std::any::Any;
use std::borrow::Cow;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use hivework_stm::facade::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};

use super::asked::AskedWord;
use super::attendant::Attendant;
use super::limits::Limits;
use super::once_box::OnceBox;
use crate::books::{NameBooks, Names};
use crate::event::tell::Told;
use crate::home::Home;
use crate::local;
#[cfg(feature = "tracing")]
use crate::outlet::spans::Kept;
use crate::shared::Shared;
use crate::supervisor::overrun;
use crate::supervisor::timers::Timed;

/// Attended to, and on its way to its attendant; a delay may be before it.
const COMING: u8 = 1;
/// Kept by its attendant, and counted so.
const KEPT: u8 = 2;

/// What everybody may know of an item. Written before it is put, but for what is atomic in the box or
/// has a lock there.
pub(crate) struct Info {
    /// Where it was put; none before.
    home: Option<Home>,
    rare: OnceBox<Rare>,
}

/// What few items have.
#[derive(Default)]
pub(crate) struct Rare {
    name: Option<Cow<'static, str>>,
    /// Those of its name where it was put.
    books: Option<Arc<NameBooks>>,
    due: Option<Instant>,
    limits: Option<Box<Limits>>,
    /// Can it go back to its attendant, and be let in again?
    pub(super) restartable: bool,
    pub(super) asked: AskedWord,
    timed: Timed,
    held_by: u64,
    attendant: Option<Arc<dyn Attendant>>,
    /// [`COMING`] or [`KEPT`] for one that its attendant has not let in.
    held_back: AtomicU8,
    /// How many time slices it may run for, if it was given a number of its own.
    slices: Option<NonZeroU32>,
    /// Unless it goes by what the scheduler's policy is.
    cancel_on_overrun: Option<bool>,
    /// Its number, once somebody has asked for it.
    id: AtomicU64,
    /// What the subscribers know of it; held until they can know more (`event/tell.rs`).
    pub(crate) told: Mutex<Told>,
    /// Was it put by a handler of events, or by what that has put?
    marked: AtomicBool,
    /// Who waits for it: a `Waiting<T>` (`completion.rs`), whose type is not known here.
    pub(crate) waiting: OnceBox<Box<dyn Any + Send + Sync>>,
    /// Its span.
    #[cfg(feature = "tracing")]
    pub(crate) span: Kept,
}

impl Rare {
    pub(crate) fn attendant(&self) -> Option<&Arc<dyn Attendant>> {
        self.attendant.as_ref()
    }
}

impl Default for OnceBox<Box<dyn Any + Send + Sync>> {
    fn default() -> Self {
        OnceBox::new()
    }
}

impl Info {
    pub(crate) fn new() -> Self {
        Info {
            home: None,
            rare: OnceBox::new(),
        }
    }

    #[inline]
    pub(crate) fn rare(&self) -> Option<&Rare> {
        self.rare.get()
    }

    pub(crate) fn make_rare(&self) -> &Rare {
        self.rare.get_or_make(Rare::default)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_mut_or_make(Rare::default)
    }

    #[inline]
    pub(crate) fn home(&self) -> Option<Home> {
        self.home
    }

    #[inline]
    pub(crate) fn set_home(&mut self, home: Option<Home>) {
        self.home = home;
    }

    pub(crate) fn set_name(&mut self, name: Cow<'static, str>) {
        self.rare_mut().name = Some(name);
    }

    pub(crate) fn set_due(&mut self, due: Option<Instant>) {
        self.rare_mut().due = due;
    }

    fn limits_mut(&mut self) -> &mut Limits {
        self.rare_mut().limits.get_or_insert_default()
    }

    /// Before the put: it is to begin within so long.
    pub(crate) fn set_start_within(&mut self, limit: Duration) {
        self.limits_mut().start_within = Some(limit);
    }

    /// Before the put: it may run for so long.
    pub(crate) fn set_timeout(&mut self, limit: Duration) {
        self.limits_mut().timeout = Some(limit);
    }

    pub(crate) fn set_restartable(&mut self) {
        self.rare_mut().restartable = true;
    }

    /// Its limits other than the deadline, if it has any.
    pub(crate) fn limits(&self) -> Option<&Limits> {
        self.rare()?.limits.as_deref()
    }

    pub(crate) fn clear_due(&mut self) {
        if self.rare.get().is_some() {
            self.set_due(None);
        }
    }

    pub(crate) fn set_slices(&mut self, slices: u32) {
        let slices = NonZeroU32::new(slices).unwrap_or(NonZeroU32::MIN);
        overrun::expect_slices(slices);
        self.rare_mut().slices = Some(slices);
    }

    /// How many time slices it was given, if it was.
    pub(crate) fn slices(&self) -> Option<NonZeroU32> {
        self.rare()?.slices
    }

    pub(crate) fn set_cancel_on_overrun(&mut self, cancel: bool) {
        self.rare_mut().cancel_on_overrun = Some(cancel);
    }

    /// Is it to be cancelled if it overruns? None where that is for the scheduler's policy to say.
    pub(crate) fn cancels_on_overrun(&self) -> Option<bool> {
        self.rare()?.cancel_on_overrun
    }

    /// Can nothing of it lie in the timers, is it counted under no name, and does nobody attend to it?
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.rare()
            .is_none_or(|rare| rare.books.is_none() && rare.attendant.is_none())
            && !self.is_timed()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.rare()?.name.as_deref()
    }

    /// It is put: counts it under its name, if it has one, and sets its deadline.
    #[cold]
    pub(crate) fn put_rare(
        &mut self,
        due: Option<Instant>,
        names: &Names,
        now: impl FnOnce() -> Instant,
    ) {
        let rare = self.rare_mut();
        rare.due = due;
        if let Some(limits) = &mut rare.limits {
            limits.put(now());
        }
        rare.books = rare.name.as_deref().map(|name| names.accept(name));
    }

    /// The books of its name, if it has one and was put.
    #[inline]
    pub(crate) fn books(&self) -> Option<&NameBooks> {
        self.rare()?.books.as_deref()
    }

    /// Its deadline, once it is put.
    #[inline]
    pub(crate) fn due(&self) -> Option<Instant> {
        self.rare()?.due
    }

    /// What time it is for its scheduler.
    pub(crate) fn now(&self) -> Instant {
        match self.home.and_then(local::worker_at) {
            Some(worker) => worker.shared.now(),
            None => self
                .shared()
                .map_or_else(Instant::now, |shared| shared.now()),
        }
    }

    /// Before the put: it is to wait for so long.
    pub(crate) fn set_delay(&mut self, delay: Duration) {
        self.rare_mut().timed.want(delay);
    }

    /// Does it wait for its time?
    #[inline]
    pub(crate) fn is_delayed(&self) -> bool {
        self.timed_if_any().is_some_and(Timed::sleeps)
    }

    /// Can anything of it lie in the timers?
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.rare()
            .is_some_and(|rare| rare.due.is_some() || rare.limits.is_some() || rare.timed.sleeps())
    }

    /// Before the put: it is held until `attendant` lets it in.
    pub(crate) fn attend(&mut self, attendant: Arc<dyn Attendant>) {
        let rare = self.rare_mut();
        rare.attendant = Some(attendant);
        // Ordering: Relaxed; the put publishes it.
        rare.held_back.store(COMING, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn attendant(&self) -> Option<&dyn Attendant> {
        self.rare()?.attendant.as_deref()
    }

    #[inline]
    pub(crate) fn is_held_back(&self) -> bool {
        // Ordering: Relaxed; who claims it by its handle though it is let in just now comes a
        // moment later, and who claims it because it was let in was told so by a lock or a queue.
        self.rare()
            .is_some_and(|rare| rare.held_back.load(Ordering::Relaxed) != 0)
    }

    /// Its attendant keeps it from now on; false where it is held no more, or kept already.
    #[must_use]
    pub(crate) fn keep(&self) -> bool {
        // Ordering: Relaxed; the exchange alone decides who counts it.
        self.rare().is_some_and(|rare| {
            let word = &rare.held_back;
            word.compare_exchange(COMING, KEPT, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        })
    }

    /// It is held no longer; says whether it was kept.
    #[must_use]
    pub(crate) fn let_in(&self) -> bool {
        // Ordering: as in `keep`.
        self.rare()
            .is_some_and(|rare| rare.held_back.swap(0, Ordering::Relaxed) == KEPT)
    }

    /// Is it too early to run it, by whoever's claim?
    #[inline]
    pub(crate) fn is_early(&self) -> bool {
        self.is_delayed() || self.is_held_back()
    }

    #[inline]
    pub(crate) fn timed_if_any(&self) -> Option<&Timed> {
        Some(&self.rare()?.timed)
    }

    /// What it knows of its entries in the timers.
    pub(crate) fn timed(&self) -> &Timed {
        &self.make_rare().timed
    }

    /// The transaction of this thread puts the item. Whether it may still be open is for
    /// the state word to say (HELD).
    pub(crate) fn hold(&mut self, thread: u64) {
        self.rare_mut().held_by = thread;
    }

    /// Was it this thread's transaction that put it?
    pub(crate) fn is_held_by(&self, thread: u64) -> bool {
        self.rare().is_some_and(|rare| rare.held_by == thread)
    }

    /// Its number. Given when it is first asked for: most items never are, and one
    /// counter for all would be where all putters meet.
    pub(crate) fn id(&self) -> u64 {
        let Some(home) = self.home else { return 0 };
        let place = &self.make_rare().id;
        // Ordering: Relaxed, here and below; a number that orders nothing.
        let id = place.load(Ordering::Relaxed);
        if id != 0 {
            return id;
        }
        let new = home.next_id();
        place
            .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed)
            .map_or_else(|id| id, |_| new)
    }

    /// It is put by a handler of events, or by what that has put. Comes before its put.
    pub(crate) fn mark(&self) {
        // Ordering: Relaxed; the put publishes it.
        self.make_rare().marked.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        // Ordering: as in `mark`.
        self.rare()
            .is_some_and(|rare| rare.marked.load(Ordering::Relaxed))
    }

    /// The scheduler that it was put to, unless that is gone.
    pub(crate) fn shared(&self) -> Option<Arc<Shared>> {
        self.home?.shared()
    }
}
