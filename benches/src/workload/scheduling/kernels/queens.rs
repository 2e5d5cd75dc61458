//! n-queens: counts the ways to place them, a fork for each place of a row.

use super::super::forker::Forker;
use super::Kernel;

/// How many ways there are, by the number of queens.
const WAYS: [u64; 11] = [1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724];

pub(super) struct Queens {
    queens: u32,
    calls: u64,
    ways: u64,
}

/// What of the next row is attacked, a bit a column.
#[derive(Clone, Copy, Default)]
struct Attacked {
    columns: u32,
    rising: u32,
    falling: u32,
}

impl Attacked {
    fn free(self, all: u32) -> u32 {
        all & !(self.columns | self.rising | self.falling)
    }

    /// From the next row on, with a queen in this one.
    fn with(self, queen: u32) -> Self {
        Attacked {
            columns: self.columns | queen,
            rising: (self.rising | queen) << 1,
            falling: (self.falling | queen) >> 1,
        }
    }
}

impl Queens {
    pub(super) fn new(queens: u32) -> Self {
        Queens {
            queens,
            calls: calls((1 << queens) - 1, Attacked::default()),
            ways: 0,
        }
    }
}

/// How many times [`place`] is called.
fn calls(all: u32, attacked: Attacked) -> u64 {
    let mut free = attacked.free(all);
    let mut calls = 1;
    while free != 0 {
        let queen = free & free.wrapping_neg();
        free &= free - 1;
        calls += self::calls(all, attacked.with(queen));
    }
    calls
}

impl Kernel for Queens {
    fn portion(&self) -> u64 {
        self.calls
    }

    fn compute<F: Forker>(&mut self, at: &mut F::At<'_>) {
        let all = (1 << self.queens) - 1;
        self.ways = place::<F>(at, all, Attacked::default());
    }

    fn is_right(&self) -> bool {
        self.ways == WAYS[self.queens as usize]
    }
}

/// The ways to go on, a row after the other.
fn place<F: Forker>(at: &mut F::At<'_>, all: u32, attacked: Attacked) -> u64 {
    if attacked.columns == all {
        return 1;
    }
    among::<F>(at, all, attacked, attacked.free(all))
}

/// The ways to go on with this row's queen in one of the `free` places.
fn among<F: Forker>(at: &mut F::At<'_>, all: u32, attacked: Attacked, free: u32) -> u64 {
    let queen = free & free.wrapping_neg();
    let others = free & free.wrapping_sub(1);
    match (queen, others) {
        (0, _) => 0,
        (_, 0) => place::<F>(at, all, attacked.with(queen)),
        _ => {
            let (one, rest) = F::join(
                at,
                |at| place::<F>(at, all, attacked.with(queen)),
                |at| among::<F>(at, all, attacked, others),
            );
            one + rest
        }
    }
}
