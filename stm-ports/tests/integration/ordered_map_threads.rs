//! The ordered map among threads: who conflicts with whom, and that nobody sees what never was.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use hivework_stm::{StmResult, Transaction, atomically};
use stm_ports::TOrderedMap;

use crate::support::Random;

type Map = TOrderedMap<u64, u64>;

/// How often a transaction runs that does `mine` and, before it commits, has another thread
/// commit `theirs`; it also writes, so that it must commit.
fn attempts(
    mine: impl Fn(&mut Transaction<'_>) -> StmResult<()>,
    theirs: impl Fn(&mut Transaction<'_>) -> StmResult<()> + Sync,
) -> usize {
    let runs = Cell::new(0);
    let witness = hivework_stm::TVar::new(0);
    atomically(|tx| {
        runs.set(runs.get() + 1);
        mine(tx)?;
        if runs.get() == 1 {
            thread::scope(|scope| {
                scope.spawn(|| atomically(&theirs));
            });
        }
        witness.write(tx, 1)
    });
    runs.get()
}

/// The keys are ten apart, and there are many leaves.
fn sparse() -> Map {
    let map = Map::new();
    let mut random = Random::new(1);
    let mut keys: Vec<u64> = (0..500).map(|n| n * 10).collect();
    while !keys.is_empty() {
        let key = keys.swap_remove(random.below(keys.len()));
        map.insert_now(key, key);
    }
    map
}

#[test]
fn operations_on_keys_that_are_there_do_not_conflict_with_neighbours() {
    type Operation = fn(&Map, &mut Transaction<'_>, u64) -> StmResult<()>;
    let operations: [(&str, Operation); 5] = [
        ("get", |map, tx, key| map.get(tx, &key).map(drop)),
        ("contains", |map, tx, key| map.contains(tx, &key).map(drop)),
        ("replace", |map, tx, key| map.insert(tx, key, 1).map(drop)),
        ("modify", |map, tx, key| {
            map.modify(tx, &key, |n| n + 1).map(drop)
        }),
        ("remove", |map, tx, key| map.remove(tx, &key).map(drop)),
    ];
    for (mine, mine_on) in operations {
        for (theirs, theirs_on) in operations {
            let map = sparse();
            for key in (1_000..1_200).step_by(20) {
                let runs = attempts(
                    |tx| mine_on(&map, tx, key),
                    |tx| theirs_on(&map, tx, key + 10),
                );
                assert_eq!(runs, 1, "{mine} beside {theirs} of {key}");
            }
        }
        // Nor with a key that is new.
        let map = sparse();
        let runs = attempts(
            |tx| mine_on(&map, tx, 2_000),
            |tx| map.insert(tx, 4_001, 1).map(drop),
        );
        assert_eq!(runs, 1, "{mine} beside an insert");
    }
}

#[test]
fn a_new_key_does_not_conflict_with_keys_that_are_there() {
    let map = sparse();
    // Leaves that have room, so that nothing is split.
    for key in (1_000..4_000).step_by(200) {
        map.remove_now(&(key + 50));
        map.remove_now(&(key + 60));
        map.insert_now(key + 51, 0);
        map.remove_now(&(key + 51));
    }
    let mut conflicts = 0;
    for key in (1_000..4_000).step_by(200) {
        let runs = attempts(
            |tx| map.modify(tx, &(key + 40), |n| n + 1).map(drop),
            |tx| map.insert(tx, key + 51, 1).map(drop),
        );
        conflicts += runs - 1;
        let runs = attempts(
            |tx| map.insert(tx, key + 52, 1).map(drop),
            |tx| map.modify(tx, &(key + 40), |n| n + 1).map(drop),
        );
        conflicts += runs - 1;
    }
    // A split here and there may have moved the key.
    assert!(conflicts <= 3, "{conflicts} of 30");
}

#[test]
fn inserts_far_from_each_other_do_not_conflict() {
    let map = sparse();
    for n in 0..100 {
        let runs = attempts(
            |tx| map.insert(tx, 1_001 + n, 1).map(drop),
            |tx| map.insert(tx, 4_001 + n, 1).map(drop),
        );
        assert_eq!(runs, 1, "insert {n}");
    }
    assert_eq!(
        atomically(|tx| map.len(tx)),
        atomically(|tx| map.keys(tx)).len()
    );
}

/// All of these would miss the insert if only what is there were read.
#[test]
fn who_did_not_find_a_key_conflicts_with_its_insert() {
    let map = sparse();
    let mut key = 1_001;
    let mut phantom = |what: &str, mine: &dyn Fn(&mut Transaction<'_>, u64) -> StmResult<()>| {
        key += 10;
        let at = key;
        let insert = |tx: &mut Transaction<'_>| map.insert(tx, at, 7).map(drop);
        assert_eq!(attempts(|tx| mine(tx, at), insert), 2, "{what}");
    };
    phantom("get", &|tx, key| map.get(tx, &key).map(drop));
    phantom("contains", &|tx, key| map.contains(tx, &key).map(drop));
    phantom("remove", &|tx, key| map.remove(tx, &key).map(drop));
    phantom("insert", &|tx, key| map.insert(tx, key, 1).map(drop));
    phantom("modify", &|tx, key| map.modify(tx, &key, |n| n).map(drop));
    phantom("range", &|tx, key| {
        map.range(tx, key - 1..key + 1).map(drop)
    });
    phantom("range ends", &|tx, key| {
        map.range(tx, key - 100..=key).map(drop)
    });
    phantom("range begins", &|tx, key| {
        map.range(tx, key..key + 100).map(drop)
    });
    phantom("before", &|tx, key| map.before(tx, &(key + 1)).map(drop));
    phantom("after", &|tx, key| map.after(tx, &(key - 1)).map(drop));
    phantom("len", &|tx, _| map.len(tx).map(drop));
    phantom("keys", &|tx, _| map.keys(tx).map(drop));
    let first = |tx: &mut Transaction<'_>| map.first(tx).map(drop);
    map.remove_now(&0);
    assert_eq!(
        attempts(first, |tx| map.insert(tx, 0, 1).map(drop)),
        2,
        "first"
    );
    let last = |tx: &mut Transaction<'_>| map.last(tx).map(drop);
    assert_eq!(
        attempts(last, |tx| map.insert(tx, 9_999, 1).map(drop)),
        2,
        "last"
    );
}

/// A key that was removed keeps its cell for a while: its next insert must be noticed as well.
#[test]
fn who_did_not_find_a_removed_key_conflicts_with_its_return() {
    let map = sparse();
    for key in (0..5_000).step_by(10) {
        map.remove_now(&key);
        let back = |tx: &mut Transaction<'_>| map.insert(tx, key, 1).map(drop);
        assert_eq!(
            attempts(|tx| map.get(tx, &key).map(drop), back),
            2,
            "get {key}"
        );
        map.remove_now(&key);
        let range = |tx: &mut Transaction<'_>| map.range(tx, key..=key).map(drop);
        assert_eq!(attempts(range, back), 2, "range {key}");
        map.remove_now(&key);
    }
}

/// Reads of one transaction agree, while it runs, with what other reads of it said.
#[test]
fn a_running_transaction_never_sees_two_maps_differ() {
    let (one, other) = (Map::new(), Map::new());
    let stop = AtomicBool::new(false);
    let seen = AtomicUsize::new(0);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|seed| {
                let (one, other) = (&one, &other);
                scope.spawn(move || {
                    let mut random = Random::new(seed);
                    for n in 0..6_000 {
                        // Grows for a thousand turns, and shrinks for as many.
                        let grows = n / 1_000 % 2 == 0;
                        let key = random.next() % 600;
                        atomically(|tx| {
                            if grows {
                                one.insert(tx, key, n)?;
                                other.insert(tx, key, n)?;
                            } else {
                                one.remove(tx, &key)?;
                                other.remove(tx, &key)?;
                            }
                            Ok(())
                        });
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut random = Random::new(9);
            while !stop.load(Ordering::Relaxed) {
                let key = random.next() % 600;
                let scans = random.below(20) == 0;
                atomically(|tx| {
                    if scans {
                        let (one, other) = (one.pairs(tx)?, other.pairs(tx)?);
                        assert_eq!(one, other);
                        assert!(one.is_sorted_by(|one, other| one.0 < other.0));
                    }
                    assert_eq!(one.get(tx, &key)?, other.get(tx, &key)?);
                    assert_eq!(one.first(tx)?, other.first(tx)?);
                    assert_eq!(other.last(tx)?, one.last(tx)?);
                    assert_eq!(other.before(tx, &key)?, one.before(tx, &key)?);
                    assert_eq!(
                        one.range(tx, key..key + 40)?,
                        other.range(tx, key..key + 40)?
                    );
                    Ok(())
                });
                seen.fetch_add(1, Ordering::Relaxed);
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(one.snapshot_now(), other.snapshot_now());
    assert_eq!(atomically(|tx| one.len(tx)), one.snapshot_now().len());
}

/// Amounts move from key to key; keys come and go with them.
#[test]
fn every_scan_finds_the_whole_sum() {
    const KEYS: u64 = 400;
    const SUM: u64 = 10_000;
    let map = Map::new();
    map.insert_now(0, SUM);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let movers: Vec<_> = (0..2)
            .map(|seed| {
                let map = &map;
                scope.spawn(move || {
                    let mut random = Random::new(seed);
                    for _ in 0..8_000 {
                        let (from, to) = (random.next() % KEYS, random.next() % KEYS);
                        let amount = random.next() % 300;
                        let gather = random.below(50) == 0;
                        atomically(|tx| {
                            let from = match gather {
                                true => map.pop_last(tx)?,
                                false => match map.after(tx, &from)? {
                                    None => None,
                                    Some((from, _)) => map.remove(tx, &from)?.map(|n| (from, n)),
                                },
                            };
                            let Some((from, there)) = from else {
                                return Ok(());
                            };
                            let amount = if gather { there } else { amount.min(there) };
                            if there > amount {
                                map.insert(tx, from, there - amount)?;
                            }
                            let more = map.get(tx, &to)?.unwrap_or(0);
                            map.insert(tx, to, more + amount)?;
                            Ok(())
                        });
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let pairs = atomically(|tx| {
                    let pairs = map.pairs(tx)?;
                    assert_eq!(map.len(tx)?, pairs.len());
                    Ok(pairs)
                });
                assert!(pairs.is_sorted_by(|one, other| one.0 < other.0));
                assert_eq!(pairs.iter().map(|pair| pair.1).sum::<u64>(), SUM);
            }
        });
        for mover in movers {
            mover.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Threads that each keep to their own keys: what they have put in is there, whatever the others
/// split and merge.
#[test]
fn splits_and_merges_lose_nothing() {
    let map = Map::new();
    thread::scope(|scope| {
        for own in 0..3 {
            let map = &map;
            scope.spawn(move || {
                let mut random = Random::new(own);
                let mut model = BTreeMap::new();
                for turn in 0..6 {
                    for n in 0..1_500 {
                        let key = random.next() % 2_000 * 3 + own;
                        if (random.below(4) == 0) == (turn % 2 == 0) {
                            assert_eq!(map.remove_now(&key), model.remove(&key));
                        } else {
                            assert_eq!(map.insert_now(key, n), model.insert(key, n));
                        }
                        let key = random.next() % 2_000 * 3 + own;
                        assert_eq!(map.get_now(&key), model.get(&key).copied());
                    }
                }
                for (key, value) in model {
                    assert_eq!(map.remove_now(&key), Some(value));
                }
            });
        }
    });
    assert_eq!(atomically(|tx| map.pairs(tx)), []);
    assert_eq!(atomically(|tx| map.len(tx)), 0);
}

/// Takers at the front, putters at the back: leaves are made and merged all the time.
#[test]
fn every_pair_is_taken_once() {
    const MANY: u64 = 6_000;
    let map = Map::new();
    let taken = thread::scope(|scope| {
        let takers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    (0..MANY)
                        .map(|_| map.take_first_blocking().0)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        for own in 0..2 {
            let map = &map;
            scope.spawn(move || {
                for n in 0..MANY {
                    map.insert_now(2 * n + own, n);
                }
            });
        }
        let taken = takers.into_iter().map(|taker| taker.join().unwrap());
        let mut taken: Vec<u64> = taken.flatten().collect();
        taken.sort_unstable();
        taken
    });
    assert_eq!(taken, (0..2 * MANY).collect::<Vec<_>>());
}

#[test]
fn a_clear_is_one_step_for_everybody() {
    let map = Map::new();
    thread::scope(|scope| {
        for own in 0..2 {
            let map = &map;
            scope.spawn(move || {
                for n in 0..300 {
                    atomically(|tx| {
                        map.clear(tx)?;
                        for key in 0..40 {
                            map.insert(tx, key, 2 * n + own)?;
                        }
                        Ok(())
                    });
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..500 {
                let values = atomically(|tx| map.values(tx));
                assert!(values.is_empty() || values.len() == 40);
                assert!(values.windows(2).all(|pair| pair[0] == pair[1]));
            }
        });
    });
}
