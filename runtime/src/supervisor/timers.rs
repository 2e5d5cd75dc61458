//! What is to happen at a time, kept exactly: the supervisor sleeps until the earliest.
//!
//! # What lies here
//!
//! | entry | made by | when it is due |
//! |---|---|---|
//! | *deadline* | the put of work that has one, or another [limit](crate::work::limits); its beginning | the work is answered, unless it is over |
//! | *delay* | the put of work that is to wait | the work goes into the queue |
//! | *turn* | a periodic work that has had a turn (`work/periodic.rs`) | it is woken |
//!
//! Deadlines lie in one tree, delays and turns, the *sleepers*, in another: a drain answers the
//! latter. An item has one entry of either at most, knows where each lies ([`Timed`]), and is
//! referred to by it. Trees are ordered by time and, where that is equal, by the order in which
//! the entries were made; a deadline comes before a sleeper of the same time. Time is counted in
//! nanoseconds from the making of the scheduler.
//!
//! # Steps
//!
//! 1. *Add*, if the item is not over; says whether it is the earliest now, and then the
//!    supervisor is rung, to sleep less long.
//! 2. *Fire*: a round takes out what is due, some at a time, and sees to it past the lock. If
//!    that may not have been all, the next round follows at once, after everything else that a
//!    round looks after.
//! 3. *Leave*: who ends an item takes its entries out, so that a work that is cancelled, or over
//!    before its deadline, leaves no memory behind.
//! 4. *Close*, when a drain begins or the last handle goes: sleepers are turned away from then
//!    on, and those that are there are taken out and answered `Stopped`. After a drain it is
//!    *opened* again, for what is put before the next start.
//!
//! Each takes the lock once; 1 and 3 cost a way down a tree, 2 as much for each that is due.
//! A pending entry costs its place in a tree, three words and what the tree leaves free, and no
//! tick looks at it.
//!
//! # Races
//!
//! *An end and an adding.* The end is in the item's word before the ender takes the lock. If
//! the adding comes first, the ender finds the entry; if the ender does, the adding finds the
//! item over, and gives it back.
//!
//! *An end and a firing.* Who takes the entry out has it. The item's word decides what comes of
//! that: an item that is fired and over is a tombstone.
//!
//! *A put and a drain.* If the adding comes first, the drain finds the entry; if the closing
//! does, the adding is turned away, and the put answered `Stopped`.
//!
//! # What is dropped where
//!
//! No reference is dropped under the lock: it may be an item's last, and with it may go what
//! is a user's.

mod timed;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::{Arc, Mutex};

pub(crate) use timed::Timed;

use crate::shared::Shared;
use crate::work::info::Info;
use crate::work::item::Item;
use crate::work::unwind::shield;

/// How many entries fire between two looks at everything else.
const PORTION: usize = 256;

/// When, and after how many others that were made for the same time. The second is unique.
type Key = (u64, u64);

/// See the [module](self).
pub(crate) struct Timers {
    base: Instant,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    deadlines: BTreeMap<Key, Item>,
    sleepers: BTreeMap<Key, Item>,
    /// How many of the sleepers are delayed; the others wait for their turn.
    delayed: usize,
    /// The last entry's place in their order.
    last: u64,
    closed: bool,
}

/// Why an item sleeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sleep {
    Delay = 0,
    Turn = 1,
}

/// What became of a sleeper.
#[must_use]
pub(crate) enum Added {
    /// It is the earliest now.
    First,
    Later,
    /// It is over, and need not sleep.
    Over(Item),
    /// Nobody is to sleep any more.
    Closed(Item),
}

/// An entry that was taken out.
pub(crate) enum Due {
    Deadline(Item),
    Delay(Item),
    Turn(Item),
}

impl Due {
    pub(crate) fn into_item(self) -> Item {
        match self {
            Due::Deadline(item) | Due::Delay(item) | Due::Turn(item) => item,
        }
    }
}

