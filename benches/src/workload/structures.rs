//! Sorted sets made of variables, looked up and changed in a fixed proportion,
//! beside a `BTreeMap` under a lock.
//!
//! A structure has a place for every key there is, taken or not, and its links
//! are the numbers of places: what is measured is the transactions, not the
//! allocator or a reference count that all threads go through. The places lie in
//! memory in another order than the keys.
//!
//! A link always leads to a greater key, whatever state of whatever moment it is
//! read in, so that a walk ends in systems, too, that let a transaction see what
//! never was.

mod list;
mod skip_list;

use std::collections::BTreeMap;
use std::hint::black_box;

use parking_lot::Mutex;

use super::sequence::{below, mixed};
use super::{Contestant, Subject};
use crate::system::{FastStm, Hivework, Stm, System};

use list::List;
use skip_list::SkipList;

/// How many elements a set has, give or take what updates do.
const ELEMENTS: usize = 10_000;
/// Keys are drawn from so many, of which every second is there to begin with.
const KEYS: usize = 2 * ELEMENTS;

/// A link that leads nowhere: beyond every key.
const END: u64 = u64::MAX;

/// A sorted set of the keys below a bound. Each operation is one transaction.
trait Set: Send + Sync + Sized + 'static {
    /// An empty set for keys below `keys`.
    fn new(keys: usize) -> Self;
    fn contains(&self, key: u64) -> bool;
    /// Whether it was not there.
    fn insert(&self, key: u64) -> bool;
    /// Whether it was there.
    fn remove(&self, key: u64) -> bool;
}

pub(super) fn subjects() -> Vec<Subject> {
    let mut all = Vec::new();
    for updates in [0, 10, 50] {
        all.push(subject::<List<Hivework>, List<Stm>, List<FastStm>>(
            "sorted linked list",
            updates,
        ));
    }
    for updates in [0, 10, 50] {
        all.push(subject::<
            SkipList<Hivework>,
            SkipList<Stm>,
            SkipList<FastStm>,
        >("skip list", updates));
    }
    all
}

fn subject<A: Set, B: Set, C: Set>(kind: &str, updates: u64) -> Subject {
    Subject::new(
        format!("{kind} of {ELEMENTS}, {updates} % updates"),
        move || {
            let mut all = Vec::new();
            for threads in [1, 2] {
                all.extend([
                    contestant::<A>(Hivework::NAME, threads, updates),
                    contestant::<B>(Stm::NAME, threads, updates),
                    contestant::<C>(FastStm::NAME, threads, updates),
                    contestant::<Locked>("mutex over a BTreeMap", threads, updates),
                ]);
            }
            all
        },
    )
}

fn contestant<S: Set>(name: &'static str, threads: u64, updates: u64) -> Contestant {
    let set = S::new(KEYS);
    // From the end, where it is found at once in a list.
    for key in (0..KEYS as u64).rev().step_by(2) {
        set.insert(key);
    }
    Contestant::threads(name, threads, move |thread, n| {
        let bits = mixed(thread, n);
        let key = below(KEYS, bits) as u64;
        let percent = below(100, bits << 32) as u64;
        let found = if percent >= updates {
            set.contains(key)
        } else if bits & 1 == 0 {
            set.insert(key)
        } else {
            set.remove(key)
        };
        black_box(found);
    })
}

struct Locked(Mutex<BTreeMap<u64, ()>>);

impl Set for Locked {
    fn new(_keys: usize) -> Self {
        Locked(Mutex::new(BTreeMap::new()))
    }

    fn contains(&self, key: u64) -> bool {
        self.0.lock().contains_key(&key)
    }

    fn insert(&self, key: u64) -> bool {
        self.0.lock().insert(key, ()).is_none()
    }

    fn remove(&self, key: u64) -> bool {
        self.0.lock().remove(&key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::thread;

    use super::*;

    const KEYS: u64 = 64;

    /// What a test may see of a set.
    pub(super) trait Keys: Set {
        /// All keys in the order of the links, one level of links after the
        /// other, as of one instant.
        fn levels(&self) -> Vec<Vec<u64>>;
    }

    /// The lowest level has what `expected` has, in order; each level above is a
    /// part of the one below it.
    fn assert_sound(set: &impl Keys, expected: &BTreeSet<u64>) {
        let levels = set.levels();
        assert!(levels[0].iter().eq(expected), "{levels:?}, {expected:?}");
        for (above, under) in levels[1..].iter().zip(&levels) {
            assert!(above.is_sorted());
            assert!(above.iter().all(|key| under.contains(key)), "{levels:?}");
        }
    }

    fn answers_as_a_btree_set<S: Keys>() {
        let (set, mut expected) = (S::new(KEYS as usize), BTreeSet::new());
        for n in 0..5000 {
            let bits = mixed(7, n);
            let key = bits % KEYS;
            match bits >> 62 {
                0 => assert_eq!(set.contains(key), expected.contains(&key)),
                1 | 2 => assert_eq!(set.insert(key), expected.insert(key)),
                _ => assert_eq!(set.remove(key), expected.remove(&key)),
            }
        }
        assert_sound(&set, &expected);
    }

    fn loses_nothing_between_threads<S: Keys>() {
        let set = S::new(KEYS as usize);
        // How often each key went in more often than out.
        let there: Vec<AtomicI64> = (0..KEYS).map(|_| AtomicI64::new(0)).collect();
        thread::scope(|scope| {
            for thread in 0..3 {
                let (set, there) = (&set, &there);
                scope.spawn(move || {
                    for n in 0..2000 {
                        let bits = mixed(thread, n);
                        let key = bits % KEYS;
                        let change = match bits >> 62 {
                            0 | 1 => i64::from(set.insert(key)),
                            _ => -i64::from(set.remove(key)),
                        };
                        there[key as usize].fetch_add(change, Ordering::Relaxed);
                    }
                });
            }
        });
        let mut expected = BTreeSet::new();
        for (key, times) in (0..KEYS).zip(there) {
            match times.into_inner() {
                0 => {}
                1 => assert!(expected.insert(key)),
                other => panic!("key {key} is there {other} times"),
            }
        }
        assert_sound(&set, &expected);
    }

    #[test]
    fn sets_answer_as_a_btree_set_does() {
        answers_as_a_btree_set::<List<Hivework>>();
        answers_as_a_btree_set::<List<Stm>>();
        answers_as_a_btree_set::<List<FastStm>>();
        answers_as_a_btree_set::<SkipList<Hivework>>();
        answers_as_a_btree_set::<SkipList<Stm>>();
        answers_as_a_btree_set::<SkipList<FastStm>>();
    }

    #[test]
    fn sets_lose_nothing_between_threads() {
        loses_nothing_between_threads::<List<Hivework>>();
        loses_nothing_between_threads::<List<Stm>>();
        loses_nothing_between_threads::<List<FastStm>>();
        loses_nothing_between_threads::<SkipList<Hivework>>();
        loses_nothing_between_threads::<SkipList<Stm>>();
        loses_nothing_between_threads::<SkipList<FastStm>>();
    }
}
