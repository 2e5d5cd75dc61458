//! An engine that is right because there is nothing to it: one lock around all
//! variables, held for the whole transaction, and a copy of everything to go back to.

use std::rc::Rc;
use std::sync::Mutex;

use super::program::{
    Branch, Done, End, Entry, Op, Outcome, Part, Step, Tracer, Tx, change, transaction,
};

/// All variables, behind the lock.
pub(super) struct Coarse(Mutex<Vec<i64>>);

/// The only reason of the engine's own: nothing conflicts under one lock.
pub(super) struct Retry;

/// A running transaction. A savepoint is a copy of it all.
struct Running {
    committed: Vec<i64>,
    state: State,
    has_read: bool,
    on_commit: Vec<Box<dyn FnOnce()>>,
    on_abort: Vec<Box<dyn FnOnce()>>,
    /// Abort hooks of parts that have been undone.
    undone: Vec<Box<dyn FnOnce()>>,
}

/// What a part that is undone gives back.
#[derive(Clone)]
struct State {
    values: Vec<i64>,
    written: Vec<bool>,
}

struct Savepoint {
    state: State,
    on_commit: usize,
    on_abort: usize,
}

impl Coarse {
    pub(super) fn new(initial: &[i64]) -> Self {
        Coarse(Mutex::new(initial.to_vec()))
    }

    pub(super) fn values(&self) -> Vec<i64> {
        self.0.lock().expect("whole").clone()
    }

    /// Takes one step; what would wait is rolled back and says so.
    pub(super) fn step(&self, step: &Step) -> Done {
        let mut values = self.0.lock().expect("whole");
        match step {
            &Step::Load(var) => Done::plain(Some(values[var])),
            &Step::Store(var, value) => {
                values[var] = value;
                Done::plain(None)
            }
            &Step::Update(var, by) => {
                values[var] = change(values[var], by);
                Done::plain(None)
            }
            Step::Transaction(entry, ops) => run(&mut values, *entry, ops),
        }
    }
}

fn run(values: &mut Vec<i64>, entry: Entry, ops: &[Op]) -> Done {
    let trace = Tracer::default();
    let mut tx = Running {
        committed: values.clone(),
        state: State {
            values: values.clone(),
            written: vec![false; values.len()],
        },
        has_read: false,
        on_commit: Vec::new(),
        on_abort: Vec::new(),
        undone: Vec::new(),
    };
    let answer = transaction(&mut tx, entry, ops, &trace);
    let outcome = match answer {
        Ok(answer) => Outcome::Committed(answer),
        Err(End::Caller(error)) => Outcome::Refused(error),
        Err(End::Engine(Retry)) if !tx.has_read && entry != Entry::Try => Outcome::WaitsForNothing,
        Err(End::Engine(Retry)) => Outcome::Waits,
    };
    let committed = matches!(outcome, Outcome::Committed(_));
    let due = if committed { tx.on_commit } else { tx.on_abort };
    if committed {
        *values = tx.state.values;
    }
    tx.undone.into_iter().chain(due).for_each(|hook| hook());
    let trace = Rc::unwrap_or_clone(trace).into_inner();
    Done { outcome, trace }
}

impl Running {
    fn save(&self) -> Savepoint {
        Savepoint {
            state: self.state.clone(),
            on_commit: self.on_commit.len(),
            on_abort: self.on_abort.len(),
        }
    }

    fn roll_back(&mut self, to: Savepoint) {
        self.state = to.state;
        self.on_commit.truncate(to.on_commit);
        self.undone.extend(self.on_abort.drain(to.on_abort..));
    }
}

impl Tx<Retry> for Running {
    fn read(&mut self, var: usize) -> Result<i64, Retry> {
        // What it has written itself is nothing that another could change.
        self.has_read |= !self.state.written[var];
        Ok(self.state.values[var])
    }

    fn read_with(&mut self, var: usize) -> Result<i64, Retry> {
        self.read(var)
    }

    fn write(&mut self, var: usize, value: i64) -> Result<(), Retry> {
        self.state.values[var] = value;
        self.state.written[var] = true;
        Ok(())
    }

    fn modify(&mut self, var: usize, by: i64) -> Result<(), Retry> {
        let value = self.read(var)?;
        self.write(var, change(value, by))
    }

    fn replace(&mut self, var: usize, value: i64) -> Result<i64, Retry> {
        let before = self.read(var)?;
        self.write(var, value)?;
        Ok(before)
    }

    fn load(&mut self, var: usize) -> i64 {
        self.committed[var]
    }

    fn retry(&mut self) -> Retry {
        Retry
    }

    fn or_else(
        &mut self,
        first: Branch<'_, Retry>,
        second: Branch<'_, Retry>,
    ) -> Result<Result<(), i64>, Retry> {
        let savepoint = self.save();
        first(self).or_else(|Retry| {
            self.roll_back(savepoint);
            second(self)
        })
    }

    fn nested(&mut self, part: Part<'_, Retry>) -> Result<Result<(), i64>, Retry> {
        let savepoint = self.save();
        match part(self) {
            Ok(()) => Ok(Ok(())),
            Err(End::Engine(retry)) => Err(retry),
            Err(End::Caller(error)) => {
                self.roll_back(savepoint);
                Ok(Err(error))
            }
        }
    }

    fn on_commit(&mut self, hook: Box<dyn FnOnce()>) {
        self.on_commit.push(hook);
    }

    fn on_abort(&mut self, hook: Box<dyn FnOnce()>) {
        self.on_abort.push(hook);
    }
}
