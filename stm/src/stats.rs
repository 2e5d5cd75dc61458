//! What the engine has been doing: counters a thread, summed when somebody asks.
//!
//! A thread counts on a cache line of its own, by plain loads and stores; what happens seldom
//! enough (conflicts on named variables) goes to a table behind a lock of the thread's own. A
//! thread that ends leaves its counts to a sum.
//!
//! The atomics and locks here are the standard library's and not the facade's: nothing
//! hangs on the counts, and a model would only have more schedules to go through.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use crate::facade::MODELLED;

/// What transactions of this process have done so far.
///
/// The counts are taken one after the other while threads go on, so they need
/// not fit each other to the last digit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionStats {
    /// Transactions that committed, those that only read and
    /// [`TVar::store`](crate::TVar::store) included.
    pub commits: u64,
    /// Runs that were given up because somebody else had committed first, and
    /// were run again.
    pub conflicts: u64,
    /// Runs that asked to [`retry`](crate::retry()).
    pub retries: u64,
    /// Retries that waited, rather than finding that something had changed already: a
    /// thread that slept or a future that was pending.
    pub waits: u64,
    /// Transactions that met so many conflicts that they held up other writers to
    /// get through: the token of [`atomically`](crate::atomically())'s bound.
    pub elders: u64,
    /// On which named variable ([`TVar::named`](crate::TVar::named)) how many
    /// conflicts were met, the most first.
    pub conflicts_by_name: Vec<(&'static str, u64)>,
}

/// What transactions have done since the process began.
///
/// Counting costs a transaction next to nothing. To see what happens over a
/// while, take the difference of two.
///
/// ```
/// use hivework_stm::{TVar, stats};
///
/// let before = stats();
/// let stock = TVar::named("stock", 3);
/// stock.update(|n| n - 1);
/// assert!(stats().commits > before.commits);
/// ```
///
/// O(threads + names).
#[must_use]
pub fn stats() -> TransactionStats {
    let mut sum = Sum::new();
    {
        let registry = lock(&REGISTRY);
        sum.add(&registry.ended);
        for counters in &registry.running {
            sum.add(&counters.read());
        }
    }
    let mut conflicts_by_name: Vec<_> = sum.names.into_iter().collect();
    conflicts_by_name.sort_by(|(name, count), (other, more)| more.cmp(count).then(name.cmp(other)));
    let [commits, conflicts, retries, waits, elders] = sum.counts;
    TransactionStats {
        commits,
        conflicts,
        retries,
        waits,
        elders,
        conflicts_by_name,
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Commits,
    Conflicts,
    Retries,
    Waits,
    Elders,
}

const COUNTS: usize = 5;

/// Counts by what was counted, and conflicts by the variable's name.
#[derive(Debug)]
struct Sum {
    counts: [u64; COUNTS],
    names: BTreeMap<&'static str, u64>,
}

impl Sum {
    const fn new() -> Sum {
        Sum {
            counts: [0; COUNTS],
            names: BTreeMap::new(),
        }
    }

    fn add(&mut self, other: &Sum) {
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            *sum += count;
        }
        for (&name, count) in &other.names {
            *self.names.entry(name).or_default() += count;
        }
    }
}

#[derive(Debug)]
struct Registry {
    running: Vec<Arc<Counters>>,
    ended: Sum,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    running: Vec::new(),
    ended: Sum::new(),
});

/// A panic under one of these locks is one of the allocator's, and leaves no sum half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Counters {
    counts: CachePadded<[AtomicU64; COUNTS]>,
    names: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    fn read(&self) -> Sum {
        let mut sum = Sum::new();
        for (sum, count) in sum.counts.iter_mut().zip(&*self.counts) {
            // Ordering: Relaxed, here and below: a statistic.
            *sum = count.load(Ordering::Relaxed);
        }
        sum.names.clone_from(&lock(&self.names));
        sum
    }
}

/// A thread's right to count; what it has counted outlives it.
#[derive(Debug)]
pub(crate) struct Tally(Arc<Counters>);

impl Tally {
    pub(crate) fn new() -> Tally {
        let counters = Arc::new(Counters {
            counts: CachePadded::new([const { AtomicU64::new(0) }; COUNTS]),
            names: Mutex::new(BTreeMap::new()),
        });
        if !MODELLED {
            lock(&REGISTRY).running.push(Arc::clone(&counters));
        }
        Tally(counters)
    }

    /// One more; answers how many that makes. Only the owner counts, so there is no
    /// read-modify-write.
    #[inline]
    pub(crate) fn count(&self, what: Count) -> u64 {
        let count = &self.0.counts[what as usize];
        let now = count.load(Ordering::Relaxed) + 1;
        count.store(now, Ordering::Relaxed);
        now
    }

    /// A conflict, on the variable of this name.
    #[cold]
    pub(crate) fn conflict(&self, name: Option<&'static str>) {
        self.count(Count::Conflicts);
        if let Some(name) = name {
            *lock(&self.0.names).entry(name).or_default() += 1;
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let mut registry = lock(&REGISTRY);
        registry.ended.add(&self.0.read());
        registry
            .running
            .retain(|counters| !Arc::ptr_eq(counters, &self.0));
    }
}
