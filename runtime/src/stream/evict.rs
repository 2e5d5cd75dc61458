//! Who has to leave a slot to something more urgent.
//!
//! # Protocol
//!
//! 1. A job that starts in a slot of its own *enters* the index of those that run, by its priority
//!    and by when it started.
//! 2. A drawing that has found a job to start, and no slot, looks for a *victim*: of those that run
//!    and have not been asked to leave, the one with the lowest priority, and of several the one
//!    that started first. If its priority is *strictly* below that of the job, it is taken out of the
//!    index, and counts as *leaving*, all in the transaction that has found no slot; once that has
//!    committed it is [asked](crate::work::asked).
//! 3. A job that has *left*, or is back, gives its slot back, and then is taken out of the index, or is
//!    leaving no more; after that it pumps. So a slot is free when nothing of the victim runs any more, and
//!    not when it is told to stop; and nobody else is put out for a slot that is coming home.
//!
//! A slot that other jobs share comes home with the last of them: they are not asked to leave.
//!
//! The index is ordered by priority first and start second, and so its first entry is the victim. It
//! is a map by a number that no two jobs share: what leaves is the job itself, and never
//! another that is as urgent.
//!
//! **As many leave as are needed.** Where e are leaving, their slots are for the e jobs that would be
//! drawn first; so the one that a victim is looked for is the next one after those. A drawing
//! finds it by taking e jobs and one more, and undoing that.
//!
//! **Who is made room for gets it.** The job that a victim was looked for is *expected* from then on:
//! until it is drawn nobody less urgent is, whatever the strategies say. Otherwise the victim, back
//! in its old place, could be the next to be drawn, and would have to leave once more.
//!
//! **It ends.** Nobody is put out by an equal. So each time somebody leaves for another, what runs
//! becomes more urgent on the whole.

pub(super) mod room;

use hivework_stm::{StmResult, TVar, Transaction};
use stm_ports::TOrderedMap;

/// May a job that is more urgent than one that runs take its slot?
///
/// The rule is that of the system *sched_utils*, with what it left open decided: the job that
/// leaves is the least urgent, and of several the one that started first; it leaves only for
/// one that is strictly more urgent; its slot is taken when nothing of it runs any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Evict {
    /// No: who runs keeps its slot until it ends.
    #[default]
    Never,
    /// Yes; and this becomes of the one that leaves.
    StrictlyWorst(Fate),
}

/// What becomes of a job that has to leave its slot.
///
/// Only a [restartable](crate::make_restartable) job can come back; any other is dropped, whatever the
/// policy is. One that comes to its end before it notices has its result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Fate {
    /// It ends, and answers [`WorkError::Evicted`](crate::WorkError::Evicted).
    #[default]
    Dropped,
    /// It goes back into its stream, to its old place, and begins anew when it is drawn again.
    QueuedAgain,
    /// It goes back into its stream, to its old place, and goes on from what it has reached.
    Checkpointed,
}

/// When a job started, among those of its priority; and its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Seat {
    priority: i32,
    start: u64,
}

/// The jobs that run in slots of their own; see the [module](self).
struct Running<J: Send + Sync + 'static> {
    index: TOrderedMap<Seat, J>,
    /// How many have been asked to leave, and have not.
    leaving: TVar<usize>,
    /// How many have started.
    starts: TVar<u64>,
}

impl<J: Clone + Send + Sync + 'static> Running<J> {
    fn new() -> Self {
        Running {
            index: TOrderedMap::new(),
            leaving: TVar::new(0),
            starts: TVar::new(0),
        }
    }

    /// Step 1.
    fn enter(
        &self,
        tx: &mut Transaction<'_>,
        priority: i32,
        job: J,
    ) -> StmResult<Seat> {
        let start = self.starts.read(tx)?;
        self.starts.write(tx, start + 1)?;
        let seat = Seat { priority, start };
        self.index.insert(tx, seat, job)?;
        Ok(seat)
    }

    /// The priority of who would have to leave.
    fn worst(&self, tx: &mut Transaction<'_>) -> StmResult<Option<i32>> {
        Ok(self.index.first(tx)?.map(|(seat, _)| seat.priority))
    }

    /// Step 2: who is to leave.
    fn victim(&self, tx: &mut Transaction<'_>) -> StmResult<Option<J>> {
        let Some((_, job)) = self.index.pop_first(tx)? else {
            return Ok(None);
        };
        self.leaving.modify(tx, |leaving| leaving + 1)?;
        Ok(Some(job))
    }

    /// How many have been asked to leave, and have not.
    fn leaving(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.leaving.read(tx)
    }

    /// Step 3. Answers the entry, to be dropped when the transaction is over.
    fn leave(&self, tx: &mut Transaction<'_>, seat: Seat) -> StmResult<Option<J>> {
        let left = self.index.remove(tx, &seat)?;
        if left.is_none() {
            self.leaving.modify(tx, |leaving| leaving - 1)?;
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests;
