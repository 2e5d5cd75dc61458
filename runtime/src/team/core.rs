//! What a team's handle, its conductor and its members share: the [phases](super) and the counts.

use std::sync::OnceLock;

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::{StmResult, TVar, Transaction, atomically, retry};

use super::error::MemberError;
use super::threads::Books;
use crate::gate::Gate;
use crate::home::Home;
use crate::shared::Shared;
use crate::work::item::Item;

/// How far a team has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// It does not yet know its conductor.
    New,
    /// It waits for its threads.
    InLine,
    /// It has them.
    Reserved,
    /// Its members are queued.
    Mustering,
    /// Each of its members has a thread.
    Together,
    /// All have returned.
    Complete,
    Over(Why),
}

/// Why a team is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    Cancelled,
    Stopped,
    Lost(&'static str),
    /// The member of this index.
    Panicked(usize),
}

/// What became of a muster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(super) enum Muster {
    /// All have a thread.
    Together,
    /// The run ends first: the caller has to queue itself again.
    StepBack,
    /// There is nothing to start for.
    Over,
}

/// See the [module](self).
pub(crate) struct Core {
    pub(crate) size: usize,
    home: Home,
    gate: TVar<u8>,
    books: Books,
    pub(crate) phase: TVar<Phase>,
    /// How many threads are reserved for it.
    pub(super) has: TVar<usize>,
    /// How many members have a thread, while they muster; all of them, once they were together.
    arrived: TVar<usize>,
    /// How many members have not left.
    present: TVar<usize>,
    conductor: OnceLock<Item>,
    /// Until the conductor's end.
    members: Mutex<Vec<Item>>,
}

impl Core {
    pub(crate) fn new(shared: &Shared, size: usize) -> Arc<Core> {
        Arc::new(Core {
            size,
            home: shared.home(),
            gate: shared.gate.clone(),
            books: shared.teams.books().clone(),
            phase: TVar::new(Phase::New),
            has: TVar::new(0),
            arrived: TVar::new(0),
            present: TVar::new(size),
            conductor: OnceLock::new(),
            members: Mutex::new(Vec::new()),
        })
    }

    /// Step 1, once the conductor was put.
    pub(super) fn introduce(self: &Arc<Self>, conductor: Item) {
        let first = self.conductor.set(conductor);
        debug_assert!(first.is_ok(), "a team is put once");
        atomically(|tx| self.books.stand_in_line(tx, self));
    }

    /// The team's own item, once it was introduced, and so at the latest when the threads are
    /// reserved.
    pub(super) fn conductor(&self) -> Option<&Item> {
        self.conductor.get()
    }

    /// The scheduler, unless that is gone.
    pub(super) fn shared(&self) -> Option<Arc<Shared>> {
        self.home.shared()
    }

    pub(super) fn home(&self) -> Home {
        self.home
    }

    /// Has the run ended, or is about to?
    pub(super) fn is_closed(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let gate = Gate::read(&self.gate, tx)?;
        Ok(matches!(gate, Gate::Closed | Gate::Gone))
    }

    /// The end of step 2, for the conductor: waits for it, and says what there is to do.
    pub(super) fn reserved(&self, tx: &mut Transaction<'_>) -> StmResult<Phase> {
        match self.phase.read(tx)? {
            Phase::New | Phase::InLine => retry(),
            phase => Ok(phase),
        }
    }

    /// Step 3, after the members were put.
    pub(super) fn begin_muster(&self, members: Vec<Item>) {
        *self.members.lock() = members;
        atomically(|tx| match self.phase.read(tx)? {
            Phase::Reserved => self.phase.write(tx, Phase::Mustering),
            _ => Ok(()),
        });
    }

    /// Its members, while the conductor waits for them.
    pub(super) fn members(&self) -> Vec<Item> {
        self.members.lock().clone()
    }

    /// Step 4, for a member that has a thread. Blocks it until all have one.
    pub(super) fn muster(&self) -> Muster {
        let early = atomically(|tx| self.arrive(tx));
        early.unwrap_or_else(|| atomically(|tx| self.wait_for_others(tx)))
    }

