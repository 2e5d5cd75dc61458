//! Where a worker looks for work, and in which order.
//!
//! # Steps
//!
//! 1. What has its turn before the own deque (`injector/bands.rs`): something urgent, or what
//!    must not starve.
//! 2. The own deque, oldest first.
//! 3. The injector: a batch in one transaction, the first to run, the rest onto the
//!    own deque, where others can steal it.
//! 4. With leave to search (at most half of the workers have it at a time): the
//!    other workers, in random order, taking half of what one has; then those who fork,
//!    who are asked for a half where they offer none (`fork/look.rs`); and the injector
//!    once more, round after round for a bounded while.
//! 5. Nothing: the caller parks.
//!
//! # The while
//!
//! What is put while somebody searches costs its putter no wake-up and waits for none, so
//! a search goes on for about as long as going to sleep and being woken would take.
//! `idle/patience.rs` says how it is spent.
//!
//! Only the rounds after which there was nothing cost anything, and they only look: the
//! injector is taken from, in a transaction, where the look says that there is something.
//!
//! # Searching before the work is quite over
//!
//! Whoever waits for an item may put the next as soon as it has the outcome, and finds the
//! worker still at the end of its work: it would wake another, each time. So a worker
//! with nothing left on its deque counts as searching from the publication on
//! ([`take_up`]), provided that nothing of the user's comes after it on this thread, which
//! could keep it from looking.
//!
//! # Saying what was moved
//!
//! Between taking a batch and pushing its rest, the items are in neither queue
//! and a searcher can pass both by. So a worker that pushed a rest notifies: as
//! a searcher through the end of its search, which looks whether something is
//! left anywhere, otherwise itself.
//!
//! Searching is counted (`idle.rs`), and the count must come back whatever
//! happens: [`Search`] gives it back when it is dropped, also by unwinding.

use std::time::Instant;

use hivework_stm::facade::hint;
use hivework_stm::facade::sync::Arc;

use super::deque::Steal;
use crate::crew::Seat;
use crate::fork::peer::{Peer, Stolen};
use crate::idle::Parked;
use crate::idle::patience::{ROUNDS, pause};
use crate::injector::Item;
use crate::injector::bands::Rota;
use crate::local::{self, Local};
use crate::outlet::trace;
use crate::work::own::{Own, Whose};
use crate::work::unwind::shield;

/// The most that is taken from the injector at a time.
const BATCH: usize = 64;

/// In every how many rounds those who fork are asked for a half. A request is kept in mind.
const ASKING: u32 = 16;

pub(super) struct Search<'a> {
    local: &'a Local,
    rota: Rota,
    random: u64,
    roster: Arc<[Arc<Seat>]>,
    peers: Arc<[Arc<Peer>]>,
    version: usize,
    /// Has it risen since it last looked whether the supervisor dozes?
    risen: bool,
}

/// What a worker has found to do.
pub(super) enum Found {
    Item(Item),
    /// Of somebody's fork.
    Half(Stolen),
}

