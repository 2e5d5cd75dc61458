//! The two ends of an ordered map, and what is next to a key.
//!
//! The first pair is found from the leftmost leaf on, which is never merged away. Leaves know no left
//! neighbour: where a leaf has nothing before a place, the search begins again, with its least possible
//! key as the place. That takes one more descent for every leaf that is empty, and by
//! [`super::tree`] there is hardly more than one.
//!
//! Whoever takes the first or the last pair takes its key out of the order as well, which he reads anyway:
//! one who takes many would else pass all those that he has taken.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::time::Duration;

use hivework_stm::{StmResult, Transaction, atomically, atomically_timeout, retry};

use super::TOrderedMap;
use super::leaf::{Bounds, Leaf};
use super::tree::Root;

/// A pair at a known place of a leaf.
pub(super) struct Found<'t, K, V> {
    leaf: &'t Leaf<K, V>,
    at: usize,
    cell: usize,
    value: &'t V,
}

impl<K: Ord + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Root<K, V> {
    /// The first pair.
    fn first<'t>(&'t self, tx: &mut Transaction<'t>) -> StmResult<Option<Found<'t, K, V>>> {
        let mut leaf = &self.index.first;
        loop {
            for (at, cell) in leaf.order(tx)?.cells().enumerate() {
                if let Some(value) = leaf.value(tx, cell)? {
                    return Ok(Some(Found {
                        leaf,
                        at,
                        cell,
                        value,
                    }));
                }
            }
            match leaf.bounds(tx)? {
                Some(Bounds::Alive {
                    next: Some((_, next)),
                    ..
                }) => leaf = next,
                _ => return Ok(None),
            }
        }
    }

    /// The last pair before a place.
    fn last_before<'t>(
        &'t self,
        tx: &mut Transaction<'t>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> StmResult<Option<Found<'t, K, V>>> {
        let mut bound: Option<&'t K> = None;
        loop {
            let probe = |key: &K| match bound {
                None => probe(key),
                Some(bound) if key < bound => Ordering::Less,
                Some(_) => Ordering::Greater,
            };
            let place = self.place(tx, &probe)?;
            let leaf = place.leaf;
            for at in (0..place.at).rev() {
                let cell = place.order.cell(at);
                if let Some(value) = leaf.value(tx, cell)? {
                    return Ok(Some(Found {
                        leaf,
                        at,
                        cell,
                        value,
                    }));
                }
            }
            match leaf.bounds(tx)? {
                Some(Bounds::Alive { low: Some(low), .. }) => bound = Some(low),
                _ => return Ok(None),
            }
        }
    }

    /// Takes a pair that was found.
    fn take<'t>(&self, tx: &mut Transaction<'t>, found: &Found<'t, K, V>) -> StmResult<(K, V)> {
        let pair = found.pair(tx)?;
        let leaf = found.leaf;
        let order = leaf.order(tx)?;
        leaf.set_order(tx, order.without(found.at))?;
        self.remove(tx, leaf, found.cell)?;
        Ok(pair)
    }
}

impl<'t, K: Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Found<'t, K, V> {
    fn pair(&self, tx: &mut Transaction<'t>) -> StmResult<(K, V)> {
        let key = self.leaf.key(tx, self.cell)?;
        Ok((K::clone(&key), self.value.clone()))
    }
}

impl<K: Ord + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> TOrderedMap<K, V> {
    /// The pair with the least key, which stays.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn first(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(K, V)>> {
        let found = self.0.root(tx)?.first(tx)?;
        found.map(|found| found.pair(tx)).transpose()
    }

    /// The pair with the greatest key, which stays.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn last(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(K, V)>> {
        let found = self.0.root(tx)?.last_before(tx, &|_| Ordering::Less)?;
        found.map(|found| found.pair(tx)).transpose()
    }

    /// The greatest key before a place.
    pub(crate) fn last_key_before(
        &self,
        tx: &mut Transaction<'_>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> StmResult<Option<K>> {
        let Some(found) = self.0.root(tx)?.last_before(tx, probe)? else {
            return Ok(None);
        };
        let key = found.leaf.key(tx, found.cell)?;
        Ok(Some(K::clone(&key)))
    }

    /// The pair with the greatest key before this one, which need not be there itself.
    ///
    /// ```
    /// use hivework_stm::atomically;
    /// use stm_ports::TOrderedMap;
    ///
    /// let prices = TOrderedMap::from_iter([(1, "low"), (10, "high")]);
    /// assert_eq!(atomically(|tx| prices.before(tx, &10)), Some((1, "low")));
    /// assert_eq!(atomically(|tx| prices.after(tx, &5)), Some((10, "high")));
    /// assert_eq!(atomically(|tx| prices.after(tx, &10)), None);
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn before<Q>(&self, tx: &mut Transaction<'_>, key: &Q) -> StmResult<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let before = |other: &K| match other.borrow() < key {
            true => Ordering::Less,
            false => Ordering::Greater,
        };
        let found = self.0.root(tx)?.last_before(tx, &before)?;
        found.map(|found| found.pair(tx)).transpose()
    }

    /// The pair with the least key after this one, which need not be there itself.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn after<Q>(&self, tx: &mut Transaction<'_>, key: &Q) -> StmResult<Option<(K, V)>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let after = |other: &K| match other.borrow() <= key {
            true => Ordering::Less,
            false => Ordering::Greater,
        };
        let mut found = None;
        let root = self.0.root(tx)?;
        root.scan(
            tx,
            &after,
            |_| false,
            |key, value| {
                found = Some((key.clone(), value.clone()));
                false
            },
        )?;
        Ok(found)
    }

    /// Removes the pair with the least key, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn pop_first(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(K, V)>> {
        let root = self.0.root(tx)?;
        let found = root.first(tx)?;
        found.map(|found| root.take(tx, &found)).transpose()
    }

    /// Removes the pair with the greatest key, if there is one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn pop_last(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(K, V)>> {
        let root = self.0.root(tx)?;
        let found = root.last_before(tx, &|_| Ordering::Less)?;
        found.map(|found| root.take(tx, &found)).transpose()
    }

    /// Removes the pair with the least key; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the map is empty.
    pub fn take_first(&self, tx: &mut Transaction<'_>) -> StmResult<(K, V)> {
        match self.pop_first(tx)? {
            Some(pair) => Ok(pair),
            None => retry(),
        }
    }

    /// Removes the pair with the greatest key; waits until there is one.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while the map is empty.
    pub fn take_last(&self, tx: &mut Transaction<'_>) -> StmResult<(K, V)> {
        match self.pop_last(tx)? {
            Some(pair) => Ok(pair),
            None => retry(),
        }
    }

    /// Is the map empty?
    ///
    /// Conflicts as [`TOrderedMap::first`] does.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.0.root(tx)?.first(tx)?.is_none())
    }

    /// [`TOrderedMap::pop_first`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the pair has been taken from the map"]
    pub fn pop_first_now(&self) -> Option<(K, V)> {
        atomically(|tx| self.pop_first(tx))
    }

    /// [`TOrderedMap::take_first`] in a transaction of its own: blocks the thread until there
    /// is a pair.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn take_first_blocking(&self) -> (K, V) {
        atomically(|tx| self.take_first(tx))
    }

    /// As [`TOrderedMap::take_first_blocking`], but blocks no longer than `limit` and then
    /// answers `None`.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use = "the pair has been taken from the map"]
    pub fn take_first_timeout(&self, limit: Duration) -> Option<(K, V)> {
        atomically_timeout(limit, |tx| self.take_first(tx))
    }
}
