//! The ordered map, one thread at a time.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hivework_stm::{
    StmResult, TVar, Transaction, abort, atomically, atomically_or, try_atomically,
};
use stm_ports::{KeyValue, TOrderedMap};

use crate::support::{Counted, Random, eventually, soon, start_asleep};

/// A random program of operations, in transactions of random length of which some are rolled
/// back, does to the map what it does to a `BTreeMap`.
#[test]
fn agrees_with_a_btree_map() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let map = TOrderedMap::new();
        let mut model = BTreeMap::new();
        // Few keys: all within a leaf. Many: splits and merges.
        let keys = [8, 60, 900][random.below(3)];
        for _ in 0..120 {
            let before = random.next();
            let steps = 1 + random.below(40);
            let roll_back = random.below(4) == 0;
            // Grows for a while, then shrinks.
            let shrinking = random.below(2) == 0;
            let mut after = model.clone();
            let outcome = atomically_or(|tx| {
                // The closure may run again: it begins with the same numbers.
                let mut random = Random::new(before);
                after.clone_from(&model);
                for _ in 0..steps {
                    step(&mut random, tx, &map, &mut after, keys, shrinking)?;
                }
                if roll_back { abort(()) } else { Ok(()) }
            });
            assert_eq!(outcome.is_err(), roll_back, "seed {seed}");
            if !roll_back {
                model = after;
            }
        }
        assert_eq!(map.snapshot_now(), model, "seed {seed}");
        assert_eq!(atomically(|tx| map.len(tx)), model.len(), "seed {seed}");
        while let Some(pair) = model.pop_last() {
            assert_eq!(atomically(|tx| map.pop_last(tx)), Some(pair), "seed {seed}");
        }
        assert_eq!(map.pop_first_now(), None, "seed {seed}");
    }
}

fn step(
    random: &mut Random,
    tx: &mut Transaction<'_>,
    map: &TOrderedMap<String, u64>,
    model: &mut BTreeMap<String, u64>,
    keys: usize,
    shrinking: bool,
) -> StmResult<()> {
    let any = |random: &mut Random| format!("{:03}", random.below(keys));
    let key = any(random);
    let value = random.next();
    match random.below(if shrinking { 16 } else { 12 }) {
        0..=4 => assert_eq!(
            map.insert(tx, key.clone(), value)?,
            model.insert(key, value)
        ),
        5 => assert_eq!(map.get(tx, key.as_str())?, model.get(&key).copied()),
        6 => assert_eq!(
            map.get_or_insert_with(tx, key.clone(), || value)?,
            *model.entry(key).or_insert(value)
        ),
        7 => {
            let there = model.contains_key(&key);
            assert_eq!(map.contains(tx, key.as_str())?, there);
            assert_eq!(map.modify(tx, key.as_str(), |n| n ^ 1)?, there);
            model.entry(key).and_modify(|n| *n ^= 1);
        }
        8 => {
            let other = any(random);
            let (from, to) = (key.clone().min(other.clone()), key.max(other));
            let bound = |random: &mut Random, key: String| match random.below(3) {
                0 => Bound::Included(key),
                1 => Bound::Excluded(key),
                _ => Bound::Unbounded,
            };
            let range = match (bound(random, from), bound(random, to)) {
                // For which a `BTreeMap` panics.
                (Bound::Excluded(one), Bound::Excluded(other)) if one == other => return Ok(()),
                range => range,
            };
            let there = model.range(range.clone());
            let there: Vec<_> = there.map(|(key, value)| (key.clone(), *value)).collect();
            assert_eq!(map.range::<String>(tx, range)?, there);
        }
        9 => {
            let pair = |(key, value): (&String, &u64)| (key.clone(), *value);
            assert_eq!(map.first(tx)?, model.iter().next().map(pair));
            assert_eq!(map.last(tx)?, model.iter().next_back().map(pair));
            let before = model.range(..key.clone()).next_back().map(pair);
            assert_eq!(map.before(tx, &key)?, before);
            let after = (Bound::Excluded(key.clone()), Bound::Unbounded);
            let after = model.range(after).next().map(pair);
            assert_eq!(map.after(tx, &key)?, after);
        }
        10 => {
            assert_eq!(map.len(tx)?, model.len());
            assert_eq!(map.is_empty(tx)?, model.is_empty());
        }
        11 if random.below(20) == 0 => {
            map.clear(tx)?;
            model.clear();
        }
        11 if random.below(2) == 0 => assert_eq!(map.pop_first(tx)?, model.pop_first()),
        11 => assert_eq!(map.pop_last(tx)?, model.pop_last()),
        _ => assert_eq!(map.remove(tx, key.as_str())?, model.remove(&key)),
    }
    Ok(())
}

