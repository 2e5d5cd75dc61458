//! Rounds on the engine. Without the probe there is nothing to judge, and a round
//! still looks at its own accounts.

use hivework_judge::Judge;
use hivework_judge::stress::{self, Crowd};
use hivework_stm::probe::PROBED;

fn all_is_well(seeds: std::ops::Range<u64>) {
    let (mut judge, mut room) = (Judge::default(), Vec::new());
    for seed in seeds {
        let round = stress::round(seed, seed % 2 == 0, &mut room);
        assert_eq!(round.mishap, None, "seed {seed}");
        assert_eq!(judge.judge(&round.history), Ok(()), "seed {seed}");
        assert_eq!(round.history.attempts.is_empty(), !PROBED);
        assert_eq!(round.history.writes.is_empty(), !PROBED);
    }
}

#[test]
fn rounds_of_an_engine_that_is_right_are_accepted() {
    all_is_well(0..8);
}

#[test]
fn rounds_whose_threads_share_a_clock_are_accepted() {
    // Who has few threads to give gets rounds with clocks of their own.
    let mut crowd = Crowd::gather().ok();
    all_is_well(8..10);
    if let Some(crowd) = &mut crowd {
        crowd.dismiss(2);
    }
    all_is_well(10..12);
}
