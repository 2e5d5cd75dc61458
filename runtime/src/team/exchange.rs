//! A place where all members of a team give one value each, and get those of all.
//!
//! 1. *Give*: a member puts its value into its slot and counts. The last of the round collects all
//!    slots into the round's result, in the order of the slots; the next round begins.
//! 2. *Take*: wait until the result is that of a later round than was current in step 1.
//!
//! As with a barrier that is two transactions: nobody sees what is given before it is committed.
//! A result stays until the next round is complete, which takes a value of everybody, and so of
//! those who have yet to take it. A slot that is full when its member gives again (from two
//! threads at once) is waited for.

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction, check};

/// See the [module](self).
pub(super) struct Exchange<M: Send + Sync + 'static> {
    slots: Vec<TVar<Option<M>>>,
    given: TVar<usize>,
    result: TVar<Round<M>>,
}

struct Round<M> {
    number: u64,
    values: Arc<[M]>,
}

impl<M> Clone for Round<M> {
    fn clone(&self) -> Self {
        Round {
            number: self.number,
            values: Arc::clone(&self.values),
        }
    }
}

impl<M: Clone + Send + Sync + 'static> Exchange<M> {
    pub(super) fn new(size: usize) -> Self {
        Exchange {
            slots: (0..size).map(|_| TVar::new(None)).collect(),
            given: TVar::new(0),
            result: TVar::new(Round {
                number: 0,
                values: Arc::new([]),
            }),
        }
    }

    /// Step 1. Says which round it was for.
    pub(super) fn give(&self, tx: &mut Transaction<'_>, index: usize, value: M) -> StmResult<u64> {
        let number = self.result.read(tx)?.number;
        let slot = &self.slots[index];
        check(slot.read(tx)?.is_none())?;
        slot.write(tx, Some(value))?;
        let given = self.given.read(tx)? + 1;
        if given < self.slots.len() {
            self.given.write(tx, given)?;
            return Ok(number);
        }
        let mut values = Vec::with_capacity(given);
        for slot in &self.slots {
            values.extend(slot.replace(tx, None)?);
        }
        self.given.write(tx, 0)?;
        let next = Round {
            number: number + 1,
            values: values.into(),
        };
        self.result.write(tx, next)?;
        Ok(number)
    }

    /// Step 2, as a look.
    pub(super) fn result(
        &self,
        tx: &mut Transaction<'_>,
        number: u64,
    ) -> StmResult<Option<Arc<[M]>>> {
        let round = self.result.read(tx)?;
        Ok((round.number != number).then_some(round.values))
    }
}
