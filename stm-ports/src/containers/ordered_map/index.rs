//! The way to the leaves: levels of nodes that are right in the end, and never needed to be.
//!
//! Each level is a chain from left to right, as the leaves are, and knows some of the nodes of
//! the level below, each by its least possible key. User transactions look at it without reading
//! it: they conflict with nobody here, and what they find is a hint, which [`super::tree`] checks
//! at the leaf. A node that is found too far to the left is mended by going right, one that is too
//! far to the right by looking again. So a level may lack nodes: only time is lost.
//!
//! 1. A leaf was split: after the commit, a small transaction of its own ([`Index::post`]) makes the
//!    new one known to the level above. If that node is full it is split, which is posted to
//!    the level above that, and so on; above the top there is a new top.
//! 2. A leaf was merged into its left neighbour: likewise it is made unknown ([`Index::withdraw`]).
//!    A node that is left with few children takes over those of its right neighbour, if they
//!    fit, which is withdrawn from the level above in turn; one that is left with a single child
//!    always does. So a level does not gather nodes that lead nowhere.
//! 3. A transaction that had to go far to the right posts where it arrived as part of itself: one
//!    that splits many leaves would else have no way to them before it commits.
//!
//! **Within a level** posts are ordinary transactions: they read and write nodes, and are
//! serialised. Two may come in another order than what they tell of has happened: a post looks
//! whether its child is still part of its level, and a withdrawal whether the child it finds is
//! the one it means.
//!
//! **New nodes are written**, not made with their contents, for the reason told in
//! [`super::tree`].
//!
//! **It ends.** A descent goes down a level for good; within a level it may be sent left and
//! right again by a merge that is being stored at that moment, which is bounded by a number of turns.

use std::cmp::Ordering;

use hivework_stm::internals::peek_ref;
use hivework_stm::{StmResult, TVar, Transaction, atomically};

use self::node::{Beside, Body, FEW, Node, WIDTH};
use super::leaf::Leaf;

mod node;

pub(super) use self::node::Child;
/// The way to the leaves of one tree. A handle.
pub(super) struct Index<K, V> {
    /// The leftmost leaf, which stays that for ever.
    pub(super) first: Leaf<K, V>,
    /// The highest level's leftmost node; none while there is one leaf.
    top: TVar<Option<Node<K, V>>>,
}

impl<K, V> Clone for Index<K, V> {
    fn clone(&self) -> Self {
        Index {
            first: self.first.clone(),
            top: self.top.clone(),
        }
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Index<K, V> {
    /// The way to this one leaf.
    pub(super) fn new(first: Leaf<K, V>) -> Self {
        Index {
            first,
            top: TVar::new(None),
        }
    }

    /// Gives up the levels of a tree that nobody can reach any more: parts every node from its
    /// neighbour, as one that goes would else keep the next until its own memory goes.
    pub(super) fn give_up(&self) {
        let mut level = atomically(|tx| Ok(self.top.read_ref(tx)?.as_ref().cloned()));
        while let Some(first) = level {
            level = atomically(|tx| {
                let body = first.body(tx)?;
                let child = first.children.get(tx, usize::from(body.cells[0]))?;
                Ok(match child.map(|child| child.into_ref()) {
                    Some(Child::Node(below)) => Some(below.clone()),
                    _ => None,
                })
            });
            let mut rest = Some(first);
            while let Some(node) = rest {
                rest = atomically(|tx| {
                    let next = match &node.body(tx)?.beside {
                        Beside::Next(Some((_, next))) => Some(next.clone()),
                        _ => None,
                    };
                    node.body.write(tx, Body::of_one(None))?;
                    Ok(next)
                });
            }
        }
    }

    /// The leaf in whose stretch a place seems to be at this moment, or another.
    #[inline]
    pub(super) fn descend<'t>(
        &'t self,
        tx: &Transaction<'t>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> &'t Leaf<K, V> {
        let Some(mut node) = peek_ref(&self.top, tx).into_ref().as_ref() else {
            return &self.first;
        };
        loop {
            match node.towards(tx, probe) {
                Some(Child::Node(below)) => node = below,
                Some(Child::Leaf(leaf)) => return leaf,
                // What told of the child is older than the child's going.
                None => return &self.first,
            }
        }
    }
}

impl<K: Ord + Clone + Send + Sync + 'static, V: Send + Sync + 'static> Index<K, V> {
    /// Makes a child known, in a transaction of its own.
    pub(super) fn post_now(&self, key: &K, child: &Child<K, V>) {
        atomically(|tx| self.post(tx, key, child));
    }

    /// Makes a child known whose least possible key is this.
    pub(super) fn post(
        &self,
        tx: &mut Transaction<'_>,
        key: &K,
        child: &Child<K, V>,
    ) -> StmResult<()> {
        if !child.is_alive(tx)? {
            return Ok(());
        }
        let height = child.height() + 1;
        let top = self.top.read_ref(tx)?.into_ref().as_ref();
        if top.is_none_or(|top| top.height < height) {
            let first = match top {
                None => Child::Leaf(self.first.clone()),
                Some(top) => Child::Node(top.clone()),
            };
            let top = Node::new(height);
            top.children.set(tx, 0, first)?;
            top.set_body(tx, Body::of_one(None))?;
            self.top.write(tx, Some(top))?;
        }
        match self.find(tx, height, key)? {
            Some(node) => self.enter(tx, node, key, child),
            None => Ok(()),
        }
    }

    /// The node of a level that is responsible for a key, unless the hints on the way there
    /// misled.
    fn find<'t>(
        &self,
        tx: &mut Transaction<'t>,
        height: u32,
        key: &K,
    ) -> StmResult<Option<&'t Node<K, V>>> {
        let Some(mut node) = self.top.read_ref(tx)?.into_ref().as_ref() else {
            return Ok(None);
        };
        while node.height > height {
            match node.towards(tx, &|other: &K| other.cmp(key)) {
                Some(Child::Node(below)) => node = below,
                _ => return Ok(None),
            }
        }
        loop {
            let body = node.body(tx)?;
            match &body.beside {
                Beside::Merged(into) => node = into,
                Beside::Next(Some((low, next))) if low <= key => node = next,
                Beside::Next(_) if body.low.as_ref().is_some_and(|low| low > key) => {
                    return Ok(None);
                }
                Beside::Next(_) => return Ok((node.height == height).then_some(node)),
            }
        }
    }

