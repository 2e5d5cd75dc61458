//! Matrix multiplication, halved in each direction down to a block.
//!
//! A matrix lies in memory as its quadrants do, one after the other and each the same way
//! again, down to a block of [`SIDE`] rows. So every quadrant is a slice, and two that are
//! written at a time borrow from no one.

use super::super::forker::Forker;
use super::Kernel;

/// Of a block that is multiplied at once; a matrix's side is this times a power of two.
const SIDE: usize = 32;
const BLOCK: usize = SIDE * SIDE;

pub(super) struct Multiply {
    side: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    product: Vec<f64>,
}

impl Multiply {
    pub(super) fn new(side: usize) -> Self {
        Multiply {
            side,
            // Whole numbers, and small: their sums are exact in whatever order.
            a: filled(side, |row, column| ((row + 2 * column) % 7) as f64),
            b: filled(side, |row, column| ((3 * row + column) % 5) as f64),
            product: vec![0.0; side * side],
        }
    }
}

/// A matrix, of which `value` tells the element in a row and a column.
fn filled(side: usize, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut matrix = vec![0.0; side * side];
    for row in 0..side {
        for column in 0..side {
            matrix[place(side, row, column)] = value(row, column);
        }
    }
    matrix
}

/// Where the element is.
fn place(side: usize, row: usize, column: usize) -> usize {
    if side == SIDE {
        return row * SIDE + column;
    }
    let half = side / 2;
    let quadrant = 2 * (row / half) + column / half;
    quadrant * half * half + place(half, row % half, column % half)
}

impl Kernel for Multiply {
    fn portion(&self) -> u64 {
        self.side.pow(3) as u64
    }

    fn prepare(&mut self) {
        self.product.fill(0.0);
    }

    fn compute<F: Forker>(&mut self, at: &mut F::At<'_>) {
        add_product::<F>(at, &mut self.product, &self.a, &self.b);
    }

    fn is_right(&self) -> bool {
        let element = |matrix: &[f64], row, column| matrix[place(self.side, row, column)];
        let last = self.side - 1;
        [(0, 0), (0, last), (last, 0), (last / 2, last)]
            .into_iter()
            .all(|(row, column)| {
                let dot = (0..self.side)
                    .map(|n| element(&self.a, row, n) * element(&self.b, n, column))
                    .sum::<f64>();
                element(&self.product, row, column) == dot
            })
    }
}

/// Adds the product of `a` and `b` to `to`: a fork for each half of its rows and of its
/// columns, one after the other along the sums.
fn add_product<F: Forker>(at: &mut F::At<'_>, to: &mut [f64], a: &[f64], b: &[f64]) {
    if to.len() == BLOCK {
        return add_product_of_blocks(to, a, b);
    }
    let quarter = to.len() / 4;
    let part = |matrix: usize| quarter * matrix..quarter * (matrix + 1);
    let (upper, lower) = to.split_at_mut(2 * quarter);
    let row = |at: &mut F::At<'_>, to: &mut [f64], first: usize| {
        let (left, right) = to.split_at_mut(quarter);
        F::join(
            at,
            |at| {
                add_product::<F>(at, left, &a[part(first)], &b[part(0)]);
                add_product::<F>(at, left, &a[part(first + 1)], &b[part(2)]);
            },
            |at| {
                add_product::<F>(at, right, &a[part(first)], &b[part(1)]);
                add_product::<F>(at, right, &a[part(first + 1)], &b[part(3)]);
            },
        );
    };
    F::join(at, |at| row(at, upper, 0), |at| row(at, lower, 2));
}

fn add_product_of_blocks(to: &mut [f64], a: &[f64], b: &[f64]) {
    for (to, a) in to.chunks_exact_mut(SIDE).zip(a.chunks_exact(SIDE)) {
        for (a, b) in a.iter().zip(b.chunks_exact(SIDE)) {
            for (to, b) in to.iter_mut().zip(b) {
                *to += a * b;
            }
        }
    }
}
