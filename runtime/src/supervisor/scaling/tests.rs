use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::load::{LONGEST, Load, PATIENCE, SHORT, Seen};
use super::{COUNT, Scaling};
use crate::event::Scale;
use crate::{Builder, Scheduler};

const TICK: Duration = Duration::from_millis(1);

/// A house whose load is so many works at a time that compute and never end.
struct House {
    load: Load,
    now: Instant,
    workers: usize,
    min: usize,
    max: usize,
    changes: Vec<(usize, Scale)>,
}

impl House {
    fn new(min: usize, max: usize) -> House {
        House {
            load: Load::default(),
            now: Instant::now(),
            workers: min,
            min,
            max,
            changes: Vec::new(),
        }
    }

    /// One look, a tick after the last.
    fn look(&mut self, demand: usize) {
        self.now += TICK;
        let seen = Seen {
            now: self.now,
            workers: self.workers,
            min: self.min,
            max: self.max,
            is_complete: true,
            is_short: demand > self.workers,
            asleep: self.workers.saturating_sub(demand),
        };
        if let Some((workers, why)) = self.load.decide(&seen) {
            assert_ne!(workers, self.workers);
            assert!((self.min..=self.max).contains(&workers));
            self.workers = workers;
            self.changes.push((workers, why));
        }
    }

    /// This load for so long. Answers how often the number changed.
    fn run(&mut self, demand: usize, time: Duration) -> usize {
        let before = self.changes.len();
        let end = self.now + time;
        while self.now < end {
            self.look(demand);
        }
        self.changes.len() - before
    }
}

#[test]
fn work_that_waits_makes_more_workers_faster_and_faster() {
    let mut house = House::new(1, 100);
    house.run(1000, SHORT);
    assert_eq!(house.workers, 1);
    house.run(1000, 50 * TICK);
    let numbers: Vec<_> = house.changes.iter().map(|(workers, _)| *workers).collect();
    assert_eq!(numbers, [2, 4, 8, 16, 32, 64, 100]);
    assert!(house.changes.iter().all(|(_, why)| *why == Scale::Load));
}

#[test]
fn work_that_waits_now_and_then_makes_none() {
    let mut house = House::new(1, 8);
    for look in 0..1000 {
        house.look(if look % 5 == 0 { 1 } else { 9 });
    }
    assert_eq!(house.changes, []);
}

#[test]
fn workers_that_sleep_all_along_go() {
    let mut house = House::new(1, 16);
    house.run(16, PATIENCE);
    assert_eq!(house.workers, 16);
    house.changes.clear();
    house.run(4, PATIENCE);
    assert_eq!(house.changes, []);
    house.run(4, 10 * PATIENCE);
    let numbers: Vec<_> = house.changes.iter().map(|(workers, _)| *workers).collect();
    assert_eq!(numbers, [10, 7, 5, 4]);
    assert!(house.changes.iter().all(|(_, why)| *why == Scale::Idle));
}

#[test]
fn a_worker_that_is_needed_now_and_then_stays() {
    let mut house = House::new(1, 4);
    house.run(4, PATIENCE);
    house.changes.clear();
    for _ in 0..20 {
        house.run(1, PATIENCE / 2);
        house.run(4, TICK);
    }
    assert_eq!(house.changes, []);
}

#[test]
fn an_idle_house_is_looked_at_until_only_the_fewest_are_left() {
    let mut house = House::new(2, 16);
    house.run(16, PATIENCE);
    house.changes.clear();
    house.look(0);
    let mut looks = 0;
    // Nobody looks meanwhile, as when the supervisor dozes.
    while let Some(due) = house.load.due() {
        assert!(due > house.now && due <= house.now + PATIENCE);
        house.now = due - TICK;
        house.look(0);
        looks += 1;
        assert!(looks < 20);
    }
    assert_eq!(house.workers, 2);
    assert_eq!(house.load.due(), None, "nothing to wake up for");
}

#[test]
fn workers_that_do_not_come_are_no_reason_to_look_at_once_again() {
    let mut house = House::new(1, 4);
    house.run(4, PATIENCE);
    house.look(0);
    let incomplete = |now| Seen {
        now,
        workers: 4,
        min: 1,
        max: 4,
        is_complete: false,
        is_short: false,
        asleep: 3,
    };
    let now = house.now + 10 * PATIENCE;
    assert_eq!(house.load.decide(&incomplete(now)), None);
    assert!(house.load.due().is_none_or(|due| due > now));
}

