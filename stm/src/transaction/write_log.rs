//! What an attempt will write: variables, and the words they will get.
//!
//! Looked up on every read, so it grows in steps: a few entries are looked through; for
//! more there is a one-word Bloom filter before that, which nearly always says no; and
//! many have an index by address.
//!
//! A pending boxed word belongs to the log until the commit puts it into its
//! variable, in exchange for the old one, or until it is taken out as garbage.

use crate::cell::{DropWord, Word, Words, garbage};
use crate::facade::atomic::Ordering;
use crate::place::Place;
use crate::reclaim::garbage::Garbage;
use crate::version::{Lock, Version};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Up to here a linear search is at least as fast as an index.
const LINEAR: usize = 16;

/// Room for so many writes is kept for good.
const KEPT: usize = 1 << 12;

/// Up to here it is faster than the filter.
const FEW: usize = 4;

/// How many times larger than what is in it the index may be.
const SPARSE: usize = 16;

/// A word that a variable may get.
#[derive(Debug)]
pub(crate) struct Pending {
    place: Place,
    word: Word,
    drop: DropWord,
}

impl Pending {
    #[inline]
    fn words(&self) -> &Words {
        // SAFETY: promised to `Write::new`.
        unsafe { self.place.words() }
    }

    /// The word as something to be dropped: it is not used.
    #[inline]
    pub(crate) fn into_garbage(self) -> Option<Garbage> {
        // SAFETY: the word belongs to this, which ends here.
        unsafe { garbage(self.word, self.drop) }
    }
}

/// One write.
#[derive(Debug)]
pub(crate) struct Write {
    pending: Pending,
    /// The version that was read, where the read came right before the first
    /// write: the lock then checks it. [`Version::NONE`] otherwise.
    read: Version,
    /// While the commit holds the lock: what the lock replaced.
    before: Version,
}

impl Write {
    /// # Safety
    ///
    /// The variable stays allocated while the write is in use, and the word, which
    /// the write owns from now on, is of its type, which is dropped so.
    #[inline]
    pub(crate) unsafe fn new(place: Place, word: Word, drop: DropWord, read: Version) -> Self {
        Write {
            pending: Pending { place, word, drop },
            read,
            before: Version::INITIAL,
        }
    }

    #[inline]
    pub(crate) fn words(&self) -> &Words {
        self.pending.words()
    }

    pub(crate) fn name(&self) -> Option<&'static str> {
        // SAFETY: promised to `new`.
        unsafe { self.pending.place.name() }
    }

    pub(crate) fn address(&self) -> usize {
        self.pending.place.address()
    }

    /// What the variable is to hold.
    #[inline]
    pub(crate) fn word(&self) -> Word {
        self.pending.word
    }

    /// What the lock replaced.
    #[inline]
    pub(crate) fn before(&self) -> Version {
        self.before
    }

    /// Does the lock check a read?
    #[inline]
    pub(crate) fn covers_a_read(&self) -> bool {
        !self.read.is_locked()
    }

    /// Locks the variable, if it still has the version that was read.
    #[inline]
    pub(crate) fn lock(&mut self) -> Lock {
        let version = &self.pending.words().version;
        let lock = if self.covers_a_read() {
            version.lock_if(self.read)
        } else {
            version.try_lock()
        };
        if let Lock::Taken(before) = lock {
            self.before = before;
        }
        lock
    }

    /// Exchanges the pending word for the variable's, which is locked by the
    /// caller's commit.
    #[inline]
    pub(crate) fn exchange(&mut self) {
        let data = &self.pending.words().data;
        // Ordering: Relaxed; only the holder of the lock writes the data,
        // and the lock orders one holder after the other.
        let displaced = data.load(Ordering::Relaxed);
        // Ordering: Release, pairs with the Acquire load of a reader: who
        // sees the data sees the lock under which it was stored, and the
        // contents of its box.
        data.store(self.pending.word, Ordering::Release);
        self.pending.word = displaced;
    }

    #[inline]
    pub(crate) fn into_pending(self) -> Pending {
        self.pending
    }
}

/// Multiplicative hashing of addresses, which differ above their low four bits, or six.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("addresses are hashed whole")
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        // The odd constant nearest to 2^64 / golden ratio (Knuth). The high half depends on all
        // bits, the low half gets its share of that.
        let product = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}

