//! What an attempt may read: opacity, one read at a time.
//!
//! Invariant: at some instant, all that has been read so far was current
//! together. So no attempt, not even one that will have to run again, ever sees
//! a state that never was. (LSA: Riegel, Felber, Fetzer 2006; with clocks a
//! thread, after TLC: Avni, Shavit 2008.)
//!
//! A thread keeps `seen[shard]`: it has seen every commit of that clock up to
//! this count, their locks and their data (the order that [`crate::clock`]
//! gives). It only grows, from one transaction to the next.
//!
//! **Read of x**
//!
//! 1. `d` = data (Acquire), *then* `v` = version (SeqCst), without WAIT.
//! 2. Locked: wait a bounded while, start again at 1; too long is a conflict.
//! 3. `v` ≤ seen: log (x, v), answer `d`.
//! 4. Otherwise extend: check that every logged variable still has its logged
//!    version, unlocked, by SeqCst loads after the load of `v`; then set seen of
//!    `v`'s shard, and start again at 1. A logged variable that changed is a conflict.
//!
//! **Step 3 answers the data of version v.** The commit that made `v` has been seen,
//! and it stored its data before it published its count; so `d` is that data or
//! newer. Newer data is stored only under the lock, after the lock exchange; had the Acquire
//! load found it, the version load would have found that lock, or a version later
//! than `v`. It found `v`. (Without the second look after an extension `d` might be
//! older than `v`: that is why step 4 starts again at 1.)
//!
//! **Step 3 keeps the invariant.** Let the instant be that of the last extension, or of
//! the first read. The commit of `v` was seen then, so its locks had been taken; x
//! has version `v` now, so no later commit had locked x then, and x@v was current
//! at that instant together with the rest: none of the others was locked by the commit of
//! `v` then either, because they were found unlocked with versions that still held.
//!
//! **Step 4 keeps it.** While the log is checked, `v` has been seen and is still
//! there when step 1 comes around; at the moment of the check all of it was current.
//! If x changes meanwhile, that is a further version to extend to.
//!
//! **A new variable** has version 0 of shard 0, which everyone has seen: creation is
//! no event, the variable counts as having always had its first value. Through other
//! variables that cannot be noticed, because whoever finds its handle in one has seen
//! the commit that put it there. A handle that reaches a running attempt from
//! outside (a channel, a lock) is outside its snapshot.
//!
//! **Revalidation.** Something that is no variable, a work item's state word say, may say that a
//! commit C has happened. [`revalidate`] makes such news part of the snapshot: step 4's check alone,
//! with no clock moved. The instant is then that of the check, which comes after the news. Who has
//! acquired the news has C's locks before it, so that the check finds every logged variable that C
//! has written changed, and a later read of one finds C's data or newer. Of versions that `seen`
//! covers step 3 holds as before: their commits were seen before the check.
//!
//! **It ends.** Every turn is paid for by somebody's commit on x. A transaction
//! that is overtaken too often answers conflict, which leads to the elder token.

use crate::cell::Word;
use crate::clock::{self, SHARDS};
use crate::contention::Spin;
use crate::context::Context;
use crate::facade::MODELLED;
use crate::facade::atomic::Ordering;
use crate::outcome::{StmError, StmResult};
use crate::place::Place;
use crate::probe::{self, Failure, Point};
use crate::transaction::Transaction;
use crate::transaction::read_log::Read;
use crate::version::Version;

/// How often one read may be overtaken before that counts as a conflict.
const TURNS: u32 = 64;

/// From this many reads on, an extension covers all clocks at once.
const LONG: usize = if MODELLED { 2 } else { 8 };

/// Moves the snapshot of a transaction up to now, so that what the caller has just learned from
/// something that is no variable (by an Acquire load, or under a lock) holds beside all that the
/// transaction has read.
///
/// # Errors
///
/// A conflict, where something that was read has changed.
pub fn revalidate(tx: &mut Transaction<'_>) -> StmResult<()> {
    tx.context.check_reads()
}

