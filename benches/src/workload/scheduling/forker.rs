//! What can fork, behind one trait: a computation is written once, so that all run the
//! same. Each join is the system's own, resolved at compile time.

use std::sync::Arc;

use hivework::{Fork, Scheduler};

use super::pools::{self, Pool};

/// Something that runs two halves, perhaps on two threads.
pub(super) trait Forker: 'static {
    /// What a closure needs in order to fork.
    type At<'a>;

    /// Runs `f` as a section, within which it can fork.
    fn section<R: Send>(&self, f: impl FnOnce(&mut Self::At<'_>) -> R + Send) -> R;

    /// Runs both and answers what both return. Which one first, where one thread runs both,
    /// is the system's.
    fn join<RA: Send, RB: Send>(
        at: &mut Self::At<'_>,
        a: impl FnOnce(&mut Self::At<'_>) -> RA + Send,
        b: impl FnOnce(&mut Self::At<'_>) -> RB + Send,
    ) -> (RA, RB);
}

/// One thread, which calls; with `EXCHANGED`, the second half first.
pub(super) struct Sequential<const EXCHANGED: bool = false>;

impl<const EXCHANGED: bool> Forker for Sequential<EXCHANGED> {
    type At<'a> = ();

    fn section<R: Send>(&self, f: impl FnOnce(&mut ()) -> R + Send) -> R {
        f(&mut ())
    }

    #[inline]
    fn join<RA: Send, RB: Send>(
        at: &mut (),
        a: impl FnOnce(&mut ()) -> RA + Send,
        b: impl FnOnce(&mut ()) -> RB + Send,
    ) -> (RA, RB) {
        if EXCHANGED {
            let second = b(at);
            (a(at), second)
        } else {
            let first = a(at);
            (first, b(at))
        }
    }
}

/// Ours; with `EXCHANGED`, each join's closures the other way round.
pub(super) struct Hivework<const EXCHANGED: bool = false>(Scheduler);

impl<const EXCHANGED: bool> Hivework<EXCHANGED> {
    pub(super) fn with(workers: usize) -> Self {
        Hivework(pools::hivework(workers))
    }
}

impl<const EXCHANGED: bool> Forker for Hivework<EXCHANGED> {
    type At<'a> = Fork<'a>;

    fn section<R: Send>(&self, f: impl FnOnce(&mut Fork<'_>) -> R + Send) -> R {
        self.0.fork(f)
    }

    #[inline]
    fn join<RA: Send, RB: Send>(
        at: &mut Fork<'_>,
        a: impl FnOnce(&mut Fork<'_>) -> RA + Send,
        b: impl FnOnce(&mut Fork<'_>) -> RB + Send,
    ) -> (RA, RB) {
        if EXCHANGED {
            let (second, first) = at.join(b, a);
            (first, second)
        } else {
            at.join(a, b)
        }
    }
}

/// A rayon pool.
pub(super) struct Rayon(Arc<rayon::ThreadPool>);

impl Rayon {
    pub(super) fn start() -> Self {
        Rayon(Pool::make())
    }
}

impl Forker for Rayon {
    type At<'a> = ();

    fn section<R: Send>(&self, f: impl FnOnce(&mut ()) -> R + Send) -> R {
        self.0.install(|| f(&mut ()))
    }

    #[inline]
    fn join<RA: Send, RB: Send>(
        (): &mut (),
        a: impl FnOnce(&mut ()) -> RA + Send,
        b: impl FnOnce(&mut ()) -> RB + Send,
    ) -> (RA, RB) {
        rayon::join(|| a(&mut ()), || b(&mut ()))
    }
}

/// A chili pool, which runs `b` first; with `EXCHANGED`, each join's closures the other way
/// round, and so `a`, as the others.
pub(super) struct Chili<const EXCHANGED: bool = false>(chili::ThreadPool);

impl<const EXCHANGED: bool> Chili<EXCHANGED> {
    pub(super) fn with(workers: usize) -> Self {
        Chili(pools::chili(workers))
    }
}

impl<const EXCHANGED: bool> Forker for Chili<EXCHANGED> {
    type At<'a> = chili::Scope<'a>;

    fn section<R: Send>(&self, f: impl FnOnce(&mut chili::Scope<'_>) -> R + Send) -> R {
        f(&mut self.0.scope())
    }

    #[inline]
    fn join<RA: Send, RB: Send>(
        at: &mut chili::Scope<'_>,
        a: impl FnOnce(&mut chili::Scope<'_>) -> RA + Send,
        b: impl FnOnce(&mut chili::Scope<'_>) -> RB + Send,
    ) -> (RA, RB) {
        if EXCHANGED {
            let (second, first) = at.join(b, a);
            (first, second)
        } else {
            at.join(a, b)
        }
    }
}
