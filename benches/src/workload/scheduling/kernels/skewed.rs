//! A tree that nobody knows beforehand, after the unbalanced tree search benchmark (Olivier
//! et al., "UTS", LCPC 2006): each node's number, mixed from its parent's, decides by a
//! geometric distribution how many children it has, fewer on average the deeper it is.

use super::super::super::sequence::mixed;
use super::super::forker::Forker;
use super::Kernel;

/// Of the root's children, on average; other nodes have fewer.
const ROOT_CHILDREN: f64 = 4.0;
const SEED: u64 = 19;

pub(super) struct Skewed {
    depth: u32,
    expected: u64,
    met: u64,
}

#[derive(Clone, Copy)]
struct Node {
    number: u64,
    level: u32,
}

impl Node {
    const ROOT: Node = Node {
        number: SEED,
        level: 0,
    };

    fn child(self, which: u64) -> Node {
        Node {
            number: mixed(which, self.number),
            level: self.level + 1,
        }
    }

    /// How many children it has, in a tree of this depth.
    fn children(self, depth: u32) -> u64 {
        if self.level == 0 {
            return ROOT_CHILDREN as u64;
        }
        let mean = ROOT_CHILDREN * (1.0 - f64::from(self.level) / f64::from(depth));
        if mean <= 0.0 {
            return 0;
        }
        let part = ((self.number >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let children = part.ln() / (mean / (1.0 + mean)).ln();
        children as u64
    }
}

impl Skewed {
    pub(super) fn new(depth: u32) -> Self {
        fn count(node: Node, depth: u32) -> u64 {
            let children = 0..node.children(depth);
            1 + children.map(|n| count(node.child(n), depth)).sum::<u64>()
        }
        Skewed {
            depth,
            expected: count(Node::ROOT, depth),
            met: 0,
        }
    }
}

impl Kernel for Skewed {
    fn portion(&self) -> u64 {
        self.expected
    }

    fn compute<F: Forker>(&mut self, at: &mut F::At<'_>) {
        self.met = visit::<F>(at, Node::ROOT, self.depth);
    }

    fn is_right(&self) -> bool {
        self.met == self.expected
    }
}

/// How many nodes there are from this one on.
fn visit<F: Forker>(at: &mut F::At<'_>, node: Node, depth: u32) -> u64 {
    1 + children::<F>(at, node, 0, node.children(depth), depth)
}

/// How many there are below these children.
fn children<F: Forker>(at: &mut F::At<'_>, parent: Node, from: u64, to: u64, depth: u32) -> u64 {
    match to - from {
        0 => 0,
        1 => visit::<F>(at, parent.child(from), depth),
        count => {
            let middle = from + count / 2;
            let (left, right) = F::join(
                at,
                |at| children::<F>(at, parent, from, middle, depth),
                |at| children::<F>(at, parent, middle, to, depth),
            );
            left + right
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_large_and_skewed() {
        let whole = Skewed::new(18).expected;
        assert!((100_000..10_000_000).contains(&whole), "{whole}");
    }
}
