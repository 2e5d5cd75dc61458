//! A node above the leaves: some nodes of the level below, each with its least possible key.
//!
//! What a node tells lies apart from the handles of its children, so that to make one more child
//! known copies keys, and no handle.

use std::cmp::Ordering;

use hivework_stm::facade::MODELLED;
use hivework_stm::internals::{Slots, peek_ref};
use hivework_stm::{StmResult, TVar, Transaction};

use crate::containers::ordered_map::leaf::{Bounds, Leaf};

/// How many children a node has at most.
pub(super) const WIDTH: usize = if MODELLED { 3 } else { 128 };

/// How many keys there are for one sample.
const SAMPLE: usize = if MODELLED { 1 } else { 8 };

/// With so few children besides the first a node looks for more.
pub(super) const FEW: usize = WIDTH / 8;

/// Whoever goes sideways more often than this takes what is there.
const TURNS: usize = 64;
/// What a node knows: a leaf, or a node of the level below.
pub(in crate::containers::ordered_map) enum Child<K, V> {
    Leaf(Leaf<K, V>),
    Node(Node<K, V>),
}

/// A handle of a node above the leaves.
pub(in crate::containers::ordered_map) struct Node<K, V> {
    /// How many levels are below.
    pub(super) height: u32,
    pub(super) body: TVar<Body<K, V>>,
    /// Which of them means what is told by the body.
    pub(super) children: Slots<Child<K, V>>,
}

/// What a node holds, its children aside.
pub(super) struct Body<K, V> {
    /// The least possible key.
    pub(super) low: Option<K>,
    /// The least possible keys of all children but the first, in order.
    pub(super) keys: Vec<K>,
    /// Every [`SAMPLE`]th of them. Of a large map these few stay in the processor's caches, and lead to
    /// the one line of memory that has the rest.
    samples: Vec<K>,
    /// The cells of all children, in order. Apart from the keys, which are searched.
    pub(super) cells: Vec<u8>,
    pub(super) beside: Beside<K, V>,
}

/// How a level goes on from a node.
pub(super) enum Beside<K, V> {
    /// To the right, where the least possible key is this.
    Next(Option<(K, Node<K, V>)>),
    /// The node was merged into that one.
    Merged(Node<K, V>),
}

impl<K, V> Clone for Child<K, V> {
    fn clone(&self) -> Self {
        match self {
            Child::Leaf(leaf) => Child::Leaf(leaf.clone()),
            Child::Node(node) => Child::Node(node.clone()),
        }
    }
}

impl<K, V> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        Node {
            height: self.height,
            body: self.body.clone(),
            children: self.children.clone(),
        }
    }
}

impl<K, V> Body<K, V> {
    /// A node with one child, in its first cell.
    pub(super) fn of_one(low: Option<K>) -> Self {
        Body {
            low,
            keys: Vec::new(),
            samples: Vec::new(),
            cells: vec![0],
            beside: Beside::Next(None),
        }
    }

    /// The cell of the child for a place.
    #[inline]
    pub(super) fn cell(&self, probe: &impl Fn(&K) -> Ordering) -> usize {
        let before = |key: &K| probe(key) != Ordering::Greater;
        let from = self.samples.partition_point(before) * SAMPLE;
        let to = self.keys.len().min(from + SAMPLE);
        let after = from + self.keys[from..to].partition_point(before);
        usize::from(self.cells[after])
    }

    /// The neighbour on the right.
    pub(super) fn next(&self) -> Option<(K, Node<K, V>)>
    where
        K: Clone,
    {
        match &self.beside {
            Beside::Next(next) => next.clone(),
            Beside::Merged(_) => None,
        }
    }

    /// The same node with the first so many children, and room for another, and with another
    /// neighbour.
    pub(super) fn first(&self, children: usize, next: Option<(K, Node<K, V>)>) -> Self
    where
        K: Clone,
    {
        let mut keys = Vec::with_capacity(children);
        keys.extend_from_slice(&self.keys[..children - 1]);
        let mut cells = Vec::with_capacity(children + 1);
        cells.extend_from_slice(&self.cells[..children]);
        Body {
            low: self.low.clone(),
            keys,
            samples: Vec::new(),
            cells,
            beside: Beside::Next(next),
        }
    }

