//! What an attempt will write: variables, and the words they will get.
//!
//! Looked up on every read, so three steps, cheapest first: a one-word Bloom
//! filter, which nearly always says no; a linear search while the log is small; an index by address once it is not.
//!
//! A pending boxed word belongs to the log until the commit puts it into its
//! variable, in exchange for the old one, or until it is taken out as garbage.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::NonNull;

use crate::cell::{Core, Word};
use crate::reclaim::Garbage;
use crate::version::Version;

/// Up to here a linear search is at least as fast as an index.
const LINEAR: usize = 16;

/// One write.
#[derive(Debug)]
pub(crate) struct Write {
    core: NonNull<Core>,
    /// Pending; once committed, the word that it displaced.
    pub(crate) word: Word,
    /// What the lock replaced; meaningful while the commit holds the lock.
    pub(crate) before: Version,
}

impl Write {
    /// # Safety
    ///
    /// The core stays allocated while the write is in use, and the word, which
    /// the write owns from now on, is of its type.
    #[inline]
    pub(crate) unsafe fn new(core: NonNull<Core>, word: Word) -> Self {
        Write {
            core,
            word,
            before: Version::INITIAL,
        }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        // SAFETY: promised to `new`.
        unsafe { self.core.as_ref() }
    }

    pub(crate) fn address(&self) -> usize {
        self.core.as_ptr().addr()
    }

    /// The entry's word, to be dropped by whoever takes it.
    #[inline]
    pub(crate) fn take_garbage(self) -> Option<Garbage> {
        // SAFETY: the word belongs to the write, which ends here.
        unsafe { self.core().garbage(self.word) }
    }
}

/// Multiplicative hashing of addresses, which differ above their low bits.
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
        // The odd constant nearest to 2^64 / golden ratio (Knuth).
        self.0 = (address as u64 >> 6).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The writes of one attempt, in the order in which variables were first written.
#[derive(Debug, Default)]
pub(crate) struct WriteLog {
    entries: Vec<Write>,
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
    pub(crate) fn find(&self, core: NonNull<Core>) -> Option<usize> {
        if self.bloom & bloom_bit(core.as_ptr().addr()) == 0 {
            return None;
        }
        self.search(core)
    }

    fn search(&self, core: NonNull<Core>) -> Option<usize> {
        if self.entries.len() <= LINEAR {
            return self.entries.iter().position(|write| write.core == core);
        }
        self.index
            .get(&core.as_ptr().addr())
            .map(|&position| position as usize)
    }

    #[inline]
    pub(crate) fn word(&self, position: usize) -> Word {
        self.entries[position].word
    }

    /// Exchanges an entry for another of the same variable.
    #[inline]
    pub(crate) fn replace(&mut self, position: usize, write: Write) -> Write {
        std::mem::replace(&mut self.entries[position], write)
    }

    /// Logs the first write to a variable.
    #[inline]
    pub(crate) fn push(&mut self, write: Write) {
        self.bloom |= bloom_bit(write.address());
        self.entries.push(write);
        if self.entries.len() > LINEAR {
            self.index_newest();
        }
    }

    #[cold]
    fn index_newest(&mut self) {
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
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Write> {
        self.entries.iter()
    }

    #[inline]
    pub(crate) fn entries_mut(&mut self) -> &mut [Write] {
        &mut self.entries
    }

    /// The entry of a variable that is locked by this commit, if it is.
    #[inline]
    pub(crate) fn locked_entry(&self, address: usize) -> Option<&Write> {
        if self.bloom & bloom_bit(address) == 0 {
            return None;
        }
        if self.entries.len() <= LINEAR {
            return self.entries.iter().find(|write| write.address() == address);
        }
        self.index
            .get(&address)
            .map(|&position| &self.entries[position as usize])
    }

    /// Takes out the newest entries, down to `len`.
    pub(crate) fn truncate(&mut self, len: usize) -> std::vec::Drain<'_, Write> {
        if len == 0 {
            self.bloom = 0;
            if !self.index.is_empty() {
                self.index.clear();
            }
        } else if len <= LINEAR {
            self.index.clear();
        } else {
            for write in &self.entries[len..] {
                self.index.remove(&write.address());
            }
        }
        // Bits of entries that are gone may stay in the filter: it then says
        // "perhaps" more often, until the attempt ends.
        self.entries.drain(len..)
    }
}
