//! The transactional memories that are compared, behind one trait: a workload is
//! written once, so that all of them run the same algorithm. Each call is the
//! system's own, resolved at compile time; the trait costs nothing.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// What a variable of every system can hold.
pub trait Value: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Value for T {}

/// A software transactional memory.
pub trait System: 'static {
    /// What the reports call it.
    const NAME: &'static str;
    /// A handle of a variable.
    type Var<T: Value>: Clone + Send + Sync + 'static;
    /// What a transaction's closure is given.
    type Tx<'a>;
    /// Why a transaction's closure ends without an answer.
    type Stop;

    /// Makes a variable.
    fn var<T: Value>(value: T) -> Self::Var<T>;

    /// Runs `f` as one transaction, and blocks the thread while it retries.
    fn atomically<R>(f: impl Fn(&mut Self::Tx<'_>) -> Result<R, Self::Stop>) -> R;

    /// Reads a copy.
    fn read<T: Value>(tx: &mut Self::Tx<'_>, var: &Self::Var<T>) -> Result<T, Self::Stop>;

    /// Writes, whatever was there.
    fn write<T: Value>(
        tx: &mut Self::Tx<'_>,
        var: &Self::Var<T>,
        value: T,
    ) -> Result<(), Self::Stop>;

    /// Reads and writes.
    fn modify<T: Value>(
        tx: &mut Self::Tx<'_>,
        var: &Self::Var<T>,
        f: impl FnOnce(T) -> T,
    ) -> Result<(), Self::Stop>;

    /// Asks to wait until something that was read has changed.
    fn retry<R>() -> Result<R, Self::Stop>;
}

/// Ours.
#[derive(Debug, Clone, Copy)]
pub struct Hivework;

impl System for Hivework {
    const NAME: &'static str = "hivework";
    type Var<T: Value> = hivework_stm::TVar<T>;
    type Tx<'a> = hivework_stm::Transaction<'a>;
    type Stop = hivework_stm::StmError;

    #[inline]
    fn var<T: Value>(value: T) -> Self::Var<T> {
        hivework_stm::TVar::new(value)
    }

    #[inline]
    fn atomically<R>(f: impl Fn(&mut Self::Tx<'_>) -> Result<R, Self::Stop>) -> R {
        hivework_stm::atomically(f)
    }

    #[inline]
    fn read<T: Value>(tx: &mut Self::Tx<'_>, var: &Self::Var<T>) -> Result<T, Self::Stop> {
        var.read(tx)
    }

    #[inline]
    fn write<T: Value>(
        tx: &mut Self::Tx<'_>,
        var: &Self::Var<T>,
        value: T,
    ) -> Result<(), Self::Stop> {
        var.write(tx, value)
    }

    #[inline]
    fn modify<T: Value>(
        tx: &mut Self::Tx<'_>,
        var: &Self::Var<T>,
        f: impl FnOnce(T) -> T,
    ) -> Result<(), Self::Stop> {
        var.modify(tx, f)
    }

    fn retry<R>() -> Result<R, Self::Stop> {
        hivework_stm::retry()
    }
}

/// The published `stm` crate.
#[derive(Debug, Clone, Copy)]
pub struct Stm;

impl System for Stm {
    const NAME: &'static str = "stm";
    type Var<T: Value> = stm::TVar<T>;
    type Tx<'a> = stm::Transaction;
    type Stop = stm::StmError;

    #[inline]
    fn var<T: Value>(value: T) -> Self::Var<T> {
        stm::TVar::new(value)
    }

    #[inline]
    fn atomically<R>(f: impl Fn(&mut Self::Tx<'_>) -> Result<R, Self::Stop>) -> R {
        stm::atomically(f)
    }

    #[inline]
    fn read<T: Value>(tx: &mut Self::Tx<'_>, var: &Self::Var<T>) -> Result<T, Self::Stop> {
        var.read(tx)
    }

    #[inline]
    fn write<T: Value>(
        tx: &mut Self::Tx<'_>,
        var: &Self::Var<T>,
        value: T,
    ) -> Result<(), Self::Stop> {
        var.write(tx, value)
    }

    #[inline]
    fn modify<T: Value>(
        tx: &mut Self::Tx<'_>,
        var: &Self::Var<T>,
        f: impl FnOnce(T) -> T,
    ) -> Result<(), Self::Stop> {
        var.modify(tx, f)
    }

    fn retry<R>() -> Result<R, Self::Stop> {
        stm::retry()
    }
}

/// The `fast-stm` crate, a descendant of `stm`.
#[derive(Debug, Clone, Copy)]
pub struct FastStm;

impl System for FastStm {
    const NAME: &'static str = "fast-stm";
    type Var<T: Value> = fast_stm::TVar<T>;
    type Tx<'a> = fast_stm::Transaction;
    type Stop = fast_stm::StmError;

    #[inline]
    fn var<T: Value>(value: T) -> Self::Var<T> {
        fast_stm::TVar::new(value)
    }

    #[inline]
    fn atomically<R>(f: impl Fn(&mut Self::Tx<'_>) -> Result<R, Self::Stop>) -> R {
        fast_stm::atomically(f)
    }

    #[inline]
    fn read<T: Value>(tx: &mut Self::Tx<'_>, var: &Self::Var<T>) -> Result<T, Self::Stop> {
        var.read(tx)
    }

    #[inline]
    fn write<T: Value>(
        tx: &mut Self::Tx<'_>,
        var: &Self::Var<T>,
        value: T,
    ) -> Result<(), Self::Stop> {
        var.write(tx, value)
    }

    #[inline]
    fn modify<T: Value>(
        tx: &mut Self::Tx<'_>,
        var: &Self::Var<T>,
        f: impl FnOnce(T) -> T,
    ) -> Result<(), Self::Stop> {
        var.modify(tx, f)
    }

    fn retry<R>() -> Result<R, Self::Stop> {
        fast_stm::retry()
    }
}

/// The `async-stm` crate. Its transactions are futures; a thread that blocks on
/// one needs no more than a waker, so no runtime is in the figures.
#[derive(Debug, Clone, Copy)]
pub struct AsyncStm;

impl System for AsyncStm {
    const NAME: &'static str = "async-stm";
    type Var<T: Value> = async_stm::TVar<T>;
    /// The transaction is in a variable of the thread.
    type Tx<'a> = ();
    type Stop = async_stm::StmControl;

    #[inline]
    fn var<T: Value>(value: T) -> Self::Var<T> {
        async_stm::TVar::new(value)
    }

    #[inline]
    fn atomically<R>(f: impl Fn(&mut Self::Tx<'_>) -> Result<R, Self::Stop>) -> R {
        block_on(async_stm::atomically(|| f(&mut ())))
    }

    #[inline]
    fn read<T: Value>((): &mut (), var: &Self::Var<T>) -> Result<T, Self::Stop> {
        var.read_clone()
    }

    #[inline]
    fn write<T: Value>((): &mut (), var: &Self::Var<T>, value: T) -> Result<(), Self::Stop> {
        var.write(value)
    }

    #[inline]
    fn modify<T: Value>(
        (): &mut (),
        var: &Self::Var<T>,
        f: impl FnOnce(T) -> T,
    ) -> Result<(), Self::Stop> {
        var.update(f)
    }

    fn retry<R>() -> Result<R, Self::Stop> {
        async_stm::retry()
    }
}

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static UNPARKS_ME: Waker = Waker::from(Arc::new(Unparks(thread::current())));
}

/// Blocks this thread until `future` is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    UNPARKS_ME.with(|waker| {
        let mut context = Context::from_waker(waker);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ball goes to and fro, so nobody waits in vain and nothing is lost.
    fn waits_and_counts<S: System>() {
        let (ball, hops) = (S::var(0_u64), S::var(0_u64));
        thread::scope(|scope| {
            for me in 0..2 {
                let (ball, hops) = (&ball, &hops);
                scope.spawn(move || {
                    for _ in 0..100 {
                        S::atomically(|tx| {
                            if S::read(tx, ball)? != me {
                                return S::retry();
                            }
                            S::write(tx, ball, 1 - me)?;
                            S::modify(tx, hops, |hops| hops + 1)
                        });
                    }
                });
            }
        });
        assert_eq!(S::atomically(|tx| S::read(tx, &hops)), 200);
    }

    #[test]
    fn each_system_reads_writes_and_waits() {
        waits_and_counts::<Hivework>();
        waits_and_counts::<Stm>();
        waits_and_counts::<FastStm>();
        waits_and_counts::<AsyncStm>();
    }
}
