//! The published `stm` crate behind the oracle's interface, for what it has.

use std::cell::RefCell;
use std::rc::Rc;

use stm::{StmError, TVar, Transaction, TransactionControl};

use super::program::{
    Branch, Done, End, Entry, Op, Outcome, Part, Step, Tracer, Tx, change, transaction,
};

pub(super) struct Published(Vec<TVar<i64>>);

impl Published {
    pub(super) fn new(initial: &[i64]) -> Self {
        Published(initial.iter().map(|&value| TVar::new(value)).collect())
    }

    pub(super) fn values(&self) -> Vec<i64> {
        self.0.iter().map(TVar::read_atomic).collect()
    }

    pub(super) fn step(&self, step: &Step) -> Done {
        match step {
            Step::Load(var) => Done::plain(Some(self.0[*var].read_atomic())),
            &Step::Store(var, value) => {
                stm::atomically(|tx| self.0[var].write(tx, value));
                Done::plain(None)
            }
            &Step::Update(var, by) => {
                stm::atomically(|tx| self.0[var].modify(tx, |n| change(n, by)));
                Done::plain(None)
            }
            Step::Transaction(entry, ops) => self.transaction(*entry, ops),
        }
    }

    fn transaction(&self, entry: Entry, ops: &[Op]) -> Done {
        let trace = RefCell::new(Tracer::default());
        let give_up = |error| match error {
            StmError::Retry => TransactionControl::Abort,
            StmError::Failure => TransactionControl::Retry,
        };
        let answer = Transaction::with_control(give_up, |tx| {
            let own = Tracer::default();
            trace.replace(Rc::clone(&own));
            let mut tx = Running { vars: &self.0, tx };
            match transaction(&mut tx, entry, ops, &own) {
                Ok(answer) => Ok(answer),
                Err(End::Engine(error)) => Err(error),
                Err(End::Caller(_)) => unreachable!("it has no such error"),
            }
        });
        Done {
            outcome: answer.map_or(Outcome::Waits, Outcome::Committed),
            trace: Rc::unwrap_or_clone(trace.into_inner()).into_inner(),
        }
    }
}

struct Running<'a> {
    vars: &'a [TVar<i64>],
    tx: &'a mut Transaction,
}

impl Tx<StmError> for Running<'_> {
    fn read(&mut self, var: usize) -> Result<i64, StmError> {
        self.vars[var].read(self.tx)
    }

    fn read_with(&mut self, _: usize) -> Result<i64, StmError> {
        unreachable!("it lends nothing")
    }

    fn write(&mut self, var: usize, value: i64) -> Result<(), StmError> {
        self.vars[var].write(self.tx, value)
    }

    fn modify(&mut self, var: usize, by: i64) -> Result<(), StmError> {
        self.vars[var].modify(self.tx, |n| change(n, by))
    }

    fn replace(&mut self, var: usize, value: i64) -> Result<i64, StmError> {
        self.vars[var].replace(self.tx, value)
    }

    fn load(&mut self, _: usize) -> i64 {
        unreachable!("not among the common operations")
    }

    fn retry(&mut self) -> StmError {
        StmError::Retry
    }

    fn or_else(
        &mut self,
        first: Branch<'_, StmError>,
        second: Branch<'_, StmError>,
    ) -> Result<Result<(), i64>, StmError> {
        let vars = self.vars;
        let (first, second) = (RefCell::new(first), RefCell::new(second));
        self.tx.or(
            |tx| (first.borrow_mut())(&mut Running { vars, tx }),
            |tx| (second.borrow_mut())(&mut Running { vars, tx }),
        )
    }

    /// Only to wrap a whole transaction, which has no error to undo it for.
    fn nested(&mut self, part: Part<'_, StmError>) -> Result<Result<(), i64>, StmError> {
        match part(self) {
            Ok(()) => Ok(Ok(())),
            Err(End::Engine(error)) => Err(error),
            Err(End::Caller(_)) => unreachable!("it has no such error"),
        }
    }

    fn on_commit(&mut self, _: Box<dyn FnOnce()>) {
        unreachable!("it has no hooks")
    }

    fn on_abort(&mut self, _: Box<dyn FnOnce()>) {
        unreachable!("it has no hooks")
    }
}