impl Timers {
    pub(crate) fn new(base: Instant) -> Timers {
        Timers {
            base,
            entries: Mutex::new(Entries::default()),
        }
    }

    /// As nanoseconds; what is too far for them is never.
    fn at(&self, when: Instant) -> u64 {
        nanos(when.saturating_duration_since(self.base))
    }

    fn instant(&self, at: u64) -> Option<Instant> {
        self.base.checked_add(Duration::from_nanos(at))
    }

    /// Step 1 for a deadline, by the put; true when it is the earliest entry now. An item that has
    /// begun meanwhile may have another already, and keeps that.
    pub(crate) fn add_deadline(&self, due: Instant, item: Item) -> bool {
        let at = self.at(due);
        let mut entries = self.entries.lock();
        if item.head().state.is_over() || item.head().info.timed().has_deadline() {
            drop(entries);
            drop(item);
            return false;
        }
        entries.add_deadline(at, item)
    }

    /// Step 1 for the deadline of an item that has begun, in place of the one that it has; true
    /// when it is the earliest entry now.
    pub(crate) fn replace_deadline(&self, due: Option<Instant>, item: Item) -> bool {
        let at = due.map(|due| self.at(due));
        let mut entries = self.entries.lock();
        let old = item.head().info.timed().take_deadline();
        let old = old.and_then(|key| entries.deadlines.remove(&key));
        match at.filter(|_| !item.head().state.is_over()) {
            Some(at) => {
                let first = entries.add_deadline(at, item);
                drop(entries);
                drop(old);
                first
            }
            None => {
                drop(entries);
                drop((old, item));
                false
            }
        }
    }

    /// Step 1 for work that is to wait for as long as it says.
    pub(crate) fn delay(&self, item: Item, now: Instant) -> Added {
        let delay = item.head().info.timed().delay();
        let at = self.at(now).saturating_add(delay);
        self.add_sleeper(at, item, Sleep::Delay)
    }

    /// Step 1 for an item that is to have its next turn then; never, if there is no such time.
    pub(crate) fn sleep(&self, item: Item, until: Option<Instant>) -> Added {
        let at = until.map_or(u64::MAX, |until| self.at(until));
        self.add_sleeper(at, item, Sleep::Turn)
    }

    fn add_sleeper(&self, at: u64, item: Item, sleep: Sleep) -> Added {
        let mut entries = self.entries.lock();
        if item.head().state.is_over() {
            return Added::Over(item);
        }
        if entries.closed {
            return Added::Closed(item);
        }
        let first = entries.earliest().is_none_or(|earliest| at < earliest);
        let order = entries.next() | sleep as u64;
        entries.delayed += usize::from(sleep == Sleep::Delay);
        item.head().info.timed().set_sleep(at, order);
        entries.sleepers.insert((at, order), item);
        if first { Added::First } else { Added::Later }
    }

    /// Step 3: takes an item's entries out. Its sleeper is the caller's, who may have to queue
    /// it.
    pub(crate) fn leave(&self, info: &Info) -> Option<Item> {
        if !info.is_timed() {
            return None;
        }
        let timed = info.timed();
        let mut entries = self.entries.lock();
        let deadline = timed.take_deadline();
        let deadline = deadline.and_then(|key| entries.deadlines.remove(&key));
        let sleeper = timed.take_sleep().and_then(|key| entries.wake(key));
        drop(entries);
        drop(deadline);
        sleeper
    }

    /// Step 2, the first half: some of what is due, in order.
    pub(crate) fn take_due(&self, now: Instant) -> Vec<Due> {
        let now = self.at(now);
        let mut entries = self.entries.lock();
        let mut due = Vec::new();
        while due.len() < PORTION {
            let Some(next) = entries.pop_due(now) else {
                break;
            };
            due.push(next);
        }
        due
    }

