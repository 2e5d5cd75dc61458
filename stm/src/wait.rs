//! Waiting until something that a transaction read changes.
//!
//! Waiters stand in buckets, chosen by the variable's address. A bucket is
//! locked only by those who wait and by commits that know from the variable's
//! version word that somebody does; everybody else pays one AND.
//!
//! **Waiter**, still pinned, with the log of (variable, version) it has read:
//!
//! 1. For each variable: queue an entry in its bucket, *then* set WAIT in the
//!    version word, provided that it still shows the version that was read and
//!    is unlocked. If not: take the entries back, run again at once.
//! 2. Unpin, and touch no variable from here on: it may be gone.
//! 3. Park until notified.
//! 4. Take the entries that are left out of the buckets, by address.
//!
//! **Commit**, after its versions are published, for each variable whose lock
//! replaced a word with WAIT: take from the bucket the entries for that address
//! that wait for an older version than its own; unlock; notify.
//!
//! **No wake-up is lost.** Let a waiter have set WAIT, or found it set, on the
//! version that it read. That word is later replaced by the lock of the first
//! commit that changes the variable, so the commit sees WAIT. It enters the
//! bucket after its lock. Had it been there before the waiter queued, the
//! waiter would have come after it through the bucket's lock, and would have
//! found the word locked or changed in step 1. So it comes after, and finds the entry.
//! The two obvious simplifications break exactly this: flag before entry (the
//! commit finds no entry), and a commit that tests WAIT after it has published (it
//! reads a word that its own store has replaced).
//!
//! **Harmless races.** A commit may notify a waiter that registered for a later
//! version, or whose variable was freed and its address used again: the waiter
//! runs again and finds nothing changed. An entry may outlive its usefulness until
//! step 4. WAIT may stay set with no entry left: the next commit looks into an
//! empty bucket once. A commit that gives up restores WAIT with the old word.

use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::time::Instant;

use crossbeam_utils::CachePadded;

use crate::facade::sync::{Arc, Mutex};
use crate::facade::{MODELLED, filled, global};
use crate::parker::Waiter;
use crate::probe::{self, Point};
use crate::transaction::read_log::ReadLog;
use crate::transaction::write_log::AddressHasher;
use crate::version::{Flag, Version};

/// One in a model, which must not depend on addresses.
const BUCKETS: usize = if MODELLED { 1 } else { 256 };

/// Where an entry stands: the variable's address, and a number of its own.
type Key = (usize, u64);

struct Entry {
    /// The version whose end is waited for.
    version: Version,
    waiter: Arc<Waiter>,
}

/// Entries in the order of variables and of coming. Whatever it costs others that
/// many wait for one variable of the bucket, it is no more than a logarithm.
struct Queue {
    next: u64,
    entries: BTreeMap<Key, Entry>,
}

impl Queue {
    const fn new() -> Queue {
        Queue {
            next: 0,
            entries: BTreeMap::new(),
        }
    }

    fn push(&mut self, address: usize, entry: Entry) -> Key {
        let key = (address, self.next);
        self.next += 1;
        self.entries.insert(key, entry);
        key
    }

    /// Takes out the entries for `address` that wait for another version than
    /// `published`.
    fn take(&mut self, address: usize, published: Version, woken: &mut Vec<Arc<Waiter>>) {
        let mut from = 0;
        while let Some(key) = self
            .entries
            .range((address, from)..=(address, u64::MAX))
            .find(|(_, entry)| !entry.version.is(published))
            .map(|(&key, _)| key)
        {
            let entry = self.entries.remove(&key);
            woken.extend(entry.map(|entry| entry.waiter));
            from = key.1 + 1;
        }
    }
}

type Bucket = CachePadded<Mutex<Queue>>;

global! {
    static TABLE: [Bucket; BUCKETS] = filled!(CachePadded::new(Mutex::new(Queue::new())); BUCKETS);
}

fn bucket(address: usize) -> &'static Mutex<Queue> {
    let mut hasher = AddressHasher::default();
    hasher.write_usize(address);
    &TABLE[(hasher.finish() >> 32) as usize % BUCKETS]
}

/// A waiter's entries in the buckets; dropping it takes them back.
#[derive(Debug)]
pub(crate) struct Registration {
    waiter: Arc<Waiter>,
    /// One waits for one variable as a rule, and that needs no allocation.
    first: Option<Key>,
    rest: Vec<Key>,
}

