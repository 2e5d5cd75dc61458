//! The entries that share a bucket: one, nearly always.

use std::borrow::Borrow;

/// A key and its value.
#[derive(Clone)]
pub(super) struct Entry<K, V> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) value: V,
}

/// The contents of a bucket, which are replaced as a whole.
#[derive(Clone)]
pub(super) struct Bucket<K, V> {
    /// In the same place as the bucket, so that a look at it is one step.
    first: Entry<K, V>,
    rest: Vec<Entry<K, V>>,
}

impl<K, V> Bucket<K, V> {
    /// A bucket of these entries, if there are any.
    pub(super) fn of(entries: impl IntoIterator<Item = Entry<K, V>>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let first = entries.next()?;
        Some(Bucket {
            first,
            rest: entries.collect(),
        })
    }

    pub(super) fn len(&self) -> usize {
        1 + self.rest.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<K, V>> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// The entry of a key.
    #[inline]
    pub(super) fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<&Entry<K, V>>
    where
        K: Borrow<Q>,
    {
        if self.first.is(hash, key) {
            return Some(&self.first);
        }
        self.rest.iter().find(|entry| entry.is(hash, key))
    }
}

impl<K, V> Entry<K, V> {
    #[inline]
    pub(super) fn is<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.hash == hash && self.key.borrow() == key
    }
}
