//! Every schedule, through loom.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many scheduling points one execution may have before it counts as
/// endless. loom's default of a thousand is short for a whole transaction.
const BRANCHES: usize = 20_000;

/// Runs `program` under every schedule within the bound and answers how many
/// executions there were.
pub(crate) fn explore(preemptions: usize, program: impl Fn() + Send + Sync + 'static) -> usize {
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    if std::env::var_os("LOOM_MAX_BRANCHES").is_none() {
        builder.max_branches = BRANCHES;
    }
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        program();
    });
    executions.load(Ordering::Relaxed)
}