    /// A cell without a child.
    pub(super) fn free(&self) -> Option<usize> {
        let mut used = [false; WIDTH];
        for &cell in &self.cells {
            used[usize::from(cell)] = true;
        }
        used.iter().position(|used| !used)
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Child<K, V> {
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Child::Leaf(one), Child::Leaf(other)) => one.is(other),
            (Child::Node(one), Child::Node(other)) => one.body.ptr_eq(&other.body),
            _ => false,
        }
    }

    /// Is it part of its level?
    pub(super) fn is_alive(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(match self {
            Child::Leaf(leaf) => matches!(leaf.bounds(tx)?, Some(Bounds::Alive { .. }) | None),
            Child::Node(node) => matches!(node.body(tx)?.beside, Beside::Next(_)),
        })
    }

    /// Is it part of its level, with this as its least possible key?
    pub(super) fn begins_at(&self, tx: &mut Transaction<'_>, key: &K) -> StmResult<bool>
    where
        K: PartialEq,
    {
        Ok(match self {
            Child::Leaf(leaf) => match leaf.bounds(tx)? {
                Some(Bounds::Alive { low, .. }) => low.as_ref() == Some(key),
                _ => false,
            },
            Child::Node(node) => {
                let body = node.body(tx)?;
                matches!(body.beside, Beside::Next(_)) && body.low.as_ref() == Some(key)
            }
        })
    }

    pub(super) fn height(&self) -> u32 {
        match self {
            Child::Leaf(_) => 0,
            Child::Node(node) => node.height,
        }
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Node<K, V> {
    /// A node whose contents are to be written.
    pub(super) fn new(height: u32) -> Self {
        Node {
            height,
            body: TVar::new(Body::of_one(None)),
            children: Slots::new(WIDTH),
        }
    }

    pub(super) fn body<'t>(&self, tx: &mut Transaction<'t>) -> StmResult<&'t Body<K, V>> {
        Ok(self.body.read_ref(tx)?.into_ref())
    }

    pub(super) fn set_body(&self, tx: &mut Transaction<'_>, mut body: Body<K, V>) -> StmResult<()>
    where
        K: Clone,
    {
        let samples = body.keys.iter().skip(SAMPLE - 1).step_by(SAMPLE);
        body.samples = samples.cloned().collect();
        self.body.write(tx, body)
    }

    /// Is this the child in that cell?
    pub(super) fn knows(
        &self,
        tx: &mut Transaction<'_>,
        cell: usize,
        child: &Child<K, V>,
    ) -> StmResult<bool> {
        let known = self.children.get(tx, cell)?;
        Ok(known.is_some_and(|known| known.is(child)))
    }

    /// Gives a child to another node of the level.
    pub(super) fn hand_over(
        &self,
        tx: &mut Transaction<'_>,
        cell: usize,
        to: &Self,
        into: usize,
    ) -> StmResult<()> {
        if let Some(child) = self.children.get(tx, cell)? {
            to.children.set(tx, into, Child::clone(&child))?;
            self.children.unset(tx, cell)?;
        }
        Ok(())
    }

    /// The next step of a descent that is as hasty as it may be.
    #[inline]
    pub(super) fn towards<'t>(
        &'t self,
        tx: &Transaction<'t>,
        probe: &impl Fn(&K) -> Ordering,
    ) -> Option<&'t Child<K, V>> {
        let mut node = self;
        let mut turns = 0;
        loop {
            let body = peek_ref(&node.body, tx).into_ref();
            turns += 1;
            match &body.beside {
                Beside::Next(Some((key, next)))
                    if turns <= TURNS && probe(key) != Ordering::Greater =>
                {
                    node = next;
                }
                Beside::Next(_) => {
                    let child = node.children.peek(tx, body.cell(probe))?;
                    return Some(child.into_ref());
                }
                Beside::Merged(into) => node = into,
            }
        }
    }
}
