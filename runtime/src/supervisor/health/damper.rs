//! How fast workers that crash are replaced.
//!
//! A worker that crashes now and then is replaced at once. Where they crash one after the
//! other (a hook that ends its thread, a work that does and is put again and again), to make
//! thread after thread would take the processor from those who work.
//!
//! 1. [`FEW`] crashes within [`WHILE`] are replaced at once.
//! 2. One more is a *storm*: from then on each replacement waits until a pause is over since the one before, and
//!    the pause doubles with each, up to [`LONGEST`].
//! 3. Where no worker is left at all, one is made all the same, [`SHORTEST`] after the one
//!    before: work goes on, and its own crashes are all that it has to pay for.
//! 4. A storm is over when nobody has crashed for [`QUIET`]. What is still vacant is filled at
//!    once then. It is longer than the longest pause, so that a replacement that crashes
//!    whenever it is made keeps the storm going.
//!
//! It goes by the times that it is given, and decides nothing else.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many crashes ...
pub(super) const FEW: usize = 8;
/// ... within this are none to care about.
pub(super) const WHILE: Duration = Duration::from_secs(1);
/// The first pause of a storm.
pub(super) const SHORTEST: Duration = Duration::from_millis(1);
/// The longest.
pub(super) const LONGEST: Duration = Duration::from_secs(1);
/// So long without a crash, and the storm is over.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Damper {
    /// When the last few crashed, the latest last.
    crashes: VecDeque<Instant>,
    storm: Option<Storm>,
}

#[derive(Clone, Copy, Debug)]
struct Storm {
    /// When the last replacement was made, or the storm began.
    last: Instant,
    /// How long after that the next one is due.
    pause: Duration,
}

/// A storm has begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Begun {
    pub(super) crashes: u64,
    pub(super) pause: Duration,
}

impl Damper {
    /// A worker has crashed. Says whether that begins a storm.
    pub(super) fn crashed(&mut self, now: Instant) -> Option<Begun> {
        self.look(now);
        self.crashes.push_back(now);
        if self.crashes.len() > FEW + 1 {
            self.crashes.pop_front();
        }
        let is_storm = self.crashes.len() > FEW
            && self
                .crashes
                .front()
                .is_some_and(|first| now.saturating_duration_since(*first) <= WHILE);
        if self.storm.is_some() || !is_storm {
            return None;
        }
        let pause = SHORTEST;
        self.storm = Some(Storm { last: now, pause });
        Some(Begun {
            crashes: self.crashes.len() as u64,
            pause,
        })
    }

    /// May a seat be filled? `deserted` says that nobody works here.
    pub(super) fn may_fill(&mut self, now: Instant, deserted: bool) -> bool {
        self.look(now);
        let Some(storm) = &mut self.storm else {
            return true;
        };
        let pause = if deserted { SHORTEST } else { storm.pause };
        if now.saturating_duration_since(storm.last) < pause {
            return false;
        }
        storm.last = now;
        storm.pause = (storm.pause * 2).min(LONGEST);
        true
    }

    /// When the next seat may be filled; none where that is at once.
    pub(super) fn due(&self, deserted: bool) -> Option<Instant> {
        let storm = self.storm.as_ref()?;
        let pause = if deserted { SHORTEST } else { storm.pause };
        storm.last.checked_add(pause)
    }

    /// Is the storm over?
    fn look(&mut self, now: Instant) {
        let is_quiet = self
            .crashes
            .back()
            .is_none_or(|last| now.saturating_duration_since(*last) >= QUIET);
        if self.storm.is_some() && is_quiet {
            self.storm = None;
            self.crashes.clear();
        }
    }
}
