//! The ordered map where a leaf is split or merged: as modelled it holds two keys.

use hivework_loom_tests::model_within;
use hivework_stm::atomically;
use hivework_stm::facade::thread::{self, JoinHandle};
use stm_ports::TOrderedMap;

/// A transaction reads and writes a dozen variables here: with more preemptions, models take hours.
const PREEMPTIONS: usize = 2;

type Map = TOrderedMap<u64, u64>;

fn map_of(keys: impl IntoIterator<Item = u64>) -> Map {
    let map = Map::new();
    for key in keys {
        map.insert_now(key, key);
    }
    map
}

fn with<R: Send + 'static>(map: &Map, f: impl FnOnce(&Map) -> R + Send + 'static) -> JoinHandle<R> {
    let map = map.clone();
    thread::spawn(move || f(&map))
}

fn pairs(map: &Map) -> Vec<(u64, u64)> {
    atomically(|tx| {
        let pairs = map.pairs(tx)?;
        assert_eq!(map.len(tx)?, pairs.len());
        for (key, value) in &pairs {
            assert_eq!(map.get(tx, key)?, Some(*value));
        }
        Ok(pairs)
    })
}

#[test]
fn a_key_that_a_split_moves_is_found() {
    model_within(PREEMPTIONS, "ordered map: split against get", || {
        let map = map_of([1, 2]);
        let splitter = with(&map, |map| map.insert_now(0, 0));
        assert_eq!(map.get_now(&2), Some(2));
        assert_eq!(splitter.join().unwrap(), None);
        assert_eq!(pairs(&map), [(0, 0), (1, 1), (2, 2)]);
    });
}

#[test]
fn a_change_of_a_key_that_a_split_moves_is_not_lost() {
    model_within(PREEMPTIONS, "ordered map: split against replace", || {
        let map = map_of([1, 2]);
        let splitter = with(&map, |map| map.insert_now(0, 0));
        assert_eq!(map.insert_now(2, 7), Some(2));
        splitter.join().unwrap();
        assert_eq!(pairs(&map), [(0, 0), (1, 1), (2, 7)]);
    });
}

#[test]
fn an_insert_into_a_leaf_that_is_split_is_not_lost() {
    model_within(PREEMPTIONS, "ordered map: split against insert", || {
        let map = map_of([1, 3]);
        let splitter = with(&map, |map| map.insert_now(0, 0));
        assert_eq!(map.insert_now(2, 2), None);
        splitter.join().unwrap();
        assert_eq!(pairs(&map), [(0, 0), (1, 1), (2, 2), (3, 3)]);
    });
}

#[test]
fn a_key_that_a_merge_moves_is_found() {
    model_within(PREEMPTIONS, "ordered map: merge against get", || {
        let map = map_of([1, 2, 3]);
        map.remove_now(&1);
        // Now a leaf of its own is left for 2, and one for 3.
        let merger = with(&map, |map| map.remove_now(&2));
        assert_eq!(map.get_now(&3), Some(3));
        assert_eq!(merger.join().unwrap(), Some(2));
        assert_eq!(pairs(&map), [(3, 3)]);
    });
}

#[test]
fn two_who_each_miss_what_the_other_inserts_are_ordered() {
    model_within(PREEMPTIONS, "ordered map: two phantoms", || {
        let map = map_of([]);
        let insert_unless = |map: &Map, key, unless: u64| {
            atomically(|tx| {
                let there = map.contains(tx, &unless)?;
                if !there {
                    map.insert(tx, key, key)?;
                }
                Ok(there)
            })
        };
        let other = with(&map, move |map| insert_unless(map, 1, 2));
        let found = insert_unless(&map, 2, 1);
        assert_ne!(found, other.join().unwrap());
        assert_eq!(pairs(&map).len(), 1);
    });
}
