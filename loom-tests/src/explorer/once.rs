//! An ordinary run.

/// Runs `program` once and answers 1.
pub(crate) fn explore(_preemptions: usize, program: impl Fn() + Send + Sync + 'static) -> usize {
    program();
    1
}

/// The same: outside of models the system says which barriers there are.
pub(crate) fn explore_barriers(
    preemptions: usize,
    program: impl Fn() + Send + Sync + 'static,
) -> usize {
    explore(preemptions, program)
}

/// The same: outside of models memory is always reclaimed.
pub(crate) fn explore_reclaiming(
    preemptions: usize,
    program: impl Fn() + Send + Sync + 'static,
) -> usize {
    explore(preemptions, program)
}

/// Somebody's life, as far as others may look at it. Checked in models only.
#[derive(Debug, Default)]
pub struct Witness(());

impl Witness {
    /// Nothing here.
    pub fn look(&self) {}

    /// Nothing here.
    pub fn end(&self) {}
}
