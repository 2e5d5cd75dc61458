//! What an ordered map offers for many keys at a time, and as a container of its kind.
//!
//! A scan reads the order and the bounds of every leaf that the range touches, and the key and the value of
//! every cell in it, also where there is no value. So it is consistent as all reads of
//! a transaction are, and conflicts with whatever would have changed it: also with a key that comes
//! into the range where there was none.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use hivework_stm::{StmResult, Transaction, atomically};

use super::TOrderedMap;
use super::leaf::Bounds;
use super::tree::Root;
use crate::containers::{Container, KeyValue};

/// How many pairs one transaction puts in where a map is built of many.
const AT_ONCE: usize = 64;

impl<K: Ord + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Root<K, V> {
    /// Has `each` see the pairs from a place on, in order, until it answers false or a key is
    /// `past` the end.
    pub(super) fn scan<'t>(
        &'t self,
        tx: &mut Transaction<'t>,
        start: &impl Fn(&K) -> Ordering,
        past: impl Fn(&K) -> bool,
        mut each: impl FnMut(&K, &V) -> bool,
    ) -> StmResult<()> {
        let place = self.place(tx, start)?;
        let (mut leaf, mut order, mut from) = (place.leaf, place.order, place.at);
        loop {
            for cell in order.cells().skip(from) {
                let key = leaf.key(tx, cell)?;
                if past(&key) {
                    return Ok(());
                }
                if let Some(value) = leaf.value(tx, cell)? {
                    if !each(&key, value) {
                        return Ok(());
                    }
                }
            }
            leaf = match leaf.bounds(tx)? {
                Some(Bounds::Alive {
                    next: Some((key, next)),
                    ..
                }) if !past(key) => next,
                _ => return Ok(()),
            };
            (order, from) = (leaf.order(tx)?, 0);
        }
    }
}

/// How a key stands to the beginning of a range.
fn beginning<K, Q>(bound: Bound<&Q>) -> impl Fn(&K) -> Ordering
where
    K: Borrow<Q>,
    Q: Ord + ?Sized,
{
    move |key| {
        let before = match bound {
            Bound::Included(first) => key.borrow() < first,
            Bound::Excluded(last) => key.borrow() <= last,
            Bound::Unbounded => false,
        };
        if before {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }
}

/// Is a key past the end of a range?
fn past<K, Q>(bound: Bound<&Q>) -> impl Fn(&K) -> bool
where
    K: Borrow<Q>,
    Q: Ord + ?Sized,
{
    move |key| match bound {
        Bound::Included(last) => key.borrow() > last,
        Bound::Excluded(first) => key.borrow() >= first,
        Bound::Unbounded => false,
    }
}

impl<K: Ord + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> TOrderedMap<K, V> {
    /// The pairs whose keys are in a range, in order, all as they are at this one instant. A
    /// range that ends before it begins has none.
    ///
    /// ```
    /// use hivework_stm::atomically;
    /// use stm_ports::TOrderedMap;
    ///
    /// let squares = TOrderedMap::from_iter((0..100).map(|n| (n, n * n)));
    /// assert_eq!(atomically(|tx| squares.range(tx, 3..=5)), [(3, 9), (4, 16), (5, 25)]);
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn range<Q>(
        &self,
        tx: &mut Transaction<'_>,
        range: impl RangeBounds<Q>,
    ) -> StmResult<Vec<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let mut pairs = Vec::new();
        self.for_each_in(tx, range, |key, value| {
            pairs.push((key.clone(), value.clone()));
        })?;
        Ok(pairs)
    }

    /// Has `f` see the pairs whose keys are in a range, in order, without cloning them.
    ///
    /// # Errors
    ///
    /// A conflict, after `f` may have seen some of them already.
    pub fn for_each_in<Q>(
        &self,
        tx: &mut Transaction<'_>,
        range: impl RangeBounds<Q>,
        mut f: impl FnMut(&K, &V),
    ) -> StmResult<()>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let start = beginning(range.start_bound());
        let each = |key: &K, value: &V| {
            f(key, value);
            true
        };
        self.0
            .root(tx)?
            .scan(tx, &start, past(range.end_bound()), each)
    }

    /// Has `f` see every pair, in order, without cloning them.
    ///
    /// # Errors
    ///
    /// A conflict, after `f` may have seen some of them already.
    pub fn for_each(&self, tx: &mut Transaction<'_>, f: impl FnMut(&K, &V)) -> StmResult<()> {
        self.for_each_in::<K>(tx, .., f)
    }

    /// All keys, in order.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn keys(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<K>> {
        let mut keys = Vec::new();
        self.for_each(tx, |key, _| keys.push(key.clone()))?;
        Ok(keys)
    }

    /// All values, in the order of their keys.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn values(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<V>> {
        let mut values = Vec::new();
        self.for_each(tx, |_, value| values.push(value.clone()))?;
        Ok(values)
    }

    /// All pairs, in the order of their keys.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn pairs(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<(K, V)>> {
        self.range::<K>(tx, ..)
    }

    /// All pairs, as they are at this one instant.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn snapshot(&self, tx: &mut Transaction<'_>) -> StmResult<BTreeMap<K, V>> {
        Ok(self.pairs(tx)?.into_iter().collect())
    }

    /// [`TOrderedMap::snapshot`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use]
    pub fn snapshot_now(&self) -> BTreeMap<K, V> {
        atomically(|tx| self.snapshot(tx))
    }
}

impl<K, V> Extend<(K, V)> for TOrderedMap<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Inserts pairs, some in a transaction: others may see a part of them.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        let mut pairs = pairs.into_iter();
        loop {
            let some: Vec<_> = pairs.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                return;
            }
            atomically(|tx| {
                for (key, value) in &some {
                    self.insert(tx, key.clone(), value.clone())?;
                }
                Ok(())
            });
        }
    }
}

impl<K, V> FromIterator<(K, V)> for TOrderedMap<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A map of these pairs; of several with one key, of the last.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = TOrderedMap::new();
        map.extend(pairs);
        map
    }
}

impl<K, V> Container for TOrderedMap<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
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

impl<K, V> KeyValue for TOrderedMap<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Key = K;
    type Value = V;
    type Snapshot = BTreeMap<K, V>;

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

    fn snapshot(&self, tx: &mut Transaction<'_>) -> StmResult<BTreeMap<K, V>> {
        self.snapshot(tx)
    }
}
