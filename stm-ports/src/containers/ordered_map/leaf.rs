//! A leaf: up to [`CELLS`] pairs of a stretch of keys, each a variable of its own.
//!
//! | part | holds | written |
//! |---|---|---|
//! | `order` | which cells hold keys, in which order | when a key gets or gives up a cell |
//! | `keys` | the key of each cell | when a cell gets another key, together with its value |
//! | `values` | the value of each cell, or nothing | by every change of a value |
//! | `bounds` | the stretch, and the leaf to the right | by splits and merges |
//!
//! A leaf is a handle of its parts. What it promises is in [`super::tree`].

use std::cmp::Ordering;
use std::mem::needs_drop;

use hivework_stm::internals::Slots;
use hivework_stm::{Ref, StmResult, Transaction};

use super::order::{CELLS, Order};

/// As many bytes as a small key has.
const SMALL: usize = size_of::<usize>();

/// A value in a cell. Not the bare value: that of a number could not be unset.
pub(super) struct Held<V>(pub(super) V);

/// Which stretch of keys is a leaf's. As long as none is set, the leaf is its tree's only one, and
/// has all keys.
pub(super) enum Bounds<K, V> {
    /// From `low` on, up to but without the one beside `next`.
    Alive {
        /// The least possible key; none where there is no bound.
        low: Option<K>,
        /// The leaf to the right, and the least possible key of that.
        next: Option<(K, Leaf<K, V>)>,
    },
    /// None any more: it was merged into that leaf.
    Merged(Leaf<K, V>),
    /// None any more: the tree has been given up.
    Nowhere,
}

/// A handle of a leaf.
pub(super) struct Leaf<K, V> {
    /// Rows of one: they take less room than variables alone.
    order: Slots<u64>,
    bounds: Slots<Bounds<K, V>>,
    pub(super) keys: Slots<K>,
    pub(super) values: Slots<Held<V>>,
}

impl<K, V> Clone for Leaf<K, V> {
    fn clone(&self) -> Self {
        Leaf {
            order: self.order.clone(),
            bounds: self.bounds.clone(),
            keys: self.keys.clone(),
            values: self.values.clone(),
        }
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Leaf<K, V> {
    /// A leaf whose contents are to be written.
    pub(super) fn new() -> Self {
        Leaf {
            order: Slots::new(1),
            bounds: Slots::new(1),
            keys: Slots::new(CELLS),
            values: Slots::new(CELLS),
        }
    }

    /// Are these handles of the same leaf?
    pub(super) fn is(&self, other: &Self) -> bool {
        self.order.ptr_eq(&other.order)
    }

    #[inline]
    pub(super) fn order(&self, tx: &mut Transaction<'_>) -> StmResult<Order> {
        let order = self.order.get(tx, 0)?;
        Ok(order.map_or(Order::NONE, |bits| Order::from_bits(*bits)))
    }

    #[inline]
    fn peek_order(&self, tx: &Transaction<'_>) -> Order {
        let order = self.order.peek(tx, 0);
        order.map_or(Order::NONE, |bits| Order::from_bits(*bits))
    }

    #[inline]
    pub(super) fn set_order(&self, tx: &mut Transaction<'_>, order: Order) -> StmResult<()> {
        self.order.set(tx, 0, order.bits())
    }

    /// Its stretch, unless that is all keys.
    #[inline]
    pub(super) fn bounds<'t>(
        &self,
        tx: &mut Transaction<'t>,
    ) -> StmResult<Option<&'t Bounds<K, V>>> {
        Ok(self.bounds.get(tx, 0)?.map(Ref::into_ref))
    }

    pub(super) fn set_bounds(
        &self,
        tx: &mut Transaction<'_>,
        bounds: Bounds<K, V>,
    ) -> StmResult<()> {
        self.bounds.set(tx, 0, bounds)
    }

