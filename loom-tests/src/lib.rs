//! The harness of Hivework's models.
//!
//! A model is a small concurrent program over the real code. Built with
//! `--cfg hivework_loom` the facade of `hivework-stm` is loom, and [`model`]
//! runs the program once for every schedule and every value a weakly ordered
//! load may return, within a bound on preemptions. Without the cfg it runs the
//! program once on ordinary threads, so that the models also compile and pass
//! in `cargo test --workspace`.
//!
//! A checker that explores nothing passes everything. Three things guard
//! against it: every model prints how many executions it took, a model that
//! took fewer than two fails, and [`canary`] demands that a program which is
//! wrong on purpose is found out.
//!
//! loom's own variables work: `LOOM_MAX_PREEMPTIONS` replaces the bound,
//! `LOOM_MAX_BRANCHES` the length of one execution, `LOOM_LOG` and
//! `LOOM_LOCATION` show the failing one. `HIVEWORK_LOOM_DEEPER=1` adds one to each
//! model's own bound (-1 takes one away). `HIVEWORK_LOOM_PLAIN=1` leaves the
//! facade's companions out (see its head comment).

mod explorer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use explorer::{MODELLED, Witness};

/// The bound on preemptions that [`model`] uses: nearly every known defect of
/// a two- or three-thread protocol shows within it.
pub const PREEMPTIONS: usize = 3;

/// Runs `program` under every schedule with at most [`PREEMPTIONS`] preemptions
/// and prints how many executions that took.
///
/// # Panics
///
/// Where an execution panics, deadlocks or never ends, and where there was only
/// one: such a model has no schedule to choose and tests nothing. Without the
/// companions one is what loom makes of a model whose threads only load first.
pub fn model(name: &str, program: impl Fn() + Send + Sync + 'static) {
    model_within(PREEMPTIONS, name, program);
}

/// As [`model`], with a bound of its own for a program that is too large for
/// the usual one, or that a deeper search pays for.
///
/// # Panics
///
/// As [`model`].
pub fn model_within(preemptions: usize, name: &str, program: impl Fn() + Send + Sync + 'static) {
    report(name, explorer::explore(preemptions, program));
}

/// As [`model_within`], for models of protocols with barriers of unequal price: in
/// both of their forms.
///
/// # Panics
///
/// As [`model`].
pub fn model_of_barriers(
    preemptions: usize,
    name: &str,
    program: impl Fn() + Send + Sync + 'static,
) {
    report(name, explorer::explore_barriers(preemptions, program));
}

/// As [`model_within`], for models of memory reclamation, which the others leave
/// out: every pin is a fence there, and would hide what they look for.
///
/// # Panics
///
/// As [`model`].
pub fn model_of_reclamation(
    preemptions: usize,
    name: &str,
    program: impl Fn() + Send + Sync + 'static,
) {
    report(name, explorer::explore_reclaiming(preemptions, program));
}

fn report(name: &str, executions: usize) {
    println!("model {name}: {executions} executions");
    let plain = std::env::var_os("HIVEWORK_LOOM_PLAIN").is_some();
    assert!(
        !MODELLED || plain || executions >= 2,
        "model {name} had one schedule only: it tests nothing"
    );
}

/// Demands that `program`, which is wrong on purpose, is found to be wrong: that
/// it answers true, for "the forbidden happened", in some execution.
///
/// It answers rather than panics, because a panic tears the execution down and
/// leaves what other threads hold to be dropped outside of it. Without the cfg
/// the program runs once and its answer is ignored: whether ordinary threads
/// hit the defect is chance.
///
/// # Panics
///
/// Where no execution goes wrong: the facade is dead, or the explorer is blind.
pub fn canary(name: &str, program: impl Fn() -> bool + Send + Sync + 'static) {
    let wrong = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&wrong);
    let executions = explorer::explore(PREEMPTIONS, move || {
        counted.fetch_add(usize::from(program()), Ordering::Relaxed);
    });
    let wrong = wrong.load(Ordering::Relaxed);
    println!("canary {name}: {wrong} of {executions} executions went wrong");
    assert!(
        !MODELLED || wrong > 0,
        "canary {name} passed {executions} executions: the models are blind"
    );
}