#[test]
fn the_kind_trait_does_what_the_map_does() {
    fn exercise<M>(map: &M)
    where
        M: KeyValue<Key = u8, Value = char, Snapshot = BTreeMap<u8, char>> + ?Sized,
    {
        atomically(|tx| {
            assert!(map.is_empty(tx)?);
            assert_eq!(map.insert(tx, 2, 'b')?, None);
            assert_eq!(map.insert(tx, 1, 'x')?, None);
            assert_eq!(map.insert(tx, 1, 'a')?, Some('x'));
            assert_eq!(map.get(tx, &1)?, Some('a'));
            assert!(map.contains(tx, &2)?);
            assert!(!map.is_full(tx)?);
            assert_eq!(map.len(tx)?, 2);
            assert_eq!(map.keys(tx)?, [1, 2]);
            assert_eq!(map.values(tx)?, ['a', 'b']);
            assert_eq!(map.pairs(tx)?, [(1, 'a'), (2, 'b')]);
            assert_eq!(map.snapshot(tx)?, BTreeMap::from([(1, 'a'), (2, 'b')]));
            let mut seen = Vec::new();
            map.for_each(tx, &mut |key, value| seen.push((*key, *value)))?;
            assert_eq!(seen, [(1, 'a'), (2, 'b')]);
            assert_eq!(map.remove(tx, &1)?, Some('a'));
            assert_eq!(map.remove(tx, &1)?, None);
            map.clear(tx)?;
            assert!(map.is_empty(tx)?);
            assert_eq!(map.len(tx)?, 0);
            Ok(())
        });
    }
    exercise(&TOrderedMap::new());
    let dynamic: Box<dyn KeyValue<Key = u8, Value = char, Snapshot = BTreeMap<u8, char>>> =
        Box::new(TOrderedMap::new());
    exercise(&*dynamic);
}

#[test]
fn a_range_that_ends_before_it_begins_is_empty() {
    let map = TOrderedMap::from_iter((0..100).map(|n| (n, n)));
    atomically(|tx| {
        assert_eq!(
            map.range(tx, (Bound::Included(50), Bound::Excluded(20)))?,
            []
        );
        assert_eq!(
            map.range(tx, (Bound::Excluded(50), Bound::Excluded(50)))?,
            []
        );
        assert_eq!(
            map.range(tx, (Bound::Excluded(50), Bound::Included(50)))?,
            []
        );
        assert_eq!(map.range(tx, 50..=50)?, [(50, 50)]);
        assert_eq!(map.range(tx, 98..)?, [(98, 98), (99, 99)]);
        Ok(())
    });
}

#[test]
fn take_first_and_take_last_wait_where_there_is_nothing() {
    let map = TOrderedMap::new();
    assert_eq!(try_atomically(|tx| map.take_first(tx)), None::<(u8, u8)>);
    assert_eq!(try_atomically(|tx| map.take_last(tx)), None);
    assert_eq!(map.take_first_timeout(Duration::from_millis(1)), None);
    let taker = {
        let map = map.clone();
        start_asleep(move || map.take_first_blocking())
    };
    map.insert_now(1, 2);
    assert_eq!(taker.answer(), (1, 2));
    // A removed key is there without a value; its next value must wake as well.
    map.insert_now(1, 3);
    map.remove_now(&1);
    let taker = {
        let map = map.clone();
        start_asleep(move || atomically(|tx| map.take_last(tx)))
    };
    map.insert_now(1, 4);
    assert_eq!(taker.answer(), (1, 4));
}

