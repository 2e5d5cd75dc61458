//! The version word of a variable: who wrote it last, and what is going on with it.
//!
//! ```text
//!   63   62                       11 10          1    0
//! +------+--------------------------+-------------+------+
//! | LOCK |          count           |    shard    | WAIT |
//! +------+--------------------------+-------------+------+
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
//! The flags stand at the two ends so that a reader needs one comparison: a
//! [`Horizon`] is the highest word of a shard whose commit has been seen, and every
//! locked word is above every horizon.
//!
//! | transition | by | from | to |
//! |---|---|---|---|
//! | `try_lock` | a commit | unlocked | the same with `LOCK` |
//! | `lock_if` | a commit | unlocked, of the version expected | the same with `LOCK` |
//! | `restore` | the same commit, giving up | locked | the word before, `WAIT` included |
//! | `publish` | the same commit | locked | the new version, no flag |
//! | `flag_waiter` | a transaction about to wait | the version it read | the same with `WAIT` |

use std::fmt;

use crate::facade::atomic::{AtomicU64, Ordering};

const WAIT: u64 = 1;
const SHARD_SHIFT: u32 = 1;
const SHARD_BITS: u32 = 10;
const COUNT_SHIFT: u32 = SHARD_SHIFT + SHARD_BITS;
const COUNT_BITS: u32 = 63 - COUNT_SHIFT;
const LOCK: u64 = 1 << 63;

/// How many shards a version word can name.
pub(crate) const MAX_SHARDS: usize = 1 << SHARD_BITS;

/// The largest count that a version word can carry.
pub(crate) const MAX_COUNT: u64 = (1 << COUNT_BITS) - 1;

/// The value of a version word.
#[derive(Clone, Copy)]
pub(crate) struct Version(u64);

impl Version {
    /// The version of a variable that no commit has written.
    pub(crate) const INITIAL: Version = Version(0);

    /// No version that a transaction reads: a locked one.
    pub(crate) const NONE: Version = Version(LOCK);

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
        (self.0 & !LOCK) >> COUNT_SHIFT
    }

    /// The version as a number, without flags: what the probe is told.
    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0 & !(LOCK | WAIT)
    }

    /// Is it the same version, in the same hands? Whether somebody waits for it
    /// to go makes no difference.
    #[inline]
    pub(crate) fn is(self, other: Version) -> bool {
        (self.0 ^ other.0) & !WAIT == 0
    }

    /// The same, whoever holds it.
    #[inline]
    pub(crate) fn unlocked(self) -> Version {
        Version(self.0 & !LOCK)
    }

    /// The same, locked.
    #[inline]
    pub(crate) fn locked(self) -> Version {
        Version(self.0 | LOCK)
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

/// How far a clock has been seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon(u64);

impl Horizon {
    /// Nothing has been seen of the clock, but a new variable's version, which
    /// no commit made.
    pub(crate) const NONE: Horizon = Horizon(WAIT);

    /// Has the commit of this version been seen, and is it unlocked? The version
    /// is of this horizon's shard.
    #[inline]
    pub(crate) fn covers(self, version: Version) -> bool {
        version.0 <= self.0
    }

    /// Moves it out to `version`, unless it is further out already.
    #[inline]
    pub(crate) fn reach(&mut self, version: Version) {
        self.0 = self.0.max(version.0 | WAIT);
    }
}

/// What became of an attempt to lock.
#[derive(Debug)]
#[must_use]
pub(crate) enum Lock {
    /// Ours now; the word that was replaced, `WAIT` included.
    Taken(Version),
    /// Another commit holds it.
    Held,
    /// It has another version than the one expected.
    Changed,
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
            match self.exchange(found) {
                Ok(before) => return Lock::Taken(before),
                Err(now) => found = now,
            }
        }
        Lock::Held
    }

    /// Locks the word if it still has the version that was read.
    #[inline]
    pub(crate) fn lock_if(&self, read: Version) -> Lock {
        let mut found = read;
        loop {
            match self.exchange(found) {
                Ok(before) => return Lock::Taken(before),
                Err(now) if now.is(read) => found = now,
                Err(now) if now.is_locked() => return Lock::Held,
                Err(_) => return Lock::Changed,
            }
        }
    }

    #[inline]
    fn exchange(&self, found: Version) -> Result<Version, Version> {
        // Ordering: SeqCst on success, the other side of the exclusion of
        // write skew. Its Acquire half pairs with `publish`: a commit that gives
        // up gives the version back (`restore`) together with its data. Relaxed
        // on failure: the value is only looked at to try again or to give up.
        self.0
            .compare_exchange_weak(
                found.0,
                found.locked().0,
                Ordering::SeqCst,
                Ordering::Relaxed,
            )
            .map(Version)
            .map_err(Version)
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

    /// Announces that somebody waits for the version that was read to go.
    pub(crate) fn flag_waiter(&self, read: Version) -> Flag {
        let mut found = self.load();
        while found.is(read) {
            if found.has_waiter() {
                return Flag::Set;
            }
            // Ordering: AcqRel; the Release half pairs with the commit's
            // lock exchange, which reads the flag and must then find the entry
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
        let locked = version.locked();
        assert_eq!(
            (locked.shard(), locked.count()),
            (version.shard(), MAX_COUNT)
        );
        assert!(locked.is_locked());
    }

    #[test]
    fn a_horizon_covers_what_was_seen_and_nothing_locked() {
        let mut seen = Horizon::NONE;
        assert!(seen.covers(Version::INITIAL) && seen.covers(Version(WAIT)));
        assert!(!seen.covers(Version::INITIAL.locked()));
        assert!(!seen.covers(Version::new(3, 1)));
        seen.reach(Version::new(3, 5));
        seen.reach(Version::new(3, 2));
        assert!(
            seen.covers(Version::new(3, 5)) && seen.covers(Version(Version::new(3, 5).0 | WAIT))
        );
        assert!(!seen.covers(Version::new(3, 6)) && !seen.covers(Version::new(3, 1).locked()));
    }

    #[test]
    fn lock_carries_the_waiter_flag_and_restore_gives_it_back() {
        let word = AtomicVersion::new();
        assert_eq!(word.flag_waiter(Version::INITIAL), Flag::Set);
        let Lock::Taken(before) = word.try_lock() else {
            panic!("free")
        };
        assert!(before.has_waiter());
        assert!(matches!(word.try_lock(), Lock::Held));
        assert!(matches!(word.lock_if(Version::INITIAL), Lock::Held));
        assert_eq!(word.flag_waiter(Version::INITIAL), Flag::Changed);
        word.restore(before);
        assert!(word.load().has_waiter());
    }

    #[test]
    fn a_waiter_does_not_keep_the_version_from_being_locked_as_expected() {
        let word = AtomicVersion::new();
        assert_eq!(word.flag_waiter(Version::INITIAL), Flag::Set);
        let Lock::Taken(before) = word.lock_if(Version::INITIAL) else {
            panic!("free")
        };
        assert!(before.has_waiter());
        word.publish(Version::new(3, 7));
        assert!(matches!(word.lock_if(Version::INITIAL), Lock::Changed));
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
        assert!(word.load().is(version) && !word.load().has_waiter());
        assert_eq!(word.flag_waiter(Version::INITIAL), Flag::Changed);
    }
}
