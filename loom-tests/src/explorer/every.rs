//! Every schedule, through loom.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework_stm::facade;

/// How many scheduling points one execution may have before it counts as
/// endless. loom's default of a thousand is short for a whole transaction.
const BRANCHES: usize = 20_000;

std::thread_local! {
    /// A [`Witness`] has ended too early. The engine contains the panics of what it
    /// drops, so that one must be remembered. loom runs all threads of a model on one.
    static ENDED_EARLY: Cell<bool> = const { Cell::new(false) };
}

fn check_ends() {
    assert!(
        !ENDED_EARLY.replace(false),
        "something was dropped that others might still have been looking at"
    );
}

/// How many preemptions more than its own bound each model is given; fewer, below zero.
fn deeper() -> isize {
    const NAME: &str = "HIVEWORK_LOOM_DEEPER";
    let Ok(wanted) = std::env::var(NAME) else {
        return 0;
    };
    match wanted.parse() {
        Ok(deeper) => deeper,
        Err(_) => panic!("{NAME} must be a number, as 1 or -2, not {wanted:?}"),
    }
}

/// Runs `program` under every schedule within the bound and answers how many
/// executions there were.
pub(crate) fn explore(preemptions: usize, program: impl Fn() + Send + Sync + 'static) -> usize {
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder
        .preemption_bound
        .get_or_insert(preemptions.saturating_add_signed(deeper()));
    if std::env::var_os("LOOM_MAX_BRANCHES").is_none() {
        builder.max_branches = BRANCHES;
    }
    builder.check(move || {
        check_ends();
        counted.fetch_add(1, Ordering::Relaxed);
        program();
    });
    check_ends();
    executions.load(Ordering::Relaxed)
}

/// As [`explore`], in both forms of the pair of unequal barriers.
pub(crate) fn explore_barriers(
    preemptions: usize,
    program: impl Fn() + Send + Sync + 'static,
) -> usize {
    struct Form;
    impl Drop for Form {
        fn drop(&mut self) {
            facade::barrier::set_asymmetric(false);
        }
    }
    let _form = Form;
    let program = Arc::new(program);
    let forms = [false, true].map(|asymmetric| {
        facade::barrier::set_asymmetric(asymmetric);
        let program = Arc::clone(&program);
        explore(preemptions, move || program())
    });
    forms.iter().sum()
}

/// As [`explore_barriers`], with memory reclaimed as it is when shipped.
pub(crate) fn explore_reclaiming(
    preemptions: usize,
    program: impl Fn() + Send + Sync + 'static,
) -> usize {
    struct Reclaiming;
    impl Drop for Reclaiming {
        fn drop(&mut self) {
            facade::set_reclaims(false);
        }
    }
    let _reclaiming = Reclaiming;
    facade::set_reclaims(true);
    explore_barriers(preemptions, program)
}

/// Somebody's life, as far as others may look at it: looking must come before the
/// end, in the order that the program's synchronisation gives and not by chance.
#[derive(Debug)]
pub struct Witness(loom::cell::UnsafeCell<()>);

// SAFETY: loom checks every access and fails the model on a race; there is nothing behind it.
unsafe impl Send for Witness {}
// SAFETY: as above.
unsafe impl Sync for Witness {}

impl Default for Witness {
    fn default() -> Self {
        Witness(loom::cell::UnsafeCell::new(()))
    }
}

impl Witness {
    /// Fails the model unless this comes before the end.
    #[track_caller]
    pub fn look(&self) {
        self.0.with(|_| ());
    }

    /// The end. Fails the model unless every look came before it.
    #[track_caller]
    pub fn end(&self) {
        let end = AssertUnwindSafe(|| self.0.with_mut(|_| ()));
        if let Err(race) = catch_unwind(end) {
            ENDED_EARLY.set(true);
            resume_unwind(race);
        }
    }
}
