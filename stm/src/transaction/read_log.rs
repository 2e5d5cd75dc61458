//! What an attempt has read: variables, and the versions they had.
//!
//! Append-only until the attempt ends: a branch that is rolled back leaves its
//! reads behind, because what was decided after it was decided knowing them,
//! and because a transaction that waits must wake when they change.
//!
//! The variables stay allocated because the attempt is pinned.

use crate::cell::Words;
use crate::place::Place;
use crate::version::Version;

/// Room for so many reads is kept for good.
const KEPT: usize = 1 << 12;

/// One read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) place: Place,
    pub(crate) version: Version,
}

impl Read {
    #[inline]
    pub(crate) fn words(&self) -> &Words {
        // SAFETY: `ReadLog::push` demands that the variable stays allocated while
        // the entry is in the log.
        unsafe { self.place.words() }
    }

    pub(crate) fn name(&self) -> Option<&'static str> {
        // SAFETY: as in `words`.
        unsafe { self.place.name() }
    }

    pub(crate) fn address(&self) -> usize {
        self.place.address()
    }
}

/// The reads of one attempt, in order.
#[derive(Debug, Default)]
pub(crate) struct ReadLog(Vec<Read>);

impl ReadLog {
    /// Logs a read.
    ///
    /// # Safety
    ///
    /// The variable stays allocated until `clear`.
    #[inline]
    pub(crate) unsafe fn push(&mut self, place: Place, version: Version) {
        self.0.push(Read { place, version });
    }

    /// The version that was read of the variable, if it was the last to be read;
    /// NONE otherwise.
    #[inline]
    pub(crate) fn just_read(&self, place: Place) -> Version {
        match self.0.last() {
            Some(read) if read.place == place => read.version,
            _ => Version::NONE,
        }
    }

    #[inline]
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Read> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The reads with every variable once, in the order in which they were
    /// first read: addresses differ from one run of a model to the next.
    pub(crate) fn distinct(&self) -> Vec<Read> {
        if let [read] = self.0[..] {
            return vec![read];
        }
        let mut reads: Vec<_> = self.0.iter().copied().enumerate().collect();
        reads.sort_unstable_by_key(|&(position, read)| (read.address(), position));
        reads.dedup_by_key(|(_, read)| read.address());
        reads.sort_unstable_by_key(|&(position, _)| position);
        reads.into_iter().map(|(_, read)| read).collect()
    }

    /// Gives back what an attempt that was much larger than others has left.
    pub(crate) fn tidy(&mut self) {
        self.0.shrink_to(KEPT);
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
