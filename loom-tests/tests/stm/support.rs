//! Threads of a model.

use hivework_stm::TVar;
use hivework_stm::facade::thread::{JoinHandle, spawn};

/// A thread of the model that works on its own handles of the variables.
pub(crate) fn thread<T, R>(
    vars: &[&TVar<T>],
    f: impl FnOnce(&[TVar<T>]) -> R + Send + 'static,
) -> JoinHandle<R>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    let own: Vec<_> = vars.iter().map(|&var| var.clone()).collect();
    spawn(move || f(&own))
}
