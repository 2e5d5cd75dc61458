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

use hivework_stm::internals::{Slots, peek_ref};
use hivework_stm::{Ref, StmResult, TVar, Transaction};

use super::order::{CELLS, Order};

/// A value in a cell. Not the bare value: that of a number could not be unset.
pub(super) struct Held<V>(pub(super) V);

/// Which stretch of keys is a leaf's.
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
    /// None: not yet part of a tree, or part of one that has been given up.
    Nowhere,
}

/// A handle of a leaf.
pub(super) struct Leaf<K, V> {
    pub(super) order: TVar<u64>,
    pub(super) bounds: TVar<Bounds<K, V>>,
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
    /// An empty leaf.
    pub(super) fn new(bounds: Bounds<K, V>) -> Self {
        Leaf {
            order: TVar::new(Order::NONE.bits()),
            bounds: TVar::new(bounds),
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
        Ok(Order::from_bits(*self.order.read_ref(tx)?))
    }

    #[inline]
    pub(super) fn set_order(&self, tx: &mut Transaction<'_>, order: Order) -> StmResult<()> {
        self.order.write(tx, order.bits())
    }

    #[inline]
    pub(super) fn bounds<'t>(&self, tx: &mut Transaction<'t>) -> StmResult<&'t Bounds<K, V>> {
        Ok(self.bounds.read_ref(tx)?.into_ref())
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

    /// The cell in which a key seems to be at this moment.
    #[inline]
    pub(super) fn guess(
        &self,
        tx: &Transaction<'_>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> Option<usize> {
        let order = Order::from_bits(*peek_ref(&self.order, tx));
        let found = order.search(|cell| self.keys.peek(tx, cell).map(|key| probe(&*key)).ok_or(()));
        found.ok()?.ok().map(|at| order.cell(at))
    }

    /// How many values there seem to be at this moment.
    pub(super) fn about_len(&self, tx: &Transaction<'_>) -> usize {
        let order = Order::from_bits(*peek_ref(&self.order, tx));
        let cells = order.cells();
        cells
            .filter(|&cell| self.values.peek(tx, cell).is_some())
            .count()
    }

    /// Does there seem to be a leaf to the right at this moment?
    pub(super) fn seems_to_have_next(&self, tx: &Transaction<'_>) -> bool {
        let bounds = peek_ref(&self.bounds, tx).into_ref();
        matches!(bounds, Bounds::Alive { next: Some(_), .. })
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
