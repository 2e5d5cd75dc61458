//! What concerns all entries of a hash map at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use hivework_stm::{StmResult, Transaction};

use super::THashMap;

impl<K, V, S> THashMap<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher,
{
    /// Has `f` see every pair, in no particular order, as they are at one instant.
    ///
    /// Takes time in proportion to the size that the map has grown to, and conflicts with every
    /// change of it, as [`THashMap::keys`], [`THashMap::values`], [`THashMap::pairs`] and
    /// [`THashMap::snapshot`] do.
    ///
    /// # Errors
    ///
    /// A conflict, after `f` may have seen some of them already.
    pub fn for_each(&self, tx: &mut Transaction<'_>, mut f: impl FnMut(&K, &V)) -> StmResult<()> {
        self.table(tx)?
            .for_each(tx, |entry| f(&entry.key, &entry.value))
    }

    /// All keys, in no particular order.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn keys(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<K>> {
        let mut keys = Vec::new();
        self.for_each(tx, |key, _| keys.push(key.clone()))?;
        Ok(keys)
    }

    /// All values, in no particular order.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn values(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<V>> {
        let mut values = Vec::new();
        self.for_each(tx, |_, value| values.push(value.clone()))?;
        Ok(values)
    }

    /// All pairs of a key and its value, in no particular order.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn pairs(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<(K, V)>> {
        let mut pairs = Vec::new();
        self.for_each(tx, |key, value| pairs.push((key.clone(), value.clone())))?;
        Ok(pairs)
    }

    /// All of it, as it is at this one instant.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn snapshot(&self, tx: &mut Transaction<'_>) -> StmResult<HashMap<K, V>> {
        Ok(self.pairs(tx)?.into_iter().collect())
    }
}

impl<K, V, S> FromIterator<(K, V)> for THashMap<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Default,
{
    /// A map of these pairs; of those with the same key, the last.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let map = THashMap::default();
        for (key, value) in pairs {
            map.insert_now(key, value);
        }
        map
    }
}
