//! A sorted linked list: long read sets, and writers anywhere in them.

use super::{END, Set};
use crate::system::System;
use crate::workload::sequence::scattered;

/// `links[0]` leads to the first key, `links[key + 1]` from a key to the next.
pub(super) struct List<S: System> {
    links: Vec<S::Var<u64>>,
}

impl<S: System> List<S> {
    /// The link that leads to `key` or over the place where it would be, and
    /// where it leads.
    fn seek(&self, tx: &mut S::Tx<'_>, key: u64) -> Result<(usize, u64), S::Stop> {
        let mut link = 0;
        loop {
            let next = S::read(tx, &self.links[link])?;
            if next >= key {
                return Ok((link, next));
            }
            link = next as usize + 1;
        }
    }

    fn after(&self, key: u64) -> &S::Var<u64> {
        &self.links[key as usize + 1]
    }
}

impl<S: System> Set for List<S> {
    fn new(keys: usize) -> Self {
        List {
            links: scattered(keys + 1, |_| S::var(END)),
        }
    }

    fn contains(&self, key: u64) -> bool {
        S::atomically(|tx| Ok(self.seek(tx, key)?.1 == key))
    }

    fn insert(&self, key: u64) -> bool {
        S::atomically(|tx| {
            let (link, next) = self.seek(tx, key)?;
            if next == key {
                return Ok(false);
            }
            S::write(tx, self.after(key), next)?;
            S::write(tx, &self.links[link], key)?;
            Ok(true)
        })
    }

    fn remove(&self, key: u64) -> bool {
        S::atomically(|tx| {
            let (link, next) = self.seek(tx, key)?;
            if next != key {
                return Ok(false);
            }
            let after = S::read(tx, self.after(key))?;
            S::write(tx, &self.links[link], after)?;
            Ok(true)
        })
    }
}

#[cfg(test)]
impl<S: System> super::tests::Keys for List<S> {
    fn levels(&self) -> Vec<Vec<u64>> {
        vec![S::atomically(|tx| {
            let mut keys = Vec::new();
            let mut next = S::read(tx, &self.links[0])?;
            while next != END {
                keys.push(next);
                next = S::read(tx, self.after(next))?;
            }
            Ok(keys)
        })]
    }
}
