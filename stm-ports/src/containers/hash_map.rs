//! A hash map whose keys do not conflict with each other.
//!
//! 1. Every operation reads the table of buckets, which changes only when the map grows or is
//!    cleared, and goes to the bucket that the key's hash names ([`table`]). A bucket is a
//!    variable of its own and holds one entry, nearly always; what it holds is replaced as a
//!    whole.
//! 2. Whoever adds or removes a key counts it, on a stripe of its thread ([`super::count`]).
//! 3. Whoever puts an entry into a crowded bucket looks at the count, without making it a part
//!    of what it has read, and has the table grow if there are as many entries as buckets.

use std::borrow::Borrow;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction, atomically};

use self::bucket::Entry;
use self::table::{CROWDED, Table};
use super::count::Count;

mod bucket;
mod kinds;
mod table;
mod whole;

/// A map from keys to values, found by hash.
///
/// A handle: clones share the map. Operations on a key take constant time on average, and as many
/// reads and writes however large the map is; the map doubles its buckets without moving
/// anything.
///
/// **Conflicts.** Operations on different keys conflict only if the keys share a bucket, which
/// two given keys of a map with `n` entries do with a chance of about 1 in `n`, and once each
/// time that the map doubles; threads that add or remove keys also if they count on the same
/// stripe, of which there are two for each processor. Operations on the same key conflict as those on a
/// [`TVar`] do: reads do not conflict with each other, and to find no value is a read
/// as well. [`THashMap::len`] and what goes over all entries conflict with every insertion and
/// removal of a key.
///
/// Keys and values are handed out as clones, and an entry is cloned when another is put into its
/// bucket: put a large value into an `Arc`.
///
/// ```
/// use hivework_stm::atomically;
/// use stm_ports::THashMap;
///
/// let stock = THashMap::new();
/// atomically(|tx| {
///     stock.insert(tx, "apples", 3)?;
///     stock.insert(tx, "pears", 5)
/// });
/// // Moved in one step.
/// atomically(|tx| {
///     let apples = stock.remove(tx, "apples")?.unwrap_or(0);
///     stock.modify(tx, "pears", |pears| pears + apples)
/// });
/// assert_eq!(stock.get_now("pears"), Some(8));
/// assert_eq!(atomically(|tx| stock.len(tx)), 1);
/// ```
pub struct THashMap<K, V, S = RandomState>(Arc<Inner<K, V, S>>)
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static;

struct Inner<K: Send + Sync + 'static, V: Send + Sync + 'static, S> {
    table: TVar<Table<K, V>>,
    count: Count,
    hasher: S,
}

impl<K, V> THashMap<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A new, empty map.
    #[must_use]
    pub fn new() -> Self {
        THashMap::with_hasher(RandomState::new())
    }
}

