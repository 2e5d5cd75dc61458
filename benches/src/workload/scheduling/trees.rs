//! Sums over a binary tree, small or far larger than any cache.
//!
//! A large tree is measured twice, because its order in memory decides as much as the
//! forks do: with every node allocated before its children, and after them. Who runs the
//! first half first walks the one forwards through memory, who runs the second half first
//! the other one backwards; so some are there in both forms.

use std::hint::black_box;
use std::rc::Rc;

use super::super::{Scale, Subject};
use super::forker::Forker;
use super::forks::{Repeated, contestants, exchanged};

/// The subject; an operation is a node.
pub const BEFORE: &str =
    "fork-join: sum of a tree of 8388607 nodes, each allocated before its children, per node";
/// The subject; an operation is a node.
pub const AFTER: &str =
    "fork-join: sum of a tree of 8388607 nodes, each allocated after its children, per node";

/// When a node is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Before,
    After,
}

pub(super) struct Node {
    value: u64,
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

impl Node {
    /// A full tree with so many levels, its left half before its right one.
    pub(super) fn tree(levels: u32, order: Order) -> Box<Node> {
        let child = || (levels > 1).then(|| Node::tree(levels - 1, order));
        match order {
            Order::Before => {
                let mut node = Box::new(Node {
                    value: 1,
                    left: None,
                    right: None,
                });
                node.left = child();
                node.right = child();
                node
            }
            Order::After => {
                let (left, right) = (child(), child());
                Box::new(Node {
                    value: 1,
                    left,
                    right,
                })
            }
        }
    }

    /// How many nodes a full tree has.
    pub(super) fn count(levels: u32) -> u64 {
        (1 << levels) - 1
    }
}

/// The sum of the values.
pub(super) fn sum<F: Forker>(at: &mut F::At<'_>, node: &Node) -> u64 {
    let (left, right) = F::join(
        at,
        |at| half::<F>(at, node.left.as_deref()),
        |at| half::<F>(at, node.right.as_deref()),
    );
    node.value + left + right
}

#[inline]
fn half<F: Forker>(at: &mut F::At<'_>, half: Option<&Node>) -> u64 {
    half.map_or(0, |node| sum::<F>(at, node))
}

pub(super) fn subjects(scale: Scale) -> Vec<Subject> {
    let levels = scale.pick(23, 10);
    let subject = |name, order| {
        Subject::new(name, move || {
            let large = Large {
                tree: Rc::from(Node::tree(levels, order)),
                levels,
            };
            let mut all = contestants(large.clone());
            all.extend(exchanged(&large));
            all
        })
        .brief()
    };
    vec![subject(BEFORE, Order::Before), subject(AFTER, Order::After)]
}

#[derive(Clone)]
struct Large {
    tree: Rc<Node>,
    levels: u32,
}

impl Repeated for Large {
    fn portion(&self) -> u64 {
        Node::count(self.levels)
    }

    fn repeat<F: Forker>(&self, forker: &F, times: u64) {
        let tree: &Node = &self.tree;
        for _ in 0..times {
            let answer = forker.section(|at| sum::<F>(at, black_box(tree)));
            assert_eq!(answer, self.portion());
        }
    }
}
