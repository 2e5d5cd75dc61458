//! The buckets of a hash map, and how they become more.
//!
//! A table of size `n`, a power of two, has buckets 0 to `n - 1`; it grows by as many as it
//! has, in a row of their own ([`Slots`]), and no bucket ever moves:
//!
//! ```text
//! rows:      [0 1 2 3] [4 5 6 7] [8 9 10 11 12 13 14 15]
//! parents:              0 1 2 3   0 1  2  3  4  5  6  7
//! ```
//!
//! An entry belongs to the bucket that the low bits of its hash name. A new row's buckets are
//! unset: their entries are still in the *parent*, the bucket that the next fewer bits name. So
//!
//! > an entry is in the first bucket that is set, on the way from its own to its parent, the
//! > parent's parent, and so on.
//!
//! 1. A look-up goes that way, and finds the entry in the first bucket that is set, or nowhere.
//! 2. Before something is put into a bucket that is unset, it takes over what is its own:
//!    all entries on whose way it lies, which are in the first bucket of the way that is set.
//! 3. A bucket that is put into although it has entries hands on those whose own bucket is
//!    another, unset one. So entries that came before a growth move on as their bucket is
//!    used.
//! 4. A bucket that has lost its last entry is unset again. What lies on its way is in no other
//!    bucket: its parents were asked for it once, and what came later came to it.
//!
//! **Growth** ([`Table::grown`]) replaces the table, which every transaction on the map has read; so
//! each of them that is running then conflicts, once for every time that the map doubles.
//! Nothing is moved; the new row is memory that nobody has written to.
//!
//! **Who conflicts**, apart from that: transactions of which one changes a bucket that the other
//! has gone through.
//!
//! The ways are those of split-ordered lists (Shalev, Shavit, *Split-Ordered Lists: Lock-Free
//! Extensible Hash Tables*, JACM 2006); with transactions a bucket can be split when it is
//! used, in one step.

use std::borrow::Borrow;

use hivework_stm::facade::MODELLED;
use hivework_stm::internals::Slots;
use hivework_stm::{Ref, StmResult, Transaction};

use super::bucket::{Bucket, Entry};

/// How many buckets a new table has.
const SMALLEST: usize = if MODELLED { 1 } else { 16 };

/// A bucket with so many entries may mean that there are too few buckets.
pub(super) const CROWDED: usize = if MODELLED { 2 } else { 3 };

/// What a bucket's row holds.
type Row<K, V> = Slots<Bucket<K, V>>;

/// The buckets.
pub(super) struct Table<K, V> {
    /// The first has the smallest table's, each other as many as those before it together.
    rows: Vec<Row<K, V>>,
    size: usize,
}

/// Which entry was changed, and from what.
pub(super) struct Change<V> {
    /// The value before, if there was one.
    pub(super) before: Option<V>,
    /// How many entries the bucket has now.
    pub(super) entries: usize,
}

/// Where a bucket is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place(usize);

impl Place {
    /// The bucket whose entries this one's were before it came to be.
    fn parent(self) -> Option<Place> {
        if self.0 < SMALLEST {
            return None;
        }
        Some(Place(self.0 & !(1 << self.0.ilog2())))
    }

    /// Does it lie on the way of entries with this hash?
    fn is_on_the_way(self, hash: u64) -> bool {
        let bits = if self.0 < SMALLEST {
            SMALLEST - 1
        } else {
            (2 << self.0.ilog2()) - 1
        };
        low(hash) & bits == self.0
    }
}

/// The bits of the hash that can name a bucket.
#[inline]
fn low(hash: u64) -> usize {
    // What does not fit is more than any table has.
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    let bits = hash as usize;
    bits
}