/// The writes of one attempt, in the order in which variables were first written.
#[derive(Debug, Default)]
pub(crate) struct WriteLog {
    entries: Vec<Write>,
    /// Meaningful only while there are more than `FEW` entries.
    bloom: u64,
    /// Address to position; kept only while there are more than `LINEAR` entries.
    index: HashMap<usize, u32, BuildHasherDefault<AddressHasher>>,
}

#[inline]
fn bloom_bit(address: usize) -> u64 {
    let mut hasher = AddressHasher::default();
    hasher.write_usize(address);
    1 << (hasher.finish() >> 58)
}

impl WriteLog {
    /// Where the variable stands in the log, if it does.
    #[inline]
    pub(crate) fn find(&self, place: Place) -> Option<usize> {
        // Most attempts have written nothing when they read.
        if self.entries.is_empty() {
            return None;
        }
        if self.entries.len() <= FEW {
            return self.position(place);
        }
        if self.bloom & bloom_bit(place.address()) == 0 {
            return None;
        }
        self.search(place)
    }

    #[inline]
    fn position(&self, place: Place) -> Option<usize> {
        let mut writes = self.entries.iter();
        writes.position(|write| write.pending.place == place)
    }

    #[cold]
    #[inline(never)]
    fn search(&self, place: Place) -> Option<usize> {
        if self.entries.len() <= LINEAR {
            return self.position(place);
        }
        self.index
            .get(&place.address())
            .map(|&position| position as usize)
    }

    #[inline]
    pub(crate) fn word(&self, position: usize) -> Word {
        self.entries[position].pending.word
    }

    /// Gives an entry another word.
    #[inline]
    pub(crate) fn replace(&mut self, position: usize, word: Word) -> Pending {
        let Pending { place, drop, .. } = self.entries[position].pending;
        self.put_back(position, Pending { place, word, drop })
    }

    /// Gives an entry a word that it had before.
    #[inline]
    pub(crate) fn put_back(&mut self, position: usize, pending: Pending) -> Pending {
        std::mem::replace(&mut self.entries[position].pending, pending)
    }

    /// Logs the first write to a variable.
    #[inline]
    pub(crate) fn push(&mut self, write: Write) {
        self.entries.push(write);
        if self.entries.len() > FEW {
            self.index_newest();
        }
    }

    #[cold]
    #[inline(never)]
    fn index_newest(&mut self) {
        let newest = if self.entries.len() == FEW + 1 {
            self.bloom = 0;
            0
        } else {
            self.entries.len() - 1
        };
        for write in &self.entries[newest..] {
            self.bloom |= bloom_bit(write.address());
        }
        if self.entries.len() <= LINEAR {
            return;
        }
        let from = if self.index.is_empty() {
            0
        } else {
            self.entries.len() - 1
        };
        for position in from..self.entries.len() {
            self.index
                .insert(self.entries[position].address(), position as u32);
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    pub(crate) fn entries(&self) -> &[Write] {
        &self.entries
    }

    /// The first entries, so many.
    #[inline]
    pub(crate) fn first_mut(&mut self, count: usize) -> &mut [Write] {
        &mut self.entries[..count]
    }

    /// Does the log have this variable, and did its lock replace that version?
    pub(crate) fn replaced(&self, place: Place, version: Version) -> bool {
        self.find(place)
            .is_some_and(|position| self.entries[position].before.is(version))
    }

    /// Takes out the newest entry; call `shrunk` after the last.
    pub(crate) fn pop(&mut self) -> Option<Write> {
        let write = self.entries.pop();
        if !self.index.is_empty() {
            if let Some(write) = &write {
                self.index.remove(&write.address());
            }
        }
        write
    }

    /// Entries have been taken out. Their bits stay in the filter as long as it is
    /// used: it then says "perhaps" more often.
    pub(crate) fn shrunk(&mut self) {
        if self.entries.len() <= LINEAR {
            self.clear_index();
        }
    }

    /// Empties the index. That takes as long as the index is large, so what is left of an
    /// attempt that was much larger than this one goes.
    fn clear_index(&mut self) {
        let used = self.index.len();
        if used > 0 && self.index.capacity() > SPARSE * used {
            self.index = HashMap::default();
        } else {
            self.index.clear();
        }
    }

    /// Gives back what an attempt that was much larger than others has left.
    pub(crate) fn tidy(&mut self) {
        self.entries.shrink_to(KEPT);
    }

    /// Takes out all entries, newest first.
    #[inline]
    pub(crate) fn take_each(&mut self, mut f: impl FnMut(Write)) {
        if self.entries.len() > LINEAR {
            self.clear_index();
        }
        while let Some(write) = self.entries.pop() {
            f(write);
        }
    }
}
