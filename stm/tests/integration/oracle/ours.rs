//! The engine itself, behind the oracle's interface.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use hivework_stm::{
    Abort, StmError, StmResult, TVar, Transaction, atomically, atomically_async, atomically_or,
    atomically_timeout, retry, try_atomically,
};

use super::program::{
    Branch, Done, End, Entry, Op, Outcome, Part, Step, Trace, Tracer, Tx, change, transaction,
};
use crate::support::message;

/// Half of the variables are words, half are boxes.
enum Var {
    Word(TVar<i64>),
    Boxed(TVar<Vec<i64>>),
}

pub(super) struct Ours(Vec<Var>);

impl Ours {
    pub(super) fn new(initial: &[i64]) -> Self {
        let vars = initial.iter().enumerate().map(|(n, &value)| match n % 2 {
            0 => Var::Word(TVar::new(value)),
            _ => Var::Boxed(TVar::new(vec![value])),
        });
        Ours(vars.collect())
    }

    pub(super) fn values(&self) -> Vec<i64> {
        self.0.iter().map(load).collect()
    }

    /// Takes one step, and says how many attempts it took. `pause` is called
    /// before each operation. What would wait comes back instead, so `Plain`
    /// and `Or` are for steps that do not wait.
    pub(super) fn step(&self, step: &Step, limit: Duration, pause: &dyn Fn()) -> (Done, usize) {
        match step {
            Step::Load(var) => (Done::plain(Some(load(&self.0[*var]))), 1),
            &Step::Store(var, value) => {
                match &self.0[var] {
                    Var::Word(var) => var.store(value),
                    Var::Boxed(var) => var.store(vec![value]),
                }
                (Done::plain(None), 1)
            }
            &Step::Update(var, by) => {
                match &self.0[var] {
                    Var::Word(var) => var.update(|n| change(n, by)),
                    Var::Boxed(var) => var.update(|v| vec![change(v[0], by)]),
                }
                (Done::plain(None), 1)
            }
            Step::Transaction(entry, ops) => self.transaction(*entry, ops, limit, pause),
        }
    }

    fn transaction(
        &self,
        entry: Entry,
        ops: &[Op],
        limit: Duration,
        pause: &dyn Fn(),
    ) -> (Done, usize) {
        let traces = RefCell::new(Vec::new());
        let attempt = |tx: &mut Transaction<'_>| {
            let trace = Tracer::default();
            traces.borrow_mut().push(Rc::clone(&trace));
            let mut tx = Running {
                vars: &self.0,
                tx,
                pause,
            };
            transaction(&mut tx, entry, ops, &trace)
        };
        let plain = |tx: &mut Transaction<'_>| match attempt(tx) {
            Ok(answer) => Ok(answer),
            Err(End::Engine(error)) => Err(error),
            Err(End::Caller(_)) => unreachable!("contained by the nested part"),
        };
        let entered = catch_unwind(AssertUnwindSafe(|| match entry {
            Entry::Plain => Outcome::Committed(atomically(plain)),
            Entry::Or => {
                let answer = atomically_or(|tx| attempt(tx).map_err(into_abort));
                answer.map_or_else(Outcome::Refused, Outcome::Committed)
            }
            Entry::Try => try_atomically(plain).map_or(Outcome::Waits, Outcome::Committed),
            Entry::Timeout => {
                atomically_timeout(limit, plain).map_or(Outcome::Waits, Outcome::Committed)
            }
            Entry::Async => {
                let future = pin!(atomically_async(plain));
                match future.poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(answer) => Outcome::Committed(answer),
                    Poll::Pending => Outcome::Waits,
                }
            }
        }));
        let outcome = entered.unwrap_or_else(|payload| {
            let message = message(payload);
            assert!(message.contains("read no variable"), "{message}");
            Outcome::WaitsForNothing
        });
        let mut traces: Vec<Trace> = traces
            .into_inner()
            .into_iter()
            .map(|trace| Rc::unwrap_or_clone(trace).into_inner())
            .collect();
        let runs = traces.len();
        let trace = traces.pop().expect("has run");
        for trace in &traces {
            assert!(
                trace.is_undone(),
                "an attempt that was run again: {trace:?}"
            );
        }
        (Done { outcome, trace }, runs)
    }
}