#[test]
fn a_load_that_comes_and_goes_meets_more_and_more_patience() {
    let mut house = House::new(1, 8);
    let pause = PATIENCE + PATIENCE / 2;
    let changes: Vec<_> = (0..20)
        .map(|_| house.run(8, pause) + house.run(1, pause))
        .collect();
    assert!(changes[0] > 0);
    assert_eq!(changes[5..], [0; 15]);
}

#[test]
fn patience_has_a_bound_and_wears_off() {
    let mut house = House::new(1, 2);
    for _ in 0..20 {
        house.run(2, PATIENCE);
        while house.workers > 1 {
            house.look(1);
        }
    }
    assert_eq!(house.run(2, PATIENCE), 1);
    assert_eq!(
        house.run(1, LONGEST + TICK),
        1,
        "within the longest patience"
    );
    house.run(1, 100 * LONGEST);
    house.run(2, PATIENCE);
    assert!(house.run(1, LONGEST) == 1, "within a shorter one");
}

#[test]
fn who_is_not_there_yet_is_waited_for() {
    let mut house = House::new(1, 8);
    for _ in 0..1000 {
        house.now += TICK;
        let seen = Seen {
            now: house.now,
            workers: 4,
            min: 1,
            max: 8,
            is_complete: false,
            is_short: true,
            asleep: 0,
        };
        assert_eq!(house.load.decide(&seen), None);
    }
}

#[test]
fn cores_that_are_taken_away_are_obeyed_at_once() {
    let mut house = House::new(1, 8);
    house.run(8, PATIENCE);
    house.changes.clear();
    house.max = 3;
    house.look(8);
    assert_eq!(house.changes, [(3, Scale::Cores)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 100 }))]

    #[test]
    fn each_step_of_the_load_makes_few_changes(
        steps in prop::collection::vec(0..40_usize, 1..6),
        max in 1..32_usize,
    ) {
        let mut house = House::new(1, max);
        for demand in steps {
            // Up by doubling, past what is needed, and back by halves: two times the logarithm.
            let changes = house.run(demand, 10 * TICK + 7 * LONGEST / 16);
            prop_assert!(changes <= 14, "{} changes to {:?}", changes, house.changes);
        }
    }

    #[test]
    fn a_load_that_stays_is_served_and_then_left_alone(
        demand in 1..40_usize,
        first in 1..40_usize,
        max in 1..32_usize,
    ) {
        let mut house = House::new(1, max);
        house.run(first, PATIENCE);
        house.run(demand, 12 * PATIENCE);
        prop_assert_eq!(house.workers, demand.min(max));
        prop_assert_eq!(house.run(demand, 3 * PATIENCE), 0);
    }
}

/// A scheduler that does not run, and what its cores are read from.
fn of_cores(setup: impl FnOnce(Builder) -> Builder) -> (Scheduler, Arc<AtomicUsize>) {
    let cores = Arc::new(AtomicUsize::new(2));
    let read = Arc::clone(&cores);
    let builder = Scheduler::builder().cores(move || read.load(Ordering::Relaxed));
    (setup(builder).build().unwrap(), cores)
}

#[test]
fn the_number_of_workers_follows_the_cores() {
    let (scheduler, cores) = of_cores(|builder| builder.max_workers(6));
    let (shared, mut scaling) = (scheduler.shared(), Scaling::default());
    let mut now = Instant::now();
    let mut workers_of = |count, time| {
        cores.store(count, Ordering::Relaxed);
        now += time;
        scaling.round(shared, now, true);
        scheduler.workers()
    };
    assert_eq!(workers_of(2, TICK), 2);
    assert_eq!(workers_of(5, COUNT / 2), 2, "not read again yet");
    assert_eq!(workers_of(5, COUNT / 2), 5);
    assert_eq!(workers_of(1, COUNT), 1);
    assert_eq!(workers_of(0, COUNT), 1);
    assert_eq!(workers_of(100, COUNT), 6, "for which it was built");
    // The program's word is the last.
    scheduler.set_workers(3).unwrap();
    assert_eq!(workers_of(2, COUNT), 3);
}

#[test]
fn a_decision_by_a_plan_that_is_no_more_has_no_effect() {
    let (scheduler, _) = of_cores(|builder| builder.workers_between(1, 8));
    let shared = scheduler.shared();
    let plan = shared.staff.plan();
    scheduler.set_workers(5).unwrap();
    assert_eq!(
        shared.staff.follow((&shared.idle, &shared.teams), plan, 2),
        None
    );
    assert_eq!(scheduler.workers(), 5);
}

#[test]
fn what_counts_the_cores_may_panic() {
    let scheduler = Scheduler::builder()
        .cores(|| panic!("no cores"))
        .build()
        .unwrap();
    assert!(scheduler.workers() >= 1);
}
