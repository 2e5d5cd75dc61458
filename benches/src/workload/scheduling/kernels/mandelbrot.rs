//! The Mandelbrot set, row by row: some rows take hundreds of times as long as others.

use super::super::forker::Forker;
use super::Kernel;

/// After so many steps a point counts as one of the set.
const LIMIT: u32 = 1000;

pub(super) struct Rows {
    side: usize,
    steps: Vec<u32>,
    expected: u64,
}

impl Rows {
    pub(super) fn new(side: usize) -> Self {
        let mut steps = vec![0; side * side];
        for (row, steps) in steps.chunks_exact_mut(side).enumerate() {
            fill(row, side, steps);
        }
        Rows {
            side,
            expected: sum(&steps),
            steps,
        }
    }
}

fn sum(steps: &[u32]) -> u64 {
    steps.iter().map(|steps| u64::from(*steps)).sum()
}

impl Kernel for Rows {
    fn portion(&self) -> u64 {
        self.steps.len() as u64
    }

    fn prepare(&mut self) {
        self.steps.fill(0);
    }

    fn compute<F: Forker>(&mut self, at: &mut F::At<'_>) {
        rows::<F>(at, 0, self.side, &mut self.steps);
    }

    fn is_right(&self) -> bool {
        sum(&self.steps) == self.expected
    }
}

/// Halves them down to one row.
fn rows<F: Forker>(at: &mut F::At<'_>, first: usize, side: usize, steps: &mut [u32]) {
    let count = steps.len() / side;
    if count == 1 {
        return fill(first, side, steps);
    }
    let half = count / 2;
    let (upper, lower) = steps.split_at_mut(half * side);
    F::join(
        at,
        |at| rows::<F>(at, first, side, upper),
        |at| rows::<F>(at, first + half, side, lower),
    );
}

fn fill(row: usize, side: usize, steps: &mut [u32]) {
    // From the real axis upwards: the first rows lie in the set, the last far outside.
    let imaginary = 2.0 * row as f64 / side as f64;
    for (column, steps) in steps.iter_mut().enumerate() {
        *steps = escape(3.0 * column as f64 / side as f64 - 2.0, imaginary);
    }
}

/// The steps that a point takes to leave.
fn escape(real: f64, imaginary: f64) -> u32 {
    let (mut x, mut y) = (0.0, 0.0);
    for step in 0..LIMIT {
        let (xx, yy) = (x * x, y * y);
        if xx + yy > 4.0 {
            return step;
        }
        y = 2.0 * x * y + imaginary;
        x = xx - yy + real;
    }
    LIMIT
}
