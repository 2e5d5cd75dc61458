//! Scopes: work that borrows, and is over when the scope is.
//!
//! `scope/core.rs` tells how a scope runs, `scope/job.rs` why it may borrow.

pub(crate) mod board;
pub(crate) mod core;
pub(crate) mod job;
pub(crate) mod jobs;

use std::fmt;
use std::marker::PhantomData;

use hivework_stm::facade::sync::Arc;
use hivework_stm::in_transaction;

use self::core::Core;
use crate::fork;
use crate::scheduler::Scheduler;
use crate::shared::Shared;

/// An open scope, in which work can be spawned that borrows what outlives it; see
/// [`Scheduler::scope`].
///
/// A reference to it is handed to the closure of the scope and to each spawned one.
pub struct Scope<'scope> {
    core: Arc<Core>,
    /// Invariant: neither a longer nor a shorter lifetime will do.
    lifetime: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

impl<'scope> Scope<'scope> {
    /// For [`Core`] alone: what hands this out must see to it that the jobs are over
    /// within `'scope`.
    fn of(core: Arc<Core>) -> Self {
        Scope {
            core,
            lifetime: PhantomData,
        }
    }

    /// Spawns work that may run on any worker, or on the thread that opened the scope
    /// once the scope's own closure is over. It may borrow what outlives the scope, and
    /// spawn more.
    ///
    /// It never waits, whatever the scheduler's capacity, and takes an allocation and a
    /// lock. In which order spawned works run is not promised, and neither is that any
    /// of them begins before the scope's closure is over.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use hivework::{make_scheduler, Scope};
    ///
    /// fn count<'scope>(scope: &Scope<'scope>, depth: u32, leaves: &'scope AtomicU32) {
    ///     if depth == 0 {
    ///         leaves.fetch_add(1, Ordering::Relaxed);
    ///         return;
    ///     }
    ///     for _ in 0..2 {
    ///         scope.spawn(move |scope| count(scope, depth - 1, leaves));
    ///     }
    /// }
    ///
    /// let leaves = AtomicU32::new(0);
    /// make_scheduler().scope(|scope| count(scope, 6, &leaves));
    /// assert_eq!(leaves.into_inner(), 64);
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a transaction. A panic of the spawned work goes on where the scope was
    /// opened.
    pub fn spawn(&self, work: impl FnOnce(&Scope<'scope>) + Send + 'scope) {
        assert!(
            !in_transaction(),
            "spawn inside a transaction, which may run again: spawn after it has committed, \
             or put work as part of it with `put_work_in(tx, …)`"
        );
        self.add(work);
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("jobs", &self.core.jobs)
            .finish()
    }
}

/// As [`Scheduler::scope`], on the pool that the caller runs in: inside a work item, and inside
/// [`Scheduler::install`] and its kin. Anywhere else the spawned works run on the calling
/// thread, when the closure is over.
///
/// ```
/// use hivework::{make_scheduler, scope};
///
/// let scheduler = make_scheduler();
/// let work = scheduler.put_work(|| {
///     let mut halves = [1, 2, 3, 4];
///     let (left, right) = halves.split_at_mut(2);
///     scope(|scope| {
///         scope.spawn(|_| left.reverse());
///         scope.spawn(|_| right.reverse());
///     });
///     halves
/// });
/// assert_eq!(work.join().unwrap(), [2, 1, 4, 3]);
/// ```
///
/// # Panics
///
/// As [`Scheduler::scope`].
pub fn scope<'scope, R>(f: impl FnOnce(&Scope<'scope>) -> R) -> R {
    open(fork::home().as_ref(), f)
}

impl Scheduler {
    /// Opens a scope: calls `f`, which can spawn works that borrow what outlives the
    /// scope, and answers what `f` answers when all spawned works are over.
    ///
    /// The calling thread takes part: when `f` is over it runs what nobody has begun,
    /// and nothing else. Where only works of other threads are left it waits, on a worker as one
    /// that is away. So a scope also ends on a scheduler that does not run, is stopped
    /// meanwhile, or whose workers are all busy; and that is why `f` should not wait for what
    /// it has spawned. A work that is in a scope is over only when that is, and a drain
    /// waits for it. Spawned works are no works in the sense of
    /// [`stats`](Scheduler::stats), which do not count them.
    ///
    /// What the calling thread forks or loops over in `f`, and in the spawned works that it runs
    /// itself, is shared as inside [`install`](Scheduler::install).
    ///
    /// ```
    /// use hivework::make_scheduler;
    ///
    /// let scheduler = make_scheduler();
    /// let words = vec!["to", "be", "or", "not"];
    /// let (mut letters, mut longest) = (0, None);
    /// scheduler.scope(|scope| {
    ///     scope.spawn(|_| letters = words.iter().map(|word| word.len()).sum());
    ///     scope.spawn(|_| longest = words.iter().max_by_key(|word| word.len()));
    /// });
    /// assert_eq!((letters, longest), (9, Some(&"not")));
    /// ```
    ///
    /// What is borrowed must outlive the scope:
    ///
    /// ```compile_fail,E0373
    /// hivework::make_scheduler().scope(|scope| {
    ///     let inner = 1;
    ///     scope.spawn(|_| println!("{inner}"));
    /// });
    /// ```
    ///
    /// ```compile_fail,E0597
    /// let text = String::from("gone too soon");
    /// let scheduler = hivework::make_scheduler();
    /// scheduler.scope(|scope| {
    ///     let inner = text.clone();
    ///     let inner = &inner;
    ///     scope.spawn(move |_| println!("{inner}"));
    /// });
    /// ```
    ///
    /// and be allowed to go to another thread:
    ///
    /// ```compile_fail,E0277
    /// let shared = std::rc::Rc::new(1);
    /// hivework::make_scheduler().scope(|scope| {
    ///     scope.spawn(|_| println!("{shared}"));
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// With what `f` panics with, or else with what panicked first among the spawned
    /// works; in either case after all of them are over. Inside a transaction: open the
    /// scope before or after it.
    pub fn scope<'scope, R>(&self, f: impl FnOnce(&Scope<'scope>) -> R) -> R {
        fork::enter(self.shared(), || open(Some(self.shared()), f))
    }
}

fn open<'scope, R>(shared: Option<&Arc<Shared>>, f: impl FnOnce(&Scope<'scope>) -> R) -> R {
    assert!(
        !in_transaction(),
        "scope inside a transaction, which may run again and must not wait: \
         open the scope before or after it"
    );
    Core::open(shared).complete(f, || ())
}
