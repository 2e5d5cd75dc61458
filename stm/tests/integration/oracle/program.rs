//! Random programs of transactions, what they look like to an engine, and what
//! is to be seen of their steps.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;

/// How many variables a program has.
pub(super) const VARS: usize = 4;

/// Few, so that conditions hold as often as not.
const VALUES: i64 = 7;

/// One operation inside a transaction. The first number is the variable.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Read(usize),
    ReadWith(usize),
    Write(usize, i64),
    Modify(usize, i64),
    Replace(usize, i64),
    /// The committed value, past the transaction.
    Load(usize),
    /// Goes on if the value is no less, and retries otherwise.
    Check(usize, i64),
    Retry,
    Abort(i64),
    /// Aborts with the value if it is no less.
    AbortIf(usize, i64),
    OrElse(Vec<Op>, Vec<Op>),
    Nested(Vec<Op>),
    /// Goes on whatever the engine's error was.
    Swallow(Vec<Op>),
    OnCommit,
    OnAbort,
}

/// By which of the engine's doors a transaction comes in. All but `Or` have no
/// error of the caller's: there the whole transaction is one nested part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Plain,
    Or,
    Try,
    Timeout,
    Async,
}

/// One step of a thread.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Transaction(Entry, Vec<Op>),
    Load(usize),
    Store(usize, i64),
    Update(usize, i64),
}

#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) initial: Vec<i64>,
    pub(super) threads: Vec<Vec<Step>>,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "the smallest program that fails, from {:?}:",
            self.initial
        )?;
        for (n, steps) in self.threads.iter().enumerate() {
            writeln!(f, "thread {n}:")?;
            for step in steps {
                writeln!(f, "    {step:?}")?;
            }
        }
        Ok(())
    }
}

/// What `modify` and `update` make of a value.
pub(super) fn change(value: i64, by: i64) -> i64 {
    (value * 3 + by) % VALUES
}

/// Which operations a program is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All of them.
    Full,
    /// Those whose outcome is fixed by an order of the steps.
    Concurrent,
    /// Those that the published crate has as well.
    Common,
}

fn op(kind: Kind) -> BoxedStrategy<Op> {
    let (var, value) = (0..VARS, 0..VALUES);
    let both = (var.clone(), value.clone());
    let common = prop_oneof![
        4 => var.clone().prop_map(Op::Read),
        4 => both.clone().prop_map(|(var, n)| Op::Write(var, n)),
        4 => both.clone().prop_map(|(var, n)| Op::Modify(var, n)),
        2 => both.clone().prop_map(|(var, n)| Op::Replace(var, n)),
        2 => both.clone().prop_map(|(var, n)| Op::Check(var, n)),
        1 => Just(Op::Retry),
    ];
    let own = prop_oneof![
        1 => var.clone().prop_map(Op::ReadWith),
        1 => value.prop_map(Op::Abort),
        2 => both.prop_map(|(var, n)| Op::AbortIf(var, n)),
        2 => Just(Op::OnCommit),
        2 => Just(Op::OnAbort),
    ];
    let leaf = match kind {
        Kind::Full => prop_oneof![3 => common, 1 => own, 1 => var.prop_map(Op::Load)].boxed(),
        Kind::Concurrent => prop_oneof![3 => common, 1 => own].boxed(),
        Kind::Common => common.boxed(),
    };
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let ops = vec(inner, 0..4);
        let or_else = (ops.clone(), ops.clone()).prop_map(|(a, b)| Op::OrElse(a, b));
        match kind {
            Kind::Common => or_else.boxed(),
            Kind::Full | Kind::Concurrent => prop_oneof![
                2 => or_else,
                2 => ops.clone().prop_map(Op::Nested),
                1 => ops.prop_map(Op::Swallow),
            ]
            .boxed(),
        }
    })
    .boxed()
}

