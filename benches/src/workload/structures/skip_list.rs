//! A skip list: read sets of some dozens, and writers that seldom meet.
//!
//! How high a key's tower is follows from the key, evenly as a coin would have
//! it, so that every contestant's list has the same shape.

use super::{END, Set};
use crate::system::System;
use crate::workload::sequence::{mixed, scattered};

/// Levels of links; the lowest has every key.
const LEVELS: usize = 13;

/// The links of key `k` are those from `starts[k + 1]` on, the lowest first;
/// those from `starts[0]` on lead to the first key of each level.
pub(super) struct SkipList<S: System> {
    starts: Vec<usize>,
    links: Vec<S::Var<u64>>,
}

/// For each level the link over the place that was sought, and where it leads.
type Path = [(usize, u64); LEVELS];

fn height(key: u64) -> usize {
    // Seed and key are apart from those that draw the keys of operations.
    1 + (mixed(0x5A, key).trailing_ones() as usize).min(LEVELS - 1)
}

impl<S: System> SkipList<S> {
    fn seek(&self, tx: &mut S::Tx<'_>, key: u64) -> Result<Path, S::Stop> {
        let mut path = [(0, END); LEVELS];
        let mut start = 0;
        for level in (0..LEVELS).rev() {
            path[level] = loop {
                let link = start + level;
                let next = S::read(tx, &self.links[link])?;
                if next >= key {
                    break (link, next);
                }
                start = self.starts[next as usize + 1];
            };
        }
        Ok(path)
    }

    fn tower(&self, key: u64) -> &[S::Var<u64>] {
        &self.links[self.starts[key as usize + 1]..][..height(key)]
    }
}

impl<S: System> Set for SkipList<S> {
    fn new(keys: usize) -> Self {
        let mut starts = vec![0];
        let mut count = LEVELS;
        for key in 0..keys as u64 {
            starts.push(count);
            count += height(key);
        }
        SkipList {
            starts,
            links: scattered(count, |_| S::var(END)),
        }
    }

    fn contains(&self, key: u64) -> bool {
        S::atomically(|tx| Ok(self.seek(tx, key)?[0].1 == key))
    }

    fn insert(&self, key: u64) -> bool {
        S::atomically(|tx| {
            let path = self.seek(tx, key)?;
            if path[0].1 == key {
                return Ok(false);
            }
            for (own, (link, next)) in self.tower(key).iter().zip(path) {
                S::write(tx, own, next)?;
                S::write(tx, &self.links[link], key)?;
            }
            Ok(true)
        })
    }

    fn remove(&self, key: u64) -> bool {
        S::atomically(|tx| {
            let path = self.seek(tx, key)?;
            if path[0].1 != key {
                return Ok(false);
            }
            for (own, (link, _)) in self.tower(key).iter().zip(path) {
                let after = S::read(tx, own)?;
                S::write(tx, &self.links[link], after)?;
            }
            Ok(true)
        })
    }
}

#[cfg(test)]
impl<S: System> super::tests::Keys for SkipList<S> {
    fn levels(&self) -> Vec<Vec<u64>> {
        S::atomically(|tx| {
            let mut levels = Vec::new();
            for level in 0..LEVELS {
                let mut keys = Vec::new();
                let mut next = S::read(tx, &self.links[level])?;
                while next != END {
                    keys.push(next);
                    next = S::read(tx, &self.tower(next)[level])?;
                }
                levels.push(keys);
            }
            Ok(levels)
        })
    }
}
