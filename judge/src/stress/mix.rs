//! The transactions of a round: shapes, and how often each comes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hivework_stm::{
    Abort, StmResult, TVar, Transaction, abort, atomically, atomically_async, atomically_or,
    atomically_timeout, check, retry, try_atomically,
};

use super::patience::wait_for;
use super::random::Random;
use super::value::Value;
use super::{FUNDS, Shared};

/// After such a wait a waiter has missed its wake-up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A shape of transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// Moves money from one account to another.
    Transfer,
    /// The same, with detours that are rolled back.
    Detour,
    /// Reads some marks.
    Look,
    /// Adds all accounts up.
    Sum,
    /// Reads some marks and sets one of them.
    Skew,
    /// Sets a mark without reading it, in a transaction of its own.
    Store,
    /// Sets all marks.
    Flood,
    /// One thing or another, as marks demand.
    OrElse,
    /// A part that may fail on its own.
    Nested,
    /// Looks, and would have to wait.
    Retry,
    /// Ends in an error of its own.
    Refuse,
    /// Panics.
    Panic,
    /// Goes on after a conflict as if it had been none.
    Swallow,
}

/// Each shape with how often it comes, where it comes at all.
const SHAPES: [(Shape, u64); 13] = [
    (Shape::Transfer, 24),
    (Shape::Detour, 6),
    (Shape::Look, 16),
    (Shape::Sum, 3),
    (Shape::Skew, 24),
    (Shape::Store, 10),
    (Shape::Flood, 1),
    (Shape::OrElse, 8),
    (Shape::Nested, 6),
    (Shape::Retry, 3),
    (Shape::Refuse, 2),
    (Shape::Panic, 1),
    (Shape::Swallow, 2),
];

/// The shapes of one round.
#[derive(Debug)]
pub(super) struct Mix {
    /// Drawn from, each shape as often as it is to come.
    shapes: Vec<Shape>,
    /// After how many transactions a thread passes the turn on, if it does.
    turns: Option<u64>,
}

impl Mix {
    /// Half of the rounds have all shapes, the others some.
    pub(super) fn draw(random: &mut Random) -> Mix {
        let mut shapes = Vec::new();
        let all = random.one_in(2);
        for (shape, weight) in SHAPES {
            if all || random.one_in(3) {
                shapes.extend((0..weight).map(|_| shape));
            }
        }
        if shapes.is_empty() {
            shapes.extend([Shape::Skew, Shape::Look]);
        }
        let turns = random.one_in(2).then(|| random.between(40, 300));
        Mix { shapes, turns }
    }
}

/// One thread of a round.
pub(super) struct Player<'a, V> {
    shared: &'a Shared<V>,
    mix: &'a Mix,
    thread: u64,
    random: Random,
    /// How many marks this thread has made.
    made: u64,
}

/// The payload of the panics that are meant.
struct Meant;

/// Raises the flag unless `holds`.
#[inline]
fn demand(holds: bool, wrong: &AtomicBool) {
    if !holds {
        // Ordering: Relaxed; looked at after the threads have been joined.
        wrong.store(true, Ordering::Relaxed);
    }
}

impl<'a, V: Value> Player<'a, V> {
    pub(super) fn new(shared: &'a Shared<V>, mix: &'a Mix, thread: u64, random: Random) -> Self {
        Player {
            shared,
            mix,
            thread,
            random,
            made: 0,
        }
    }

    pub(super) fn play(&mut self, transactions: u64) {
        for number in 1..=transactions {
            let shape = self.mix.shapes[self.random.below(self.mix.shapes.len() as u64) as usize];
            self.run(shape);
            if self.mix.turns.is_some_and(|turns| number % turns == 0) {
                self.pass_the_turn();
            }
        }
    }