fn step(kind: Kind) -> impl Strategy<Value = Step> {
    let entry = match kind {
        Kind::Full => prop_oneof![
            Just(Entry::Plain),
            Just(Entry::Or),
            Just(Entry::Try),
            Just(Entry::Timeout),
            Just(Entry::Async)
        ]
        .boxed(),
        // What may wait is given a limit: nothing says that it would ever go on.
        Kind::Concurrent => prop_oneof![3 => Just(Entry::Try), 1 => Just(Entry::Timeout)].boxed(),
        Kind::Common => Just(Entry::Try).boxed(),
    };
    let (var, value) = (0..VARS, 0..VALUES);
    let both = (var.clone(), value);
    prop_oneof![
        8 => (entry, vec(op(kind), 1..6)).prop_map(move |(entry, mut ops)| {
            if kind == Kind::Concurrent && entry == Entry::Timeout {
                ops.insert(0, Op::Read(0)); // or it may wait for nothing, with a panic
            }
            Step::Transaction(entry, ops)
        }),
        1 => var.prop_map(Step::Load),
        1 => both.clone().prop_map(|(var, n)| Step::Store(var, n)),
        1 => both.prop_map(|(var, n)| Step::Update(var, n)),
    ]
}

pub(super) fn program(
    kind: Kind,
    threads: impl Strategy<Value = usize>,
    steps: std::ops::Range<usize>,
) -> impl Strategy<Value = Program> {
    threads.prop_flat_map(move |threads| {
        let initial = vec(0..VALUES, VARS);
        let threads = vec(vec(step(kind), steps.clone()), threads);
        (initial, threads).prop_map(|(initial, threads)| Program { initial, threads })
    })
}

/// What a step has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With the error that the nested part ended in, if it is one.
    Committed(Result<(), i64>),
    Refused(i64),
    /// It asked to retry.
    Waits,
    /// It asked to retry without having read anything.
    WaitsForNothing,
    /// A step without a transaction, with what it has read.
    Plain(Option<i64>),
}

/// A hook that has run, by the order of registration within its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    Commit(usize),
    Abort(usize),
}

/// What was to be seen of one attempt, hooks included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// What the closure has seen, in order.
    seen: Vec<(&'static str, i64)>,
    registered: Vec<Hook>,
    ran: Vec<Hook>,
}

impl Trace {
    /// A conflict undoes an attempt whole: each abort hook has run, in whatever
    /// order, and nothing else.
    pub(super) fn is_undone(&self) -> bool {
        let number = |hook: &Hook| match hook {
            Hook::Abort(n) => Some(*n),
            Hook::Commit(_) => None,
        };
        let due: Vec<_> = self.registered.iter().filter_map(number).collect();
        let mut ran: Vec<_> = self.ran.iter().filter_map(number).collect();
        ran.sort_unstable();
        ran == due && ran.len() == self.ran.len()
    }
}

/// The trace of the attempt that runs.
pub(super) type Tracer = Rc<RefCell<Trace>>;

/// What is to be seen of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) outcome: Outcome,
    pub(super) trace: Trace,
}

impl Done {
    pub(super) fn plain(value: Option<i64>) -> Done {
        Done {
            outcome: Outcome::Plain(value),
            trace: Trace::default(),
        }
    }
}

/// Why a part of a transaction ended early: the engine's reason or the caller's.
pub(super) enum End<E> {
    Engine(E),
    Caller(i64),
}

impl<E> From<E> for End<E> {
    fn from(error: E) -> Self {
        End::Engine(error)
    }
}

/// A branch; in `or_else` the caller's error is but a value.
pub(super) type Branch<'a, E> = &'a mut dyn FnMut(&mut dyn Tx<E>) -> Result<Result<(), i64>, E>;
pub(super) type Part<'a, E> = &'a mut dyn FnMut(&mut dyn Tx<E>) -> Result<(), End<E>>;