    /// None where others have yet to arrive.
    fn arrive(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Muster>> {
        if matches!(self.phase.read(tx)?, Phase::Over(_)) {
            return Ok(Some(Muster::Over));
        }
        if self.is_closed(tx)? {
            return Ok(Some(Muster::StepBack));
        }
        let arrived = self.arrived.read(tx)? + 1;
        self.arrived.write(tx, arrived)?;
        if arrived < self.size {
            return Ok(None);
        }
        self.phase.write(tx, Phase::Together)?;
        Ok(Some(Muster::Together))
    }

    fn wait_for_others(&self, tx: &mut Transaction<'_>) -> StmResult<Muster> {
        // Whatever has come since: who was first may have panicked by now.
        if self.arrived.read(tx)? == self.size {
            return Ok(Muster::Together);
        }
        if matches!(self.phase.read(tx)?, Phase::Over(_)) {
            return Ok(Muster::Over);
        }
        if !self.is_closed(tx)? {
            return retry();
        }
        self.arrived.modify(tx, |arrived| arrived - 1)?;
        Ok(Muster::StepBack)
    }

    /// Makes it over, if it is not, and says what it was before.
    pub(super) fn end(&self, why: Why) -> Option<Phase> {
        atomically(|tx| self.end_in(tx, why))
    }

    /// As [`end`](Core::end), for one that has not started; says whether it was.
    pub(super) fn end_unless_together(&self, why: Why) -> bool {
        atomically(|tx| match self.phase.read(tx)? {
            Phase::Together => Ok(false),
            _ => Ok(self.end_in(tx, why)?.is_some()),
        })
    }

    fn end_in(&self, tx: &mut Transaction<'_>, why: Why) -> StmResult<Option<Phase>> {
        let before = self.phase.read(tx)?;
        if matches!(before, Phase::Complete | Phase::Over(_)) {
            return Ok(None);
        }
        self.phase.write(tx, Phase::Over(why))?;
        Ok(Some(before))
    }

    /// Step 6, for one member; true for the last.
    pub(super) fn leave(&self) -> bool {
        atomically(|tx| {
            let left = self.present.read(tx)? - 1;
            self.present.write(tx, left)?;
            if left == 0 && self.phase.read(tx)? == Phase::Together {
                self.phase.write(tx, Phase::Complete)?;
            }
            Ok(left == 0)
        })
    }

    /// How many members have not left.
    pub(super) fn present(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.present.read(tx)
    }

    /// The conductor's end, however that came about.
    pub(super) fn disband(&self) {
        atomically(|tx| {
            self.end_in(tx, Why::Cancelled)?;
            self.books.give_back(tx, self)
        });
        // Past the lock: that drops what they were to run.
        let members = std::mem::take(&mut *self.members.lock());
        for member in members {
            member.cancel();
        }
    }

    /// Is it over, for a member that could still go on?
    pub(super) fn is_over(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(matches!(self.phase.read(tx)?, Phase::Over(_)))
    }

    /// Why a member that needs `others` to be there, itself counted, need not wait, if so.
    pub(super) fn in_vain(
        &self,
        tx: &mut Transaction<'_>,
        others: usize,
    ) -> StmResult<Option<MemberError>> {
        if self.is_over(tx)? {
            return Ok(Some(MemberError::TeamOver));
        }
        let left = self.present.read(tx)? < others;
        Ok(left.then_some(MemberError::MemberLeft))
    }
}

#[cfg(test)]
mod tests {
    use super::{Core, Muster, Phase, Why};
    use crate::Scheduler;

    use hivework_stm::atomically;

    #[test]
    fn all_start_once_all_have_arrived_whatever_the_first_has_done_by_then() {
        let scheduler = Scheduler::builder().workers(1).build().unwrap();
        scheduler.start().unwrap();
        let core = Core::new(scheduler.shared(), 2);
        core.phase.store(Phase::Mustering);
        assert!(atomically(|tx| core.arrive(tx)).is_none());
        assert_eq!(atomically(|tx| core.arrive(tx)), Some(Muster::Together));
        // The other is on its way still.
        assert!(core.end(Why::Panicked(1)).is_some());
        assert_eq!(atomically(|tx| core.wait_for_others(tx)), Muster::Together);
    }

    #[test]
    fn nobody_starts_where_one_was_missing_at_the_end() {
        let scheduler = Scheduler::builder().workers(1).build().unwrap();
        scheduler.start().unwrap();
        let core = Core::new(scheduler.shared(), 2);
        core.phase.store(Phase::Mustering);
        assert!(atomically(|tx| core.arrive(tx)).is_none());
        assert!(core.end(Why::Cancelled).is_some());
        assert_eq!(atomically(|tx| core.arrive(tx)), Some(Muster::Over));
        assert_eq!(atomically(|tx| core.wait_for_others(tx)), Muster::Over);
    }
}
