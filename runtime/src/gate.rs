//! Who may put work, as a transactional variable.
//!
//! Every put from outside reads the gate in the transaction that puts. So a put
//! and a change of the gate are ordered: what was put before a drain began is
//! in the queue when the drain looks, and a put that comes after is refused.
//! No put can slip through between.

use hivework_stm::{StmResult, TVar, Transaction};

/// What the scheduler does at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gate {
    /// Not running: work that is put waits for the next start.
    Closed,
    /// Running.
    Open,
    /// Running what is there, and what running work puts; nothing from outside.
    Draining,
    /// The last handle is gone, and what is left is being answered. For ever.
    Gone,
}

impl From<Gate> for u8 {
    fn from(gate: Gate) -> u8 {
        match gate {
            Gate::Closed => 0,
            Gate::Open => 1,
            Gate::Draining => 2,
            Gate::Gone => 3,
        }
    }
}

impl Gate {
    fn of(word: u8) -> Gate {
        match word {
            1 => Gate::Open,
            2 => Gate::Draining,
            3 => Gate::Gone,
            _ => Gate::Closed,
        }
    }

    #[inline]
    pub(crate) fn read(gate: &TVar<u8>, tx: &mut Transaction<'_>) -> StmResult<Gate> {
        gate.read(tx).map(Gate::of)
    }

    pub(crate) fn load(gate: &TVar<u8>) -> Gate {
        Gate::of(gate.load())
    }

    pub(crate) fn set(self, gate: &TVar<u8>) {
        gate.store(self.into());
    }
}
