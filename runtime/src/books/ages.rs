//! How long what is queued has waited, without a clock at the put.
//!
//! A queue knows how many items were ever put into it and how many were taken, and gives them
//! in their order. So it is enough to *note* at times how many had been put by then: the supervisor
//! does at each tick, and so does whoever asks. The oldest item is the next to be taken, and the
//! first note that the takes have not passed, that is, the first that counts it as put, says
//! when it was there at the latest.
//!
//! The age that is answered is never more than the true one, and less by the time between two
//! notes: a tick, while the supervisor ticks. What has been put since the last note has the age
//! zero. While nobody ticks, in a scheduler that is stopped say, ages begin with the first
//! question.
//!
//! # A bound
//!
//! Notes that the takes have passed are dropped, and a moment at which nothing new had been put leaves none. Once
//! there are [`MOST`], one that is in between is left out for each that comes: the one
//! whose neighbours are least apart, compared with how old they are. So the error of what has waited for
//! very long is a share of its age: a tenth at most, for any time that a process runs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Mutex;

/// How many notes are kept of a queue.
const MOST: usize = 256;

/// How far a queue has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Passed {
    /// How many items have been taken out of it.
    pub(crate) taken: u64,
    /// How many have been put into it, looked at later.
    pub(crate) added: u64,
}

/// The notes of several queues; see the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Ages<const QUEUES: usize>(Mutex<Queues<QUEUES>>);

#[derive(Debug)]
struct Queues<const QUEUES: usize>([Notes; QUEUES]);

impl<const QUEUES: usize> Default for Queues<QUEUES> {
    fn default() -> Self {
        Queues(std::array::from_fn(|_| Notes::default()))
    }
}

impl<const QUEUES: usize> Ages<QUEUES> {
    /// Notes how far the queues have come, which `look` says, and answers how many each holds
    /// and how old the oldest is, if any. `now` is asked after the look.
    pub(crate) fn note(
        &self,
        look: impl FnOnce() -> [Passed; QUEUES],
        now: impl FnOnce() -> Instant,
    ) -> [(u64, Option<Duration>); QUEUES] {
        // The look is under the lock, so that notes follow each other.
        let mut queues = self.0.lock();
        let looked = look();
        let now = now();
        let mut queue = 0;
        looked.map(|passed| {
            let notes = &mut queues.0[queue];
            queue += 1;
            notes.add(passed, now);
            let depth = passed.added.saturating_sub(passed.taken);
            (depth, notes.oldest(passed, now))
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Note {
    added: u64,
    by: Instant,
}

#[derive(Debug, Default)]
struct Notes(VecDeque<Note>);

impl Notes {
    fn add(&mut self, passed: Passed, now: Instant) {
        while self
            .0
            .front()
            .is_some_and(|note| note.added <= passed.taken)
        {
            self.0.pop_front();
        }
        let last = self.0.back().map_or(passed.taken, |note| note.added);
        if passed.added <= last {
            return;
        }
        if self.0.len() >= MOST {
            self.thin(now);
        }
        self.0.push_back(Note {
            added: passed.added,
            by: now,
        });
    }

    /// Leaves out the note in between that is missed least.
    fn thin(&mut self, now: Instant) {
        let loss = |place: &usize| {
            let (before, after) = (self.0[*place - 1].by, self.0[*place + 1].by);
            let gap = after.saturating_duration_since(before).as_secs_f64();
            let age = now.saturating_duration_since(before).as_secs_f64();
            gap / age.max(f64::MIN_POSITIVE)
        };
        let places = 1..self.0.len() - 1;
        let least = places.min_by(|one, other| loss(one).total_cmp(&loss(other)));
        if let Some(place) = least {
            self.0.remove(place);
        }
    }

    fn oldest(&self, passed: Passed, now: Instant) -> Option<Duration> {
        if passed.added <= passed.taken {
            return None;
        }
        // Those in front have been dropped.
        let note = self.0.front()?;
        Some(now.saturating_duration_since(note.by))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MOST, Notes, Passed};

    const TICK: Duration = Duration::from_millis(1);

    fn passed(taken: u64, added: u64) -> Passed {
        Passed { taken, added }
    }

    #[test]
    fn an_empty_queue_has_no_oldest() {
        let (mut notes, now) = (Notes::default(), Instant::now());
        notes.add(passed(7, 7), now);
        assert_eq!(notes.oldest(passed(7, 7), now), None);
        assert!(notes.0.is_empty());
    }

    #[test]
    fn the_age_is_that_of_the_first_note_that_is_not_passed() {
        let (mut notes, begin) = (Notes::default(), Instant::now());
        notes.add(passed(0, 10), begin);
        notes.add(passed(0, 20), begin + TICK);
        let later = passed(0, 20);
        assert_eq!(notes.oldest(later, begin + 5 * TICK), Some(5 * TICK));
        // The ten of the first note are gone.
        let later = passed(10, 20);
        notes.add(later, begin + 6 * TICK);
        assert_eq!(notes.oldest(later, begin + 6 * TICK), Some(5 * TICK));
        // All are gone, and some new ones have come.
        let later = passed(20, 25);
        notes.add(later, begin + 7 * TICK);
        assert_eq!(notes.oldest(later, begin + 7 * TICK), Some(Duration::ZERO));
    }

    #[test]
    fn few_notes_tell_any_age_within_a_tenth() {
        let ticks = if cfg!(miri) { 400 } else { 10_000 };
        let (mut notes, begin) = (Notes::default(), Instant::now());
        for tick in 0..ticks {
            // One item a tick, put at that tick.
            notes.add(passed(0, u64::from(tick) + 1), begin + tick * TICK);
            assert!(notes.0.len() <= MOST);
        }
        let now = begin + ticks * TICK;
        for taken in 0..ticks {
            let later = passed(taken.into(), ticks.into());
            notes.add(later, now);
            let (told, age) = (notes.oldest(later, now).unwrap(), (ticks - taken) * TICK);
            assert!(told <= age, "{told:?} is more than {age:?}");
            assert!(age - told <= TICK.max(age / 10), "{told:?} for {age:?}");
        }
    }
}
