//! Commit: how an attempt's writes become visible, all at once.
//!
//! An attempt without writes has nothing to do: all that it read was current
//! together at some instant of its running ([`super::snapshot`]), and there it stands.
//! A writer:
//!
//! 1. Gives way to the elder, if there is one.
//! 2. Locks each written variable. One that stays locked is a conflict: the locks
//!    taken so far are given back. Nobody waits for more than a moment holding locks.
//!    A variable that was read right before it was written is locked by an exchange
//!    that expects the version read: that checks the read, too.
//! 3. `commit_fence`.
//! 4. Checks that each variable it has read still has the version that it read
//!    (SeqCst loads); for one that it has locked itself, the version that the lock replaced.
//!    Left out where step 2 has checked every read.
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
//! * *A read x and B overwrote that version* (rw). In step 4 A found x with the old version and
//!   unlocked, or had it locked itself. If it had it locked, B's exchange on x came after A's
//!   unlocking. Otherwise A's SeqCst load of x did not see B's SeqCst exchange on x, so the load
//!   precedes it in S; A's last exchange precedes its load. So A <S B.
//!
//! All edges follow S, so there is no cycle of writers. That is where SeqCst is
//! needed: with acquire and release alone, two writers that each read what the
//! other writes could both miss the other's lock (write skew).
//!
//! *A reader R among them.* R saw A's commit (the version was new to it, or within `seen`), so
//! everything that A's locks came after is visible to R, and R's SeqCst loads of other variables
//! come after A's exchanges in S. If R missed B's write on y, R's load of y precedes B's exchange
//! on y in S. So A <S B, and two readers cannot see two commits in opposite orders. Real time is
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

use crate::clock::SHARDS;
use crate::contention::{Spin, give_way};
use crate::context::Context;
use crate::facade::commit_fence;
use crate::probe::{self, Failure, Point};
use crate::reclaim::Member;
use crate::transaction::nest::Effects;
use crate::transaction::read_log::Read;
use crate::transaction::write_log::Write;
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
    pub(crate) fn commit(&mut self, member: &Member) -> Commit {
        if self.poisoned {
            return Commit::Conflict;
        }
        match self.effects.writes.len() {
            0 => Commit::Done,
            // Most writers write one variable, or move something from one to another: the same
            // steps, without the loops.
            1 => self.commit_writes(1, member),
            2 => self.commit_writes(2, member),
            writes => self.commit_many(writes, member),
        }
    }

    fn commit_many(&mut self, writes: usize, member: &Member) -> Commit {
        self.commit_writes(writes, member)
    }

    /// Steps 1 to 7. There are so many writes.
    #[inline(always)]
    fn commit_writes(&mut self, writes: usize, member: &Member) -> Commit {
        give_way(self.elder);
        let Some(covered) = self.lock_writes(writes) else {
            return Commit::Conflict;
        };
        commit_fence();
        // Covered reads are of different variables, and each is in the read log once at
        // least: as many as there are entries means all of them.
        if covered < self.reads.len() {
            if let Some(read) = self.find_changed_read() {
                self.unlock(writes);
                self.tally.conflict(read.name());
                return Commit::Conflict;
            }
        }
        self.publish(writes, member);
        Commit::Done
    }

    /// Step 2: all locks or none. Answers how many reads they have checked.
    #[inline(always)]
    fn lock_writes(&mut self, writes: usize) -> Option<usize> {
        let mut covered = 0;
        for (position, write) in self.effects.writes.first_mut(writes).iter_mut().enumerate() {
            let taken = !probe::fails(Failure::Lock)
                && match write.lock() {
                    Lock::Taken(_) => true,
                    // Even the elder must not wait for ever with locks held:
                    // others wait for these while they hold that one.
                    Lock::Held => wait_for_lock(write, self.elder && position == 0),
                    Lock::Changed => false,
                };
            if !taken {
                self.lock_failed(position);
                return None;
            }
            probe::point(Point::Locked);
            covered += usize::from(write.covers_a_read());
        }
        Some(covered)
    }

    #[cold]
    #[inline(never)]
    fn lock_failed(&mut self, position: usize) {
        self.unlock(position);
        // Takes a lock, and may allocate: not before.
        let name = self.effects.writes.entries()[position].name();
        self.tally.conflict(name);
    }

    /// Gives back the first `locked` locks.
    #[cold]
    #[inline(never)]
    fn unlock(&self, locked: usize) {
        for write in self.effects.writes.entries().iter().take(locked) {
            write.words().version.restore(write.before());
        }
    }

    /// Step 4. Answers a read whose variable has changed, if there is one.
    #[inline(never)]
    fn find_changed_read(&self) -> Option<Read> {
        let forced = probe::fails(Failure::Validation);
        let mut reads = self.reads.iter();
        let changed = reads.find(|read| {
            probe::point(Point::Checking);
            if forced {
                return true;
            }
            let now = read.words().version.load();
            // Locked by this very commit, which replaced what was read?
            let own = || self.effects.writes.replaced(read.place, read.version);
            !(now.is(read.version) || now.is_locked() && own())
        });
        changed.copied()
    }

    /// Steps 5 to 7.
    #[inline(always)]
    fn publish(&mut self, writes: usize, member: &Member) {
        probe::point(Point::Checked);
        for write in self.effects.writes.first_mut(writes) {
            probe::stored(write.address(), write.before().bits(), write.word().addr());
            write.exchange();
            probe::point(Point::Stored);
        }
        let version = self.shard.tick();
        probe::ticked(version.bits());
        probe::point(Point::Ticked);
        for write in self.effects.writes.first_mut(writes) {
            write.words().version.publish(version);
            probe::point(Point::Published);
        }
        // What this thread has committed it has seen.
        self.seen[version.shard() % SHARDS].reach(version);
        let Effects {
            writes,
            woken,
            rich,
            ..
        } = &mut self.effects;
        writes.take_each(|write| {
            if write.before().has_waiter() {
                *rich = true;
                take_waiters(write.address(), version, woken);
            }
            if let Some(displaced) = write.into_pending().into_garbage() {
                member.retire(displaced);
            }
        });
    }
}

/// Step 2 where another commit holds the lock: for a bounded while, or for as long
/// as it takes.
#[cold]
#[inline(never)]
fn wait_for_lock(write: &mut Write, for_ever: bool) -> bool {
    let mut spin = Spin::default();
    loop {
        if for_ever {
            spin.wait_on();
        } else if !spin.wait() {
            return false;
        }
        match write.lock() {
            Lock::Taken(_) => return true,
            Lock::Held => {}
            Lock::Changed => return false,
        }
    }
}