    /// The key of a cell that is in use.
    #[inline]
    pub(super) fn key<'t>(&self, tx: &mut Transaction<'t>, cell: usize) -> StmResult<Ref<'t, K>> {
        match self.keys.get(tx, cell)? {
            Some(key) => Ok(key),
            None => unreachable!("a cell gets its key together with its place in the order"),
        }
    }

    /// The value of a cell, if there is one.
    #[inline]
    pub(super) fn value<'t>(
        &self,
        tx: &mut Transaction<'t>,
        cell: usize,
    ) -> StmResult<Option<&'t V>> {
        let value = self.values.get(tx, cell)?;
        Ok(value.map(|value| &value.into_ref().0))
    }

    /// Where in `order`, which is this leaf's, a key belongs or stands. `probe` tells how
    /// another key stands to it.
    #[inline]
    pub(super) fn search(
        &self,
        tx: &mut Transaction<'_>,
        order: Order,
        probe: &impl Fn(&K) -> Ordering,
    ) -> StmResult<Result<usize, usize>> {
        order.search(|cell| Ok(probe(&*self.key(tx, cell)?)))
    }

    /// The cell in which a key with a value seems to be at this moment.
    #[inline]
    pub(super) fn guess(
        &self,
        tx: &Transaction<'_>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> Option<usize> {
        let order = self.peek_order(tx);
        // Small keys stand in their cells. All cells are looked at, values too: their memory is then
        // fetched at one time, and not the order's first, then some keys', then a value's.
        if size_of::<K>() <= SMALL && !needs_drop::<K>() {
            let has = |cell: &usize| {
                let has_value = self.values.peek(tx, *cell).is_some();
                let key = self.keys.peek(tx, *cell);
                has_value & key.is_some_and(|key| probe(&*key) == Ordering::Equal)
            };
            return (0..CELLS).find(has).filter(|_| order != Order::NONE);
        }
        let compare = |cell| self.keys.peek(tx, cell).map(|key| probe(&*key)).ok_or(());
        let found = order.search(compare).ok()?;
        found.ok().map(|at| order.cell(at))
    }

    /// How many values there seem to be at this moment.
    pub(super) fn about_len(&self, tx: &Transaction<'_>) -> usize {
        let order = self.peek_order(tx);
        let cells = order.cells();
        cells
            .filter(|&cell| self.values.peek(tx, cell).is_some())
            .count()
    }

    /// Does there seem to be a leaf to the right at this moment?
    pub(super) fn seems_to_have_next(&self, tx: &Transaction<'_>) -> bool {
        let bounds = self.bounds.peek(tx, 0).map(Ref::into_ref);
        matches!(bounds, Some(Bounds::Alive { next: Some(_), .. }))
    }

    /// Gives a key and its value a cell and a place in the order; there is room.
    pub(super) fn add(
        &self,
        tx: &mut Transaction<'_>,
        at: usize,
        key: K,
        value: V,
    ) -> StmResult<()> {
        let order = self.order(tx)?;
        let Some(cell) = order.free() else {
            unreachable!("whoever adds has made room")
        };
        self.keys.set(tx, cell, key)?;
        self.values.set(tx, cell, Held(value))?;
        self.set_order(tx, order.with(at, cell))
    }

    /// Takes cells without a value out of the order, and tells how many there were.
    pub(super) fn sweep(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        let order = self.order(tx)?;
        let mut kept = Order::NONE;
        for cell in order.cells() {
            // Looked at beforehand, so that the values which stay are not read: their changes
            // do not concern this transaction.
            let vacant = self.values.peek(tx, cell).is_none();
            if !(vacant && self.value(tx, cell)?.is_none()) {
                kept = kept.with(kept.len(), cell);
            }
        }
        let swept = order.len() - kept.len();
        if swept > 0 {
            self.set_order(tx, kept)?;
        }
        Ok(swept)
    }

    /// Moves all that is in `order` from a place on to the end of another leaf.
    pub(super) fn move_from(
        &self,
        tx: &mut Transaction<'_>,
        from: usize,
        to: &Self,
    ) -> StmResult<()>
    where
        K: Clone,
        V: Clone,
    {
        let order = self.order(tx)?;
        for cell in order.cells().skip(from) {
            let Some(value) = self.value(tx, cell)? else {
                continue;
            };
            let key = self.key(tx, cell)?;
            let at = to.order(tx)?.len();
            to.add(tx, at, K::clone(&key), value.clone())?;
            // Whoever knows the value by this cell alone learns that it is no longer here.
            self.values.unset(tx, cell)?;
        }
        self.set_order(tx, order.first(from))
    }
}
