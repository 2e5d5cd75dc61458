//! The forwarder: brings the events of all threads to the subscribers, in order.
//!
//! # Purpose
//!
//! A worker sends its events into a channel of its own, so that workers do not meet
//! there; threads that are no workers share one queue. From these *lines* the events
//! have to get to the [hub](super::hub) in an order in which nothing comes before
//! what it came of: a work is put by one thread, begun by another, cancelled by a third.
//!
//! # Steps
//!
//! 1. Who sends an event takes a number for it ([numbers](super::numbers)) and puts both
//!    into its line, in one transaction, which may be the one that does what the event
//!    tells of.
//! 2. Who forwards takes the lock, cuts, and takes out of every line what there is,
//!    until the line is empty or its last one is above the cut.
//! 3. It sorts by number what it has, sends what is not above the cut to the hub, and
//!    keeps the rest for the next time.
//!
//! Within a line events keep the order of their commits, whatever their numbers: an event of a
//! long transaction has taken its number early. Its *key* is the largest number that its line
//! has brought so far, and keys are what is compared. That delays it behind nothing but
//! what was sent into the same line before it. With keys in place of numbers, the
//! argument of [numbers](super::numbers) stands: what was sent before *b* took its number,
//! and all that is before it in its line, has a smaller number than *b*.
//!
//! # Who forwards
//!
//! - A thread that is no worker, after it has sent: what it tells is with the subscribers when
//!   it goes on, behind all that was sent before.
//! - The supervisor, in each round. A worker that has sent sees to it that there is one.
//! - A worker whose line has grown long, and one whose line has no room. So lines are
//!   bounded, however late the supervisor comes, and nothing is dropped before
//!   the hub, which counts what it drops.
//! - A drain, before it answers those who wait for events; who subscribes; who buries a
//!   worker.
//!
//! Each forwards behind its own sending. So what somebody keeps in step 3 does not stay:
//! whoever sent it, or the supervisor on its behalf, comes by after that.
//!
//! The lock is held while a transport is asked for what it brings, and while values
//! that nobody wants any more are dropped. That is a user's code, which may send an event
//! in turn, and so may a waker that the sending to the hub calls: on the thread that holds the lock
//! it is left in its line, and the supervisor is told that there is something to forward.
//!
//! # What a transport changes
//!
//! The argument needs that what was sent is there when a line is emptied. Over a transport that
//! brings events later, the order holds among the events of one worker, and
//! among those of all threads that are no workers. An event that finds no room in such a
//! channel goes past it, and may overtake.

use std::fmt;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::internals::DropsLater;
use hivework_stm::{StmResult, Transaction, atomically};
use stm_ports::{EventMessage, TQueue};

use super::Event;
use super::hub::Hub;
use super::numbers::Numbers;
use crate::crew::Seat;
use crate::local;
use crate::work::unwind::{drop_contained, shield};

/// How many events are moved in one transaction.
const BATCH: usize = 64;

/// An event and its number.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    number: u64,
    event: Event,
}

/// See the [module](self).
pub(crate) struct Forwarder {
    numbers: Numbers,
    /// The line of all threads that are no workers.
    outside: TQueue<Numbered>,
    round: Mutex<Round>,
    /// Who holds the lock, by its thread number; 0 for nobody.
    holder: AtomicU64,
}

#[derive(Default)]
struct Round {
    lines: Vec<Followed>,
    /// The largest number that came from outside.
    outside: u64,
    /// What was above the cut.
    kept: Vec<Kept>,
}

/// A worker's line, and how far it has been followed.
struct Followed {
    seat: Arc<Seat>,
    /// The largest number that it has brought.
    key: u64,
}

/// How far events have been forwarded: numbers that are others when something more has been.
#[derive(Clone, Copy, Default)]
pub(crate) struct Brought {
    by_workers: Option<u64>,
    from_outside: u64,
}

impl Brought {
    /// Was there something since then, and all of it told by workers?
    pub(crate) fn is_by_workers_alone(self, before: Brought) -> bool {
        self.by_workers != before.by_workers && self.from_outside == before.from_outside
    }
}

struct Kept {
    key: u64,
    event: Event,
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder").finish_non_exhaustive()
    }
}

impl Forwarder {
    pub(crate) fn new() -> Self {
        Forwarder {
            numbers: Numbers::new(),
            outside: TQueue::new(),
            round: Mutex::new(Round::default()),
            holder: AtomicU64::new(0),
        }
    }

    /// Step 1, the number.
    pub(crate) fn number(&self, event: Event) -> Numbered {
        Numbered {
            number: self.numbers.take(),
            event,
        }
    }

    /// Step 1, for a thread that is no worker.
    pub(crate) fn send_in(&self, tx: &mut Transaction<'_>, event: Numbered) -> StmResult<()> {
        self.outside.put(tx, event)
    }

    /// Is there something that nobody but the supervisor will come by for?
    pub(crate) fn is_behind(&self) -> bool {
        !self.outside.is_empty_now()
    }

