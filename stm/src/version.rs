//! The version word of a variable: who wrote it last, and what is going on with it.
//!
//! ```text
//!  63                       12 11          2    1      0
//! +---------------------------+-------------+------+------+
//! |           count           |    shard    | WAIT | LOCK |
//! +---------------------------+-------------+------+------+
//! ```
//!
//! * `count` and `shard` name the commit that wrote the variable: the
//!   `count`-th tick of the clock `shard` ([`crate::clock`]). No two commits
//!   share a pair and no variable ever returns to one, so equality means
//!   *unchanged*. A new variable has count 0 of shard 0, which no commit has.
//! * `LOCK`: a commit owns the variable. Its data is not to be trusted.
//! * `WAIT`: somebody waits for this version to go ([`crate::wait`]). Whoever
//!   locks the word sees the flag in the word it replaced, so a commit learns
//!   of waiters without another access.
//!
//! | transition | by | from | to |
//! |---|---|---|---|
//! | `try_lock` | a commit | unlocked | the same with `LOCK` |
//! | `restore` | the same commit, giving up | locked | the word before, `WAIT` included |
//! | `publish` | the same commit | locked | the new version, no flag |
//! | `flag_waiter` | a transaction about to wait | the version it read | the same with `WAIT` |

use std::fmt;

use crate::facade::atomic::{AtomicU64, Ordering};

const LOCK: u64 = 1;
const WAIT: u64 = 1 << 1;
const SHARD_SHIFT: u32 = 2;
const SHARD_BITS: u32 = 10;
const COUNT_SHIFT: u32 = SHARD_SHIFT + SHARD_BITS;

/// How many shards a version word can name.
pub(crate) const MAX_SHARDS: usize = 1 << SHARD_BITS;

/// The largest count that a version word can carry.
pub(crate) const MAX_COUNT: u64 = u64::MAX >> COUNT_SHIFT;

/// The value of a version word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version(u64);

impl Version {
    /// The version of a variable that no commit has written.
    pub(crate) const INITIAL: Version = Version(0);

    /// The version that the `count`-th tick of `shard` gives.
    #[inline]
    pub(crate) fn new(shard: usize, count: u64) -> Self {
        debug_assert!(shard < MAX_SHARDS && count <= MAX_COUNT);
        Version(count << COUNT_SHIFT | (shard as u64) << SHARD_SHIFT)
    }

    #[inline]
    pub(crate) fn is_locked(self) -> bool {
        self.0 & LOCK != 0
    }

    #[inline]
    pub(crate) fn has_waiter(self) -> bool {
        self.0 & WAIT != 0
    }

    #[inline]
    pub(crate) fn shard(self) -> usize {
        (self.0 >> SHARD_SHIFT) as usize & (MAX_SHARDS - 1)
    }

    #[inline]
    pub(crate) fn count(self) -> u64 {
        self.0 >> COUNT_SHIFT
    }

    /// The version as a number, without flags: what the probe is told.
    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0 & !(LOCK | WAIT)
    }

    /// The same version without `WAIT`: what logs keep and compare.
    #[inline]
    pub(crate) fn without_waiter(self) -> Version {
        Version(self.0 & !WAIT)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.count(), self.shard())?;
        if self.is_locked() {
            f.write_str("+lock")?;
        }
        if self.has_waiter() {
            f.write_str("+wait")?;
        }
        Ok(())
    }
}

/// What became of an attempt to lock.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Lock {
    /// Ours now; the word that was replaced, `WAIT` included.
    Taken(Version),
    /// Another commit holds it.
    Held,
}

/// What became of an attempt to announce a waiter.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Flag {
    /// The next commit on the variable will see that somebody waits.
    Set,
    /// The variable is locked or has another version by now: do not wait.
    Changed,
}

/// A version word.
#[derive(Debug)]
pub(crate) struct AtomicVersion(AtomicU64);

impl AtomicVersion {
    pub(crate) fn new() -> Self {
        AtomicVersion(AtomicU64::new(Version::INITIAL.0))
    }

    #[inline]
    pub(crate) fn load(&self) -> Version {
        // Ordering: SeqCst, one side of the exclusion of write skew; the
        // partner is the SeqCst lock exchange below (proof in
        // `transaction/commit.rs`). As an Acquire load it also pairs with
        // `publish`: who sees a version sees the data of its commit.
        Version(self.0.load(Ordering::SeqCst))
    }

    /// Locks the word unless another commit holds it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Lock {
        let mut found = self.load();
        while !found.is_locked() {
            // Ordering: SeqCst on success, the other side of the exclusion of
            // write skew. Relaxed on failure: the value is only looked at to
            // try again or to give up.
            match self.0.compare_exchange_weak(
                found.0,
                found.0 | LOCK,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Lock::Taken(found),
                Err(now) => found = Version(now),
            }
        }
        Lock::Held
    }

    /// Unlocks without having changed anything.
    #[inline]
    pub(crate) fn restore(&self, before: Version) {
        debug_assert!(!before.is_locked());
        // Ordering: Release, so that the next owner of the lock (`try_lock`)
        // comes after all that this one did. Plain stores suffice: nobody
        // else changes a locked word.
        self.0.store(before.0, Ordering::Release);
    }

    /// Unlocks with the new version.
    #[inline]
    pub(crate) fn publish(&self, version: Version) {
        debug_assert!(!version.is_locked() && !version.has_waiter());
        // Ordering: Release, pairs with `load`: a reader of this version also
        // sees the commit's data and all of its locks.
        self.0.store(version.0, Ordering::Release);
    }

    /// Announces that somebody waits for `expected` to go.
    pub(crate) fn flag_waiter(&self, expected: Version) -> Flag {
        let mut found = self.load();
        while found.without_waiter() == expected {
            if found.has_waiter() {
                return Flag::Set;
            }
            // Ordering: AcqRel; the Release half pairs with the commit's
            // `try_lock`, which reads the flag and must then find the entry
            // that was queued before it.
            match self.0.compare_exchange_weak(
                found.0,
                found.0 | WAIT,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Flag::Set,
                Err(now) => found = Version(now),
            }
        }
        Flag::Changed
    }
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap() {
        let version = Version::new(MAX_SHARDS - 1, MAX_COUNT);
        assert_eq!(version.shard(), MAX_SHARDS - 1);
        assert_eq!(version.count(), MAX_COUNT);
        assert!(!version.is_locked() && !version.has_waiter());
    }

    #[test]
    fn lock_carries_the_waiter_flag_and_restore_gives_it_back() {
        let word = AtomicVersion::new();
        assert_eq!(word.flag_waiter(Version::INITIAL), Flag::Set);
        let Lock::Taken(before) = word.try_lock() else {
            panic!("free")
        };
        assert!(before.has_waiter());
        assert_eq!(word.try_lock(), Lock::Held);
        assert_eq!(word.flag_waiter(Version::INITIAL), Flag::Changed);
        word.restore(before);
        assert!(word.load().has_waiter());
    }

    #[test]
    fn publish_clears_the_flags() {
        let word = AtomicVersion::new();
        assert_eq!(word.flag_waiter(Version::INITIAL), Flag::Set);
        let Lock::Taken(_) = word.try_lock() else {
            panic!("free")
        };
        let version = Version::new(3, 7);
        word.publish(version);
        assert_eq!(word.load(), version);
        assert_eq!(word.flag_waiter(Version::INITIAL), Flag::Changed);
    }
}
