//! Which threads teams may count on: step 2 of [a team's life](super).
//!
//! Three variables: how many threads there can be, how many are *reserved*, and the line of the
//! teams that wait. Every transaction that changes one of them *serves* the line: while the first
//! team in it fits, it gets its threads. So the first never fits between two transactions, and none
//! passes it, but those that members put.
//!
//! A team that is over before its turn stays in the line until it is the first, and goes then.
//! Its threads are given back once, whoever does it and how often, because it keeps account of
//! what it has.
//!
//! # When the number of threads changes
//!
//! Whoever changes the number of workers says so first ([`Teams::set_workers`]), and then asks
//! before it takes a worker out whether the rest would do ([`Teams::can_do_with`]). Both are
//! transactions, as reserving is: a team that got its threads before is in the answer, one that
//! comes later goes by the smaller number. A team in the line that could then never have its
//! threads is answered `Lost`, when it is the first.

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::{StmResult, TVar, Transaction, atomically};
use stm_ports::TQueue;

use super::core::{Core, Phase, Why};
use crate::local;

#[cfg(test)]
mod tests;

/// What all teams of a scheduler share; see the [module](self).
pub(crate) struct Teams {
    spares: usize,
    books: Books,
    /// The conductors of teams whose members may run, by address.
    conductors: Mutex<Vec<usize>>,
}

/// The variables; a handle.
#[derive(Clone)]
pub(crate) struct Books {
    threads: TVar<usize>,
    reserved: TVar<usize>,
    line: TQueue<Arc<Core>>,
}

impl Teams {
    pub(crate) fn new(workers: usize, spares: usize) -> Self {
        Teams {
            spares,
            books: Books {
                threads: TVar::new(workers.saturating_add(spares)),
                reserved: TVar::new(0),
                line: TQueue::new(),
            },
            conductors: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn books(&self) -> &Books {
        &self.books
    }

    /// So many workers there are to be from now on.
    #[allow(dead_code, reason = "for schedulers whose number of workers changes")]
    pub(crate) fn set_workers(&self, workers: usize) {
        let threads = workers.saturating_add(self.spares);
        atomically(|tx| {
            self.books.threads.write(tx, threads)?;
            self.books.serve(tx)
        });
    }

    /// Would so many workers do for the teams that have threads reserved?
    #[allow(dead_code, reason = "as above")]
    pub(crate) fn can_do_with(&self, workers: usize) -> bool {
        self.books.reserved.load() <= workers.saturating_add(self.spares)
    }

    /// How many threads there can be.
    pub(crate) fn threads(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.books.threads.read(tx)
    }

    /// How many of them are reserved.
    pub(crate) fn reserved(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.books.reserved.read(tx)
    }

    /// Reserves the team's threads, ahead of the line; false if there are too few.
    pub(crate) fn take(&self, tx: &mut Transaction<'_>, core: &Core) -> StmResult<bool> {
        self.books.take(tx, core)
    }

    /// Its members are about to be put.
    pub(crate) fn enter(&self, conductor: usize) {
        self.conductors.lock().push(conductor);
    }

    /// They are over, or nobody cares any more.
    pub(crate) fn leave(&self, conductor: usize) {
        self.conductors.lock().retain(|other| *other != conductor);
    }

    /// Does this thread run a member of some team, under whatever runs on top of it?
    pub(crate) fn is_member_here(&self) -> bool {
        let running = local::running();
        let conductors = self.conductors.lock();
        running.iter().any(|item| conductors.contains(item))
    }
}

impl Books {
    /// The team goes into the line, unless it was over before. One that has its threads
    /// already goes on.
    pub(super) fn stand_in_line(
        &self,
        tx: &mut Transaction<'_>,
        core: &Arc<Core>,
    ) -> StmResult<()> {
        if core.phase.read(tx)? != Phase::New {
            return Ok(());
        }
        if core.has.read(tx)? > 0 {
            return core.phase.write(tx, Phase::Reserved);
        }
        core.phase.write(tx, Phase::InLine)?;
        self.line.put(tx, Arc::clone(core))?;
        self.serve(tx)
    }

    /// The team gives back what it has.
    pub(super) fn give_back(&self, tx: &mut Transaction<'_>, core: &Core) -> StmResult<()> {
        let had = core.has.replace(tx, 0)?;
        self.reserved.modify(tx, |reserved| reserved - had)?;
        self.serve(tx)
    }

    fn take(&self, tx: &mut Transaction<'_>, core: &Core) -> StmResult<bool> {
        let reserved = self.reserved.read(tx)? + core.size;
        if reserved > self.threads.read(tx)? {
            return Ok(false);
        }
        self.reserved.write(tx, reserved)?;
        core.has.write(tx, core.size)?;
        Ok(true)
    }

    fn serve(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        while let Some(first) = self.line.try_peek(tx)? {
            if first.phase.read(tx)? == Phase::InLine {
                if first.size > self.threads.read(tx)? {
                    let why = "the scheduler was told to have fewer threads than its team members";
                    first.phase.write(tx, Phase::Over(Why::Lost(why)))?;
                } else if self.take(tx, &first)? {
                    first.phase.write(tx, Phase::Reserved)?;
                } else {
                    break;
                }
            }
            self.line.try_take(tx)?;
        }
        Ok(())
    }
}