impl<K, V, S> THashMap<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher,
{
    /// A new, empty map that hashes its keys so.
    #[must_use]
    pub fn with_hasher(hasher: S) -> Self {
        THashMap(Arc::new(Inner {
            table: TVar::new(Table::new()),
            count: Count::new(),
            hasher,
        }))
    }

    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        // Buckets go by the low bits, which a simple hasher may leave alike: multiplied by the
        // odd number nearest to 2^64 / golden ratio (Knuth), the high ones depend on all.
        let hash = self.0.hasher.hash_one(key);
        hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
    }

    #[inline]
    fn table<'t>(&self, tx: &mut Transaction<'t>) -> StmResult<&'t Table<K, V>> {
        Ok(self.0.table.read_ref(tx)?.into_ref())
    }

    /// The value of a key, if it has one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn get<Q>(&self, tx: &mut Transaction<'_>, key: &Q) -> StmResult<Option<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.get_with(tx, key, V::clone)
    }

    /// As [`THashMap::get`], but lends the value instead of cloning it.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn get_with<Q, R>(
        &self,
        tx: &mut Transaction<'_>,
        key: &Q,
        f: impl FnOnce(&V) -> R,
    ) -> StmResult<Option<R>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let found = self.table(tx)?.find(tx, self.hash(key), key)?;
        Ok(found.map(|entry| f(&entry.value)))
    }

    /// Has the key a value?
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn contains<Q>(&self, tx: &mut Transaction<'_>, key: &Q) -> StmResult<bool>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        Ok(self.get_with(tx, key, |_| ())?.is_some())
    }

    /// Gives a key a value, and answers the one that it had before. An equal key that was there is
    /// replaced as well.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn insert(&self, tx: &mut Transaction<'_>, key: K, value: V) -> StmResult<Option<V>> {
        let table = self.table(tx)?;
        let hash = self.hash(&key);
        let change = table.insert(tx, Entry { hash, key, value })?;
        if change.before.is_none() {
            self.0.count.add(tx, 1)?;
            if change.entries >= CROWDED {
                self.grow(tx, table)?;
            }
        }
        Ok(change.before)
    }

    /// Has the table grow if there are too few buckets.
    #[cold]
    fn grow(&self, tx: &mut Transaction<'_>, table: &Table<K, V>) -> StmResult<()> {
        if self.0.count.about_in(tx) < table.size() {
            return Ok(());
        }
        match table.grown() {
            Some(table) => self.0.table.write(tx, table),
            None => Ok(()),
        }
    }

    /// Removes a key, and answers the value that it had.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn remove<Q>(&self, tx: &mut Transaction<'_>, key: &Q) -> StmResult<Option<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let removed = self.table(tx)?.remove(tx, self.hash(key), key)?;
        if removed.is_some() {
            self.0.count.add(tx, -1)?;
        }
        Ok(removed)
    }

    /// Replaces the value of a key by what `f` makes of it. Says whether it has one.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn modify<Q>(
        &self,
        tx: &mut Transaction<'_>,
        key: &Q,
        f: impl FnOnce(V) -> V,
    ) -> StmResult<bool>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let table = self.table(tx)?;
        let Some(found) = table.find(tx, self.hash(key), key)? else {
            return Ok(false);
        };
        let value = f(found.value.clone());
        let changed = Entry {
            hash: found.hash,
            key: found.key.clone(),
            value,
        };
        table.insert(tx, changed)?;
        Ok(true)
    }

    /// The value of a key, which `f` gives it if it has none.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn get_or_insert_with(
        &self,
        tx: &mut Transaction<'_>,
        key: K,
        f: impl FnOnce() -> V,
    ) -> StmResult<V> {
        if let Some(value) = self.get(tx, &key)? {
            return Ok(value);
        }
        let value = f();
        self.insert(tx, key, value.clone())?;
        Ok(value)
    }

    /// How many keys there are.
    ///
    /// Conflicts with every insertion and removal of a key.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.count.get(tx)
    }

    /// Is there no key?
    ///
    /// Conflicts with every insertion and removal of a key.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.len(tx)? == 0)
    }

    /// Removes every key, in constant time; the memory is given back after the commit.
    ///
    /// Conflicts with everything.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.0.table.write(tx, Table::new())?;
        self.0.count.reset(tx)
    }

    /// [`THashMap::get`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use]
    pub fn get_now<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        atomically(|tx| self.get(tx, key))
    }

    /// [`THashMap::insert`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn insert_now(&self, key: K, value: V) -> Option<V> {
        atomically(|tx| self.insert(tx, key.clone(), value.clone()))
    }

    /// [`THashMap::remove`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn remove_now<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        atomically(|tx| self.remove(tx, key))
    }
}

impl<K, V, S> THashMap<K, V, S>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Are these handles of the same map?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<K, V, S> Clone for THashMap<K, V, S>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Another handle of the same map.
    fn clone(&self) -> Self {
        THashMap(Arc::clone(&self.0))
    }
}

impl<K, V, S> Default for THashMap<K, V, S>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Default,
{
    fn default() -> Self {
        THashMap::with_hasher(S::default())
    }
}

impl<K, V, S> fmt::Debug for THashMap<K, V, S>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Shows about how many keys there are: stripes of the count are looked at one after the
    /// other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("THashMap")
            .field("len", &self.0.count.about())
            .finish_non_exhaustive()
    }
}