#[test]
fn what_is_rolled_back_was_never_there() {
    let map = TOrderedMap::from_iter((0..200).map(|n| (2 * n, n)));
    let before = map.snapshot_now();
    let refused = atomically_or(|tx| {
        for n in 0..400 {
            map.insert(tx, n, 1000)?;
        }
        for n in 100..300 {
            map.remove(tx, &n)?;
        }
        assert_eq!(map.len(tx)?, 200);
        map.clear(tx)?;
        map.insert(tx, 7, 7)?;
        assert_eq!(map.pairs(tx)?, [(7, 7)]);
        abort::<(), _>("no")
    });
    assert_eq!(refused, Err("no"));
    assert_eq!(map.snapshot_now(), before);
    assert_eq!(atomically(|tx| map.len(tx)), 200);
}

#[test]
fn one_transaction_can_fill_a_map() {
    const MANY: u64 = 10_000;
    for keys in [
        (0..MANY).collect::<Vec<_>>(),
        (0..MANY).rev().collect(),
        (0..MANY)
            .map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect(),
    ] {
        let map = TOrderedMap::new();
        atomically(|tx| {
            for &key in &keys {
                map.insert(tx, key, key)?;
            }
            Ok(())
        });
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(atomically(|tx| map.keys(tx)), sorted);
        for key in &keys {
            assert_eq!(map.get_now(key), Some(*key));
        }
    }
}

#[test]
fn a_new_map_and_its_drop_may_be_part_of_a_transaction() {
    let alive = Arc::new(AtomicUsize::new(0));
    let shared = TVar::new(None);
    atomically(|tx| {
        let map = TOrderedMap::new();
        for n in 0..100 {
            map.insert(tx, n, Counted::new(&alive))?;
        }
        let unused = TOrderedMap::new();
        unused.insert(tx, 1, Counted::new(&alive))?;
        drop(unused);
        shared.write(tx, Some(map))
    });
    let map = shared.load().unwrap();
    assert_eq!(atomically(|tx| map.keys(tx)), (0..100).collect::<Vec<_>>());
    drop(map);
    shared.store(None);
    eventually("all values have gone", || alive.load(Ordering::SeqCst) == 0);
}

#[test]
fn removed_and_replaced_values_are_dropped() {
    let alive = Arc::new(AtomicUsize::new(0));
    let map = TOrderedMap::new();
    for n in 0..1_000 {
        map.insert_now(n, Counted::new(&alive));
    }
    for n in 0..500 {
        map.insert_now(n, Counted::new(&alive));
    }
    eventually("one value a key", || alive.load(Ordering::SeqCst) == 1_000);
    for n in 0..990 {
        map.remove_now(&n);
    }
    eventually("what was removed has gone", || {
        alive.load(Ordering::SeqCst) == 10
    });
    atomically(|tx| map.clear(tx));
    eventually("what was cleared has gone", || {
        alive.load(Ordering::SeqCst) == 0
    });
}

/// Neither recursion nor a grace period for each leaf.
#[test]
fn a_million_pairs_come_and_go() {
    // Unoptimised, a million of anything takes long.
    const MANY: usize = if cfg!(debug_assertions) {
        200_000
    } else {
        1_000_000
    };
    let alive = Arc::new(AtomicUsize::new(0));
    let map = TOrderedMap::from_iter((0..MANY).map(|n| (n, Counted::new(&alive))));
    assert_eq!(atomically(|tx| map.len(tx)), MANY);
    assert_eq!(
        atomically(|tx| map.range(tx, 77_777..)).len(),
        MANY - 77_777
    );
    drop(map);
    soon("all values have gone", || alive.load(Ordering::SeqCst) == 0);
}

