//! The hash map.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hivework_stm::{StmResult, TVar, Transaction, atomically, retry};
use proptest::prelude::*;
use stm_ports::{Container, KeyValue, THashMap};

use crate::model::{config, programs, run};
use crate::support::{Counted, elsewhere, soon, start, start_asleep};

#[derive(Clone, Debug)]
enum Operation {
    Insert(u16, u8),
    Remove(u16),
    Modify(u16),
    Get(u16),
    GetOrInsert(u16, u8),
    Fill(u16),
    Look,
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = || 0_u16..300;
    prop_oneof![
        6 => (key(), any::<u8>()).prop_map(|(key, value)| Operation::Insert(key, value)),
        4 => key().prop_map(Operation::Remove),
        2 => key().prop_map(Operation::Modify),
        4 => key().prop_map(Operation::Get),
        1 => (key(), any::<u8>()).prop_map(|(key, value)| Operation::GetOrInsert(key, value)),
        2 => key().prop_map(Operation::Fill),
        1 => Just(Operation::Look),
        1 => Just(Operation::Clear),
    ]
}

fn apply<S: BuildHasher>(
    map: &THashMap<u16, u8, S>,
    tx: &mut Transaction<'_>,
    model: &mut HashMap<u16, u8>,
    operation: &Operation,
) -> StmResult<()> {
    match *operation {
        Operation::Insert(key, value) => {
            assert_eq!(map.insert(tx, key, value)?, model.insert(key, value));
        }
        Operation::Remove(key) => assert_eq!(map.remove(tx, &key)?, model.remove(&key)),
        Operation::Modify(key) => {
            let modified = map.modify(tx, &key, |value| value.wrapping_add(1))?;
            let expected = model
                .get_mut(&key)
                .map(|value| *value = value.wrapping_add(1));
            assert_eq!(modified, expected.is_some());
        }
        Operation::Get(key) => {
            assert_eq!(map.get(tx, &key)?, model.get(&key).copied());
            assert_eq!(map.contains(tx, &key)?, model.contains_key(&key));
        }
        Operation::GetOrInsert(key, value) => {
            let expected = *model.entry(key).or_insert(value);
            assert_eq!(map.get_or_insert_with(tx, key, || value)?, expected);
        }
        Operation::Fill(from) => {
            for key in from..from + 40 {
                assert_eq!(map.insert(tx, key, 1)?, model.insert(key, 1));
            }
        }
        Operation::Look => {
            assert_eq!(map.len(tx)?, model.len());
            assert_eq!(map.is_empty(tx)?, model.is_empty());
            assert_eq!(&map.snapshot(tx)?, model);
        }
        Operation::Clear => {
            map.clear(tx)?;
            model.clear();
        }
    }
    Ok(())
}

fn agrees<S: BuildHasher + Default>(program: &[(Vec<Operation>, bool)]) {
    let map = THashMap::<_, _, S>::default();
    let model = run(program, HashMap::new(), |tx, model, operation| {
        apply(&map, tx, model, operation)
    });
    assert_eq!(atomically(|tx| map.snapshot(tx)), model);
    for key in 0..400 {
        assert_eq!(map.get_now(&key), model.get(&key).copied());
    }
}

/// Keys that share three hashes.
#[derive(Default)]
struct Crowded(u64);