impl<K, V> Table<K, V>
where
    K: Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new() -> Self {
        Table {
            rows: vec![Slots::new(SMALLEST)],
            size: SMALLEST,
        }
    }

    /// The same buckets and as many more, unless that is more than there are hashes for.
    pub(super) fn grown(&self) -> Option<Self> {
        let size = self.size.checked_mul(2)?;
        let mut rows = self.rows.clone();
        rows.push(Slots::new(self.size));
        Some(Table { rows, size })
    }

    /// How many buckets there are.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The bucket that an entry with this hash belongs to.
    #[inline]
    fn own(&self, hash: u64) -> Place {
        Place(low(hash) & (self.size - 1))
    }

    #[inline]
    fn slot(&self, place: Place) -> (&Row<K, V>, usize) {
        if place.0 < SMALLEST {
            return (&self.rows[0], place.0);
        }
        let bit = place.0.ilog2();
        let row = bit - SMALLEST.ilog2() + 1;
        (&self.rows[row as usize], place.0 & !(1 << bit))
    }

    #[inline]
    fn bucket<'t>(
        &self,
        tx: &mut Transaction<'t>,
        place: Place,
    ) -> StmResult<Option<&'t Bucket<K, V>>> {
        let (row, position) = self.slot(place);
        Ok(row.get(tx, position)?.map(Ref::into_ref))
    }

    fn put(
        &self,
        tx: &mut Transaction<'_>,
        place: Place,
        bucket: Option<Bucket<K, V>>,
    ) -> StmResult<()> {
        let (row, position) = self.slot(place);
        match bucket {
            Some(bucket) => row.set(tx, position, bucket),
            None => row.unset(tx, position),
        }
    }

    /// The first bucket that is set on the way of this hash.
    #[inline]
    fn first_set<'t>(
        &self,
        tx: &mut Transaction<'t>,
        hash: u64,
    ) -> StmResult<Option<(Place, &'t Bucket<K, V>)>> {
        let mut place = Some(self.own(hash));
        while let Some(at) = place {
            if let Some(bucket) = self.bucket(tx, at)? {
                return Ok(Some((at, bucket)));
            }
            place = at.parent();
        }
        Ok(None)
    }

    /// The entry of a key.
    #[inline]
    pub(super) fn find<'t, Q: Eq + ?Sized>(
        &self,
        tx: &mut Transaction<'t>,
        hash: u64,
        key: &Q,
    ) -> StmResult<Option<&'t Entry<K, V>>>
    where
        K: Borrow<Q>,
    {
        let found = self.first_set(tx, hash)?;
        Ok(found.and_then(|(_, bucket)| bucket.find(hash, key)))
    }

    /// Puts an entry in, in place of the one with its key if there is one.
    pub(super) fn insert(
        &self,
        tx: &mut Transaction<'_>,
        entry: Entry<K, V>,
    ) -> StmResult<Change<V>> {
        let own = self.own(entry.hash);
        let Some((place, bucket)) = self.first_set(tx, entry.hash)? else {
            self.put(tx, own, Bucket::of([entry]))?;
            return Ok(Change {
                before: None,
                entries: 1,
            });
        };
        let before = bucket.find(entry.hash, &entry.key);
        let before = before.map(|before| before.value.clone());
        let others: Vec<_> = bucket
            .entries()
            .iter()
            .filter(|other| !other.is(entry.hash, &entry.key))
            .collect();
        if place == own {
            return self.insert_among(tx, own, others, entry, before);
        }
        // Step 2.
        let (ours, theirs): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|other| own.is_on_the_way(other.hash));
        if ours.len() + theirs.len() < bucket.entries().len() || !ours.is_empty() {
            self.put(tx, place, Bucket::of(theirs.into_iter().cloned()))?;
        }
        self.insert_among(tx, own, ours, entry, before)
    }

    /// Gives the own bucket of `entry` that entry besides those which are in it, and hands on
    /// what is not its own: step 3.
    fn insert_among(
        &self,
        tx: &mut Transaction<'_>,
        own: Place,
        others: Vec<&Entry<K, V>>,
        entry: Entry<K, V>,
        before: Option<V>,
    ) -> StmResult<Change<V>> {
        let (stay, mut go): (Vec<_>, Vec<_>) = others
            .into_iter()
            .cloned()
            .partition(|other| self.own(other.hash) == own);
        while let Some(next) = go.pop() {
            // To the outermost bucket of its way that is none of ours, which is unset, and on
            // whose way may be others.
            let to = self.below(own, next.hash);
            let mut moved = vec![next];
            let mut kept = Vec::new();
            for other in go {
                if to.is_on_the_way(other.hash) {
                    moved.push(other);
                } else {
                    kept.push(other);
                }
            }
            go = kept;
            self.put(tx, to, Bucket::of(moved))?;
        }
        let bucket = Bucket::of(std::iter::once(entry).chain(stay));
        let entries = bucket.as_ref().map_or(0, |bucket| bucket.entries().len());
        self.put(tx, own, bucket)?;
        Ok(Change { before, entries })
    }

    /// The bucket next to `above` on the way of a hash, towards its own.
    fn below(&self, above: Place, hash: u64) -> Place {
        let mut place = self.own(hash);
        while let Some(parent) = place.parent() {
            if parent == above {
                break;
            }
            place = parent;
        }
        place
    }

    /// Takes the entry of a key out, and answers its value.
    pub(super) fn remove<Q: Eq + ?Sized>(
        &self,
        tx: &mut Transaction<'_>,
        hash: u64,
        key: &Q,
    ) -> StmResult<Option<V>>
    where
        K: Borrow<Q>,
    {
        let Some((place, bucket)) = self.first_set(tx, hash)? else {
            return Ok(None);
        };
        let Some(found) = bucket.find(hash, key) else {
            return Ok(None);
        };
        let others = bucket.entries().iter().filter(|other| !other.is(hash, key));
        self.put(tx, place, Bucket::of(others.cloned()))?;
        Ok(Some(found.value.clone()))
    }

    /// Has `f` see every entry.
    pub(super) fn for_each<'t>(
        &self,
        tx: &mut Transaction<'t>,
        mut f: impl FnMut(&'t Entry<K, V>),
    ) -> StmResult<()> {
        for row in &self.rows {
            for position in 0..row.len() {
                if let Some(bucket) = row.get(tx, position)? {
                    bucket.into_ref().entries().iter().for_each(&mut f);
                }
            }
        }
        Ok(())
    }
}
