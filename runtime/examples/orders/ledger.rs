//! A list that only grows, in transactional variables.
//!
//! One variable holding all of it would be copied whole at every append. This
//! one is cut into pages: an append copies the last page, a reader takes as
//! many variables as there are pages, still in one transaction.

use hivework::{StmResult, TVar, Transaction};

const PAGE: usize = 64;

/// The pages in order; all but the last are full.
#[derive(Clone)]
pub(crate) struct Ledger<T> {
    pages: TVar<Vec<TVar<Vec<T>>>>,
}

impl<T: Clone + Send + Sync + 'static> Ledger<T> {
    /// An empty list.
    pub(crate) fn new() -> Self {
        Ledger {
            pages: TVar::new(Vec::new()),
        }
    }

    /// Appends `entry` and answers its place, from 0.
    pub(crate) fn append(&self, tx: &mut Transaction<'_>, entry: T) -> StmResult<usize> {
        let (full, last) = self.pages.read_with(tx, |pages| {
            (pages.len().saturating_sub(1), pages.last().cloned())
        })?;
        if let Some(last) = last {
            let mut entries = last.read(tx)?;
            if entries.len() < PAGE {
                let place = full * PAGE + entries.len();
                entries.push(entry);
                last.write(tx, entries)?;
                return Ok(place);
            }
        }
        let mut pages = self.pages.read(tx)?;
        let place = pages.len() * PAGE;
        pages.push(TVar::new(vec![entry]));
        self.pages.write(tx, pages)?;
        Ok(place)
    }

    /// A copy of all entries.
    pub(crate) fn entries(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<T>> {
        let mut all = Vec::new();
        for page in self.pages.read(tx)? {
            page.read_with(tx, |entries| all.extend_from_slice(entries))?;
        }
        Ok(all)
    }
}
