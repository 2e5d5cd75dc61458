//! Which threads teams may count on: step 2 of [a team's life](super).
//!
//! Variables: how many threads there can be, how many are *reserved*, the line of the teams
//! that wait, and of these the *joined*, for which a work waits that has a thread itself. Every
//! transaction that changes one of them *serves* those who wait, until nobody is left who may go
//! on:
//!
//! 1. While there are joined ones: of these, in order of arrival, the first that would fit if
//!    nothing else were reserved than the threads of the works that wait. It gets its threads if
//!    they are free now, and if not nobody does.
//! 2. Otherwise the first in the line, if it fits.
//!
//! So nobody is passed but by who holds something that others may want, or by teams that members
//! put. A team that is over before its turn stays in the line until it is the first, and goes
//! then. Its threads are given back once, whoever does it and how often, because it keeps account
//! of what it has.
//!
//! # Works that join
//!
//! A work in `join` on a team that waits keeps its own thread from others, and so reserves that
//! one: it becomes the first of the team's. Two that did so for teams of as many members as
//! there are threads would wait for each other, though. So a join is *safe*, or refused: there is a
//! free thread to reserve, and an order in which all that are joined can have their turn, each
//! when those before it are done. With `j` of them that is so if by size the first leaves `j - 1`
//! threads out, the second `j - 2`, and so on. It stays so when one of them is done; and then
//! step 1 always finds one, which comes to its turn when those that run are over.
//!
//! # When the number of threads changes
//!
//! What counts is how many workers there can be: the target, or the most that the load may bring. The
//! supervisor makes those that teams have reserved, whatever the target is. Whoever changes the number
//! says so first ([`Teams::set_workers`]), and a worker leaves only if the rest would do ([`Teams::least_workers`]). Both are
//! transactions, as reserving is: a team that got its threads before is in the answer, one that
//! comes later goes by the smaller number. Teams that could then never have their threads are
//! answered `Lost`, when it is their turn.

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::{StmResult, TVar, Transaction, atomically};
use stm_ports::TQueue;

use super::core::{Core, Phase, Why};
use crate::local;

#[cfg(test)]
mod tests;

/// Why a team that has waited is answered.
const TOO_FEW: &str = "there can be fewer threads by now than its team has members";

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
    /// In order of arrival.
    joined: TVar<Vec<Arc<Core>>>,
}

impl Teams {
    pub(crate) fn new(workers: usize, spares: usize) -> Self {
        Teams {
            spares,
            books: Books {
                threads: TVar::new(workers.saturating_add(spares)),
                reserved: TVar::new(0),
                line: TQueue::new(),
                joined: TVar::new(Vec::new()),
            },
            conductors: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn books(&self) -> &Books {
        &self.books
    }

    /// So many workers there can be from now on.
    pub(crate) fn set_workers(&self, workers: usize) {
        let threads = workers.saturating_add(self.spares);
        if self.books.threads.load() == threads {
            // Whoever changes it does so under the lock of the plan.
            return;
        }
        atomically(|tx| {
            self.books.threads.write(tx, threads)?;
            self.books.serve(tx)
        });
    }

    /// How many workers there have to be for the teams that have threads reserved.
    pub(crate) fn least_workers(&self) -> usize {
        self.books.reserved.load().saturating_sub(self.spares)
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

    /// A work, on whose thread this is, is about to wait for a team that may be in the line; false
    /// if it must not.
    pub(super) fn join(&self, core: &Arc<Core>) -> bool {
        atomically(|tx| self.books.join(tx, core))
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

    /// Reserves what it does not have, if there are enough.
    fn take(&self, tx: &mut Transaction<'_>, core: &Core) -> StmResult<bool> {
        let more = core.size - core.has.read(tx)?;
        let reserved = self.reserved.read(tx)? + more;
        if reserved > self.threads.read(tx)? {
            return Ok(false);
        }
        self.reserved.write(tx, reserved)?;
        core.has.write(tx, core.size)?;
        Ok(true)
    }

    fn join(&self, tx: &mut Transaction<'_>, core: &Arc<Core>) -> StmResult<bool> {
        if core.phase.read(tx)? != Phase::InLine || core.has.read(tx)? > 0 {
            return Ok(true);
        }
        let (threads, reserved) = (self.threads.read(tx)?, self.reserved.read(tx)?);
        let mut joined = self.joined.read(tx)?;
        joined.push(Arc::clone(core));
        if reserved >= threads || !is_safe(&joined, threads) {
            return Ok(false);
        }
        self.joined.write(tx, joined)?;
        self.reserved.write(tx, reserved + 1)?;
        core.has.write(tx, 1)?;
        self.serve(tx)?;
        Ok(true)
    }

    fn serve(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        while self.serve_joined(tx)? && self.serve_first(tx)? {}
        Ok(())
    }

    /// Step 1; false where one of them has to wait.
    fn serve_joined(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let mut joined = self.joined.read(tx)?;
        if joined.is_empty() {
            return Ok(true);
        }
        let threads = self.threads.read(tx)?;
        let before = joined.len();
        loop {
            let mut waiting = Vec::with_capacity(joined.len());
            for core in joined {
                if core.phase.read(tx)? == Phase::InLine {
                    waiting.push(core);
                }
            }
            joined = waiting;
            let Some(last) = joined.last() else { break };
            let others = joined.len() - 1;
            let next = joined.iter().find(|core| core.size + others <= threads);
            match next {
                None => last.phase.write(tx, Phase::Over(Why::Lost(TOO_FEW)))?,
                Some(next) if self.take(tx, next)? => next.phase.write(tx, Phase::Reserved)?,
                Some(_) => break,
            }
        }
        let none = joined.is_empty();
        if joined.len() < before {
            self.joined.write(tx, joined)?;
        }
        Ok(none)
    }

    /// Step 2; false where there is nobody, or the first has to wait.
    fn serve_first(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let Some(first) = self.line.try_peek(tx)? else {
            return Ok(false);
        };
        if first.phase.read(tx)? == Phase::InLine {
            if first.size > self.threads.read(tx)? {
                first.phase.write(tx, Phase::Over(Why::Lost(TOO_FEW)))?;
            } else if self.take(tx, &first)? {
                first.phase.write(tx, Phase::Reserved)?;
            } else {
                return Ok(false);
            }
        }
        self.line.try_take(tx)?;
        Ok(true)
    }
}

/// Is there an order in which all of them can have their turn?
fn is_safe(joined: &[Arc<Core>], threads: usize) -> bool {
    let mut sizes: Vec<_> = joined.iter().map(|core| core.size).collect();
    sizes.sort_unstable();
    let others = (0..sizes.len()).rev();
    sizes
        .iter()
        .zip(others)
        .all(|(size, others)| size + others <= threads)
}