impl Context {
    /// Reads the committed word of a variable that is not in the write log, and its version.
    ///
    /// # Safety
    ///
    /// The variable stays allocated until the attempt ends.
    #[inline]
    pub(crate) unsafe fn read_committed(&mut self, place: Place) -> StmResult<(Word, Version)> {
        // SAFETY: allocated, by the caller's promise.
        let shared = unsafe { place.words() };
        // Ordering: Acquire, pairs with the commit's Release store of the data:
        // first data, then version; see step 3.
        let data = shared.data.load(Ordering::Acquire);
        probe::point(Point::Loaded);
        let version = shared.version.load();
        if self.has_seen(version) {
            // SAFETY: passed on from the caller.
            unsafe { self.reads.push(place, version) };
            probe::read(place.address(), version.bits(), data.addr());
            return Ok((data, version));
        }
        // SAFETY: passed on from the caller.
        unsafe { self.read_contended(place) }
    }

    /// The same from the start, with every way out.
    #[cold]
    #[inline(never)]
    unsafe fn read_contended(&mut self, place: Place) -> StmResult<(Word, Version)> {
        // SAFETY: allocated, by the caller's promise.
        let shared = unsafe { place.words() };
        // SAFETY: as above.
        let name = || unsafe { place.name() };
        let mut spin = Spin::default();
        let mut turns = 0;
        loop {
            // Ordering: Acquire, as in `read_committed`.
            let data = shared.data.load(Ordering::Acquire);
            probe::point(Point::Loaded);
            let version = shared.version.load();
            if version.is_locked() {
                if self.elder {
                    spin.wait_on();
                } else if !spin.wait() {
                    return self.conflict(name());
                }
                continue;
            }
            if self.has_seen(version) {
                // SAFETY: passed on from the caller.
                unsafe { self.reads.push(place, version) };
                probe::read(place.address(), version.bits(), data.addr());
                return Ok((data, version));
            }
            turns += 1;
            if turns > TURNS && !self.elder {
                return self.conflict(name());
            }
            self.extend(version)?;
        }
    }

    /// Is this the version of a commit that this thread has seen, and not locked?
    #[inline]
    fn has_seen(&self, version: Version) -> bool {
        self.seen[version.shard() % SHARDS].covers(version)
    }

    /// Moves the snapshot up to `version`, if all that was read still holds.
    fn extend(&mut self, version: Version) -> StmResult<()> {
        if self.reads.len() < LONG {
            self.check_reads()?;
        } else {
            // Checking is the expensive part here, so let one check cover every
            // clock. The counts are read before the check, and count only after.
            let mut clocks = std::mem::take(&mut self.clocks);
            clocks.clear();
            clocks.extend((0..clock::in_use()).map(clock::published));
            let checked = self.check_reads();
            if checked.is_ok() {
                for (seen, &published) in self.seen.iter_mut().zip(&clocks) {
                    seen.reach(published);
                }
            }
            self.clocks = clocks;
            checked?;
        }
        self.seen[version.shard() % SHARDS].reach(version);
        Ok(())
    }

    /// Has nothing that was read changed, and is none of it about to?
    fn check_reads(&mut self) -> StmResult<()> {
        let forced = probe::fails(Failure::Validation);
        let changed = self.reads.iter().find(|read| {
            probe::point(Point::Extending);
            if forced {
                return true;
            }
            let mut spin = Spin::default();
            loop {
                let now = read.words().version.load();
                if now.is(read.version) {
                    return false;
                }
                // The elder does not take a lock for a change: whoever holds it
                // may still give up.
                if !(now.is_locked() && self.elder) {
                    return true;
                }
                spin.wait_on();
            }
        });
        match changed.map(Read::name) {
            None => Ok(()),
            Some(name) => self.conflict(name),
        }
    }

    /// Poisons the attempt: it cannot commit any more, even if its closure
    /// swallows the error.
    #[cold]
    fn conflict<T>(&mut self, name: Option<&'static str>) -> StmResult<T> {
        if !self.poisoned {
            self.poisoned = true;
            self.tally.conflict(name);
        }
        Err(StmError::CONFLICT)
    }
}
