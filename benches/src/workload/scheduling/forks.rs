//! What a fork costs: fib, and a small tree over and over.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use super::super::{Contestant, Scale, Subject};
use super::forker::{Chili, Forker, Hivework, Rayon, Sequential};
use super::pools::WORKERS;
use super::trees::{Node, Order, sum};

/// The subject; an operation is a join.
pub const FIB: &str = "fork-join: fib(32), per join";
/// The subject; an operation is a node.
pub const TREE_OUTSIDE: &str =
    "fork-join: sum of a tree of 1023 nodes, each started from outside, per node";
/// The subject; an operation is a node.
pub const TREE_INSIDE: &str =
    "fork-join: sum of a tree of 1023 nodes, over and over inside one section, per node";

/// Ours with each join's closures exchanged.
pub const OURS_EXCHANGED: &str = "hivework, exchanged";

const SMALL_TREE: u32 = 10;

pub(super) fn subjects(scale: Scale) -> Vec<Subject> {
    let n = scale.pick(32, 12);
    vec![
        Subject::new(FIB, move || {
            let mut all = contestants(Fib(n));
            all.push(two_at_once(n));
            all
        }),
        Subject::new(TREE_OUTSIDE, || contestants(Outside::new())),
        Subject::new(TREE_INSIDE, || contestants(Inside::new())),
    ]
}

/// Something to be repeated in or over sections.
pub(super) trait Repeated: Clone + 'static {
    /// How many operations one time is.
    fn portion(&self) -> u64;
    /// Does it so many times.
    fn repeat<F: Forker>(&self, forker: &F, times: u64);
}

/// One that does it.
fn contestant<R: Repeated, F: Forker>(name: &'static str, what: &R, forker: F) -> Contestant {
    let what = what.clone();
    Contestant::in_portions(name, what.portion(), move |times| {
        let began = Instant::now();
        what.repeat(&forker, times);
        began.elapsed()
    })
}

/// Those of ours and of no pool that walk as chili does by itself.
pub(super) fn exchanged<R: Repeated>(what: &R) -> Vec<Contestant> {
    vec![
        contestant(OURS_EXCHANGED, what, Hivework::<true>::with(WORKERS)),
        contestant("calls, exchanged", what, Sequential::<true>),
    ]
}

/// All that fork, and one that does not.
pub(super) fn contestants<R: Repeated>(what: R) -> Vec<Contestant> {
    vec![
        contestant("hivework", &what, Hivework::<false>::with(WORKERS)),
        contestant("hivework, 1 worker", &what, Hivework::<false>::with(1)),
        contestant("chili", &what, Chili::<false>::with(1)),
        contestant("chili, 2 workers", &what, Chili::<false>::with(WORKERS)),
        contestant("chili, exchanged", &what, Chili::<true>::with(1)),
        contestant("rayon", &what, Rayon::start()),
        contestant("sequential", &what, Sequential::<false>),
    ]
}

#[derive(Clone)]
struct Fib(u32);

fn fib<F: Forker>(at: &mut F::At<'_>, n: u32) -> u64 {
    if n < 2 {
        return n.into();
    }
    let (a, b) = F::join(at, |at| fib::<F>(at, n - 1), |at| fib::<F>(at, n - 2));
    a + b
}

/// The number itself.
fn fib_of(n: u32) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

impl Repeated for Fib {
    fn portion(&self) -> u64 {
        // A call with n ≥ 2 is a join.
        fib_of(self.0 + 1) - 1
    }

    fn repeat<F: Forker>(&self, forker: &F, times: u64) {
        for _ in 0..times {
            let answer = forker.section(|at| fib::<F>(at, black_box(self.0)));
            assert_eq!(answer, fib_of(self.0));
        }
    }
}

/// A thread for each of two computations that share nothing: so much there is to gain
/// from a second core.
fn two_at_once(n: u32) -> Contestant {
    let portion = 2 * Fib(n).portion();
    Contestant::in_portions("sequential, one each on 2 threads", portion, move |times| {
        let run = move || {
            let began = Instant::now();
            Fib(n).repeat(&Sequential::<false>, times);
            began.elapsed()
        };
        thread::scope(|scope| {
            let other = scope.spawn(run);
            let took: Duration = run();
            took.max(other.join().expect("a workload does not panic"))
        })
    })
}

#[derive(Clone)]
struct Outside(&'static Node);

impl Outside {
    fn new() -> Self {
        // Small, and shared by all the contestants; they sum it and nothing else.
        Outside(Box::leak(Node::tree(SMALL_TREE, Order::Before)))
    }
}

impl Repeated for Outside {
    fn portion(&self) -> u64 {
        Node::count(SMALL_TREE)
    }

    fn repeat<F: Forker>(&self, forker: &F, times: u64) {
        for _ in 0..times {
            let tree = black_box(self.0);
            black_box(forker.section(|at| sum::<F>(at, tree)));
        }
    }
}

#[derive(Clone)]
struct Inside(Outside);

impl Inside {
    fn new() -> Self {
        Inside(Outside::new())
    }
}

impl Repeated for Inside {
    fn portion(&self) -> u64 {
        self.0.portion()
    }

    fn repeat<F: Forker>(&self, forker: &F, times: u64) {
        let tree = self.0.0;
        forker.section(|at| {
            for _ in 0..times {
                black_box(sum::<F>(at, black_box(tree)));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_the_joins() {
        fn joins(n: u32) -> u64 {
            if n < 2 {
                0
            } else {
                1 + joins(n - 1) + joins(n - 2)
            }
        }
        for n in [2, 3, 12] {
            assert_eq!(Fib(n).portion(), joins(n));
        }
    }
}