/// Lets the other threads come in between, now and then.
pub(super) fn yield_at_random(seed: u64) -> impl Fn() {
    let state = std::cell::Cell::new(seed | 1);
    move || {
        let mut n = state.get();
        n ^= n << 13;
        n ^= n >> 7;
        n ^= n << 17;
        state.set(n);
        if n % 3 == 0 {
            thread::yield_now();
        }
    }
}

fn into_abort(end: End<StmError>) -> Abort<i64> {
    match end {
        End::Engine(error) => Abort::Stm(error),
        End::Caller(error) => Abort::Caller(error),
    }
}

fn load(var: &Var) -> i64 {
    match var {
        Var::Word(var) => var.load(),
        Var::Boxed(var) => var.load()[0],
    }
}

struct Running<'a, 't> {
    vars: &'a [Var],
    tx: &'a mut Transaction<'t>,
    pause: &'a dyn Fn(),
}

impl Tx<StmError> for Running<'_, '_> {
    fn read(&mut self, var: usize) -> StmResult<i64> {
        match &self.vars[var] {
            Var::Word(var) => var.read(self.tx),
            Var::Boxed(var) => Ok(var.read(self.tx)?[0]),
        }
    }

    fn read_with(&mut self, var: usize) -> StmResult<i64> {
        match &self.vars[var] {
            Var::Word(var) => var.read_with(self.tx, |n| *n),
            Var::Boxed(var) => var.read_with(self.tx, |v| v[0]),
        }
    }

    fn write(&mut self, var: usize, value: i64) -> StmResult<()> {
        match &self.vars[var] {
            Var::Word(var) => var.write(self.tx, value),
            Var::Boxed(var) => var.write(self.tx, vec![value]),
        }
    }

    fn modify(&mut self, var: usize, by: i64) -> StmResult<()> {
        match &self.vars[var] {
            Var::Word(var) => var.modify(self.tx, |n| change(n, by)),
            Var::Boxed(var) => var.modify(self.tx, |v| vec![change(v[0], by)]),
        }
    }

    fn replace(&mut self, var: usize, value: i64) -> StmResult<i64> {
        match &self.vars[var] {
            Var::Word(var) => var.replace(self.tx, value),
            Var::Boxed(var) => Ok(var.replace(self.tx, vec![value])?[0]),
        }
    }

    fn load(&mut self, var: usize) -> i64 {
        load(&self.vars[var])
    }

    fn retry(&mut self) -> StmError {
        retry::<()>().expect_err("always")
    }

    fn or_else(
        &mut self,
        first: Branch<'_, StmError>,
        second: Branch<'_, StmError>,
    ) -> StmResult<Result<(), i64>> {
        let (vars, pause) = (self.vars, self.pause);
        self.tx.or_else(
            |tx| first(&mut Running { vars, tx, pause }),
            |tx| second(&mut Running { vars, tx, pause }),
        )
    }

    fn nested(&mut self, part: Part<'_, StmError>) -> StmResult<Result<(), i64>> {
        let (vars, pause) = (self.vars, self.pause);
        self.tx
            .nested(|tx| part(&mut Running { vars, tx, pause }).map_err(into_abort))
    }

    fn on_commit(&mut self, hook: Box<dyn FnOnce()>) {
        self.tx.on_commit(hook);
    }

    fn on_abort(&mut self, hook: Box<dyn FnOnce()>) {
        self.tx.on_abort(hook);
    }

    fn pause(&mut self) {
        (self.pause)();
    }
}
