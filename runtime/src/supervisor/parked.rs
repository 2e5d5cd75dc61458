//! Telling of workers that have found nothing to do for long.
//!
//! A worker tells nobody that it goes to sleep, but for writing down in its books when it does
//! (`books/times.rs`), and is not woken to say for how long it has. The supervisor looks: who is
//! in the same sleep as at an earlier look has slept since then, by the scheduler's clock. After
//! [`LONG`] it says so, once a sleep.
//!
//! The last worker to fall asleep is what lets the supervisor doze. So before it does it looks
//! once more, and then it dozes no longer than until the next of them has slept for long: the one
//! time that it wakes up while nobody works, and only while somebody listens.

use std::time::{Duration, Instant};

use crate::event::Event;
use crate::shared::Shared;

/// How long a sleep is told of.
const LONG: Duration = Duration::from_secs(1);

/// A sleep that the supervisor has seen.
#[derive(Debug)]
struct Seen {
    worker: usize,
    /// Which sleep: when it began, by the machine's clock.
    sleep: Instant,
    /// When it was first seen.
    at: Instant,
    told: bool,
}

/// What the supervisor keeps in mind about who sleeps.
#[derive(Debug, Default)]
pub(super) struct Parked(Vec<Seen>);

impl Parked {
    /// One round.
    pub(super) fn round(&mut self, shared: &Shared, now: Instant) {
        let mut seen = Vec::new();
        for (worker, sleep) in sleepers(shared) {
            let known = self
                .0
                .iter()
                .position(|seen| (seen.worker, seen.sleep) == (worker, sleep));
            seen.push(match known {
                Some(place) => self.0.swap_remove(place),
                None => Seen {
                    worker,
                    sleep,
                    at: now,
                    told: false,
                },
            });
        }
        self.0 = seen;
        for seen in &mut self.0 {
            let elapsed = now.saturating_duration_since(seen.at);
            if !seen.told && elapsed >= LONG {
                seen.told = true;
                let worker = seen.worker;
                shared.announce(|| Some(Event::WorkerParked { worker, elapsed }));
            }
        }
    }

    /// When the next sleep becomes a long one.
    pub(super) fn due(&self) -> Option<Instant> {
        let untold = self.0.iter().filter(|seen| !seen.told);
        untold.map(|seen| seen.at + LONG).min()
    }

    /// Does somebody sleep of whom it does not know?
    pub(super) fn is_behind(&self, shared: &Shared) -> bool {
        let knows = |worker, sleep| {
            let mut seen = self.0.iter();
            seen.any(|seen| (seen.worker, seen.sleep) == (worker, sleep))
        };
        sleepers(shared)
            .iter()
            .any(|(worker, sleep)| !knows(*worker, *sleep))
    }
}

/// The workers that sleep, and in which sleep; nobody while nobody listens. A spare is told
/// of when it goes.
fn sleepers(shared: &Shared) -> Vec<(usize, Instant)> {
    if !shared.is_heard() {
        return Vec::new();
    }
    let roster = shared.crew.roster();
    let asleep = roster.iter().filter(|seat| !seat.is_spare);
    asleep
        .filter_map(|seat| Some((seat.number, seat.books.times.parked_since()?)))
        .collect()
}