impl Found {
    pub(super) fn run(self, local: &Local) {
        match self {
            Found::Item(item) => {
                local.latents.begin();
                if item.is_own() {
                    item.run();
                } else {
                    local.run_other(|| item.run());
                }
            }
            Found::Half(half) => local.run_other(|| half.run(&local.latents)),
        }
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(local: &'a Local) -> Self {
        Search {
            local,
            rota: Rota::new(),
            random: 0x9E37_79B9_7F4A_7C15 ^ (local.seat.number as u64 + 1),
            version: local.shared.crew.version(),
            roster: local.shared.crew.roster(),
            peers: local.shared.crew.peers(),
            risen: true,
        }
    }

    /// The next item, or none anywhere (steps 1 to 4).
    pub(super) fn next(&mut self) -> Option<Found> {
        let injector = &self.local.shared.injector;
        let found = match self.rota.first(injector.bands()) {
            Some(priority) => {
                // Somebody has much to do: time to be looked after.
                self.local.shared.supervisor.stir();
                self.take_in(injector.take(priority, 1))
            }
            None => None,
        };
        let found = found.or_else(|| self.local.deque.pop());
        let found = found.or_else(|| self.take_from_injector(BATCH));
        let found = found.map(Found::Item).or_else(|| self.take_from_others());
        if found.is_some() {
            self.end();
        }
        if self.risen && matches!(found, Some(Found::Item(_))) {
            self.show_up();
        }
        found
    }

    /// A worker that has risen, from its bed or from a rest, is about to begin an item, or to
    /// rest: a supervisor that dozes hears of it (`supervisor.rs`).
    #[cold]
    pub(super) fn show_up(&mut self) {
        if !self.risen {
            return;
        }
        self.risen = false;
        self.local.shared.supervisor.rise();
    }

    /// It has rested.
    pub(super) fn rise(&mut self) {
        self.risen = true;
    }

    /// Step 3.
    fn take_from_injector(&self, most: usize) -> Option<Item> {
        let injector = &self.local.shared.injector;
        if injector.looks_empty() {
            return None;
        }
        self.take_in(injector.take_any(most))
    }

    /// Keeps the first for now, and the rest where others can steal it.
    fn take_in(&self, batch: Vec<Item>) -> Option<Item> {
        let shared = &self.local.shared;
        let mut batch = batch.into_iter();
        let first = batch.next()?;
        let rest = batch.len();
        batch.for_each(|item| self.local.deque.push(item));
        // What is carried may have brought more than was taken.
        if (rest > 0 || !shared.injector.is_local()) && !self.local.searches.get() {
            shared.notify();
        }
        Some(first)
    }

    /// Step 4.
    fn take_from_others(&mut self) -> Option<Found> {
        let shared = &self.local.shared;
        let searches = &self.local.searches;
        if !searches.get() {
            searches.set(shared.idle.try_search());
        }
        if !searches.get() {
            return None;
        }
        for round in 0..ROUNDS {
            self.look_at_roster();
            if let Some(item) = self.steal_round() {
                return Some(Found::Item(item));
            }
            if let Some(half) = self.steal_half(round % ASKING == 0) {
                return Some(Found::Half(half));
            }
            if let Some(item) = self.take_from_injector(BATCH) {
                return Some(Found::Item(item));
            }
            if shared.is_halting() {
                return None;
            }
            pause(round);
        }
        None
    }

    fn steal_round(&mut self) -> Option<Item> {
        let start = self.random();
        let count = self.roster.len();
        let own = &self.local.seat;
        for place in 0..count {
            let victim = &self.roster[(start + place) % count];
            if Arc::ptr_eq(victim, own) || victim.stealer.is_empty() {
                continue;
            }
            loop {
                match victim.stealer.steal_into(&self.local.deque) {
                    Steal::Taken(item) => {
                        own.books.stolen.add(1);
                        trace::steal(&self.local.shared, Some(victim.number));
                        return Some(item);
                    }
                    Steal::Empty => break,
                    Steal::Retry => hint::spin_loop(),
                }
            }
        }
        None
    }

    /// A half of somebody's fork; `asks` says whether to ask those for one who have none to offer.
    fn steal_half(&mut self, asks: bool) -> Option<Stolen> {
        let start = self.random();
        let count = self.peers.len();
        let own = &self.local.seat;
        for place in 0..count {
            let peer = &self.peers[(start + place) % count];
            if Arc::ptr_eq(peer, &own.peer) {
                continue;
            }
            while peer.has_work() {
                match peer.steal() {
                    Steal::Taken(half) => {
                        own.books.stolen.add(1);
                        trace::steal(&self.local.shared, None);
                        return Some(half);
                    }
                    Steal::Empty => break,
                    Steal::Retry => hint::spin_loop(),
                }
            }
            if asks {
                peer.request();
            }
        }
        None
    }

    /// Fetches the roster if it has changed.
    fn look_at_roster(&mut self) {
        let version = self.local.shared.crew.version();
        if version != self.version {
            self.version = version;
            self.roster = self.local.shared.crew.roster();
            self.peers = self.local.shared.crew.peers();
        }
    }

    /// Marsaglia's xorshift.
    fn random(&mut self) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) as usize
    }

    /// Stops counting as a searcher.
    pub(super) fn end(&mut self) {
        if self.local.searches.take() {
            let local = self.local;
            let shared = &local.shared;
            let notified = shared
                .idle
                .end_search(|| shared.is_halting() || self.sees_work());
            shared.follow_up(notified);
        }
    }

    /// Is there anything to take? On the way from search to work, so it goes by the
    /// roster at hand.
    fn sees_work(&mut self) -> bool {
        self.look_at_roster();
        !self.local.shared.injector.looks_empty()
            || self.roster.iter().any(|seat| !seat.stealer.is_empty())
            || self.peers.iter().any(|peer| peer.has_work())
    }

    /// Step 5: sleeps, and takes up searching again where it was woken for it.
    pub(super) fn park(&mut self, until: Option<Instant>) -> Parked {
        let shared = &self.local.shared;
        let searching = self.local.searches.take();
        self.rota = Rota::new();
        let _seen = trace::park(shared);
        let parked = shared
            .idle
            .park(&self.local.seat.parker, searching, until, || {
                shared.quiet.tell();
                !shared.is_halting() && !shared.has_work()
            });
        self.local.searches.set(parked == Parked::Woken);
        self.rise();
        parked
    }
}

/// The item that this worker runs is over, and no user's code comes any more: it counts
/// as searching from here on, if it will have to search.
pub(crate) fn take_up(own: &Own) {
    // An item that runs inside another goes back to that, and so does one that runs inside a half,
    // a scope's job, a broadcast.
    let Whose::Worker(worker) = &own.whose else {
        return;
    };
    if local::depth() != 1 || worker.runs_other.get() {
        return;
    }
    let idle = &worker.shared.idle;
    if idle.counts().1 > 0 && worker.deque.is_empty() && !worker.searches.get() {
        worker.searches.set(idle.try_search());
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        // The last look goes through the transport, which is a user's code and
        // may be what this thread is unwinding from.
        shield(|| self.end());
    }
}
