//! How a leaf that has lost most of its values is merged with its right neighbour.
//!
//! In a transaction of its own, after the commit that removed: whoever removes does not conflict with
//! whoever uses the neighbour. If it never comes to that, the leaf stays, and the next removal from
//! it looks again. A leaf takes over its neighbour and not the other way, because leaves
//! know who is to their right, and so that a leaf's least possible key is for life.
//!
//! What it has taken over may be little or nothing: the neighbour's own merge comes later, and finds
//! that there is no such leaf any more. So it goes on until the leaf has something in it.

use hivework_stm::{StmResult, Transaction, atomically};

use super::index::{Child, Index};
use super::leaf::{Bounds, Leaf};
use super::order::CELLS;

/// With so few values a leaf looks whether it can be merged.
pub(super) const FEW: usize = CELLS / 5;

/// Merged leaves keep room for inserts, or the next one splits them again.
const ROOMY: usize = CELLS * 2 / 3;

/// Merges a leaf with its right neighbours, as long as they are few enough for one.
pub(super) fn merge<K, V>(index: &Index<K, V>, leaf: &Leaf<K, V>)
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    while atomically(|tx| merge_next(tx, index, leaf)) {}
}

/// Merges a leaf with its right neighbour, if they are few enough for one. Says whether to go on.
fn merge_next<K, V>(
    tx: &mut Transaction<'_>,
    index: &Index<K, V>,
    leaf: &Leaf<K, V>,
) -> StmResult<bool>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let Some(Bounds::Alive {
        low,
        next: Some((least, right)),
    }) = leaf.bounds(tx)?
    else {
        return Ok(false);
    };
    leaf.sweep(tx)?;
    right.sweep(tx)?;
    let (len, more) = (leaf.order(tx)?.len(), right.order(tx)?.len());
    if len > 0 && len + more > ROOMY {
        return Ok(false);
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
    Ok(len + more <= FEW)
}
