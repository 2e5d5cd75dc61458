//! How many workers the load needs: what was seen, and what follows.
//!
//! # Up
//!
//! Work is queued and nobody searches or sleeps, at each look for [`SHORT`]: that is more than one
//! look, so that a queue which is emptied between two of them does not count. Then one worker more; if it lasts
//! as long again with all of them there, two more, then four, as far as there may be.
//!
//! # Down
//!
//! At each look, for as long as the *patience*, some workers slept: as many as slept all along were not
//! needed. Half of them go, one at least, and then it is looked for as long again. So a load that comes again
//! within that time keeps its workers.
//!
//! # Not up and down all the time
//!
//! One more takes work that waits for a while, one fewer a worker that has had nothing to do for
//! much longer; between the two lies any number that serves the load. A load that comes and goes
//! more slowly than the patience would still make workers come and go with it. So where
//! workers are missed soon after some have gone the patience doubles, up to [`LONGEST`], and
//! it halves again when they were not missed for several times as long.
//!
//! It goes by the times that it is given. While nobody works there are few looks: what was
//! seen last counts until the next, which is [due](Load::due) when the patience is over.

use std::time::{Duration, Instant};

use crate::event::Scale;

/// How long work has to wait.
pub(super) const SHORT: Duration = Duration::from_millis(5);
/// How long workers have to sleep, to begin with.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How long at most.
pub(super) const LONGEST: Duration = Duration::from_secs(16);

/// What there is to be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) now: Instant,
    /// How many workers there are to be, and may be.
    pub(super) workers: usize,
    pub(super) min: usize,
    pub(super) max: usize,
    /// Are all of them there?
    pub(super) is_complete: bool,
    /// Is work queued that nobody is free for?
    pub(super) is_short: bool,
    /// How many sleep.
    pub(super) asleep: usize,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Load {
    /// Since when work has been waiting.
    short: Option<Instant>,
    /// How many more come next.
    step: usize,
    /// Since when so many have slept all along.
    slack: Option<(Instant, usize)>,
    patience: Duration,
    /// When some went last.
    fewer: Option<Instant>,
    due: Option<Instant>,
}

impl Default for Load {
    fn default() -> Self {
        Load {
            short: None,
            step: 1,
            slack: None,
            patience: PATIENCE,
            fewer: None,
            due: None,
        }
    }
}

impl Load {
    /// How many there are to be from now on, and why, if that is another number.
    pub(super) fn decide(&mut self, seen: &Seen) -> Option<(usize, Scale)> {
        let decided = self.find(seen);
        let workers = decided.map_or(seen.workers, |(workers, _)| workers);
        let since = self.slack.map_or(seen.now, |(since, _)| since);
        self.due = (workers > seen.min)
            .then(|| since.checked_add(self.patience))
            .flatten();
        decided
    }

    /// When it has to look again although nobody works.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    fn find(&mut self, seen: &Seen) -> Option<(usize, Scale)> {
        let bounded = seen.workers.clamp(seen.min, seen.max);
        if bounded != seen.workers {
            self.short = None;
            self.slack = None;
            return Some((bounded, Scale::Cores));
        }
        if !seen.is_complete {
            // What those do who are not there yet would be guessed.
            self.short = None;
            self.slack = None;
            return None;
        }
        self.up(seen).or_else(|| self.down(seen))
    }

    fn up(&mut self, seen: &Seen) -> Option<(usize, Scale)> {
        if !seen.is_short {
            self.short = None;
            self.step = 1;
            return None;
        }
        self.slack = None;
        let since = *self.short.get_or_insert(seen.now);
        if seen.workers == seen.max || seen.now.saturating_duration_since(since) < SHORT {
            return None;
        }
        let workers = seen.workers.saturating_add(self.step).min(seen.max);
        self.step = self.step.saturating_mul(2);
        self.short = None;
        if self.is_within(seen.now, self.patience) {
            self.patience = (self.patience * 2).min(LONGEST);
        }
        self.fewer = None;
        Some((workers, Scale::Load))
    }

    fn down(&mut self, seen: &Seen) -> Option<(usize, Scale)> {
        if self.fewer.is_some() && !self.is_within(seen.now, 4 * self.patience) {
            self.patience = (self.patience / 2).max(PATIENCE);
            self.fewer = None;
        }
        if seen.asleep == 0 {
            self.slack = None;
            return None;
        }
        let (since, asleep) = self.slack.unwrap_or((seen.now, seen.asleep));
        let asleep = asleep.min(seen.asleep);
        self.slack = Some((since, asleep));
        let spare = seen.workers - seen.min;
        if spare == 0 || seen.now.saturating_duration_since(since) < self.patience {
            return None;
        }
        let fewer = asleep.div_ceil(2).min(spare);
        self.slack = None;
        self.fewer = Some(seen.now);
        Some((seen.workers - fewer, Scale::Idle))
    }

    /// Have some gone since so long?
    fn is_within(&self, now: Instant, limit: Duration) -> bool {
        self.fewer
            .is_some_and(|fewer| now.saturating_duration_since(fewer) <= limit)
    }
}
