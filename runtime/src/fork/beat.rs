//! The beat: what the supervisor does for those who fork.
//!
//! Once a tick, while a worker sleeps:
//!
//! 1. Who has been in the same section since the last tick is asked to offer a half.
//! 2. Where one of them already offers something, a worker is woken: it was offered quietly, and
//!    the section is not short after all.
//!
//! A section counts as work for the supervisor's ticks, and so do, for [`GRACE`] ticks, sections that are over:
//! whoever forks again and again should find it awake, because that is what lets the next section
//! begin quietly.

use std::collections::HashMap;

use super::latents;
use crate::shared::Shared;

/// For how many ticks without a new section the supervisor goes on ticking.
const GRACE: u32 = 16;

/// What the supervisor remembers from one tick to the next.
#[derive(Debug)]
pub(crate) struct Beat {
    /// Of each peer, by number: which section it was in.
    seen: HashMap<u32, u32>,
    /// How many ticks ago somebody was in a section, or began one.
    quiet: u32,
}

impl Default for Beat {
    fn default() -> Self {
        Beat {
            seen: HashMap::new(),
            quiet: GRACE,
        }
    }
}

impl Beat {
    /// One tick.
    pub(crate) fn round(&mut self, shared: &Shared) {
        let peers = shared.crew.peers();
        if self.seen.len() > 2 * peers.len() {
            self.seen.clear();
        }
        let sleeping = latents::Around::has_sleepers(shared);
        let mut active = false;
        let mut offered = false;
        for peer in peers.iter() {
            let section = peer.sections();
            let before = self.seen.insert(peer.id, section);
            let is_inside = section % 2 == 1;
            active |= is_inside || before.is_some_and(|before| before != section);
            if sleeping && before == Some(section) && (is_inside || peer.is_worker) {
                peer.request();
                offered |= peer.has_work();
            }
        }
        self.quiet = if active {
            0
        } else {
            self.quiet.saturating_add(1)
        };
        if offered {
            shared.notify();
        }
    }

    /// Is there something to tick for?
    pub(crate) fn is_needed(&self, shared: &Shared) -> bool {
        self.quiet < GRACE
            || shared
                .crew
                .peers()
                .iter()
                .any(|peer| peer.sections() % 2 == 1)
    }
}
