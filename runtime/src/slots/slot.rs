//! A slot that somebody holds.
//!
//! # Who gives it back
//!
//! A slot that was taken outside of transactions is given back when it is dropped. One that a
//! transaction takes, or gives back, has a *fate*, shared with that transaction's hooks:
//!
//! | fate | meaning |
//! |---|---|
//! | OPEN | taken by a transaction that is not known to have committed |
//! | HELD | that has committed |
//! | GIVEN | there is nothing to be given back any more |
//!
//! *Commit of the taking*: OPEN → HELD; where it finds GIVEN the slot has been dropped before,
//! and the hook gives it back. *Drop*: any → GIVEN; where it was HELD, it gives it back. *Commit of
//! the giving*: → GIVEN. Each is one swap, so it is given back once; and one of an
//! attempt that was rolled back never: the variables have been rolled back as well.

use std::fmt;
use std::sync::OnceLock;

use hivework_stm::facade::atomic::{AtomicU8, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, after_transaction, in_transaction};

use super::Slots;

const OPEN: u8 = 0;
const HELD: u8 = 1;
const GIVEN: u8 = 2;

/// A slot that is held. Dropped, it is given back; inside a transaction, once that is over.
///
/// Made by [`Slots::take`] and its kin.
#[must_use = "dropping it gives the slot back"]
pub struct Slot {
    slots: Slots,
    /// None: HELD, and no transaction has to do with it.
    fate: OnceLock<Arc<Fate>>,
}

struct Fate(AtomicU8);

impl Slot {
    /// One that has been taken.
    pub(super) fn held(slots: Slots) -> Slot {
        Slot {
            slots,
            fate: OnceLock::new(),
        }
    }

    /// One that `tx` has taken.
    pub(super) fn open(slots: Slots, tx: &mut Transaction<'_>) -> Slot {
        let fate = Arc::new(Fate(AtomicU8::new(OPEN)));
        let theirs = Arc::clone(&fate);
        let given = slots.clone();
        tx.on_commit(move || {
            // Ordering: Relaxed, here and below: a word that orders nothing, swapped.
            let before =
                theirs
                    .0
                    .compare_exchange(OPEN, HELD, Ordering::Relaxed, Ordering::Relaxed);
            if before.is_err() {
                given.give_back();
            }
        });
        Slot {
            slots,
            fate: OnceLock::from(fate),
        }
    }

    /// Those that it is one of.
    #[must_use]
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Gives it back with the transaction; if that is rolled back the slot is held on.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn give_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let fate = self
            .fate
            .get_or_init(|| Arc::new(Fate(AtomicU8::new(HELD))));
        if fate.0.load(Ordering::Relaxed) == GIVEN {
            return Ok(());
        }
        self.slots.give_in(tx)?;
        let fate = Arc::clone(fate);
        tx.on_commit(move || fate.0.store(GIVEN, Ordering::Relaxed));
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let is_held = match self.fate.get() {
            None => true,
            Some(fate) => fate.0.swap(GIVEN, Ordering::Relaxed) == HELD,
        };
        if !is_held {
            return;
        }
        if in_transaction() {
            let slots = self.slots.clone();
            after_transaction(move || slots.give_back());
        } else {
            self.slots.give_back();
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.slots).finish()
    }
}
