//! The hash map, whose table begins with one bucket in a model: growing, and the splits that
//! follow, against everything that could miss an entry that moves.
//!
//! A key is where the map puts it: its low bits are those of its bucket.

use std::hash::{BuildHasher, Hasher};

use hivework_loom_tests::model_within;
use hivework_stm::facade::thread;
use hivework_stm::{StmResult, Transaction, atomically};
use stm_ports::THashMap;

/// Each operation goes through several variables: deeper takes too long.
const PREEMPTIONS: usize = 2;

type Map = THashMap<u64, u64, Plain>;

/// Undoes what the map makes of a hash.
#[derive(Clone, Copy, Default)]
struct Plain;

/// By what the map multiplies every hash.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// By what that is undone: each step of Newton's doubles the low bits that are right, which are
/// three to begin with.
const INVERSE: u64 = {
    let (mut inverse, mut step) = (FACTOR, 0);
    while step < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(FACTOR.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
};

struct Key(u64);

impl BuildHasher for Plain {
    type Hasher = Key;

    fn build_hasher(&self) -> Key {
        Key(0)
    }
}

impl Hasher for Key {
    fn finish(&self) -> u64 {
        self.0.rotate_right(32).wrapping_mul(INVERSE)
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// A map with these keys, put in one after the other, each with itself as its value.
fn map(keys: &[u64]) -> Map {
    let map = Map::with_hasher(Plain);
    for &key in keys {
        map.insert_now(key, key);
    }
    map
}

/// The keys, in order, and whether each is found where it should be and counted.
fn keys(map: &Map) -> Vec<u64> {
    atomically(|tx| {
        let mut keys = map.keys(tx)?;
        keys.sort_unstable();
        assert_eq!(map.len(tx)?, keys.len());
        for key in &keys {
            assert!(map.contains(tx, key)?, "{key} is there and not found");
        }
        Ok(keys)
    })
}

fn beside(map: &Map, f: impl FnOnce(&Map) + Send + 'static) -> thread::JoinHandle<()> {
    let map = map.clone();
    thread::spawn(move || f(&map))
}

#[test]
fn two_insertions_into_one_bucket_are_both_there() {
    model_within(
        PREEMPTIONS,
        "hash map: insert against insert, one bucket",
        || {
            let map = map(&[]);
            let other = beside(&map, |map| assert_eq!(map.insert_now(1, 1), None));
            map.insert_now(3, 3);
            other.join().unwrap();
            assert_eq!(keys(&map), [1, 3]);
        },
    );
}

/// 1 is in bucket 0 still, from before the growth, when 3 comes to bucket 1.
#[test]
fn a_key_that_moves_is_found_all_the_while() {
    model_within(PREEMPTIONS, "hash map: a split against a look-up", || {
        let map = map(&[0, 1]);
        let other = beside(&map, |map| assert_eq!(map.insert_now(3, 3), None));
        assert_eq!(map.get_now(&1), Some(1));
        other.join().unwrap();
        assert_eq!(keys(&map), [0, 1, 3]);
    });
}

/// 2 comes to bucket 0 and hands 1 on; 3 comes to bucket 1 and fetches it.
#[test]
fn an_entry_that_two_move_at_once_is_moved_once() {
    model_within(
        PREEMPTIONS,
        "hash map: a split against a handing on",
        || {
            let map = map(&[0, 1]);
            let other = beside(&map, |map| assert_eq!(map.insert_now(3, 3), None));
            map.insert_now(2, 2);
            other.join().unwrap();
            assert_eq!(keys(&map), [0, 1, 2, 3]);
            assert_eq!(map.remove_now(&1), Some(1));
            assert_eq!(keys(&map), [0, 2, 3]);
        },
    );
}

/// The way of 3 is 3, 1, 0, and that of 1 has its end only.
#[test]
fn a_bucket_between_is_not_skipped() {
    model_within(
        1,
        "hash map: two levels of splits against a look-up",
        || {
            let map = map(&[0, 1, 2]);
            let other = beside(&map, |map| {
                map.insert_now(7, 7);
                map.insert_now(4, 4);
            });
            assert_eq!(map.get_now(&1), Some(1));
            assert_eq!(map.get_now(&2), Some(2));
            other.join().unwrap();
            assert_eq!(keys(&map), [0, 1, 2, 4, 7]);
            for key in [1, 2, 7, 0, 4] {
                assert_eq!(map.remove_now(&key), Some(key));
                assert_eq!(map.get_now(&key), None);
            }
            assert_eq!(keys(&map), []);
        },
    );
}

/// 3 and 7 are in bucket 1 when 1 comes to it, and go on to bucket 3 together.
#[test]
fn entries_that_are_handed_on_together_arrive_together() {
    model_within(
        PREEMPTIONS,
        "hash map: a handing on against a look-up",
        || {
            let map = map(&[0, 2, 3, 7]);
            let other = beside(&map, |map| assert_eq!(map.insert_now(1, 1), None));
            assert_eq!(map.get_now(&7), Some(7));
            other.join().unwrap();
            assert_eq!(keys(&map), [0, 1, 2, 3, 7]);
        },
    );
}

#[test]
fn an_insertion_beside_a_growth_is_there() {
    model_within(PREEMPTIONS, "hash map: growth against insert", || {
        let map = map(&[0]);
        let other = beside(&map, |map| assert_eq!(map.insert_now(1, 1), None));
        map.insert_now(2, 2);
        other.join().unwrap();
        assert_eq!(keys(&map), [0, 1, 2]);
    });
}

#[test]
fn a_removal_beside_an_insertion_takes_its_own_key_only() {
    model_within(
        PREEMPTIONS,
        "hash map: remove against insert, one bucket",
        || {
            let map = map(&[0, 1]);
            let other = beside(&map, |map| assert_eq!(map.remove_now(&1), Some(1)));
            map.insert_now(3, 3);
            other.join().unwrap();
            assert_eq!(keys(&map), [0, 3]);
        },
    );
}

#[test]
fn two_removals_of_a_key_answer_its_value_once() {
    model_within(PREEMPTIONS, "hash map: remove against remove", || {
        let map = map(&[0, 1]);
        let removed = {
            let map = map.clone();
            thread::spawn(move || map.remove_now(&1))
        };
        let removed = [map.remove_now(&1), removed.join().unwrap()];
        assert!(removed == [Some(1), None] || removed == [None, Some(1)]);
        assert_eq!(keys(&map), [0]);
    });
}

#[test]
fn an_insertion_is_cleared_or_stays() {
    model_within(PREEMPTIONS, "hash map: clear against insert", || {
        let map = map(&[0, 1]);
        let other = beside(&map, |map| assert_eq!(map.insert_now(3, 3), None));
        atomically(|tx| map.clear(tx));
        other.join().unwrap();
        let keys = keys(&map);
        assert!(keys.is_empty() || keys == [3]);
    });
}

/// In one transaction a key's value goes over to another, which is new and so moves entries.
#[test]
fn what_is_moved_between_keys_is_seen_once() {
    fn total(map: &Map, tx: &mut Transaction<'_>) -> StmResult<u64> {
        let values = [map.get(tx, &1)?, map.get(tx, &3)?];
        Ok(values.into_iter().flatten().sum())
    }
    model_within(
        PREEMPTIONS,
        "hash map: a move between keys against a reader",
        || {
            let map = map(&[0, 1]);
            let other = beside(&map, |map| {
                atomically(|tx| {
                    let value = map.remove(tx, &1)?.unwrap_or(0);
                    map.insert(tx, 3, value)
                });
            });
            atomically(|tx| {
                assert_eq!(total(&map, tx)?, 1);
                Ok(())
            });
            other.join().unwrap();
            assert_eq!(keys(&map), [0, 3]);
        },
    );
}

#[test]
fn of_two_who_find_no_value_one_gives_it() {
    model_within(1, "hash map: get_or_insert_with against itself", || {
        let map = map(&[0, 1]);
        let other = {
            let map = map.clone();
            thread::spawn(move || atomically(|tx| map.get_or_insert_with(tx, 3, || 30)))
        };
        let ours = atomically(|tx| map.get_or_insert_with(tx, 3, || 31));
        assert_eq!(ours, other.join().unwrap());
        assert_eq!(map.get_now(&3), Some(ours));
    });
}
