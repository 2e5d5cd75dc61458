//! A slot that somebody holds.
//!
//! # Who gives it back
//!
//! A slot that was taken outside of transactions is held, and given back when it is dropped. One that
//! a transaction takes or gives can leave that transaction before it is known to commit, be
//! dropped in it or by another thread, and be given in two transactions at once. So it has a
//! variable, its *fate*:
//!
//! | fate | meaning |
//! |---|---|
//! | NEW | no transaction that has taken it has committed |
//! | HELD | taken |
//! | GONE | there is nothing to be given back, now or later |
//!
//! 1. The *taking* transaction reads NEW and writes HELD.
//! 2. *Giving*, in a transaction: HELD becomes GONE, and the budgets get theirs; NEW becomes GONE.
//! 3. *Dropping* is giving in a transaction of its own, once none runs on the thread. A slot that no
//!    transaction had to do with has no fate, and is given straight away.
//!
//! **Races.** They all read the fate and write it, so they have an order. What gives after the taking
//! gives back, once. What comes before it finds NEW, and the taking, which has read that, conflicts: its
//! next attempt makes another slot. If the taking is rolled back, the fate stays NEW, and
//! nothing is given; if a giving is rolled back, alone or with a branch, it has not been given.

use std::fmt;
use std::sync::OnceLock;

use hivework_stm::{StmResult, TVar, Transaction, after_transaction, atomically, in_transaction};

use super::Slots;

const NEW: u8 = 0;
const HELD: u8 = 1;
const GONE: u8 = 2;

/// A slot that is held. Dropped, it is given back; inside a transaction, once that is over, whichever
/// way it ends.
///
/// [`Slots::take`] and its kin make it. It may be sent to another thread, kept in the state of a
/// future, and dropped anywhere, by a panic as well. What is put into a variable is dropped
/// some time after it was displaced: to give a slot back that lies in one, use
/// [`give_in`](Slot::give_in) in the transaction that displaces it.
///
/// ```
/// use hivework::Slots;
///
/// let slots = Slots::new(2)?;
/// let slot = slots.take();
/// assert_eq!(slots.free(), 1);
/// drop(slot);
/// assert_eq!(slots.free(), 2);
/// # Ok::<(), hivework::SlotsError>(())
/// ```
#[must_use = "the slot is given back when this is dropped"]
pub struct Slot {
    slots: Slots,
    /// None: held, and no transaction has had to do with it.
    fate: OnceLock<TVar<u8>>,
}

impl Slot {
    /// One that has been taken.
    pub(super) fn held(slots: Slots) -> Slot {
        Slot {
            slots,
            fate: OnceLock::new(),
        }
    }

    /// Step 1: one that `tx` has taken.
    pub(super) fn taken_in(slots: Slots, tx: &mut Transaction<'_>) -> StmResult<Slot> {
        let fate = TVar::new(NEW);
        fate.read(tx)?;
        fate.write(tx, HELD)?;
        Ok(Slot {
            slots,
            fate: OnceLock::from(fate),
        })
    }

    /// The slots that it is one of.
    #[must_use]
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Gives it back with the transaction; if that is rolled back, the slot is held on. Given
    /// once, it is gone: to give it again, or to drop it, does nothing more.
    ///
    /// ```
    /// use hivework::{Slots, TVar, atomically};
    ///
    /// let (slots, done) = (Slots::new(1)?, TVar::new(0));
    /// let slot = slots.take();
    /// // Nobody sees the work done and the slot still taken, or the other way round.
    /// atomically(|tx| {
    ///     done.modify(tx, |done| done + 1)?;
    ///     slot.give_in(tx)
    /// });
    /// assert_eq!((done.load(), slots.free()), (1, 1));
    /// drop(slot);
    /// assert_eq!(slots.free(), 1);
    /// # Ok::<(), hivework::SlotsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn give_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let fate = self.fate.get_or_init(|| TVar::new(HELD));
        give(&self.slots, Some(fate), tx)
    }
}

/// Step 2.
fn give(slots: &Slots, fate: Option<&TVar<u8>>, tx: &mut Transaction<'_>) -> StmResult<()> {
    if let Some(fate) = fate {
        let before = fate.read(tx)?;
        if before == GONE {
            return Ok(());
        }
        fate.write(tx, GONE)?;
        if before == NEW {
            return Ok(());
        }
    }
    slots.give_one(tx)
}

impl Drop for Slot {
    /// Step 3.
    fn drop(&mut self) {
        if !in_transaction() {
            return atomically(|tx| give(&self.slots, self.fate.get(), tx));
        }
        let (slots, fate) = (self.slots.clone(), self.fate.take());
        after_transaction(move || atomically(|tx| give(&slots, fate.as_ref(), tx)));
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.slots).finish()
    }
}
