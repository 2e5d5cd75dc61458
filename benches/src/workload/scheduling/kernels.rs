//! Whole computations, each written once for all that fork: ours, rayon, and one thread.

mod mandelbrot;
mod matrix;
mod queens;
mod skewed;
mod sorts;

use std::time::{Duration, Instant};

use super::super::{Contestant, Scale, Subject};
use super::forker::{Forker, Hivework, Rayon, Sequential};
use super::pools::WORKERS;

/// What the contestants of every kernel are called.
pub const HIVEWORK: &str = "hivework";
/// What the contestants of every kernel are called.
const WITH_ONE: &str = "hivework, 1 worker";
/// What the contestants of every kernel are called.
pub const RAYON: &str = "rayon";
/// What the contestants of every kernel are called.
pub const SEQUENTIAL: &str = "sequential";

/// The kernels' subjects; those of fib and the trees are elsewhere.
pub const KERNELS: [&str; 8] = [
    "kernel: quicksort of 10^6 u64, per element",
    "kernel: merge sort of 10^6 u64, per element",
    "kernel: matrix multiply, f64, 512 × 512, per multiply-add",
    "kernel: n-queens(10), per call",
    "kernel: Mandelbrot, uneven rows, per point",
    "kernel: skewed tree, per node",
    "kernel: par_sort of 10^6 u64, per element",
    "kernel: par_sort_unstable of 10^6 u64, per element",
];

pub(super) fn subjects(scale: Scale) -> Vec<Subject> {
    let elements = scale.pick(1_000_000, 2000);
    vec![
        subject(KERNELS[0], move || sorts::Quick::new(elements)),
        subject(KERNELS[1], move || sorts::Merge::new(elements)),
        subject(KERNELS[2], move || {
            matrix::Multiply::new(scale.pick(512, 64))
        }),
        subject(KERNELS[3], move || queens::Queens::new(scale.pick(10, 6))),
        subject(KERNELS[4], move || {
            mandelbrot::Rows::new(scale.pick(256, 32))
        }),
        subject(KERNELS[5], move || skewed::Skewed::new(scale.pick(18, 6))),
        sorts::library(KERNELS[6], elements, sorts::Library::STABLE),
        sorts::library(KERNELS[7], elements, sorts::Library::UNSTABLE),
    ]
}

/// A computation that answers something that can be checked.
trait Kernel: Send + 'static {
    /// How many operations one time is.
    fn portion(&self) -> u64;

    /// Makes what the computation destroys. The clock does not run.
    fn prepare(&mut self) {}

    /// Computes.
    fn compute<F: Forker>(&mut self, at: &mut F::At<'_>);

    /// Whether that was right. The clock does not run.
    fn is_right(&self) -> bool;
}

fn subject<K: Kernel>(name: &'static str, make: impl Fn() -> K + 'static) -> Subject {
    Subject::new(name, move || {
        vec![
            contestant(HIVEWORK, make(), Hivework::<false>::with(WORKERS)),
            // As many threads as rayon's: the one that starts the section works, too.
            contestant(WITH_ONE, make(), Hivework::<false>::with(WORKERS - 1)),
            contestant(RAYON, make(), Rayon::start()),
            contestant(SEQUENTIAL, make(), Sequential::<false>),
        ]
    })
    .brief()
}

fn contestant<K: Kernel, F: Forker>(name: &'static str, mut kernel: K, forker: F) -> Contestant {
    Contestant::in_portions(name, kernel.portion(), move |times| {
        let mut took = Duration::ZERO;
        for _ in 0..times {
            kernel.prepare();
            let began = Instant::now();
            forker.section(|at| kernel.compute::<F>(at));
            took += began.elapsed();
            assert!(kernel.is_right(), "{name} answers something else");
        }
        took
    })
}
