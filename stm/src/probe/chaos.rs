//! Delays and failures as a generator decides, one a thread.

use std::cell::Cell;

use super::{Chaos, Failure, Point};
use crate::facade::{hint, local, thread};

/// The longest spin, in turns.
const LONGEST: u64 = 512;

/// The disturbance of a thread, and the state of its generator.
#[derive(Clone, Copy)]
struct Disturbance {
    chaos: Chaos,
    random: u64,
}

local! {
    static DISTURBANCE: Cell<Option<Disturbance>> = const { Cell::new(None) };
}

/// The next number and what is to be made of it; None in a quiet thread.
#[inline]
fn roll() -> Option<(Chaos, u64)> {
    DISTURBANCE
        .try_with(|place| {
            let mut disturbance = place.get()?;
            // Splitmix64 (Steele, Lea, Flood 2014): any seed will do.
            disturbance.random = disturbance.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            place.set(Some(disturbance));
            let mut mixed = disturbance.random;
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            Some((disturbance.chaos, mixed ^ mixed >> 31))
        })
        .ok()
        .flatten()
}

/// Delays, perhaps.
#[inline]
pub(crate) fn point(point: Point) {
    let Some((chaos, number)) = roll() else {
        return;
    };
    if chaos.points & 1 << point as u32 == 0 {
        return;
    }
    let chance = number as u16;
    if chance < chaos.yields {
        thread::yield_now();
    } else if chance - chaos.yields < chaos.spins {
        for _ in 0..(number >> 16) % LONGEST {
            hint::spin_loop();
        }
    }
}

/// Is the step to fail?
#[inline]
pub(crate) fn fails(_step: Failure) -> bool {
    roll().is_some_and(|(chaos, number)| (number as u16) < chaos.failures)
}

/// Disturbs this thread's transactions from now on.
pub fn disturb(chaos: Chaos) {
    DISTURBANCE.set(Some(Disturbance {
        chaos,
        random: chaos.seed,
    }));
}

/// Ends the disturbance.
pub fn calm() {
    DISTURBANCE.set(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_SECOND: Chaos = Chaos {
        seed: 7,
        points: u32::MAX,
        yields: 0,
        spins: 0,
        failures: 1 << 15,
    };

    #[test]
    fn a_seed_decides_the_same_again() {
        let decide = || -> Vec<bool> {
            disturb(EVERY_SECOND);
            let decided = (0..100).map(|_| fails(Failure::Lock)).collect();
            calm();
            decided
        };
        let first = decide();
        assert!(first.contains(&true) && first.contains(&false));
        assert_eq!(first, decide());
    }

    #[test]
    fn a_quiet_thread_is_left_alone() {
        calm();
        assert!((0..100).all(|_| !fails(Failure::Validation)));
    }

    #[test]
    fn transactions_get_through_failures() {
        let var = crate::TVar::new(0);
        disturb(EVERY_SECOND);
        for _ in 0..100 {
            var.update(|n| n + 1);
        }
        calm();
        assert_eq!(var.load(), 100);
    }
}
