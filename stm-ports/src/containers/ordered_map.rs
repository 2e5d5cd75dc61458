//! An ordered map: what it offers for one key at a time.
//!
//! How it works, and why it is right: [`tree`]. What is offered for many keys at a time: [`scan`].

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically};

use self::leaf::Held;
use self::tree::Tree;

mod ends;
mod index;
mod leaf;
mod merge;
mod order;
mod scan;
mod tree;

/// A map whose keys are ordered, and in which operations on different keys are not in each other's
/// way.
///
/// A handle: clones share the map. Every operation on one key takes time in proportion to the
/// logarithm of the size, and a constant number of transactional reads and writes.
///
/// # What conflicts
///
/// | operation | conflicts with |
/// |---|---|
/// | [`get`](Self::get), [`modify`](Self::modify), [`remove`](Self::remove), [`insert`](Self::insert) of a key that is there | changes of this key |
/// | the same, of a key that is not there | inserts of this key, and of new keys within a few places of it |
/// | [`first`](Self::first), [`last`](Self::last) and what goes with them | changes of that pair, and inserts of new keys within a few places of it |
/// | [`range`](Self::range) and what goes with it | changes of the pairs it answers, and inserts of new keys between them or within a few places of the ends |
/// | [`len`](Self::len) | every insert of a new key, every removal |
/// | [`clear`](Self::clear) | everything |
///
/// Changing, replacing or removing a value is no conflict for anybody but those who use this key; and
/// a new key is none for keys that are there, wherever they are. The few places are those of a leaf, of
/// at most fifteen keys. When a leaf is full, or nearly empty, about half of its pairs move, once in
/// several inserts or removals there, which conflicts with changes of *their* keys, too.
///
/// # When keys and values are dropped
///
/// A value that was removed or replaced goes within the bound of [`hivework_stm::flush`]. A removed
/// key may be kept until one is inserted in its place, or what is beside it has gone, too.
///
/// ```
/// use hivework_stm::atomically;
/// use stm_ports::TOrderedMap;
///
/// let (open, closed) = (TOrderedMap::new(), TOrderedMap::new());
/// open.insert_now(7, "seven");
/// open.insert_now(3, "three");
/// // One step: nobody sees it in both, or in neither.
/// atomically(|tx| {
///     if let Some((key, value)) = open.pop_first(tx)? {
///         closed.insert(tx, key, value)?;
///     }
///     Ok(())
/// });
/// assert_eq!(closed.get_now(&3), Some("three"));
/// assert_eq!(atomically(|tx| open.range(tx, 0..10)), [(7, "seven")]);
/// ```
pub struct TOrderedMap<K: Send + Sync + 'static, V: Send + Sync + 'static>(Arc<Tree<K, V>>);

/// How a key stands to the one that is looked for.
#[inline]
fn to<K, Q>(key: &Q) -> impl Fn(&K) -> Ordering
where
    K: Borrow<Q>,
    Q: Ord + ?Sized,
{
    move |other| other.borrow().cmp(key)
}

impl<K: Ord + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> TOrderedMap<K, V> {
    /// A new, empty map.
    #[must_use]
    pub fn new() -> Self {
        TOrderedMap(Arc::new(Tree::new()))
    }

    /// The value of a key, if it has one.
    ///
    /// The key may be any borrowed form of the map's, with the same order, here and below.
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn get<Q>(&self, tx: &mut Transaction<'_>, key: &Q) -> StmResult<Option<V>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.get_with(tx, key, V::clone)
    }

