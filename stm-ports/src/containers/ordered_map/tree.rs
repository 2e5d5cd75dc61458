//! An ordered map in which what concerns one key leaves the others alone.
//!
//! ```text
//!   index (hints)            ┌─────────── . ───────────┐
//!                      ┌── . ───┐                 ┌── . ───┐
//!   leaves (truth)   [1 4 6] ─> [7 8] ────────> [9 11 12] ─> [15]
//! ```
//!
//! The leaves are a chain from left to right. Each has a stretch of keys, and all stretches together
//! are all keys. Above them is an index ([`super::index`]) that a transaction looks at without reading
//! it, so that no split of a node is anybody's conflict. What a transaction decides it decides by
//! what it *reads* in leaves. (The chain with its bounds: Lehman, Yao, *Efficient Locking for
//! Concurrent Operations on B-Trees*, 1981.)
//!
//! # What holds in every committed state
//!
//! 1. A cell of any leaf with a value has the key that the value is of, and no other cell has a value of
//!    that key. So a key and a value, read in one cell, are a pair of the map, whichever way the cell was
//!    found.
//! 2. A leaf's order names the cells with the keys that are in it, ascending. A key may be there without
//!    a value: it was removed. A key with a value is there. A cell that is named gets no other key
//!    before the order has been written.
//! 3. A leaf that is alive has all the keys in its stretch that are in the map. It keeps its
//!    least possible key for life. One that is merged is empty and leads to one further left.
//!
//! # Steps
//!
//! 1. *Find a key with its value.* Descend, guess the cell by what is there at this moment, read the key and
//!    the value of that cell: two reads, and by 1 that is the answer. If they are not what
//!    was guessed, look for its place.
//! 2. *Look for a place* (that of a key, or the beginning of a range). From the leaf that the descent
//!    found: read the order, and search it by keys that are read. If keys of this leaf are on both
//!    sides, this is the place, by 2 and 3. At either end read the bounds, too, and go on to where they
//!    lead. That no key is there is known by having read the order and the neighbours.
//! 3. *Insert.* A key that the order has only gets a value. Another takes a free cell: key, value and order are
//!    written. If there is none, take those out of the order that have no value; if there are few of those,
//!    split: the right half is moved to a new leaf, which the index comes to know after the commit.
//! 4. *Remove.* Unset the value. If few are left in the leaf, it is merged with its right neighbour
//!    after the commit, in a transaction of its own, if they fit into one, and always if none is left.
//!    So every leaf but the last has something in it, or will have soon.
//!
//! **Who conflicts.** Whoever reads, changes or removes a key that is there: with what changes
//! this key, and with the rare split or merge that moves it (moving unsets the value where it was). Whoever
//! finds that a key is not there, or inserts one: also with inserts of keys that are neighbours in
//! the leaf. Nobody with anything in another leaf.
//!
//! # Why hints do no harm
//!
//! A descent may find a leaf that is newer than the transaction's snapshot. All that is in it was *written* by
//! the transaction that made it, bounds and order included, never given to `TVar::new`: so reading it
//! moves the snapshot to where the leaf exists, or conflicts. What `TVar::new` is given is seen by
//! nobody but that transaction. A leaf that is older than the snapshot is merged by then, or
//! does not reach as far as the place: its bounds lead on. Peeked orders and keys only choose which cell to
//! read.
//!
//! **It ends.** Going right the least possible key rises, going left by a merge it falls, and in one snapshot
//! the leaf that a merged one leads to is not left for the right past where it came from. A descent that
//! went too far to the right is repeated once, then done without.

use std::cmp::Ordering;

use hivework_stm::facade::MODELLED;
use hivework_stm::{StmResult, TVar, Transaction, after_transaction, atomically};

use super::index::{Child, Index};
use super::leaf::{Bounds, Held, Leaf};
use super::order::{CELLS, Order};
use crate::containers::count::Count;

/// After so many steps to the right the index is told of where they led.
const FAR: usize = if MODELLED { 1 } else { 4 };

/// With so few values a leaf looks whether it can be merged.
const FEW: usize = CELLS / 5;

/// Merged leaves keep room for inserts, or the next one splits them again.
const ROOMY: usize = CELLS * 2 / 3;

/// How many leaves one transaction gives up.
const AT_ONCE: usize = 64;

/// One tree: what a map has until it is cleared. A handle.
pub(super) struct Root<K, V> {
    pub(super) index: Index<K, V>,
    pub(super) count: Count,
}

impl<K, V> Clone for Root<K, V> {
    fn clone(&self) -> Self {
        Root {
            index: self.index.clone(),
            count: self.count.clone(),
        }
    }
}

/// What the handles of a map share.
pub(super) struct Tree<K: Send + Sync + 'static, V: Send + Sync + 'static> {
    root: TVar<Root<K, V>>,
}

/// A place between keys, or that of a key.
pub(super) struct Place<'t, K, V> {
    pub(super) leaf: &'t Leaf<K, V>,
    pub(super) order: Order,
    /// Before so many of the leaf's keys, or the place of one.
    pub(super) at: usize,
    pub(super) found: bool,
}