/// Something that was read has changed already: no reason to wait.
///
/// What was registered goes with it; that may drop a task's waker, so drop it
/// when the attempt is over.
#[derive(Debug)]
pub(crate) struct Changed(#[expect(dead_code, reason = "kept for its drop")] Registration);

impl Registration {
    /// Step 1. The caller is pinned and has validly read `reads`.
    pub(crate) fn new(reads: &ReadLog, waiter: Waiter) -> Result<Registration, Changed> {
        let mut registration = Registration {
            waiter: Arc::new(waiter),
            first: None,
            rest: Vec::new(),
        };
        for read in reads.distinct() {
            let entry = Entry {
                version: read.version,
                waiter: Arc::clone(&registration.waiter),
            };
            let key = bucket(read.address()).lock().push(read.address(), entry);
            match registration.first {
                None => registration.first = Some(key),
                Some(_) => registration.rest.push(key),
            }
            probe::point(Point::Registering);
            if read.words().version.flag_waiter(read.version) == Flag::Changed {
                return Err(Changed(registration));
            }
        }
        Ok(registration)
    }

    /// Step 3, for a thread. Says false when `deadline` came first.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        self.waiter.park(deadline)
    }
}

impl Drop for Registration {
    /// Step 4.
    fn drop(&mut self) {
        if self.rest.is_empty() && self.waiter.is_notified() {
            // Who notified has taken the one entry out.
            return;
        }
        // This handle outlives the entries': no waker is dropped under a lock.
        for key in self.first.iter().chain(&self.rest) {
            bucket(key.0).lock().entries.remove(key);
        }
    }
}

/// The waiters to be notified because of a commit that gave the variable at
/// `address` the version `published`. Notify them with no lock held.
#[cold]
pub(crate) fn take_waiters(address: usize, published: Version, woken: &mut Vec<Arc<Waiter>>) {
    bucket(address).lock().take(address, published, woken);
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{TVar, atomically_timeout, retry};

    /// More than there are buckets.
    const MANY: i32 = if cfg!(miri) { 5 } else { 300 };

    /// How many entries there are for these variables.
    fn entries(vars: &[TVar<i32>]) -> usize {
        let addresses: Vec<_> = vars.iter().map(TVar::address).collect();
        TABLE
            .iter()
            .map(|bucket| {
                let queue = bucket.lock();
                let of_these = |key: &&Key| addresses.contains(&key.0);
                queue.entries.keys().filter(of_these).count()
            })
            .sum()
    }

    fn wait_in_vain(vars: &[TVar<i32>]) {
        let outcome = atomically_timeout(Duration::from_millis(1), |tx| {
            for var in vars {
                var.read(tx)?;
                var.read(tx)?;
            }
            retry::<()>()
        });
        assert_eq!(outcome, None);
    }

    #[test]
    fn a_wait_that_runs_out_leaves_no_entry_behind() {
        let vars: Vec<_> = (0..MANY).map(TVar::new).collect();
        wait_in_vain(&vars);
        assert_eq!(entries(&vars), 0);
    }

    #[test]
    fn a_waiter_takes_its_other_entries_back_when_one_wakes_it() {
        let vars: Vec<_> = (0..MANY).map(TVar::new).collect();
        let own = vars.clone();
        let waiter = std::thread::spawn(move || {
            crate::atomically(|tx| {
                let mut sum = 0;
                for var in &own {
                    sum += var.read(tx)?;
                }
                crate::check(sum >= 1_000_000)
            });
        });
        // Registered in part or not at all yet, the waiter does not wait for
        // this one commit: either way it ends.
        while entries(&vars) < vars.len() && !waiter.is_finished() {
            std::thread::yield_now();
        }
        vars[vars.len() - 1].store(1_000_000);
        assert!(waiter.join().is_ok());
        assert_eq!(entries(&vars), 0);
    }

    #[test]
    fn a_commit_into_an_empty_bucket_is_harmless() {
        let vars = [TVar::new(1)];
        wait_in_vain(&vars);
        // WAIT is still set, and nobody waits.
        vars[0].store(2);
        assert_eq!((vars[0].load(), entries(&vars)), (2, 0));
    }
}
