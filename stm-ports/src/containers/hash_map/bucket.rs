//! The entries that share a bucket: one or two, nearly always.

use std::borrow::Borrow;
use std::slice;

/// A key and its value.
#[derive(Clone)]
pub(super) struct Entry<K, V> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) value: V,
}

/// The contents of a bucket, which are replaced as a whole. One or two entries lie in the same
/// place as the bucket, so that a look at them is one step.
#[derive(Clone)]
pub(super) enum Bucket<K, V> {
    One(Entry<K, V>),
    Two([Entry<K, V>; 2]),
    More(Vec<Entry<K, V>>),
}

impl<K, V> Bucket<K, V> {
    /// A bucket of these entries, if there are any.
    pub(super) fn of(entries: impl IntoIterator<Item = Entry<K, V>>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let first = entries.next()?;
        let Some(second) = entries.next() else {
            return Some(Bucket::One(first));
        };
        let Some(third) = entries.next() else {
            return Some(Bucket::Two([first, second]));
        };
        let mut more = vec![first, second, third];
        more.extend(entries);
        Some(Bucket::More(more))
    }

    #[inline]
    pub(super) fn entries(&self) -> &[Entry<K, V>] {
        match self {
            Bucket::One(entry) => slice::from_ref(entry),
            Bucket::Two(entries) => entries,
            Bucket::More(entries) => entries,
        }
    }

    /// The entry of a key.
    #[inline]
    pub(super) fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<&Entry<K, V>>
    where
        K: Borrow<Q>,
    {
        self.entries().iter().find(|entry| entry.is(hash, key))
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
