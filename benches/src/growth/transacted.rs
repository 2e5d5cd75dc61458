//! One of our containers at a steady size, operated on in transactions: timed, or
//! looked into.

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

/// A container that is ready to be operated on.
pub trait Transacted {
    /// Operation number `n`, as it is timed.
    fn operate(&self, n: u64);

    /// The same, and what its transactions did.
    fn effects(&self, n: u64) -> Effects;
}

impl<T: Ours> Transacted for T {
    #[inline]
    fn operate(&self, n: u64) {
        for step in 0..T::STEPS {
            atomically(|tx| self.step(tx, step, n));
        }
    }

    fn effects(&self, n: u64) -> Effects {
        let mut all = Effects::default();
        for step in 0..T::STEPS {
            let effects = atomically(|tx| {
                self.step(tx, step, n)?;
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
