//! Slots: how many may be at work at once.
//!
//! # Protocol
//!
//! A *budget* is a number of free slots, a variable, and may be a part of another: its *parent*.
//!
//! 1. To *take* a slot is to take one of every budget from this one up to the root, in one
//!    transaction, if all of them have one that is free. So a part of k never has more than k, and
//!    all parts together never more than the whole.
//! 2. To *give* it back is to add one to each, in one transaction.
//! 3. Who cannot take one retries, or leaves word: a *drawer* (`stream.rs`) enters, in the transaction that
//!    found none, the list of the lowest budget that had none. Who gives takes the lists of the budgets
//!    that it gives to, and has those in them draw once it has committed.
//!
//! **No wake-up is lost.** Finding none and entering the list are one transaction, giving and looking
//! at the list another: if the giving comes first, the other would have found a slot; if it comes
//! second it finds the list.

pub(crate) mod error;
pub(crate) mod slot;

use std::fmt;
use std::time::Duration;

use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{
    StmResult, TVar, Transaction, atomically, atomically_timeout, retry, try_atomically,
};

use crate::work::unwind::shield;
use error::SlotsError;
use slot::Slot;

/// How many may be at work at once: a budget of slots, which is taken from and given back to in
/// transactions, and which may be a part of a larger one.
///
/// A handle: clones share the budget.
pub struct Slots(Arc<Budget>);

struct Budget {
    size: usize,
    free: TVar<usize>,
    /// Who is to draw once one is free.
    drawers: TVar<Vec<Weak<dyn Draws>>>,
    parent: Option<Slots>,
}

/// Who takes slots for others, and is told when there may be one.
pub(crate) trait Draws: Send + Sync {
    /// Outside of transactions, on any thread. A panic is contained.
    fn draw(self: Arc<Self>);
}

impl Slots {
    /// So many slots.
    ///
    /// # Errors
    ///
    /// [`SlotsError::Zero`] for none.
    pub fn new(size: usize) -> Result<Slots, SlotsError> {
        Slots::part_of(size, None)
    }

    /// A part of these: `size` of them at most. Whoever takes one of the part takes one of these as well.
    ///
    /// # Errors
    ///
    /// [`SlotsError::Zero`] for none, [`SlotsError::LargerThanParent`] for more than there are.
    pub fn narrow(&self, size: usize) -> Result<Slots, SlotsError> {
        Slots::part_of(size, Some(self.clone()))
    }

    fn part_of(size: usize, parent: Option<Slots>) -> Result<Slots, SlotsError> {
        match &parent {
            _ if size == 0 => return Err(SlotsError::Zero),
            Some(whole) if size > whole.size() => {
                return Err(SlotsError::LargerThanParent {
                    asked: size,
                    parent: whole.size(),
                });
            }
            _ => {}
        }
        Ok(Slots(Arc::new(Budget {
            size,
            free: TVar::new(size),
            drawers: TVar::new(Vec::new()),
            parent,
        })))
    }

    /// How many there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// What they are a part of.
    #[must_use]
    pub fn parent(&self) -> Option<&Slots> {
        self.0.parent.as_ref()
    }

    /// Are both the same?
    #[must_use]
    pub fn ptr_eq(&self, other: &Slots) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many of them are free. Of a part: as far as the part goes, whatever is free of the whole.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.free.load()
    }

    /// As [`free`](Slots::free), as the transaction sees it.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn free_in(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.free.read(tx)
    }

    /// Takes one; waits until there is one. Which of several who wait gets it is not defined.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`take_in`](Slots::take_in) there.
    pub fn take(&self) -> Slot {
        atomically(|tx| self.take_one(tx).and_then(must));
        Slot::held(self.clone())
    }

    /// As [`take`](Slots::take), but waits no longer than `limit`.
    ///
    /// # Panics
    ///
    /// As [`take`](Slots::take).
    #[must_use]
    pub fn take_timeout(&self, limit: Duration) -> Option<Slot> {
        atomically_timeout(limit, |tx| self.take_one(tx).and_then(must))?;
        Some(Slot::held(self.clone()))
    }

    /// Takes one if there is one.
    ///
    /// # Panics
    ///
    /// As [`take`](Slots::take).
    #[must_use]
    pub fn try_take(&self) -> Option<Slot> {
        try_atomically(|tx| self.take_one(tx).and_then(must))?;
        Some(Slot::held(self.clone()))
    }

    /// Takes one with the transaction: if that is rolled back, none was taken.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while there is none.
    pub fn take_in(&self, tx: &mut Transaction<'_>) -> StmResult<Slot> {
        self.take_one(tx).and_then(must)?;
        Ok(Slot::open(self.clone(), tx))
    }

    /// Step 1; answers the lowest budget that has none where it is in vain.
    pub(crate) fn take_one(&self, tx: &mut Transaction<'_>) -> StmResult<Result<(), Slots>> {
        for level in self.levels() {
            if level.0.free.read(tx)? == 0 {
                return Ok(Err(level.clone()));
            }
        }
        for level in self.levels() {
            level.0.free.modify(tx, |free| free - 1)?;
        }
        Ok(Ok(()))
    }

    /// What [`take_one`](Slots::take_one) has taken in a transaction that has committed.
    pub(crate) fn taken(&self) -> Slot {
        Slot::held(self.clone())
    }

    /// Steps 2 and 3.
    fn give_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        for level in self.levels() {
            level.0.free.modify(tx, |free| free + 1)?;
            if level.0.drawers.read_with(tx, Vec::is_empty)? {
                continue;
            }
            let drawers = level.0.drawers.replace(tx, Vec::new())?;
            tx.on_commit(move || {
                for drawer in drawers.iter().filter_map(Weak::upgrade) {
                    shield(|| drawer.draw());
                }
            });
        }
        Ok(())
    }

    fn give_back(&self) {
        atomically(|tx| self.give_in(tx));
    }

    /// Step 3: `drawer` is to draw once one of these is free.
    pub(crate) fn leave_word(
        &self,
        tx: &mut Transaction<'_>,
        drawer: &Weak<dyn Draws>,
    ) -> StmResult<()> {
        let known =
            |drawers: &Vec<Weak<dyn Draws>>| drawers.iter().any(|other| other.ptr_eq(drawer));
        if self.0.drawers.read_with(tx, known)? {
            return Ok(());
        }
        self.0.drawers.modify(tx, |mut drawers| {
            drawers.push(Weak::clone(drawer));
            drawers
        })
    }

    /// From this budget up to the root.
    fn levels(&self) -> impl Iterator<Item = &Slots> {
        std::iter::successors(Some(self), |level| level.parent())
    }
}

/// Retries where there was no slot.
fn must(taken: Result<(), Slots>) -> StmResult<()> {
    taken.or_else(|_| retry())
}

impl Clone for Slots {
    fn clone(&self) -> Self {
        Slots(Arc::clone(&self.0))
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("size", &self.size())
            .field("free", &self.free())
            .finish_non_exhaustive()
    }
}