impl Hasher for Crowded {
    fn finish(&self) -> u64 {
        self.0 % 3
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 += bytes.iter().copied().map(u64::from).sum::<u64>();
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_the_map_of_std(program in programs(operation())) {
        agrees::<BuildHasherDefault<DefaultHasher>>(&program);
    }

    #[test]
    fn agrees_with_the_map_of_std_though_hashes_are_alike(program in programs(operation())) {
        agrees::<BuildHasherDefault<Crowded>>(&program);
    }
}

/// Runs `first`, has another thread run `second` to its end, and says how often `first` ran.
fn runs_beside(
    first: impl Fn(&mut Transaction<'_>) -> StmResult<()>,
    second: impl Fn(&mut Transaction<'_>) -> StmResult<()> + Sync,
) -> usize {
    let (mut runs, done) = (0, TVar::new(0));
    atomically(|tx| {
        runs += 1;
        first(tx)?;
        if runs == 1 {
            elsewhere(|| atomically(&second));
        }
        done.write(tx, runs)
    });
    runs
}

/// A map of this many keys, hashed in the same way in every run.
fn map_of(keys: u64) -> THashMap<u64, u64, BuildHasherDefault<DefaultHasher>> {
    (0..keys).map(|key| (key, key)).collect()
}

#[test]
fn operations_on_different_keys_do_not_conflict() {
    const PAIRS: u64 = if cfg!(miri) { 10 } else { 100 };
    let map = map_of(1000);
    let (mut values, mut keys) = (0, 0);
    for key in 0..PAIRS {
        let (one, other) = (key, key + 500);
        let (new, newer) = (key + 10_000, key + 20_000);
        values += runs_beside(
            |tx| map.get(tx, &one).map(drop),
            |tx| map.insert(tx, other, 1).map(drop),
        );
        values += runs_beside(
            |tx| map.modify(tx, &one, |value| value + 1).map(drop),
            |tx| map.modify(tx, &other, |value| value + 1).map(drop),
        );
        keys += runs_beside(
            |tx| map.insert(tx, new, 1).map(drop),
            |tx| map.insert(tx, newer, 1).map(drop),
        );
        keys += runs_beside(
            |tx| map.remove(tx, &new).map(drop),
            |tx| map.remove(tx, &newer).map(drop),
        );
    }
    // All but the few that share a bucket ran once.
    assert!(
        values <= 2 * PAIRS as usize + 2,
        "{values} of {PAIRS} pairs"
    );
    // Each pair runs on a thread that is new: one in sixteen counts on the same stripe.
    assert!(
        keys <= 2 * PAIRS as usize * 9 / 8,
        "{keys} of {PAIRS} pairs"
    );
}

#[test]
fn operations_on_the_same_key_do() {
    let map = map_of(10);
    let get = |tx: &mut Transaction<'_>| map.get(tx, &3).map(drop);
    let miss = |tx: &mut Transaction<'_>| map.get(tx, &77).map(drop);
    assert_eq!(runs_beside(get, get), 1);
    assert_eq!(runs_beside(get, |tx| map.insert(tx, 3, 9).map(drop)), 2);
    assert_eq!(runs_beside(miss, |tx| map.insert(tx, 77, 9).map(drop)), 2);
    assert_eq!(runs_beside(miss, |tx| map.remove(tx, &77).map(drop)), 2);
    let len = |tx: &mut Transaction<'_>| map.len(tx).map(drop);
    assert_eq!(runs_beside(len, |tx| map.insert(tx, 78, 9).map(drop)), 2);
    assert_eq!(runs_beside(len, |tx| map.insert(tx, 78, 10).map(drop)), 1);
    let all = |tx: &mut Transaction<'_>| map.for_each(tx, |_, _| ());
    assert_eq!(runs_beside(all, |tx| map.insert(tx, 79, 9).map(drop)), 2);
    assert_eq!(runs_beside(all, |tx| map.clear(tx)), 2);
}

#[test]
fn who_waits_for_a_key_is_woken_when_it_comes() {
    let map = THashMap::new();
    let theirs = map.clone();
    let waits = start_asleep(move || {
        atomically(|tx| match theirs.get(tx, "key")? {
            Some(value) => Ok(value),
            None => retry(),
        })
    });
    map.insert_now("other", 1);
    map.insert_now("key", 2);
    assert_eq!(waits.answer(), 2);
}

/// The reads and writes of a transaction, as its own display tells them.
fn log(tx: &Transaction<'_>) -> [usize; 2] {
    let shown = format!("{tx:?}");
    ["reads: ", "writes: "].map(|name| {
        let (_, rest) = shown.split_once(name).unwrap();
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        digits.parse().unwrap()
    })
}

#[test]
fn the_number_of_reads_and_writes_does_not_grow_with_the_map() {
    const TRIES: u64 = 2000;
    let large = if cfg!(miri) { 2000 } else { 300_000 };
    let averages = [1000, large].map(|keys| {
        let map = map_of(keys);
        let mut sum = [0; 4];
        for n in 0..TRIES {
            let key = n * 7919 % keys;
            let [reads, _] = atomically(|tx| map.get(tx, &key).map(|_| log(tx)));
            sum[0] += reads;
            let [reads, writes] = atomically(|tx| map.insert(tx, key, n).map(|_| log(tx)));
            sum[1] += reads + writes;
            let new = keys + n;
            let [reads, writes] = atomically(|tx| map.insert(tx, new, n).map(|_| log(tx)));
            sum[2] += reads + writes;
            let [reads, writes] = atomically(|tx| map.remove(tx, &new).map(|_| log(tx)));
            sum[3] += reads + writes;
        }
        sum.map(|sum| sum as f64 / TRIES as f64)
    });
    for (small, large) in averages[0].into_iter().zip(averages[1]) {
        assert!(large <= small * 1.25 + 0.5, "{averages:?}");
        assert!(large < 9.0, "{averages:?}");
    }
}

/// Amounts are moved between keys, which come and go, while the map grows under it.
#[test]
fn what_is_moved_between_keys_is_always_all_there() {
    const KEYS: u64 = 64;
    const ROUNDS: u64 = if cfg!(miri) { 5 } else { 3000 };
    let map: THashMap<u64, u64> = (0..KEYS).map(|key| (key, 100)).collect();
    let over = Arc::new(AtomicBool::new(false));
    let movers: Vec<_> = (0..2_u64)
        .map(|thread| {
            let map = map.clone();
            start(move || {
                for round in 0..ROUNDS {
                    let from = (round * 31 + thread * 7) % KEYS;
                    let to = (round * 17 + thread * 13 + 1) % KEYS;
                    atomically(|tx| {
                        let Some(amount) = map.remove(tx, &from)? else {
                            return Ok(());
                        };
                        let there = map.get(tx, &to)?.unwrap_or(0);
                        map.insert(tx, to, there + amount)?;
                        map.insert(tx, 1000 + thread * ROUNDS + round, 0)?;
                        // What is left of it comes back as a key of its own.
                        if there > 50 {
                            map.insert(tx, to, 50)?;
                            map.insert(tx, from, there + amount - 50)?;
                        }
                        Ok(())
                    });
                }
            })
        })
        .collect();
    let looker = {
        let (map, over) = (map.clone(), Arc::clone(&over));
        start(move || {
            while !over.load(Ordering::Relaxed) {
                let sum: u64 = atomically(|tx| map.values(tx)).into_iter().sum();
                assert_eq!(sum, KEYS * 100);
            }
        })
    };
    for mover in movers {
        mover.answer();
    }
    over.store(true, Ordering::Relaxed);
    looker.answer();
    let all = atomically(|tx| map.pairs(tx));
    assert_eq!(
        all.iter().map(|(_, amount)| amount).sum::<u64>(),
        KEYS * 100
    );
    assert_eq!(atomically(|tx| map.len(tx)), all.len());
}

/// Two maps are changed together; a transaction that has to run again does not see them apart,
/// either.
#[test]
fn a_running_transaction_never_sees_two_maps_apart() {
    const ROUNDS: u64 = if cfg!(miri) { 20 } else { 5000 };
    let (left, right) = (THashMap::new(), THashMap::new());
    let writer = {
        let (left, right) = (left.clone(), right.clone());
        start(move || {
            for n in 0..ROUNDS {
                let key = n % 200;
                atomically(|tx| {
                    left.insert(tx, key, n)?;
                    right.insert(tx, key, n)
                });
                if n % 3 == 0 {
                    atomically(|tx| {
                        left.remove(tx, &key)?;
                        right.remove(tx, &key)
                    });
                }
            }
        })
    };
    for n in 0..ROUNDS {
        atomically(|tx| {
            let key = n * 7 % 200;
            let (one, other) = (left.get(tx, &key)?, right.get(tx, &key)?);
            assert_eq!(one, other);
            Ok(())
        });
    }
    writer.answer();
}

#[test]
fn inserts_of_many_threads_are_all_there() {
    const EACH: u64 = if cfg!(miri) { 30 } else { 20_000 };
    let map = THashMap::new();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let map = map.clone();
            start(move || {
                for n in 0..EACH {
                    assert_eq!(map.insert_now(thread * EACH + n, n), None);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.answer();
    }
    assert_eq!(atomically(|tx| map.len(tx)), 4 * EACH as usize);
    assert!((0..4 * EACH).all(|key| map.get_now(&key) == Some(key % EACH)));
}

#[test]
fn values_go_with_their_keys_and_with_the_map() {
    let count = Arc::new(AtomicUsize::new(0));
    let alive = |expected: usize| {
        let count = Arc::clone(&count);
        soon("values are dropped", move || {
            hivework_stm::flush();
            count.load(Ordering::SeqCst) == expected
        });
    };
    let keys: u32 = if cfg!(miri) { 100 } else { 100_000 };
    let map = THashMap::new();
    for key in 0..keys {
        map.insert_now(key, Counted::new(&count));
    }
    for key in 0..50 {
        drop(map.remove_now(&key));
    }
    alive(keys as usize - 50);
    atomically(|tx| map.clear(tx));
    alive(0);
    assert!(atomically(|tx| map.is_empty(tx)));
    map.insert_now(1, Counted::new(&count));
    drop(map);
    alive(0);
}

#[test]
fn the_kind_traits_do_what_the_map_does() {
    fn through<M: KeyValue<Key = u8, Value = char> + Container>(map: &M) {
        atomically(|tx| {
            assert!(map.is_empty(tx)? && !map.is_full(tx)?);
            assert_eq!(map.insert(tx, 1, 'a')?, None);
            assert_eq!(map.insert(tx, 1, 'b')?, Some('a'));
            assert_eq!((map.get(tx, &1)?, map.get(tx, &2)?), (Some('b'), None));
            assert!(map.contains(tx, &1)?);
            assert_eq!((map.keys(tx)?, map.values(tx)?), (vec![1], vec!['b']));
            assert_eq!(map.pairs(tx)?, [(1, 'b')]);
            let mut seen = 0;
            map.for_each(tx, &mut |_, _| seen += 1)?;
            assert_eq!((seen, map.len(tx)?), (1, 1));
            assert_eq!(map.remove(tx, &1)?, Some('b'));
            map.insert(tx, 2, 'c')?;
            map.clear(tx)?;
            assert!(map.is_empty(tx)?);
            Ok(())
        });
    }
    let map = THashMap::new();
    through(&map);
    assert_eq!(format!("{map:?}"), "THashMap { len: 0, .. }");
    assert!(map.ptr_eq(&map.clone()) && !map.ptr_eq(&THashMap::new()));
}

#[test]
fn a_transaction_that_inserts_many_finds_buckets_for_them() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Key(u64);
    static CLONES: AtomicUsize = AtomicUsize::new(0);
    #[derive(Debug)]
    struct Value;
    impl Clone for Value {
        fn clone(&self) -> Self {
            CLONES.fetch_add(1, Ordering::Relaxed);
            Value
        }
    }
    let map = THashMap::new();
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        (0..4000).try_for_each(|n| map.insert(tx, Key(n), Value).map(drop))
    });
    // A bucket's entries are cloned as another comes to them: a few for each.
    let clones = CLONES.load(Ordering::Relaxed);
    assert!(clones < runs * 4000 * 10, "{clones} clones in {runs} runs");
}
