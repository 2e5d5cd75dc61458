//! What is free of one budget, and who is to be told.
//!
//! # Protocol
//!
//! One number holds how many are free and whether anybody has left *word*:
//!
//! | bits | |
//! |---|---|
//! | 0 | [`WORD`]: the list of drawers is not empty |
//! | 1.. | how many are free |
//!
//! 1. *Take*: where there is one, the number goes down.
//! 2. *Leave word*: a drawer that found none enters the list, and the bit is set, in the transaction
//!    that found none.
//! 3. *Give*: the number goes up. If the bit is set, it is cleared, the list is emptied, and once the
//!    transaction has committed those who were in it draw, each once, whether or not they still want to.
//!
//! **No wake-up is lost.** Finding none and leaving word are one transaction, giving and looking at the
//! bit another, and both are about the same variable: if the giving comes first, the other finds a slot;
//! if it comes second, it finds the bit.
//!
//! **Why one variable.** Taking and giving is what slots do all day, and a second variable would be
//! half as dear again.

use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{StmResult, TVar, Transaction};

use crate::work::unwind::shield;

/// Somebody has left word.
const WORD: usize = 1;
/// One slot.
const ONE: usize = 2;

/// The most that can be counted.
pub(super) const MOST: usize = usize::MAX / ONE;

/// Who takes slots for others, and is told when there may be one.
pub(crate) trait Draws: Send + Sync {
    /// Outside of transactions, on any thread. A panic is contained.
    fn draw(self: Arc<Self>);
}

/// A handle: clones share it.
#[derive(Clone)]
pub(super) struct Level {
    count: TVar<usize>,
    drawers: TVar<Vec<Weak<dyn Draws>>>,
}

impl Level {
    /// One of which so many are free.
    pub(super) fn new(free: usize) -> Level {
        Level {
            count: TVar::new(free * ONE),
            drawers: TVar::new(Vec::new()),
        }
    }

    pub(super) fn load(&self) -> usize {
        self.count.load() / ONE
    }

    pub(super) fn free(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        Ok(self.count.read(tx)? / ONE)
    }

    /// Step 1; says whether there was one.
    #[inline]
    pub(super) fn take(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let count = self.count.read(tx)?;
        if count < ONE {
            return Ok(false);
        }
        self.count.write(tx, count - ONE)?;
        Ok(true)
    }

    /// Step 2.
    pub(super) fn leave_word(
        &self,
        tx: &mut Transaction<'_>,
        drawer: &Weak<dyn Draws>,
    ) -> StmResult<()> {
        let mut drawers = self.drawers.read(tx)?;
        if drawers.iter().any(|other| other.ptr_eq(drawer)) {
            return Ok(());
        }
        drawers.push(Weak::clone(drawer));
        self.drawers.write(tx, drawers)?;
        self.count.modify(tx, |count| count | WORD)
    }

    /// Step 3.
    #[inline]
    pub(super) fn give(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let count = self.count.read(tx)?;
        self.count.write(tx, (count + ONE) & !WORD)?;
        if count & WORD != 0 {
            self.tell(tx)?;
        }
        Ok(())
    }

    #[cold]
    fn tell(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let drawers = self.drawers.replace(tx, Vec::new())?;
        tx.on_commit(move || {
            for drawer in drawers.iter().filter_map(Weak::upgrade) {
                shield(|| drawer.draw());
            }
        });
        Ok(())
    }
}
