//! One of our containers at a steady size, operated on in transactions: timed, or
//! looked into.

use std::cell::Cell;
use std::time::{Duration, Instant};

use hivework_stm::{StmResult, Transaction, atomically};

/// One of our containers, with a number of elements that its operations keep.
pub(super) trait Ours: 'static {
    /// How many transactions an operation is.
    const STEPS: u64 = 1;
    /// With so many elements.
    fn filled(size: usize) -> Self;
    /// One of an operation's transactions; `n` is the operation's number.
    fn step(&self, tx: &mut Transaction<'_>, step: u64, n: u64) -> StmResult<()>;
}

/// What the transactions of one operation did, together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Effects {
    /// How many entries the read logs had at the end.
    pub reads: u64,
    /// How many variables were written.
    pub writes: u64,
}

/// A container that is ready to be operated on. It numbers its operations, and no two
/// have the same number: or a run would find in the caches what the last one has left
/// there.
pub trait Transacted {
    /// So many operations, one after the other, and how long they took.
    fn operate(&self, operations: u64) -> Duration;

    /// One operation, and what its transactions did.
    fn effects(&self) -> Effects;
}

/// One of ours, on cache lines of its own.
#[repr(align(128))]
pub(super) struct Numbered<O> {
    ours: O,
    done: Cell<u64>,
}

impl<O: Ours> Numbered<O> {
    pub(super) fn filled(size: usize) -> Self {
        Numbered {
            ours: O::filled(size),
            done: Cell::new(0),
        }
    }
}

impl<O: Ours> Transacted for Numbered<O> {
    fn operate(&self, operations: u64) -> Duration {
        let numbers = self.done.get()..self.done.get() + operations;
        self.done.set(numbers.end);
        let began = Instant::now();
        for n in numbers {
            for step in 0..O::STEPS {
                atomically(|tx| self.ours.step(tx, step, n));
            }
        }
        began.elapsed()
    }

    fn effects(&self) -> Effects {
        let n = self.done.get();
        self.done.set(n + 1);
        let mut all = Effects::default();
        for step in 0..O::STEPS {
            let effects = atomically(|tx| {
                self.ours.step(tx, step, n)?;
                Ok(of_transaction(tx))
            });
            all.reads += effects.reads;
            all.writes += effects.writes;
        }
        all
    }
}

/// A transaction tells what it has logged by its `Debug`.
fn of_transaction(tx: &Transaction<'_>) -> Effects {
    let told = format!("{tx:?}");
    let number = |field: &str| {
        let (_, rest) = told.split_once(field)?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    let told_of = |field| number(field).unwrap_or_else(|| panic!("no `{field}` in {told}"));
    Effects {
        reads: told_of("reads: "),
        writes: told_of("writes: "),
    }
}

#[cfg(test)]
mod tests {
    use hivework_stm::TVar;

    use super::*;

    #[test]
    fn a_transaction_tells_what_it_did() {
        let (a, b) = (TVar::new(1), TVar::new(2));
        let effects = atomically(|tx| {
            let sum = a.read(tx)? + b.read(tx)?;
            b.write(tx, sum)?;
            Ok(of_transaction(tx))
        });
        assert_eq!((effects.reads, effects.writes), (2, 1));
    }
}