/// Reads and writes of one operation, as the transaction tells them.
fn counted(f: impl Fn(&mut Transaction<'_>) -> StmResult<()>) -> (usize, usize) {
    let shown = atomically(|tx| {
        f(tx)?;
        Ok(format!("{tx:?}"))
    });
    let number = |name: &str| {
        let from = shown.find(name).unwrap() + name.len();
        let digits = shown[from..].chars().take_while(char::is_ascii_digit);
        digits.collect::<String>().parse().unwrap()
    };
    (number("reads: "), number("writes: "))
}

#[test]
fn what_one_transaction_has_emptied_leaves_no_way_through_it() {
    const MANY: usize = 15_000;
    let map = TOrderedMap::from_iter((0..MANY).map(|n| (n, n)));
    atomically(|tx| (0..MANY).try_for_each(|n| map.remove(tx, &n).map(drop)));
    let (reads, _) = counted(|tx| map.first(tx).map(drop));
    assert!(reads <= 10, "{reads} reads of an empty map");
}

#[test]
fn keys_that_come_and_go_leave_nothing_behind() {
    /// A key that is counted, as are its clones.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct Key(usize);
    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    impl Key {
        fn new(n: usize) -> Self {
            ALIVE.fetch_add(1, Ordering::SeqCst);
            Key(n)
        }
    }
    impl Clone for Key {
        fn clone(&self) -> Self {
            Key::new(self.0)
        }
    }
    impl Drop for Key {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, Ordering::SeqCst);
        }
    }
    const MANY: usize = 20_000;
    let map = TOrderedMap::new();
    for round in 0..3 {
        for n in 0..MANY {
            map.insert_now(Key::new(round * MANY + n), ());
        }
        for n in 0..MANY {
            let n = n * 7919 % MANY;
            assert_eq!(map.remove_now(&Key::new(round * MANY + n)), Some(()));
        }
    }
    // Those of the last leaf stay in their cells until there are others.
    eventually("a leaf or two are left", || {
        ALIVE.load(Ordering::SeqCst) <= 50
    });
}

#[test]
fn the_number_of_reads_and_writes_does_not_depend_on_the_size() {
    for size in [1_000_u64, 300_000] {
        let spread = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let map = TOrderedMap::from_iter((0..size).map(|n| (spread(n), n)));
        for n in (0..size).step_by(size as usize / 500) {
            let (there, new) = (spread(n), spread(n) ^ 1);
            let (reads, writes) = counted(|tx| map.get(tx, &there).map(drop));
            assert!(reads <= 3 && writes == 0, "get: {reads} and {writes}");
            let (reads, writes) = counted(|tx| map.insert(tx, there, 0).map(drop));
            assert!(reads <= 3 && writes == 1, "replace: {reads} and {writes}");
            let (reads, writes) = counted(|tx| map.remove(tx, &there).map(drop));
            assert!(reads <= 4 && writes == 2, "remove: {reads} and {writes}");
            let (reads, writes) = counted(|tx| map.insert(tx, there, 0).map(drop));
            assert!(
                reads <= 20 && writes <= 80,
                "put back: {reads} and {writes}"
            );
            let (reads, _) = counted(|tx| map.get(tx, &new).map(drop));
            assert!(reads <= 16, "miss: {reads}");
            let (reads, writes) = counted(|tx| map.insert(tx, new, 0).map(drop));
            assert!(reads <= 80 && writes <= 80, "insert: {reads} and {writes}");
            let (reads, writes) = counted(|tx| map.last(tx).map(drop));
            assert!(reads <= 40 && writes == 0, "last: {reads} and {writes}");
            let first = map.pop_first_now().unwrap();
            map.insert_now(first.0, first.1);
            let (reads, writes) = counted(|tx| map.pop_first(tx).map(drop));
            assert!(reads <= 40 && writes <= 4, "pop: {reads} and {writes}");
            map.insert_now(first.0, first.1);
        }
    }
}