    fn account(&mut self) -> &'a TVar<V> {
        let accounts = &self.shared.accounts;
        &accounts[self.random.below(accounts.len() as u64) as usize]
    }

    fn mark(&mut self) -> &'a TVar<V> {
        let marks = &self.shared.marks;
        &marks[self.random.below(marks.len() as u64) as usize]
    }

    /// A value unlike any other of the round.
    fn fresh(&mut self) -> V {
        self.made += 1;
        V::make((self.thread + 1) << 32 | self.made)
    }

    #[inline]
    fn read(&self, var: &TVar<V>, tx: &mut Transaction<'_>) -> StmResult<u64> {
        var.read_with(tx, |value| {
            demand(value.is_whole(), &self.shared.wrong.torn);
            value.number()
        })
    }

    fn add(&self, var: &TVar<V>, amount: u64, tx: &mut Transaction<'_>) -> StmResult<()> {
        let balance = self.read(var, tx)?;
        var.write(tx, V::make(balance.wrapping_add(amount)))
    }

    fn run(&mut self, shape: Shape) {
        match shape {
            Shape::Transfer => self.transfer(),
            Shape::Detour => self.detour(),
            Shape::Look => self.look(),
            Shape::Sum => self.sum(),
            Shape::Skew => self.skew(),
            Shape::Store => {
                let (mark, value) = (self.mark(), self.fresh());
                mark.store(value);
            }
            Shape::Flood => self.flood(),
            Shape::OrElse => self.or_else(),
            Shape::Nested => self.nested(),
            Shape::Retry => self.retry(),
            Shape::Refuse => self.refuse(),
            Shape::Panic => self.panic(),
            Shape::Swallow => self.swallow(),
        }
    }

    fn transfer(&mut self) {
        let (from, to) = (self.account(), self.account());
        let amount = self.random.below(10);
        atomically(|tx| {
            self.add(from, amount.wrapping_neg(), tx)?;
            self.add(to, amount, tx)
        });
    }

    fn detour(&mut self) {
        let (from, to, wrong) = (self.account(), self.account(), self.account());
        let amount = self.random.below(10);
        atomically(|tx| {
            self.add(from, amount.wrapping_neg(), tx)?;
            let failed = tx.nested(|tx| {
                self.add(wrong, amount, tx)?;
                self.add(from, amount, tx)?;
                abort::<(), ()>(())
            })?;
            demand(failed.is_err(), &self.shared.wrong.sum);
            tx.or_else(
                |tx| {
                    self.add(wrong, amount, tx)?;
                    retry()
                },
                |tx| self.add(to, amount, tx),
            )
        });
    }

    fn look(&mut self) {
        let marks: [_; 4] = std::array::from_fn(|_| self.mark());
        let many = self.random.between(1, 4) as usize;
        atomically(|tx| {
            marks[..many]
                .iter()
                .try_fold(0, |sum, mark| Ok(sum ^ self.read(mark, tx)?))
        });
    }

    fn sum(&mut self) {
        let accounts = &self.shared.accounts;
        let first = self.random.below(accounts.len() as u64) as usize;
        atomically(|tx| {
            let mut sum = 0_u64;
            for account in accounts[first..].iter().chain(&accounts[..first]) {
                sum = sum.wrapping_add(self.read(account, tx)?);
            }
            // In every attempt, committed or not.
            demand(sum == FUNDS * accounts.len() as u64, &self.shared.wrong.sum);
            Ok(())
        });
    }

    fn skew(&mut self) {
        let marks: [_; 3] = std::array::from_fn(|_| self.mark());
        let many = self.random.between(1, 3) as usize;
        let (target, value) = (self.mark(), self.fresh());
        atomically(|tx| {
            for mark in &marks[..many] {
                self.read(mark, tx)?;
            }
            target.write(tx, value.clone())
        });
    }

    fn flood(&mut self) {
        let shared = self.shared;
        let values: Vec<V> = shared.marks.iter().map(|_| self.fresh()).collect();
        atomically(|tx| {
            for (mark, value) in shared.marks.iter().zip(&values) {
                mark.write(tx, value.clone())?;
            }
            self.read(&shared.marks[0], tx)
        });
    }

    fn or_else(&mut self) {
        let marks: [_; 4] = std::array::from_fn(|_| self.mark());
        let values: [_; 3] = std::array::from_fn(|_| self.fresh());
        let [early, left, right] = &values;
        atomically(|tx| {
            marks[0].write(tx, early.clone())?;
            tx.or_else(
                |tx| {
                    marks[1].write(tx, left.clone())?;
                    check(self.read(marks[2], tx)? % 2 == 0)
                },
                |tx| {
                    self.read(marks[3], tx)?;
                    marks[1].write(tx, right.clone())
                },
            )
        });
    }

    fn nested(&mut self) {
        let marks: [_; 3] = std::array::from_fn(|_| self.mark());
        let values: [_; 2] = std::array::from_fn(|_| self.fresh());
        atomically(|tx| {
            marks[0].write(tx, values[0].clone())?;
            let _ = tx.nested(|tx| {
                marks[1].write(tx, values[1].clone())?;
                if self.read(marks[2], tx)? % 2 == 0 {
                    return abort(());
                }
                Ok(())
            })?;
            Ok(())
        });
    }

    fn retry(&mut self) {
        let marks: [_; 2] = std::array::from_fn(|_| self.mark());
        let value = self.fresh();
        // Either answer is right.
        let _ = try_atomically(|tx| {
            let sum = self.read(marks[0], tx)? ^ self.read(marks[1], tx)?;
            marks[0].write(tx, value.clone())?;
            check(sum % 4 == 0)
        });
    }

    fn refuse(&mut self) {
        let (from, to) = (self.account(), self.mark());
        let value = self.fresh();
        let refused = atomically_or(|tx| -> Result<(), Abort<()>> {
            self.read(from, tx)?;
            to.write(tx, value.clone())?;
            abort(())
        });
        demand(refused.is_err(), &self.shared.wrong.sum);
    }

    fn panic(&mut self) {
        let (from, to) = (self.account(), self.account());
        let shared = self.shared;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            atomically(|tx| -> StmResult<()> {
                self.add(from, 1, tx)?;
                tx.or_else(
                    |tx| {
                        self.add(to, 1, tx)?;
                        // Without the hook, which would print a message.
                        resume_unwind(Box::new(Meant))
                    },
                    |_| Ok(()),
                )
            });
        }));
        match panicked {
            Ok(()) => demand(false, &shared.wrong.sum),
            Err(payload) if payload.is::<Meant>() => {}
            Err(payload) => resume_unwind(payload),
        }
    }

    fn swallow(&mut self) {
        let (from, to) = (self.account(), self.account());
        let mark = self.mark();
        atomically(|tx| {
            // Whatever it says: an attempt that met a conflict must not commit.
            let _ = self.read(mark, tx);
            let balance = self.read(from, tx).unwrap_or_default();
            from.write(tx, V::make(balance.wrapping_sub(1)))?;
            let balance = self.read(to, tx).unwrap_or_default();
            to.write(tx, V::make(balance.wrapping_add(1)))
        });
    }

    /// Waits for this thread's turn and passes it on. All threads do this equally
    /// often, so that everyone's turn comes. Every second one waits as a task.
    fn pass_the_turn(&mut self) {
        let (shared, mark) = (self.shared, self.mark());
        // Who waits for a mark as well is woken by nearly everyone, and would not
        // notice that the one wake-up that counts was lost.
        let distracted = self.random.one_in(3);
        // Ordering: Relaxed; who sees it late waits once more.
        if shared.wrong.asleep.load(Ordering::Relaxed) {
            return;
        }
        let pass = |tx: &mut Transaction<'_>| {
            if distracted {
                self.read(mark, tx)?;
            }
            let now = self.read(&shared.turn, tx)?;
            check(now % shared.threads == self.thread)?;
            shared.turn.write(tx, V::make(now + 1))
        };
        let passed = if self.thread % 2 == 0 {
            atomically_timeout(PATIENCE, pass)
        } else {
            wait_for(atomically_async(pass), PATIENCE)
        };
        demand(passed.is_some(), &shared.wrong.asleep);
    }
}
