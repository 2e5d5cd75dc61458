//! Our maps, each operation a transaction of its own.

use std::ops::Range;

use hivework_stm::atomically;
use stm_ports::{KeyValue, THashMap, TOrderedMap};

use super::kinds::{Map, Sorted, hasher};

/// Any of ours.
pub(super) struct Ours<M>(M);

pub(super) type Hash = Ours<THashMap<u64, u64>>;
pub(super) type Tree = Ours<TOrderedMap<u64, u64>>;

/// One of our maps, and how an empty one is made.
trait Empty: KeyValue<Key = u64, Value = u64> + Send + Sync + 'static {
    fn empty() -> Self;
}

impl Empty for THashMap<u64, u64> {
    fn empty() -> Self {
        THashMap::with_hasher(hasher())
    }
}

impl Empty for TOrderedMap<u64, u64> {
    fn empty() -> Self {
        TOrderedMap::new()
    }
}

impl<M: Empty> Map for Ours<M> {
    const NAME: &'static str = "hivework";

    fn new() -> Self {
        Ours(M::empty())
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        atomically(|tx| self.0.get(tx, &key))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        atomically(|tx| self.0.insert(tx, key, value)).is_none()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        atomically(|tx| self.0.remove(tx, &key)).is_some()
    }

    fn len(&self) -> usize {
        atomically(|tx| self.0.len(tx))
    }
}

impl Sorted for Tree {
    fn sum(&self, keys: Range<u64>) -> u64 {
        atomically(|tx| {
            let mut sum = 0;
            self.0
                .for_each_in(tx, keys.clone(), |_, value| sum += value)?;
            Ok(sum)
        })
    }
}
