//! Clocks: one a thread, so that disjoint transactions share no cache line.
//!
//! TL2 (Dice, Shalev, Shavit 2006) stamps commits from one global clock, a
//! cache line that every writing commit fights over. Here each thread that
//! commits owns a *shard* and stamps its commits with (shard, count), as in TLC
//! (Avni, Shavit 2008). What order there is between shards, readers establish
//! by extending their snapshots (`transaction/snapshot.rs`).
//!
//! A shard is owned by one thread at a time. When the thread ends, the shard
//! goes back to the pool and its next owner goes on from where it stood, so a
//! pair is never given twice. Threads beyond the table share shard 0, whose
//! clock ticks by read-modify-write. A shard whose count is used up is never
//! given out again.
//!
//! **Order.** A tick comes after the commit's data is stored, and publishes it:
//! whoever has seen count *n* of a shard, in a version word or in the published
//! clock, sees the locks and the data of every commit up to *n*. For an owned
//! shard that is program order and Release. For shard 0 the read-modify-writes
//! form one release sequence. From owner to owner it goes through the pool's lock.

use crossbeam_utils::CachePadded;

use crate::facade::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::facade::sync::Mutex;
use crate::facade::{MODELLED, filled, global};
use crate::version::{MAX_COUNT, MAX_SHARDS, Version};

/// How many clocks there are; shard 0 is shared, the others are owned.
pub(crate) const SHARDS: usize = if MODELLED { 4 } else { MAX_SHARDS };

const SHARED: usize = 0;

global! {
    static CLOCKS: [CachePadded<AtomicU64>; SHARDS] =
        filled!(CachePadded::new(AtomicU64::new(0)); SHARDS);
}

global! {
    /// One past the highest shard that was ever owned.
    static IN_USE: AtomicUsize = AtomicUsize::new(1);
}

global! {
    static POOL: Mutex<Vec<usize>> = Mutex::new(Vec::new());
}

/// How many shards a snapshot has to look at: all that ever ticked are below.
#[inline]
pub(crate) fn in_use() -> usize {
    // Ordering: Relaxed. A shard that is missed here only means that a version
    // of it will ask for an extension of its own.
    IN_USE.load(Ordering::Relaxed)
}

/// The last version that a shard has published.
#[inline]
pub(crate) fn published(shard: usize) -> Version {
    // Ordering: Acquire, pairs with the tick: seeing a count means seeing the
    // locks and data of every commit up to it.
    Version::new(shard, CLOCKS[shard].load(Ordering::Acquire))
}

/// A thread's right to tick a clock.
#[derive(Debug)]
pub(crate) struct Shard {
    index: usize,
    /// The last count given; meaningless for the shared shard.
    count: u64,
}

impl Shard {
    /// Takes a free shard, or the shared one when there is none.
    pub(crate) fn acquire() -> Shard {
        let mut pool = POOL.lock();
        let index = match pool.pop() {
            Some(index) => index,
            None => {
                // Ordering: Relaxed; written under the pool's lock only, and
                // read elsewhere as a hint.
                let next = IN_USE.load(Ordering::Relaxed);
                if next == SHARDS {
                    return Shard {
                        index: SHARED,
                        count: 0,
                    };
                }
                IN_USE.store(next + 1, Ordering::Relaxed);
                next
            }
        };
        // Ordering: Relaxed; the previous owner gave the shard back through
        // the lock that is held here.
        let count = CLOCKS[index].load(Ordering::Relaxed);
        Shard { index, count }
    }

    /// The version of the commit whose data has just been stored.
    #[inline]
    pub(crate) fn tick(&mut self) -> Version {
        if self.index == SHARED {
            return Self::tick_shared();
        }
        if self.count == MAX_COUNT {
            *self = Shard::acquire();
            return self.tick();
        }
        self.count += 1;
        // Ordering: Release, pairs with `published`: the commit's locks and
        // data come before its count.
        CLOCKS[self.index].store(self.count, Ordering::Release);
        Version::new(self.index, self.count)
    }

    #[cold]
    fn tick_shared() -> Version {
        // Ordering: AcqRel: Release as in `tick`; Acquire so that this count
        // also vouches for every smaller one, whoever took it.
        let count = CLOCKS[SHARED].fetch_add(1, Ordering::AcqRel) + 1;
        assert!(count <= MAX_COUNT, "the shared clock has run out of counts");
        Version::new(SHARED, count)
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        if self.index != SHARED && self.count < MAX_COUNT {
            POOL.lock().push(self.index);
        }
    }
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_shard_goes_on_where_its_last_owner_stopped() {
        let mut versions = std::collections::HashSet::new();
        for _ in 0..8 {
            let mut shard = Shard::acquire();
            for _ in 0..5 {
                let version = shard.tick();
                assert!(
                    versions.insert((version.shard(), version.count())),
                    "given twice"
                );
            }
        }
    }

    #[test]
    fn a_shard_that_is_used_up_is_left_behind() {
        let mut shard = Shard {
            index: SHARDS - 1,
            count: MAX_COUNT,
        };
        let version = shard.tick();
        assert_ne!(version.shard(), SHARDS - 1);
        assert!(!POOL.lock().contains(&(SHARDS - 1)));
    }

    #[test]
    fn the_shared_clock_never_repeats() {
        let first = Shard::tick_shared();
        let second = Shard::tick_shared();
        assert_eq!((first.shard(), second.shard()), (SHARED, SHARED));
        assert!(second.count() > first.count());
    }
}