    /// As [`TOrderedMap::get`], but lends the value instead of cloning it.
    ///
    /// ```
    /// use hivework_stm::atomically;
    /// use stm_ports::TOrderedMap;
    ///
    /// let names = TOrderedMap::new();
    /// names.insert_now(1, String::from("one"));
    /// assert_eq!(atomically(|tx| names.get_with(tx, &1, |name| name.len())), Some(3));
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    #[inline]
    pub fn get_with<Q, R>(
        &self,
        tx: &mut Transaction<'_>,
        key: &Q,
        f: impl FnOnce(&V) -> R,
    ) -> StmResult<Option<R>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let found = self.0.root(tx)?.get(tx, &to(key))?;
        Ok(found.map(|pair| f(pair.value)))
    }

    /// Has the key a value?
    ///
    /// Conflicts with changes of the value; there is nothing else to learn it by.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn contains<Q>(&self, tx: &mut Transaction<'_>, key: &Q) -> StmResult<bool>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        Ok(self.0.root(tx)?.get(tx, &to(key))?.is_some())
    }

    /// Gives a key a value, and answers the one that it had before.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn insert(&self, tx: &mut Transaction<'_>, key: K, value: V) -> StmResult<Option<V>> {
        let root = self.0.root(tx)?;
        let leaf = match root.find(tx, &to(&key))? {
            Ok(pair) => {
                let before = pair.value.clone();
                pair.leaf.values.set(tx, pair.cell, Held(value))?;
                return Ok(Some(before));
            }
            Err(leaf) => leaf,
        };
        let place = root.locate(tx, leaf, &to(&key))?;
        match place.pair(tx)? {
            Some(pair) => {
                let before = pair.value.clone();
                pair.leaf.values.set(tx, pair.cell, Held(value))?;
                Ok(Some(before))
            }
            None => {
                root.add(tx, place, key, value)?;
                Ok(None)
            }
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
        Q: Ord + ?Sized,
    {
        let root = self.0.root(tx)?;
        let Some(pair) = root.get(tx, &to(key))? else {
            return Ok(None);
        };
        let value = pair.value.clone();
        root.remove(tx, pair.leaf, pair.cell)?;
        Ok(Some(value))
    }

    /// The value of a key; one that has none gets what `f` makes.
    ///
    /// ```
    /// use hivework_stm::atomically;
    /// use stm_ports::TOrderedMap;
    ///
    /// let words = TOrderedMap::new();
    /// words.insert_now("a", 1);
    /// assert_eq!(atomically(|tx| words.get_or_insert_with(tx, "a", || 9)), 1);
    /// assert_eq!(atomically(|tx| words.get_or_insert_with(tx, "b", || 9)), 9);
    /// ```
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
        let root = self.0.root(tx)?;
        let leaf = match root.find(tx, &to(&key))? {
            Ok(pair) => return Ok(pair.value.clone()),
            Err(leaf) => leaf,
        };
        let place = root.locate(tx, leaf, &to(&key))?;
        if let Some(pair) = place.pair(tx)? {
            return Ok(pair.value.clone());
        }
        let value = f();
        root.add(tx, place, key, value.clone())?;
        Ok(value)
    }

    /// Replaces the value of a key by what `f` makes of it. Says whether there was one.
    ///
    /// ```
    /// use hivework_stm::atomically;
    /// use stm_ports::TOrderedMap;
    ///
    /// let stock = TOrderedMap::from_iter([("apples", 3), ("pears", 2)]);
    /// assert!(atomically(|tx| stock.modify(tx, "apples", |n| n - 1)));
    /// assert!(!atomically(|tx| stock.modify(tx, "plums", |n| n - 1)));
    /// assert_eq!(stock.get_now("apples"), Some(2));
    /// ```
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
        Q: Ord + ?Sized,
    {
        let Some(pair) = self.0.root(tx)?.get(tx, &to(key))? else {
            return Ok(false);
        };
        let value = f(pair.value.clone());
        pair.leaf.values.set(tx, pair.cell, Held(value))?;
        Ok(true)
    }

    /// How many keys there are, in a constant number of steps.
    ///
    /// Conflicts with every insert of a new key and with every removal. Ask
    /// [`TOrderedMap::is_empty`] where that is enough.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.root(tx)?.count.get(tx)
    }

    /// Removes every key, in a constant number of steps; the memory is given back after the
    /// commit.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.0.clear(tx)
    }

    /// [`TOrderedMap::get`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    #[must_use]
    pub fn get_now<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        atomically(|tx| self.get(tx, key))
    }

    /// [`TOrderedMap::insert`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn insert_now(&self, key: K, value: V) -> Option<V> {
        atomically(|tx| self.insert(tx, key.clone(), value.clone()))
    }

    /// [`TOrderedMap::remove`] in a transaction of its own.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn remove_now<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        atomically(|tx| self.remove(tx, key))
    }

    /// Are these handles of the same map?
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> TOrderedMap<K, V> {
    /// About how many keys there are: what is counted is looked at piece by piece.
    pub(crate) fn about_len(&self) -> usize {
        self.0.load().count.about()
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Clone for TOrderedMap<K, V> {
    /// Another handle of the same map.
    fn clone(&self) -> Self {
        TOrderedMap(Arc::clone(&self.0))
    }
}

impl<K, V> Default for TOrderedMap<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        TOrderedMap::new()
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> fmt::Debug for TOrderedMap<K, V> {
    /// Shows about how many keys there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TOrderedMap")
            .field("len", &self.about_len())
            .finish_non_exhaustive()
    }
}