/// A running transaction of some engine.
pub(super) trait Tx<E> {
    fn read(&mut self, var: usize) -> Result<i64, E>;
    fn read_with(&mut self, var: usize) -> Result<i64, E>;
    fn write(&mut self, var: usize, value: i64) -> Result<(), E>;
    fn modify(&mut self, var: usize, by: i64) -> Result<(), E>;
    fn replace(&mut self, var: usize, value: i64) -> Result<i64, E>;
    fn load(&mut self, var: usize) -> i64;
    fn retry(&mut self) -> E;
    fn or_else(
        &mut self,
        first: Branch<'_, E>,
        second: Branch<'_, E>,
    ) -> Result<Result<(), i64>, E>;
    fn nested(&mut self, part: Part<'_, E>) -> Result<Result<(), i64>, E>;
    fn on_commit(&mut self, hook: Box<dyn FnOnce()>);
    fn on_abort(&mut self, hook: Box<dyn FnOnce()>);
    /// Called before each operation.
    fn pause(&mut self) {}
}

/// The whole transaction as its entry wants it.
pub(super) fn transaction<E>(
    tx: &mut dyn Tx<E>,
    entry: Entry,
    ops: &[Op],
    trace: &Tracer,
) -> Result<Result<(), i64>, End<E>> {
    if entry == Entry::Or {
        return run(tx, ops, trace).map(Ok);
    }
    Ok(tx.nested(&mut |tx| run(tx, ops, trace))?)
}

fn run<E>(tx: &mut dyn Tx<E>, ops: &[Op], trace: &Tracer) -> Result<(), End<E>> {
    let see = |what, value| trace.borrow_mut().seen.push((what, value));
    for op in ops {
        tx.pause();
        match op {
            &Op::Read(var) => see("read", tx.read(var)?),
            &Op::ReadWith(var) => see("read_with", tx.read_with(var)?),
            &Op::Write(var, value) => tx.write(var, value)?,
            &Op::Modify(var, by) => tx.modify(var, by)?,
            &Op::Replace(var, value) => see("replace", tx.replace(var, value)?),
            &Op::Load(var) => see("load", tx.load(var)),
            &Op::Check(var, least) => {
                if tx.read(var)? < least {
                    return Err(tx.retry().into());
                }
            }
            Op::Retry => return Err(tx.retry().into()),
            &Op::Abort(error) => return Err(End::Caller(error)),
            &Op::AbortIf(var, least) => {
                let value = tx.read(var)?;
                if value >= least {
                    return Err(End::Caller(value));
                }
            }
            Op::OrElse(first, second) => {
                let side = |name, ops| {
                    move |tx: &mut dyn Tx<E>| {
                        see(name, 0);
                        match run(tx, ops, trace) {
                            Ok(()) => Ok(Ok(())),
                            Err(End::Caller(error)) => Ok(Err(error)),
                            Err(End::Engine(error)) => Err(error),
                        }
                    }
                };
                let (mut first, mut second) = (side("left", first), side("right", second));
                tx.or_else(&mut first, &mut second)?.map_err(End::Caller)?;
            }
            Op::Nested(part) => {
                let answer = tx.nested(&mut |tx| run(tx, part, trace))?;
                see("nested", answer.err().unwrap_or(-1));
            }
            Op::Swallow(part) => match run(tx, part, trace) {
                Ok(()) => see("not swallowed", 0),
                Err(End::Engine(_)) => see("swallowed", 0),
                Err(caller) => return Err(caller),
            },
            Op::OnCommit => tx.on_commit(hook(trace, Hook::Commit)),
            Op::OnAbort => tx.on_abort(hook(trace, Hook::Abort)),
        }
    }
    Ok(())
}

/// Registers the next hook of this attempt.
fn hook(trace: &Tracer, kind: fn(usize) -> Hook) -> Box<dyn FnOnce()> {
    let hook = {
        let registered = &mut trace.borrow_mut().registered;
        let hook = kind(registered.len());
        registered.push(hook);
        hook
    };
    let trace = Rc::clone(trace);
    Box::new(move || trace.borrow_mut().ran.push(hook))
}
