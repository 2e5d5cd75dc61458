//! What a hash map is of the kinds of container.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use hivework_stm::{StmResult, Transaction};

use super::THashMap;
use crate::containers::{Container, KeyValue};

impl<K, V, S> Container for THashMap<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher,
{
    fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.is_empty(tx)
    }

    fn is_full(&self, _tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(false)
    }

    fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.len(tx)
    }

    fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.clear(tx)
    }
}

impl<K, V, S> KeyValue for THashMap<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher,
{
    type Key = K;
    type Value = V;
    type Snapshot = HashMap<K, V>;

    fn get(&self, tx: &mut Transaction<'_>, key: &K) -> StmResult<Option<V>> {
        self.get(tx, key)
    }

    fn insert(&self, tx: &mut Transaction<'_>, key: K, value: V) -> StmResult<Option<V>> {
        self.insert(tx, key, value)
    }

    fn remove(&self, tx: &mut Transaction<'_>, key: &K) -> StmResult<Option<V>> {
        self.remove(tx, key)
    }

    fn contains(&self, tx: &mut Transaction<'_>, key: &K) -> StmResult<bool> {
        self.contains(tx, key)
    }

    fn for_each(&self, tx: &mut Transaction<'_>, f: &mut dyn FnMut(&K, &V)) -> StmResult<()> {
        self.for_each(tx, f)
    }

    fn keys(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<K>> {
        self.keys(tx)
    }

    fn values(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<V>> {
        self.values(tx)
    }

    fn pairs(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<(K, V)>> {
        self.pairs(tx)
    }

    fn snapshot(&self, tx: &mut Transaction<'_>) -> StmResult<HashMap<K, V>> {
        self.snapshot(tx)
    }
}
