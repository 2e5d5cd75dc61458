//! Commit: how an attempt's writes become visible, all at once.
//!
//! An attempt without writes has nothing to do: all that it read was current
//! together at some instant of its running ([`super::snapshot`]), and there it stands.
//! A writer:
//!
//! 1. Gives way to the elder, if there is one.
//! 2. Locks each written variable. One that stays locked is a conflict: the locks
//!    taken so far are given back. Nobody waits for more than a moment holding locks.
//! 3. `commit_fence`.
//! 4. Checks that each variable it has read still has the version that it read
//!    (SeqCst loads); for one that it has locked itself, the version that the lock replaced.
//! 5. Stores all data (Release).
//! 6. Only then ticks its clock, which publishes the count, and then publishes
//!    the version in each variable (Release), which unlocks it.
//! 7. Retires the displaced boxes, and collects the waiters of those variables
//!    whose lock replaced a word with WAIT.
//!
//! No user code runs between 2 and 6, and nothing is allocated there.
//!
//! # Why it is right
//!
//! Place each committing writer at its last lock exchange in the single order S
//! of SeqCst accesses, and each reader at the instant that its snapshot names. Let A
//! and B be committed writers and suppose that B depends on A:
//!
//! * *B read or overwrote what A wrote* (wr, ww). B saw A's published version, or
//!   locked the word after A had unlocked it. Either synchronises with A's Release
//!   in step 6, after all of A's exchanges; B's own last exchange comes later. So A <S B.
//! * *A read x and B overwrote that version* (rw). In step 4 A found x with the old
//!   version and unlocked, or had it locked itself. If it had it locked, B's
//!   exchange on x came after A's unlocking. Otherwise A's SeqCst load of x did not see B's SeqCst exchange on
//!   x, so the load precedes it in S; A's last exchange precedes its load. So A <S B.
//!
//! All edges follow S, so there is no cycle of writers. That is where SeqCst is
//! needed: with acquire and release alone, two writers that each read what the
//! other writes could both miss the other's lock (write skew).
//!
//! *A reader R among them.* R saw A's commit (the version was new to it, or within `seen`),
//! so everything that A's locks came after is visible to R, and R's SeqCst loads of other variables come after A's
//! exchanges in S. If R missed B's write on y, R's load of y precedes B's exchange on y in S. So A <S B,
//! and two readers cannot see two commits in opposite orders. Real time is
//! respected: what has returned happens before what is started after it.
//!
//! *In fence form* (`commit_fence` is `fence(SeqCst)`, the accesses acquire-release),
//! which is what loom can check: place each writer at its fence. In the rw case, A's
//! fence comes before its load of x, which reads a value older than B's exchange, which
//! comes before B's fence: so A's fence precedes B's in S. A reader that sees A's
//! publication comes after A's fence, and if it reads y older than B's exchange, A's
//! fence precedes B's. Same order, same conclusion.
//!
//! # It ends
//!
//! Step 2 waits for a bounded while. A transaction fails only because another
//! holds a lock or has committed, or is failing itself; back-off and the elder
//! token ([`crate::contention`]) bound how often.

use crate::contention::{Spin, give_way};
use crate::context::Context;
use crate::facade::atomic::Ordering;
use crate::facade::commit_fence;
use crate::probe::{self, Failure, Point};
use crate::reclaim::Pin;
use crate::version::Lock;
use crate::wait::take_waiters;

/// How a commit ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Commit {
    Done,
    /// Nothing was changed, and the logs are as they were.
    Conflict,
}

impl Context {
    /// Commits the logs. On success the write log is empty.
    #[inline]
    pub(crate) fn commit(&mut self, pin: &Pin) -> Commit {
        if self.poisoned {
            return Commit::Conflict;
        }
        if self.effects.writes.is_empty() {
            return Commit::Done;
        }
        give_way(self.elder);
        if !self.lock_writes() {
            return Commit::Conflict;
        }
        commit_fence();
        if !self.reads_unchanged() {
            self.unlock(self.effects.writes.len());
            return Commit::Conflict;
        }
        self.publish(pin);
        Commit::Done
    }

    /// Step 2: all locks or none.
    #[inline]
    fn lock_writes(&mut self) -> bool {
        for position in 0..self.effects.writes.len() {
            if probe::fails(Failure::Lock) {
                self.unlock(position);
                return false;
            }
            let write = &mut self.effects.writes.entries_mut()[position];
            let mut spin = Spin::default();
            loop {
                match write.core().version.try_lock() {
                    Lock::Taken(before) => {
                        write.before = before;
                        probe::point(Point::Locked);
                        break;
                    }
                    // Even the elder must not wait for ever with locks held:
                    // others wait for these while they hold that one.
                    Lock::Held if self.elder && position == 0 => spin.wait_on(),
                    Lock::Held if spin.wait() => {}
                    Lock::Held => {
                        self.unlock(position);
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Gives back the first `locked` locks.
    #[cold]
    fn unlock(&self, locked: usize) {
        for write in self.effects.writes.iter().take(locked) {
            write.core().version.restore(write.before);
        }
    }

    /// Step 4.
    #[inline]
    fn reads_unchanged(&self) -> bool {
        if probe::fails(Failure::Validation) {
            return false;
        }
        self.reads.iter().all(|read| {
            probe::point(Point::Checking);
            let now = read.core().version.load().without_waiter();
            if now == read.version {
                return true;
            }
            // Locked by this very commit, which replaced what was read?
            now.is_locked()
                && self
                    .effects
                    .writes
                    .locked_entry(read.address())
                    .is_some_and(|write| write.before.without_waiter() == read.version)
        })
    }

    /// Steps 5 to 7.
    #[inline]
    fn publish(&mut self, pin: &Pin) {
        probe::point(Point::Checked);
        for write in self.effects.writes.entries_mut() {
            let data = &write.core().data;
            // Ordering: Relaxed; only the holder of the lock writes the data,
            // and the lock orders one holder after the other.
            let displaced = data.load(Ordering::Relaxed);
            // Ordering: Release, pairs with the Acquire load of a reader: who
            // sees the data sees the lock under which it was stored, and the
            // contents of its box.
            data.store(write.word, Ordering::Release);
            probe::stored(write.address(), write.before.bits(), write.word.addr());
            probe::point(Point::Stored);
            write.word = displaced;
        }
        let version = self.shard.tick();
        probe::ticked(version.bits());
        probe::point(Point::Ticked);
        for write in self.effects.writes.iter() {
            write.core().version.publish(version);
            probe::point(Point::Published);
        }
        // What this thread has committed it has seen.
        if self.seen.len() <= version.shard() {
            self.seen.resize(version.shard() + 1, 0);
        }
        self.seen[version.shard()] = version.count();
        for write in self.effects.writes.truncate(0) {
            if write.before.has_waiter() {
                take_waiters(write.address(), version, &mut self.woken);
            }
            if let Some(displaced) = write.take_garbage() {
                pin.retire(displaced);
            }
        }
    }
}
