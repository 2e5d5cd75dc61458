//! Where the slots of a root come from: out of nothing, or out of a pool of other processes.
//!
//! What the budgets ask of a pool is all here, so that they are the same with and without the
//! feature `jobserver`.

use hivework_stm::{StmResult, Transaction};

#[cfg(feature = "jobserver")]
use super::jobserver::pool::Pool;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Source {
    /// None of parts, and of slots that are the program's own.
    #[cfg(feature = "jobserver")]
    pub(super) pool: Option<Pool>,
}

#[cfg(not(feature = "jobserver"))]
#[allow(clippy::unused_self)]
impl Source {
    pub(super) fn want(&self, _: &mut Transaction<'_>) {}

    pub(super) fn want_in(&self, _: &mut Transaction<'_>) -> StmResult<()> {
        Ok(())
    }

    #[inline]
    pub(super) fn takes_back(&self, _: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(false)
    }

    pub(super) fn fetch(&self) -> bool {
        false
    }
}

#[cfg(feature = "jobserver")]
impl Source {
    /// Somebody found none free, and is going to retry: which undoes what it writes.
    pub(super) fn want(&self, tx: &mut Transaction<'_>) {
        if let Some(pool) = &self.pool {
            pool.want(tx);
        }
    }

    /// Somebody found none free, and leaves word.
    pub(super) fn want_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        match &self.pool {
            None => Ok(()),
            Some(pool) => pool.want_in(tx),
        }
    }

    /// One is given: does it go back to where it came from, or is it to be free here?
    #[inline]
    pub(super) fn takes_back(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        match &self.pool {
            None => Ok(false),
            Some(pool) => pool.takes_back(tx),
        }
    }

    /// Fetches one for somebody who does not wait, if there is one; says whether to look again.
    pub(super) fn fetch(&self) -> bool {
        self.pool.as_ref().is_some_and(Pool::fetch)
    }
}
