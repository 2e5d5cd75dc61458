//! Random trees of budgets, random takings and givings, alone and in transactions that may be rolled
//! back in whole or in part, beside a model: after each step every count is right, and in the end
//! every slot is home.

use hivework::{Abort, Slot, Slots, Transaction, abort, atomically_or};
use proptest::collection::vec;
use proptest::prelude::*;

/// Where numbers stand for something in a list, they are taken modulo its length.
#[derive(Debug, Clone)]
enum Step {
    Take(usize),
    /// Only if there is one.
    TakeIn(usize),
    Drop(usize),
    GiveIn(usize),
    /// What follows up to the end of the branch is undone.
    Undone(Vec<Step>),
}

/// What happens one after the other: steps by themselves, or a transaction of them.
#[derive(Debug, Clone)]
enum Turn {
    Narrow(usize, usize),
    Alone(Step),
    Together(Vec<Step>, bool),
}

/// What the program holds, beside what should be.
struct Tree {
    budgets: Vec<Slots>,
    parents: Vec<Option<usize>>,
    held: Vec<(Slot, usize)>,
}

/// How many are taken of each budget.
type Used = Vec<usize>;

impl Tree {
    fn new(size: usize) -> Tree {
        Tree {
            budgets: vec![Slots::new(size).unwrap()],
            parents: vec![None],
            held: Vec::new(),
        }
    }

    fn levels(&self, of: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(of), |level| self.parents[*level])
    }

    fn has_one(&self, used: &Used, of: usize) -> bool {
        self.levels(of)
            .all(|level| used[level] < self.budgets[level].size())
    }

    fn count(&self, used: &mut Used, of: usize, taken: bool) {
        for level in self.levels(of) {
            used[level] = if taken {
                used[level] + 1
            } else {
                used[level] - 1
            };
        }
    }

    fn narrow(&mut self, used: &mut Used, of: usize, size: usize) {
        let of = of % self.budgets.len();
        let size = size % (self.budgets[of].size() + 1);
        let Ok(part) = self.budgets[of].narrow(size) else {
            assert_eq!(size, 0);
            return;
        };
        self.budgets.push(part);
        self.parents.push(Some(of));
        used.push(0);
    }

    fn alone(&mut self, used: &mut Used, step: &Step) {
        match *step {
            Step::Take(of) | Step::TakeIn(of) => {
                let of = of % self.budgets.len();
                let expected = self.has_one(used, of);
                let slot = self.budgets[of].try_take();
                assert_eq!(slot.is_some(), expected);
                if let Some(slot) = slot {
                    self.held.push((slot, of));
                    self.count(used, of, true);
                }
            }
            Step::Drop(one) | Step::GiveIn(one) => {
                if !self.held.is_empty() {
                    let (slot, of) = self.held.swap_remove(one % self.held.len());
                    drop(slot);
                    self.count(used, of, false);
                }
            }
            Step::Undone(_) => {}
        }
    }

    /// In one transaction, of which nothing is left if it is not to be kept.
    fn together(&mut self, used: &mut Used, steps: &[Step], kept: bool) {
        let mut after = Attempt::default();
        let outcome = atomically_or(|tx| {
            after = Attempt {
                used: used.clone(),
                ..Attempt::default()
            };
            self.run(tx, steps, &mut after, true)?;
            self.agree_in(tx, &after.used)?;
            if kept { Ok(()) } else { abort(()) }
        });
        assert_eq!(outcome.is_ok(), kept);
        let Attempt {
            taken,
            given,
            used: then,
            ..
        } = after;
        if kept {
            *used = then;
            self.held.extend(taken);
            let mut place = 0;
            self.held.retain(|_| {
                place += 1;
                !given.contains(&(place - 1))
            });
        } else {
            // They were never taken.
            drop(taken);
        }
    }

    fn run(
        &self,
        tx: &mut Transaction<'_>,
        steps: &[Step],
        after: &mut Attempt,
        kept: bool,
    ) -> Result<(), Abort<()>> {
        for step in steps {
            match step {
                Step::Take(of) | Step::TakeIn(of) => {
                    let of = of % self.budgets.len();
                    let slot =
                        tx.or_else(|tx| self.budgets[of].take_in(tx).map(Some), |_| Ok(None))?;
                    assert_eq!(slot.is_some(), self.has_one(&after.used, of));
                    if let Some(slot) = slot {
                        self.count(&mut after.used, of, true);
                        if kept {
                            after.taken.push((slot, of));
                        } else {
                            after.undone.push(slot);
                        }
                    }
                }
                Step::Drop(one) | Step::GiveIn(one) => {
                    let count = self.held.len();
                    if count == 0 {
                        continue;
                    }
                    let one = one % count;
                    let (slot, of) = &self.held[one];
                    slot.give_in(tx)?;
                    if !after.given.contains(&one) {
                        self.count(&mut after.used, *of, false);
                        after.given.push(one);
                    }
                }
                Step::Undone(steps) => {
                    let (used, given) = (after.used.clone(), after.given.clone());
                    let undone = tx.nested(|tx| {
                        self.run(tx, steps, after, false)?;
                        abort::<(), ()>(())
                    })?;
                    assert_eq!(undone, Err(()));
                    (after.used, after.given) = (used, given);
                }
            }
        }
        Ok(())
    }

    fn agree_in(&self, tx: &mut Transaction<'_>, used: &Used) -> Result<(), Abort<()>> {
        for (budget, used) in self.budgets.iter().zip(used) {
            assert_eq!(budget.free_in(tx)?, budget.size() - used);
        }
        Ok(())
    }

    fn agree(&self, used: &Used) {
        for (budget, used) in self.budgets.iter().zip(used) {
            assert_eq!(
                (budget.used(), budget.free()),
                (*used, budget.size() - used)
            );
        }
    }
}

/// What one attempt has done.
#[derive(Default)]
struct Attempt {
    used: Used,
    taken: Vec<(Slot, usize)>,
    /// Of branches that were undone: there is nothing to be given.
    undone: Vec<Slot>,
    /// Places among what is held.
    given: Vec<usize>,
}

fn step() -> impl Strategy<Value = Step> {
    let one = prop_oneof![
        3 => any::<usize>().prop_map(Step::Take),
        3 => any::<usize>().prop_map(Step::TakeIn),
        2 => any::<usize>().prop_map(Step::Drop),
        2 => any::<usize>().prop_map(Step::GiveIn),
    ];
    one.prop_recursive(2, 8, 4, |inner| vec(inner, 1..4).prop_map(Step::Undone))
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => (any::<usize>(), any::<usize>()).prop_map(|(of, size)| Turn::Narrow(of, size)),
        4 => step().prop_map(Turn::Alone),
        4 => (vec(step(), 1..6), any::<bool>()).prop_map(|(steps, kept)| Turn::Together(steps, kept)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 128 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn counts_are_always_right_and_all_come_home(size in 1_usize..6, turns in vec(turn(), 1..40)) {
        let mut tree = Tree::new(size);
        let mut used = vec![0];
        for turn in &turns {
            match turn {
                Turn::Narrow(of, size) => tree.narrow(&mut used, *of, *size),
                Turn::Alone(step) => tree.alone(&mut used, step),
                Turn::Together(steps, kept) => tree.together(&mut used, steps, *kept),
            }
            tree.agree(&used);
        }
        tree.held.clear();
        tree.agree(&vec![0; used.len()]);
    }
}