    /// The same by what is read, which nothing misleads; it conflicts with changes of the nodes on the
    /// way.
    fn find_surely<'t>(
        &self,
        tx: &mut Transaction<'t>,
        height: u32,
        key: &K,
    ) -> StmResult<Option<&'t Node<K, V>>> {
        let Some(mut node) = self.top.read_ref(tx)?.into_ref().as_ref() else {
            return Ok(None);
        };
        loop {
            let body = node.body(tx)?;
            node = match &body.beside {
                Beside::Merged(into) => into,
                Beside::Next(Some((low, next))) if low <= key => next,
                Beside::Next(_) if node.height <= height => {
                    return Ok((node.height == height).then_some(node));
                }
                Beside::Next(_) => {
                    let cell = body.cell(&|other: &K| other.cmp(key));
                    match node.children.get(tx, cell)?.map(|child| child.into_ref()) {
                        Some(Child::Node(below)) => below,
                        // The tree has been given up.
                        _ => return Ok(None),
                    }
                }
            };
        }
    }

    /// Makes a child known to this node.
    fn enter(
        &self,
        tx: &mut Transaction<'_>,
        node: &Node<K, V>,
        key: &K,
        child: &Child<K, V>,
    ) -> StmResult<()> {
        let body = node.body(tx)?;
        if body.low.as_ref() == Some(key) {
            let first = usize::from(body.cells[0]);
            return node.children.set(tx, first, child.clone());
        }
        let at = match body.keys.binary_search(key) {
            Ok(at) => {
                let cell = usize::from(body.cells[at + 1]);
                return node.children.set(tx, cell, child.clone());
            }
            Err(at) => at,
        };
        let Some(cell) = body.free() else {
            return self.split(tx, node, body, key, child);
        };
        node.children.set(tx, cell, child.clone())?;
        let mut entered = body.first(at + 1, body.next());
        entered.keys.push(key.clone());
        entered.keys.extend_from_slice(&body.keys[at..]);
        entered.cells.push(cell as u8);
        entered.cells.extend_from_slice(&body.cells[at + 1..]);
        node.set_body(tx, entered)
    }

    /// Splits a full node, and makes a child known to one of the two.
    fn split(
        &self,
        tx: &mut Transaction<'_>,
        node: &Node<K, V>,
        body: &Body<K, V>,
        key: &K,
        child: &Child<K, V>,
    ) -> StmResult<()> {
        let right = Node::new(node.height);
        // Where keys come in ascending order, half nodes would stay half.
        let last = body.keys.last().is_none_or(|last| last < key);
        let ascending = last && matches!(body.beside, Beside::Next(None));
        let (low, kept) = if ascending {
            right.children.set(tx, 0, child.clone())?;
            right.set_body(tx, Body::of_one(Some(key.clone())))?;
            (key, body.cells.len())
        } else {
            let kept = body.cells.len().div_ceil(2);
            let low = &body.keys[kept - 1];
            let mut moved = Body::of_one(Some(low.clone()));
            moved.cells.clear();
            for (to, &cell) in body.cells[kept..].iter().enumerate() {
                node.hand_over(tx, usize::from(cell), &right, to)?;
                moved.cells.push(to as u8);
            }
            moved.keys.extend_from_slice(&body.keys[kept..]);
            moved.beside = Beside::Next(body.next());
            right.set_body(tx, moved)?;
            (low, kept)
        };
        let next = Some((low.clone(), right.clone()));
        node.set_body(tx, body.first(kept, next))?;
        if !ascending {
            let node = if key < low { node } else { &right };
            self.enter(tx, node, key, child)?;
        }
        self.post(tx, low, &Child::Node(right))
    }

    /// Makes a child unknown that was merged into another, in a transaction of its own.
    pub(super) fn withdraw_now(&self, key: &K, child: &Child<K, V>, into: &Child<K, V>) {
        atomically(|tx| self.withdraw(tx, key, child, into));
    }

    /// Makes a child unknown that was merged into another.
    fn withdraw(
        &self,
        tx: &mut Transaction<'_>,
        key: &K,
        child: &Child<K, V>,
        into: &Child<K, V>,
    ) -> StmResult<()> {
        // Not by hints: a child that stays known stays allocated, and nobody would come for it again.
        let Some(node) = self.find_surely(tx, child.height() + 1, key)? else {
            return Ok(());
        };
        let body = node.body(tx)?;
        if body.low.as_ref() == Some(key) {
            // A first child there must be, and that one is not too far to the right.
            let first = usize::from(body.cells[0]);
            if node.knows(tx, first, child)? {
                node.children.set(tx, first, into.clone())?;
            }
            return Ok(());
        }
        let Ok(at) = body.keys.binary_search(key) else {
            return Ok(());
        };
        let cell = usize::from(body.cells[at + 1]);
        if !node.knows(tx, cell, child)? {
            return Ok(());
        }
        node.children.unset(tx, cell)?;
        let mut left = body.first(at + 1, body.next());
        left.keys.extend_from_slice(&body.keys[at + 1..]);
        left.cells.extend_from_slice(&body.cells[at + 2..]);
        let few = left.keys.len() <= FEW;
        node.set_body(tx, left)?;
        if few { self.absorb(tx, node) } else { Ok(()) }
    }

    /// Takes over the children of the right neighbour, if they fit.
    fn absorb(&self, tx: &mut Transaction<'_>, node: &Node<K, V>) -> StmResult<()> {
        let body = node.body(tx)?;
        let Beside::Next(Some((low, right))) = &body.beside else {
            return Ok(());
        };
        let taken = right.body(tx)?;
        let all = body.cells.len() + taken.cells.len();
        if body.cells.len() > 1 && all > WIDTH / 4 * 3 {
            return Ok(());
        }
        let mut merged = body.first(body.cells.len(), taken.next());
        let keys = std::iter::once(low).chain(&taken.keys);
        // Its first child may stand in for one that was withdrawn. Nobody would withdraw that one by
        // this key: it would be known, and allocated, for ever.
        let first = right.children.get(tx, usize::from(taken.cells[0]))?;
        let stands_in = match first {
            Some(first) => !first.begins_at(tx, low)?,
            None => true,
        };
        for (key, &from) in keys.zip(&taken.cells).skip(usize::from(stands_in)) {
            // One child more than there are cells is the most that can be; it need not be known.
            let Some(cell) = merged.free() else { break };
            right.hand_over(tx, usize::from(from), node, cell)?;
            merged.keys.push(key.clone());
            merged.cells.push(cell as u8);
        }
        node.set_body(tx, merged)?;
        let mut gone = Body::of_one(taken.low.clone());
        gone.beside = Beside::Merged(node.clone());
        right.set_body(tx, gone)?;
        let (gone, into) = (Child::Node(right.clone()), Child::Node(node.clone()));
        self.withdraw(tx, low, &gone, &into)
    }
}
