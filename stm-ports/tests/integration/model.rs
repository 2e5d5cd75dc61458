//! Random transactions on a container, beside what the standard library has of its kind.

use std::fmt::Debug;

use hivework_stm::{StmResult, Transaction, abort, atomically_or};
use proptest::collection::vec;
use proptest::prelude::*;

/// Some operations that are one transaction, and whether it is rolled back at its end.
type Step<O> = (Vec<O>, bool);

/// A program of transactions made of these operations.
pub(crate) fn programs<O: Debug + Clone>(
    operation: impl Strategy<Value = O>,
) -> impl Strategy<Value = Vec<Step<O>>> {
    vec((vec(operation, 1..6), prop::bool::weighted(0.25)), 1..40)
}

/// Runs a program. `apply` does an operation to the container and to the model, and compares what
/// they answer. Answers what the model is like in the end.
pub(crate) fn run<O, M: Clone>(
    program: &[Step<O>],
    model: M,
    mut apply: impl FnMut(&mut Transaction<'_>, &mut M, &O) -> StmResult<()>,
) -> M {
    let mut model = model;
    for (operations, rolled_back) in program {
        let outcome = atomically_or(|tx| {
            let mut after = model.clone();
            for operation in operations {
                apply(tx, &mut after, operation)?;
            }
            if *rolled_back { abort(()) } else { Ok(after) }
        });
        if let Ok(after) = outcome {
            model = after;
        }
    }
    model
}

/// How many programs to try.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
