//! One item as the rounds see it: since when it runs, and when that is too long.
//!
//! *Never too early.* The item was there when it was first seen, and the clock was read after that; it is
//! there when it is reported, which is looked at after the clock. So it has run for at least as long
//! as it was seen to, whatever holds the supervisor up in between.
//!
//! *Within two ticks after its budget is used up.* Let it begin at b with the budget B; let t be the
//! tick that sees it first, I the distance of two ticks, and T the second tick that comes at or after
//! b + B. The first of the two is not before b + B, so T is not before b + B + I; and t is not after
//! b + I. At T it has been seen for T − t ≥ (b + B + I) − (b + I) = B, and it is due, if not before.
//! Where ticks come unevenly, what the first one is late by the last may be late by as well.
//!
//! What its worker waits, announced, is as if time stood still meanwhile. At the first sight the clock is
//! read behind the waits: what was waited by then is not less than what was seen; later it is read before
//! them, and not more than what is seen was waited by then. So the difference is not too small, but for what
//! holds a worker up between looking at the clock and saying that it goes on.

use std::time::{Duration, Instant};

/// A worker in one round: the stamp of what it runs, and how long it has waited by then, in all that
/// it has run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) stamp: u64,
    pub(super) waited: Duration,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Course {
    first: Sight,
    since: Instant,
    /// When to look at it.
    pub(super) budget: Duration,
    /// Has its overrun been reported?
    pub(super) is_told: bool,
}

impl Course {
    /// An item is seen that was not there before.
    pub(super) fn begin(now: Instant, first: Sight, budget: Duration) -> Course {
        Course {
            first,
            since: now,
            budget,
            is_told: false,
        }
    }

    /// Is it this one that is seen?
    pub(super) fn is_of(&self, sight: Sight) -> bool {
        self.first.stamp == sight.stamp
    }

    /// Is it to be looked at, and after what time? It is seen once more.
    pub(super) fn is_due(&self, now: Instant, sight: Sight) -> Option<Duration> {
        let waited = sight.waited.saturating_sub(self.first.waited);
        let passed = now.saturating_duration_since(self.since);
        let elapsed = passed.saturating_sub(waited);
        (!self.is_told && elapsed >= self.budget).then_some(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Course, Sight};

    const MS: Duration = Duration::from_millis(1);

    fn sight(stamp: u64, waited: Duration) -> Sight {
        Sight { stamp, waited }
    }

    /// For an item that begins `late` after a tick: how many ticks come at or after the end of its
    /// budget until it is due, that one included; and how long it was seen to run.
    fn ticks_until_due(interval: Duration, budget: Duration, late: Duration) -> (u32, Duration) {
        let start = Instant::now();
        let begins = start + late;
        let mut course: Option<Course> = None;
        let mut ticks_late = 0;
        for tick in 1u32.. {
            let now = start + interval * tick;
            if now >= begins + budget {
                ticks_late += 1;
            }
            let sight = sight(1, Duration::ZERO);
            match &course {
                None => course = Some(Course::begin(now, sight, budget)),
                Some(course) => {
                    if let Some(elapsed) = course.is_due(now, sight) {
                        assert!(now >= begins + budget, "it has time left");
                        return (ticks_late, elapsed);
                    }
                }
            }
        }
        unreachable!("time goes on")
    }

    #[test]
    fn an_overrun_is_found_within_two_ticks() {
        for interval in [MS, 10 * MS, 100 * MS] {
            for budget in [MS, 10 * MS, 15 * MS, 250 * MS] {
                for part in 0..20 {
                    let late = interval * part / 20;
                    let (ticks, elapsed) = ticks_until_due(interval, budget, late);
                    assert!(
                        ticks <= 2,
                        "{ticks} ticks of {interval:?} after {budget:?}, begun {late:?} late"
                    );
                    assert!(elapsed >= budget);
                }
            }
        }
    }

    #[test]
    fn what_its_worker_waits_does_not_count() {
        let start = Instant::now();
        let course = Course::begin(start, sight(1, 3 * MS), 10 * MS);
        assert_eq!(course.is_due(start + 50 * MS, sight(1, 44 * MS)), None);
        let due = course.is_due(start + 60 * MS, sight(1, 44 * MS));
        assert_eq!(due, Some(19 * MS));
    }

    #[test]
    fn what_is_told_is_not_told_again() {
        let start = Instant::now();
        let mut course = Course::begin(start, sight(1, Duration::ZERO), 10 * MS);
        let again = sight(1, Duration::ZERO);
        assert!(course.is_due(start + 10 * MS, again).is_some());
        course.is_told = true;
        assert_eq!(course.is_due(start + 20 * MS, again), None);
        assert!(!course.is_of(sight(3, Duration::ZERO)));
    }
}
