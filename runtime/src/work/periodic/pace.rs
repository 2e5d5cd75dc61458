//! When the turns of a periodic work are due; [periodic](super) has the rules.

use std::time::{Duration, Instant};

/// See the [module](self).
#[derive(Debug)]
pub(super) enum Pace {
    /// At start + k · period.
    Rate {
        period: Duration,
        start: Option<Instant>,
        /// The k of the turn that runs, or ran last.
        turn: u128,
    },
    /// So long after the end of the turn before.
    Pause(Duration),
}

impl Pace {
    pub(super) fn rate(period: Duration) -> Pace {
        Pace::Rate {
            period,
            start: None,
            turn: 0,
        }
    }

    /// A turn begins, the first one at `first`.
    pub(super) fn begin(&mut self, first: impl FnOnce() -> Instant) {
        if let Pace::Rate { start, .. } = self {
            start.get_or_insert_with(first);
        }
    }

    /// The turn has ended now: when the next one is due, unless that is never, and how many are
    /// left out.
    pub(super) fn next(&mut self, now: Instant) -> (Option<Instant>, u64) {
        match self {
            Pace::Pause(pause) => (now.checked_add(*pause), 0),
            Pace::Rate {
                period,
                start,
                turn,
            } => {
                let start = start.unwrap_or(now);
                let period = period.as_nanos();
                if period == 0 {
                    return (Some(now), 0);
                }
                let passed = now.saturating_duration_since(start).as_nanos();
                let next = (*turn + 1).max(passed.div_ceil(period));
                let skipped = next - *turn - 1;
                *turn = next;
                let due = next.checked_mul(period).and_then(duration);
                let due = due.and_then(|due| start.checked_add(due));
                (due, u64::try_from(skipped).unwrap_or(u64::MAX))
            }
        }
    }
}

fn duration(nanos: u128) -> Option<Duration> {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / SECOND).ok()?;
    let rest = u32::try_from(nanos % SECOND).ok()?;
    Some(Duration::new(seconds, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn running(start: Instant, period: Duration) -> Pace {
        let mut pace = Pace::rate(period);
        pace.begin(|| start);
        pace
    }

    #[test]
    fn turns_at_a_rate_do_not_drift() {
        let start = Instant::now();
        let mut pace = running(start, 3 * MS);
        for turn in 1..100 {
            // Each ends a little later after its time than the one before.
            let (due, skipped) = pace.next(start + 3 * MS * (turn - 1) + MS * turn / 100);
            assert_eq!((due, skipped), (Some(start + 3 * MS * turn), 0));
        }
    }

    #[test]
    fn what_has_passed_is_left_out_and_what_is_due_now_is_not() {
        let start = Instant::now();
        let mut pace = running(start, 10 * MS);
        assert_eq!(pace.next(start + 10 * MS), (Some(start + 10 * MS), 0));
        assert_eq!(pace.next(start + 40 * MS), (Some(start + 40 * MS), 2));
        assert_eq!(pace.next(start + 51 * MS), (Some(start + 60 * MS), 1));
    }

    #[test]
    fn beyond_what_a_clock_can_say_is_never() {
        let start = Instant::now();
        let mut pace = running(start, Duration::MAX);
        assert_eq!(pace.next(start), (None, 0));
        assert_eq!(pace.next(start), (None, 0));
        assert_eq!(Pace::Pause(Duration::MAX).next(start), (None, 0));
    }

    #[test]
    fn no_period_is_at_once() {
        let start = Instant::now();
        let mut pace = running(start, Duration::ZERO);
        assert_eq!(pace.next(start + MS), (Some(start + MS), 0));
    }
}
