//! Scheduling, beside rayon, chili, tokio, the `threadpool` crate and two threads that
//! take boxed closures out of a crossbeam-channel.
//!
//! Every pool has two workers, unless a row says otherwise; [`THREADS`] says which
//! threads work. An operation is over when its work is: a put is counted once the
//! work has run, so that none looks fast by being late.

mod forker;
mod forks;
mod kernels;
pub(crate) mod pools;
mod puts;
mod streams;
mod tally;
mod trees;
pub(crate) mod trips;

use super::{Scale, Subject};

pub(crate) use tally::Tally;

/// Which threads work in each pool; for the head of the report's part.
pub const THREADS: &str = "\
Every pool has two workers. How many threads work in a fork-join section: *hivework* 3, its two
workers and the thread that starts the section; *hivework, 1 worker* 2, the worker and that thread;
*chili* 2, one worker and the thread that starts (its own default on two cores); *chili, 2 workers* 3;
*rayon* 2, its two workers, while the thread that starts waits. Supervisors and heartbeats are not counted.
chili runs the second closure of a join first, ours and rayon the first. *chili, exchanged* is given the
two in exchanged order, and so walks a tree as the others do; *hivework, exchanged* and *calls, exchanged*
walk it as chili does.
";

/// The names of subjects and contestants by which targets find them.
pub mod names {
    pub use super::forks::{FIB, OURS_EXCHANGED, TREE_INSIDE, TREE_OUTSIDE};
    pub use super::kernels::{HIVEWORK, KERNELS, RAYON, SEQUENTIAL};
    pub use super::pools::CROSSBEAM_POOL;
    pub use super::puts::{FROM_A_WORKER, FROM_OUTSIDE, RAYON_SCOPE};
    pub use super::streams::{BY_PRIORITY, CHOICE};
    pub use super::trees::{AFTER, BEFORE};
    pub use super::trips::{OURS_JOINED, ROUND_TRIP};
    /// chili, in each form that a section is measured with.
    pub const CHILIS: [&str; 3] = ["chili", "chili, 2 workers", "chili, exchanged"];
}

/// All subjects about scheduling.
#[must_use]
pub fn subjects(scale: Scale) -> Vec<Subject> {
    let mut all = forks::subjects(scale);
    all.extend(trees::subjects(scale));
    all.extend(puts::subjects());
    all.extend(trips::subjects());
    all.extend(streams::subjects());
    all.extend(kernels::subjects(scale));
    all
}