    /// When the supervisor has to look again; none is never.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        let earliest = self.entries.lock().earliest()?;
        self.instant(earliest)
    }

    /// Step 4: turns sleepers away.
    pub(crate) fn close(&self) {
        self.entries.lock().closed = true;
    }

    /// Are sleepers turned away?
    pub(crate) fn is_closed(&self) -> bool {
        self.entries.lock().closed
    }

    /// Step 4: lets them in again.
    pub(crate) fn open(&self) {
        self.entries.lock().closed = false;
    }

    /// Step 4: takes up to `most` sleepers out, for whoever has closed it.
    pub(crate) fn take_sleepers(&self, most: usize) -> Vec<Item> {
        let mut entries = self.entries.lock();
        let mut taken = Vec::new();
        while taken.len() < most {
            match entries.pop_sleeper() {
                Some(due) => taken.push(due.into_item()),
                None => break,
            }
        }
        taken
    }

    /// How many works are delayed, and how many items sleep, those included.
    pub(crate) fn asleep(&self) -> (usize, usize) {
        let entries = self.entries.lock();
        (entries.delayed, entries.sleepers.len())
    }

    /// When an item that was delayed was to go into the queue.
    pub(crate) fn was_due(&self, info: &Info) -> Option<Instant> {
        self.instant(info.timed_if_any()?.was_at()?)
    }
}

impl Entries {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last << 1
    }

    fn add_deadline(&mut self, at: u64, item: Item) -> bool {
        let first = self.earliest().is_none_or(|earliest| at < earliest);
        let order = self.next();
        item.head().info.timed().set_deadline(at, order);
        self.deadlines.insert((at, order), item);
        first
    }

    fn earliest(&self) -> Option<u64> {
        let deadline = self.deadlines.first_key_value().map(|(key, _)| key.0);
        let sleeper = self.sleepers.first_key_value().map(|(key, _)| key.0);
        match (deadline, sleeper) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    fn pop_due(&mut self, now: u64) -> Option<Due> {
        let earliest = self.earliest().filter(|earliest| *earliest <= now)?;
        let deadline = self.deadlines.first_entry();
        if let Some(entry) = deadline.filter(|entry| entry.key().0 == earliest) {
            let item = entry.remove();
            let _ = item.head().info.timed().take_deadline();
            return Some(Due::Deadline(item));
        }
        self.pop_sleeper()
    }

    fn pop_sleeper(&mut self) -> Option<Due> {
        let (key, _) = self.sleepers.first_key_value()?;
        let key = *key;
        let item = self.wake(key)?;
        let _ = item.head().info.timed().take_sleep();
        Some(if is_turn(key) {
            Due::Turn(item)
        } else {
            Due::Delay(item)
        })
    }

    fn wake(&mut self, key: Key) -> Option<Item> {
        let item = self.sleepers.remove(&key)?;
        self.delayed -= usize::from(!is_turn(key));
        Some(item)
    }
}

fn is_turn(key: Key) -> bool {
    key.1 & Sleep::Turn as u64 != 0
}

/// As many as there are, or as can be counted.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Step 2; true when there may be more that is due.
pub(super) fn round(shared: &Arc<Shared>, now: Instant) -> bool {
    let due = shared.supervisor.timers.take_due(now);
    let more = due.len() == PORTION;
    let mut queued = false;
    for entry in due {
        match entry {
            Due::Deadline(item) => shield(|| item.expire()),
            Due::Turn(item) => shield(|| item.woken()),
            Due::Delay(item) => {
                shared.injector.put_back(item);
                queued = true;
            }
        }
    }
    if queued {
        shared.notify();
        if shared.is_halting() {
            // No worker will take it, and who joins it is to run it (`handle.rs`).
            shared.deep.nudge();
        }
    }
    more
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.lock();
        f.debug_struct("Timers")
            .field("deadlines", &entries.deadlines.len())
            .field("sleepers", &entries.sleepers.len())
            .field("closed", &entries.closed)
            .finish_non_exhaustive()
    }
}