    /// A worker is about to come, and its line with it.
    pub(crate) fn add(&self, seat: &Arc<Seat>) {
        let line = Followed {
            seat: Arc::clone(seat),
            key: 0,
        };
        self.visit(|round| round.lines.push(line));
    }

    /// Its worker has ended: takes the last out of its line, waiting for what a transport
    /// still carries, and forwards it.
    pub(crate) fn remove(&self, seat: &Arc<Seat>, hub: &Hub) {
        let mut line = None;
        self.visit(|round| {
            let place = round
                .lines
                .iter()
                .position(|line| Arc::ptr_eq(&line.seat, seat));
            let Some(place) = place else { return };
            let mut removed = round.lines.remove(place);
            removed.gather(u64::MAX, &mut round.kept);
            line = Some(removed);
        });
        let Some(mut line) = line else { return };
        // Past the lock: others need not wait for this transport.
        while let Some(message) = line.seat.line.receive_last() {
            let kept = line.keep(message);
            self.visit(|round| round.kept.extend(kept));
        }
        _ = self.forward(hub);
    }

    /// Steps 2 and 3. False where this thread is in the midst of them already.
    #[must_use]
    pub(crate) fn forward(&self, hub: &Hub) -> bool {
        let mut passed = Vec::new();
        let visited = self.visit(|round| passed = self.pass(round, hub));
        // Past the lock: what users have sent they may have to drop.
        drop_contained(passed);
        visited
    }

    /// How far it has come.
    pub(crate) fn brought(&self) -> Brought {
        let mut brought = Brought::default();
        self.visit(|round| {
            brought.by_workers = round.lines.iter().map(|line| line.key).max();
            brought.from_outside = round.outside;
        });
        brought
    }

    /// Forwards what there is, and then closes the hub.
    pub(crate) fn close(&self, hub: &Hub) {
        let mut passed = Vec::new();
        self.visit(|round| {
            passed = self.pass(round, hub);
            hub.close();
        });
        drop_contained(passed);
    }

    /// Takes the lock, unless this thread has it; says whether it could.
    fn visit(&self, act: impl FnOnce(&mut Round)) -> bool {
        struct Leave<'a>(&'a AtomicU64);

        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                // Ordering: as in `visit`.
                self.0.store(0, Ordering::Relaxed);
            }
        }

        let me = local::thread_number();
        // Ordering: Relaxed; nobody else writes this thread's number.
        if me != 0 && self.holder.load(Ordering::Relaxed) == me {
            return false;
        }
        // Nor does a transaction under the lock drop what others have displaced.
        let _later = DropsLater::begin();
        let mut round = self.round.lock();
        // Ordering: as above; written under the lock.
        self.holder.store(me, Ordering::Relaxed);
        let _leave = Leave(&self.holder);
        act(&mut round);
        true
    }

    /// Answers what it has passed on.
    fn pass(&self, round: &mut Round, hub: &Hub) -> Vec<Event> {
        let cut = self.numbers.cut();
        for line in &mut round.lines {
            line.gather(cut, &mut round.kept);
        }
        self.gather_outside(cut, round);
        // Stable: what has the same key comes from the same line.
        round.kept.sort_by_key(|kept| kept.key);
        let ready = round.kept.partition_point(|kept| kept.key <= cut);
        let ready: Vec<Event> = round.kept.drain(..ready).map(|kept| kept.event).collect();
        // Unheard events are taken all the same: who subscribes later must not be told
        // of what was before.
        if hub.is_heard() {
            for some in ready.chunks(BATCH) {
                shield(|| hub.send(some));
            }
        }
        ready
    }

    fn gather_outside(&self, cut: u64, round: &mut Round) {
        while !self.outside.is_empty_now() && round.outside <= cut {
            let batch = atomically(|tx| self.outside.take_batch(tx, BATCH));
            for Numbered { number, event } in batch {
                round.outside = round.outside.max(number);
                let key = round.outside;
                round.kept.push(Kept { key, event });
            }
        }
    }
}

impl Followed {
    /// Step 2, for one line.
    fn gather(&mut self, cut: u64, kept: &mut Vec<Kept>) {
        loop {
            let mut batch = Vec::new();
            if !self.seat.line.looks_empty() {
                // A transport is a user's code.
                shield(|| batch = self.seat.line.receive(BATCH));
            }
            let last = batch.len() < BATCH;
            let batch = batch.into_iter().filter_map(|message| self.keep(message));
            kept.extend(batch);
            if last || self.key > cut {
                return;
            }
        }
    }

    /// What a message brings; none where it is not one of ours.
    fn keep(&mut self, message: EventMessage) -> Option<Kept> {
        let numbered = message.downcast::<Numbered>().ok()?;
        self.key = self.key.max(numbered.number);
        Some(Kept {
            key: self.key,
            event: numbered.event.clone(),
        })
    }
}
