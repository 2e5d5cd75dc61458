//! The immutable list behind stacks and lists.
//!
//! Each node holds a value, the nodes behind it, and how many they are. Nothing in it ever changes,
//! so versions of a list share what they have in common, one variable holds a whole version, and
//! who has read that variable has a consistent snapshot for as long as he likes.
//!
//! **Dropping** must not recurse: a node that is dropped as the last way to the next would drop that
//! inside its own drop, and so on. Instead the first unhooks one after the other, as far as nobody
//! else has a way to them. Where somebody else has one, who goes last goes on from there; if
//! that happens at this very moment, one level deeper, once for each who is letting go.
//!
//! It takes no grace period for each node, either, as a chain of variables does: the engine keeps what a variable held, and nodes are no variables.

use hivework_stm::facade::sync::Arc;

/// An immutable list. Clones share the nodes.
pub(crate) struct Spine<T>(Option<Arc<Node<T>>>);

struct Node<T> {
    value: T,
    rest: Spine<T>,
    len: usize,
}

impl<T> Spine<T> {
    pub(crate) const EMPTY: Self = Spine(None);

    /// This list behind a value.
    pub(crate) fn with_first(self, value: T) -> Self {
        let len = self.len() + 1;
        Spine(Some(Arc::new(Node {
            value,
            rest: self,
            len,
        })))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn first(&self) -> Option<&T> {
        self.0.as_ref().map(|node| &node.value)
    }

    /// What is behind the first; empty if there is no first.
    pub(crate) fn rest(&self) -> &Self {
        match &self.0 {
            Some(node) => &node.rest,
            None => &Spine::EMPTY,
        }
    }

    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(this), Some(other)) => Arc::ptr_eq(this, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl<T> Clone for Spine<T> {
    fn clone(&self) -> Self {
        Spine(self.0.clone())
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        let mut rest = self.rest.0.take();
        while let Some(node) = rest {
            rest = match Arc::try_unwrap(node) {
                Ok(mut node) => node.rest.0.take(),
                Err(_) => None,
            };
        }
    }
}