/// A pair of the map.
pub(super) struct Pair<'t, K, V> {
    pub(super) leaf: &'t Leaf<K, V>,
    pub(super) cell: usize,
    pub(super) value: &'t V,
}

/// The pair of a key, or the leaf from which to look for its place.
type Guess<'t, K, V> = Result<Pair<'t, K, V>, &'t Leaf<K, V>>;

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Tree<K, V> {
    pub(super) fn new() -> Self {
        Tree {
            root: TVar::new(Root::new()),
        }
    }

    #[inline]
    pub(super) fn root<'t>(&self, tx: &mut Transaction<'t>) -> StmResult<&'t Root<K, V>> {
        Ok(self.root.read_ref(tx)?.into_ref())
    }

    /// The tree of this moment.
    pub(super) fn load(&self) -> Root<K, V> {
        self.root.load()
    }
}

impl<K: Ord + Clone + Send + Sync + 'static, V: Send + Sync + 'static> Tree<K, V> {
    /// Exchanges the tree for an empty one.
    pub(super) fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let before = self.root(tx)?.clone();
        self.root.write(tx, Root::new())?;
        tx.on_commit(move || before.give_up());
        Ok(())
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Drop for Tree<K, V> {
    fn drop(&mut self) {
        let root = self.root.load();
        after_transaction(move || root.give_up());
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Root<K, V> {
    fn new() -> Self {
        Root {
            index: Index::new(Leaf::new()),
            count: Count::new(),
        }
    }

    /// Gives up a tree that nobody can reach any more: parts every leaf from its neighbour, as
    /// one that goes would else keep the next until its own memory goes, which takes a grace
    /// period of the engine.
    fn give_up(&self) {
        self.index.give_up();
        let mut rest = Some(self.index.first.clone());
        while let Some(first) = rest {
            rest = atomically(|tx| {
                let mut leaf = first.clone();
                for _ in 0..AT_ONCE {
                    let next = match leaf.bounds(tx)? {
                        Some(Bounds::Alive { next, .. }) => next.as_ref().map(|(_, next)| next),
                        _ => None,
                    };
                    leaf.set_bounds(tx, Bounds::Nowhere)?;
                    match next {
                        Some(next) => leaf = next.clone(),
                        None => return Ok(None),
                    }
                }
                Ok(Some(leaf))
            });
        }
    }

    /// Step 1.
    #[inline]
    pub(super) fn find<'t>(
        &'t self,
        tx: &mut Transaction<'t>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> StmResult<Guess<'t, K, V>> {
        let leaf = self.index.descend(tx, probe);
        if let Some(cell) = leaf.guess(tx, probe) {
            let key = leaf.keys.get(tx, cell)?;
            if key.is_some_and(|key| probe(&*key) == Ordering::Equal) {
                if let Some(value) = leaf.value(tx, cell)? {
                    return Ok(Ok(Pair { leaf, cell, value }));
                }
            }
        }
        Ok(Err(leaf))
    }
}

impl<K: Ord + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Root<K, V> {
    /// Steps 1 and 2: the pair of a key.
    #[inline]
    pub(super) fn get<'t>(
        &'t self,
        tx: &mut Transaction<'t>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> StmResult<Option<Pair<'t, K, V>>> {
        match self.find(tx, probe)? {
            Ok(pair) => Ok(Some(pair)),
            Err(leaf) => self.locate(tx, leaf, probe)?.pair(tx),
        }
    }

    /// Step 2, from the leaf that a descent has found.
    pub(super) fn locate<'t>(
        &'t self,
        tx: &mut Transaction<'t>,
        start: &'t Leaf<K, V>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> StmResult<Place<'t, K, V>> {
        let mut leaf = start;
        let (mut steps, mut strays) = (0, 0);
        let mut known_by: Option<&'t K> = None;
        let (order, at, found) = loop {
            let order = leaf.order(tx)?;
            let (at, found) = match leaf.search(tx, order, probe)? {
                Ok(at) => (at, true),
                Err(at) => (at, false),
            };
            if found || 0 < at && at < order.len() {
                break (order, at, found);
            }
            match leaf.bounds(tx)? {
                Some(Bounds::Merged(into)) => {
                    known_by = None;
                    leaf = into;
                }
                Some(Bounds::Nowhere) => {
                    unreachable!("a tree is given up when nobody can reach it")
                }
                Some(Bounds::Alive { low: Some(low), .. }) if probe(low) == Ordering::Greater => {
                    strays += 1;
                    known_by = None;
                    leaf = match strays {
                        1 => self.index.descend(tx, probe),
                        _ => &self.index.first,
                    };
                }
                Some(Bounds::Alive {
                    next: Some((key, next)),
                    ..
                }) if probe(key) != Ordering::Greater => {
                    steps += 1;
                    known_by = Some(key);
                    leaf = next;
                }
                Some(Bounds::Alive { .. }) | None => break (order, at, found),
            }
        };
        if let (true, Some(key)) = (steps > FAR, known_by) {
            self.index.post(tx, key, &Child::Leaf(leaf.clone()))?;
        }
        Ok(Place {
            leaf,
            order,
            at,
            found,
        })
    }

    /// Step 2, from the beginning.
    pub(super) fn place<'t>(
        &'t self,
        tx: &mut Transaction<'t>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> StmResult<Place<'t, K, V>> {
        let leaf = self.index.descend(tx, probe);
        self.locate(tx, leaf, probe)
    }

    /// Step 3, for a key that has no value; `place` is its place.
    pub(super) fn add<'t>(
        &'t self,
        tx: &mut Transaction<'t>,
        place: Place<'t, K, V>,
        key: K,
        value: V,
    ) -> StmResult<()> {
        self.count.add(tx, 1)?;
        let Place {
            mut leaf,
            order,
            mut at,
            found,
        } = place;
        if found {
            return leaf.values.set(tx, order.cell(at), Held(value));
        }
        if order.free().is_none() {
            if leaf.sweep(tx)? <= CELLS / 4 {
                self.split(tx, leaf, &key)?;
            }
            let place = self.locate(tx, leaf, &|other: &K| other.cmp(&key))?;
            (leaf, at) = (place.leaf, place.at);
        }
        leaf.add(tx, at, key, value)
    }

    /// Splits a full leaf, to make room for a key in its stretch.
    fn split(&self, tx: &mut Transaction<'_>, leaf: &Leaf<K, V>, key: &K) -> StmResult<()> {
        let order = leaf.order(tx)?;
        let (low, next) = match leaf.bounds(tx)? {
            Some(Bounds::Alive { low, next }) => (low.clone(), next.clone()),
            Some(_) => unreachable!("a leaf with keys in it is alive"),
            None => (None, None),
        };
        // Where keys come in ascending order, half leaves would stay half.
        let last = leaf.key(tx, order.cell(order.len() - 1))?;
        let ascending = next.is_none() && *last < *key;
        let (kept, least) = if ascending {
            (order.len(), key.clone())
        } else {
            let kept = order.len().div_ceil(2);
            let least = leaf.key(tx, order.cell(kept))?;
            (kept, K::clone(&least))
        };
        let right = Leaf::new();
        right.set_order(tx, Order::NONE)?;
        leaf.move_from(tx, kept, &right)?;
        let bounds = Bounds::Alive {
            low: Some(least.clone()),
            next,
        };
        right.set_bounds(tx, bounds)?;
        let next = Some((least.clone(), right.clone()));
        leaf.set_bounds(tx, Bounds::Alive { low, next })?;
        let index = self.index.clone();
        tx.on_commit(move || index.post_now(&least, &Child::Leaf(right)));
        Ok(())
    }

    /// Step 4.
    pub(super) fn remove(
        &self,
        tx: &mut Transaction<'_>,
        leaf: &Leaf<K, V>,
        cell: usize,
    ) -> StmResult<()> {
        self.count.add(tx, -1)?;
        leaf.values.unset(tx, cell)?;
        self.removed(tx, leaf);
        Ok(())
    }

    /// Sees to a leaf that has lost a value.
    pub(super) fn removed(&self, tx: &mut Transaction<'_>, leaf: &Leaf<K, V>) {
        if leaf.about_len(tx) <= FEW && leaf.seems_to_have_next(tx) {
            let (index, leaf) = (self.index.clone(), leaf.clone());
            tx.on_commit(move || merge(&index, &leaf));
        }
    }
}

impl<'t, K: Send + Sync + 'static, V: Send + Sync + 'static> Place<'t, K, V> {
    /// The pair of the key that was found here, if it has a value.
    pub(super) fn pair(&self, tx: &mut Transaction<'t>) -> StmResult<Option<Pair<'t, K, V>>> {
        if !self.found {
            return Ok(None);
        }
        let (leaf, cell) = (self.leaf, self.order.cell(self.at));
        let value = leaf.value(tx, cell)?;
        Ok(value.map(|value| Pair { leaf, cell, value }))
    }
}

/// Merges a leaf with its right neighbour, if they are few enough for one.
fn merge<K, V>(index: &Index<K, V>, leaf: &Leaf<K, V>)
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    atomically(|tx| {
        let Some(Bounds::Alive {
            low,
            next: Some((least, right)),
        }) = leaf.bounds(tx)?
        else {
            return Ok(());
        };
        leaf.sweep(tx)?;
        right.sweep(tx)?;
        let (len, more) = (leaf.order(tx)?.len(), right.order(tx)?.len());
        if len > 0 && len + more > ROOMY {
            return Ok(());
        }
        let Some(Bounds::Alive { next, .. }) = right.bounds(tx)? else {
            unreachable!("a leaf's neighbour is alive")
        };
        right.move_from(tx, 0, leaf)?;
        right.set_bounds(tx, Bounds::Merged(leaf.clone()))?;
        let (low, next) = (low.clone(), next.clone());
        leaf.set_bounds(tx, Bounds::Alive { low, next })?;
        let index = index.clone();
        let (gone, into) = (Child::Leaf(right.clone()), Child::Leaf(leaf.clone()));
        let least = least.clone();
        tx.on_commit(move || index.withdraw_now(&least, &gone, &into));
        Ok(())
    });
}
