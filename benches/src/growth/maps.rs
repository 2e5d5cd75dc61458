//! Maps whose growth is measured: a read, and an update. Keys are below twice the
//! number of elements, and every second one is there to begin with; an update
//! inserts a random key or removes it, one as often as the other.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;

use hivework_stm::{StmResult, Transaction, atomically};
use stm_ports::{KeyValue, THashMap, TOrderedMap};

use super::Case;
use super::containers::{Counterpart, case};
use super::transacted::Ours;
use crate::workload::sequence::{below, mixed, scattered_place};

pub(super) fn cases() -> Vec<Case> {
    type Hash = THashMap<u64, u64>;
    type Ordered = TOrderedMap<u64, u64>;
    vec![
        case::<Read<Hash>, Read<HashMap<u64, u64>>>("growth of THashMap: read, hit"),
        case::<Update<Hash>, Update<HashMap<u64, u64>>>("growth of THashMap: insert or remove"),
        case::<Read<Ordered>, Read<BTreeMap<u64, u64>>>("growth of TOrderedMap: read, hit"),
        case::<Update<Ordered>, Update<BTreeMap<u64, u64>>>(
            "growth of TOrderedMap: insert or remove",
        ),
    ]
}

/// A map of which an operation reads a key that is there.
struct Read<M> {
    map: M,
    size: usize,
}

/// A map of which an operation inserts a key or removes it.
struct Update<M> {
    map: M,
    size: usize,
}

/// The keys that are there to begin with: not in their order, which no program
/// promises.
fn first_keys(size: usize) -> impl Iterator<Item = u64> {
    (0..size).map(move |n| 2 * scattered_place(n, size) as u64)
}

/// One of those.
#[inline]
fn key_to_read(size: usize, n: u64) -> u64 {
    2 * below(size, mixed(0, n)) as u64
}

enum Change {
    Insert(u64),
    Remove(u64),
}

#[inline]
fn change(size: usize, n: u64) -> Change {
    let bits = mixed(0, n);
    let key = below(2 * size, bits) as u64;
    match bits & 1 {
        0 => Change::Insert(key),
        _ => Change::Remove(key),
    }
}

/// One of our maps.
trait Shared: KeyValue<Key = u64, Value = u64> + Default + 'static {}

impl<M: KeyValue<Key = u64, Value = u64> + Default + 'static> Shared for M {}

fn shared<M: Shared>(size: usize) -> M {
    let map = M::default();
    for key in first_keys(size) {
        atomically(|tx| map.insert(tx, key, key));
    }
    map
}

impl<M: Shared> Ours for Read<M> {
    fn filled(size: usize) -> Self {
        let map = shared(size);
        Read { map, size }
    }

    #[inline]
    fn step(&self, tx: &mut Transaction<'_>, _step: u64, n: u64) -> StmResult<()> {
        let key = key_to_read(self.size, n);
        let found = self.map.get(tx, &key)?;
        assert_eq!(found, Some(key));
        Ok(())
    }
}

impl<M: Shared> Ours for Update<M> {
    fn filled(size: usize) -> Self {
        let map = shared(size);
        Update { map, size }
    }

    #[inline]
    fn step(&self, tx: &mut Transaction<'_>, _step: u64, n: u64) -> StmResult<()> {
        black_box(match change(self.size, n) {
            Change::Insert(key) => self.map.insert(tx, key, key)?,
            Change::Remove(key) => self.map.remove(tx, &key)?,
        });
        Ok(())
    }
}

macro_rules! counterpart {
    ($map:ty, $name:literal) => {
        impl Counterpart for Read<$map> {
            const NAME: &'static str = $name;

            fn filled(size: usize) -> Self {
                let map = first_keys(size).map(|key| (key, key)).collect();
                Read { map, size }
            }

            #[inline]
            fn operate(&mut self, n: u64) {
                let key = key_to_read(self.size, n);
                assert_eq!(self.map.get(&key), Some(&key));
            }
        }

        impl Counterpart for Update<$map> {
            const NAME: &'static str = $name;

            fn filled(size: usize) -> Self {
                let map = first_keys(size).map(|key| (key, key)).collect();
                Update { map, size }
            }

            #[inline]
            fn operate(&mut self, n: u64) {
                black_box(match change(self.size, n) {
                    Change::Insert(key) => self.map.insert(key, key),
                    Change::Remove(key) => self.map.remove(&key),
                });
            }
        }
    };
}

counterpart!(HashMap<u64, u64>, "HashMap");
counterpart!(BTreeMap<u64, u64>, "BTreeMap");
