//! A job as its stream sees it: the [attendant](crate::work::attendant) of its item.
//!
//! # Where it is
//!
//! `place` is a variable, so that the put, the drawing and the leaving are in one order whoever does them:
//!
//! | place | meaning |
//! |---|---|
//! | OUT | it has not entered its stream |
//! | waits, and a number | it waits, under that number |
//! | drawn, and its number | it was drawn: it is let in, or about to be |
//! | GONE | nothing of it runs, or will |
//!
//! *Enter*: OUT → waits; *draw*: waits → drawn; *come back*, because it was [evicted](super::evict): drawn →
//! waits, under the number that it had; *leave*: any → GONE. Each is a part of the transaction that
//! puts the job where it then is and counts it there, so counts and places agree in all snapshots. A job that is
//! cancelled while it enters has left before, and the entering finds GONE; one that is cancelled while it
//! is drawn has either left before, and is not found, or it leaves as one that was drawn.
//!
//! # The slot
//!
//! The drawing takes a slot, and gives it to the job after its commit ([`Entry::start`]). Its end may be before that;
//! so a lock says which came first: what comes to a job that has left goes home at once.

use std::mem;
use std::sync::Arc as StdArc;
use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicBool, AtomicU8, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use hivework_stm::{StmResult, TVar, Transaction, atomically};

use super::evict::Seat;
use super::hooks::{JobEnd, JobHooks};
use super::lane::Lane;
use super::pending::Held;
use super::view::JobView;
use crate::books::Ending;
use crate::event::WorkId;
use crate::scheduler::put::held;
use crate::slots::slot::Slot;
use crate::work::attendant::Attendant;
use crate::work::error::WorkError;
use crate::work::info::Info;
use crate::work::item::Item;

const OUT: u64 = 0;
const GONE: u64 = 1;
/// Whoever has a number has twice that more, and one more where it is drawn.
const FIRST: u64 = 2;

/// Where it is, in words.
enum Place {
    Nowhere,
    Waits(u64),
    Drawn(u64),
}

impl Place {
    fn of(place: u64) -> Place {
        match place.checked_sub(FIRST) {
            None => Place::Nowhere,
            Some(place) if place % 2 == 0 => Place::Waits(place / 2),
            Some(place) => Place::Drawn(place / 2),
        }
    }
}

fn waits(number: u64) -> u64 {
    FIRST + 2 * number
}

/// See the [module](self).
pub(crate) struct Entry {
    me: Weak<Entry>,
    lane: Arc<Lane>,
    pub(crate) priority: i32,
    key: StdArc<str>,
    due: Option<Instant>,
    rank: u64,
    /// Does it share the slot of the job that put it?
    pub(crate) rides: bool,
    place: TVar<u64>,
    hold: Mutex<Hold>,
    begun: AtomicBool,
    fate: AtomicU8,
    /// Has it callbacks for what becomes of its stream?
    listens: bool,
    hooks: Mutex<JobHooks>,
}

/// What it has, until it leaves.
#[derive(Default)]
struct Hold {
    slot: Option<Arc<Slot>>,
    /// Its seat among those that may have to leave.
    seat: Option<Seat>,
    /// Its number among the jobs that run.
    number: Option<u64>,
    /// Its number among those that are told of what becomes of their stream.
    told: Option<u64>,
    /// Has it left, and how?
    gone: Option<JobEnd>,
}

/// What a job has while it runs.
pub(super) struct Run {
    pub(super) slot: Option<Arc<Slot>>,
    pub(super) seat: Option<Seat>,
    pub(super) number: Option<u64>,
}

impl Hold {
    fn running(&mut self) -> Run {
        Run {
            slot: self.slot.take(),
            seat: self.seat.take(),
            number: self.number.take(),
        }
    }
}

/// What has become of it when it has left; as `fate`.
const ROLLED_BACK: u8 = 1;
/// It never was in its stream.
const NEVER: u8 = 2;
const MEMBER: u8 = 3;

impl Entry {
    pub(super) fn new(
        lane: &Arc<Lane>,
        priority: i32,
        key: StdArc<str>,
        due: Option<Instant>,
        slot: Option<Arc<Slot>>,
        hooks: JobHooks,
    ) -> Arc<Entry> {
        Arc::new_cyclic(|me| Entry {
            me: Weak::clone(me),
            lane: Arc::clone(lane),
            priority,
            key,
            due,
            rank: lane.rank(priority, due),
            rides: slot.is_some(),
            place: TVar::new(OUT),
            hold: Mutex::new(Hold {
                slot,
                ..Hold::default()
            }),
            begun: AtomicBool::new(false),
            fate: AtomicU8::new(0),
            listens: !hooks.activated.is_empty() || !hooks.paused.is_empty(),
            hooks: Mutex::new(hooks),
        })
    }

    pub(super) fn key(&self) -> StdArc<str> {
        StdArc::clone(&self.key)
    }

    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Its place in an order by rank.
    pub(super) fn place_of(&self, number: u64) -> (u64, u64) {
        (self.rank, self.lane.count_by(number))
    }

    /// The job, as callbacks see it.
    pub(crate) fn view(&self, info: &Info) -> JobView {
        JobView {
            work: WorkId::of(info),
            priority: self.priority,
            key: self.key(),
            deadline: self.due,
        }
    }

    /// Has it callbacks for what becomes of its stream?
    pub(super) fn listens(&self) -> bool {
        self.listens
    }

    /// It has entered: if it is to be told of what becomes of its stream, `enroll` it for that.
    pub(super) fn note(&self, enroll: impl FnOnce() -> u64) {
        if !self.listens {
            return;
        }
        let mut hold = self.hold.lock();
        // One with a delay is noted at its put, and comes by again when it enters.
        if hold.gone.is_none() && hold.told.is_none() {
            hold.told = Some(enroll());
        }
    }

    /// Its stream was activated, or paused.
    pub(super) fn tell(&self, info: &Info, active: bool) {
        let calls = {
            let hooks = self.hooks.lock();
            if active {
                hooks.activated.clone()
            } else {
                hooks.paused.clone()
            }
        };
        if calls.is_empty() {
            return;
        }
        let view = self.view(info);
        for call in calls {
            self.lane.call(|| call(&view));
        }
    }

    /// Enters under this number; false where it has left before.
    pub(super) fn enter(&self, tx: &mut Transaction<'_>, number: u64) -> StmResult<bool> {
        if self.place.read(tx)? != OUT {
            return Ok(false);
        }
        self.place.write(tx, waits(number))?;
        Ok(true)
    }

    /// The number under which it waits, if it does.
    pub(super) fn waits(&self, tx: &mut Transaction<'_>) -> StmResult<Option<u64>> {
        Ok(match Place::of(self.place.read(tx)?) {
            Place::Waits(number) => Some(number),
            Place::Nowhere | Place::Drawn(_) => None,
        })
    }

    /// It is drawn.
    pub(super) fn draw(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.place.modify(tx, |place| place | 1)
    }

    /// After the drawing: it has this slot, unless it shares another, and this seat; false where it has
    /// left meanwhile.
    pub(super) fn start(
        &self,
        slot: Option<Slot>,
        seat: Option<Seat>,
        enroll: impl FnOnce() -> u64,
    ) -> bool {
        let mut hold = self.hold.lock();
        if hold.gone.is_some() {
            // The slot goes home past the lock.
            drop(hold);
            return false;
        }
        if let Some(slot) = slot {
            hold.slot = Some(Arc::new(slot));
        }
        hold.seat = seat;
        hold.number = Some(enroll());
        true
    }

    pub(super) fn has_begun(&self) -> bool {
        // Ordering: Relaxed; read by the thread that has begun it, or by one that has it from there.
        self.begun.load(Ordering::Relaxed)
    }
}

impl Attendant for Entry {
    fn arrived(&self, item: &Item) {
        let (Some(entry), Some(shared)) = (self.me.upgrade(), self.lane.shared()) else {
            return;
        };
        if !held::keep(&shared, &item.head().info) {
            return;
        }
        let held = Held {
            item: item.clone(),
            entry,
        };
        atomically(|tx| self.lane.enter(tx, &held));
        self.lane.note(&held);
        self.lane.pump();
    }

    fn begun(&self, info: &Info) {
        // Ordering: Relaxed; see `has_begun`.
        self.begun.store(true, Ordering::Relaxed);
        let calls = mem::take(&mut self.hooks.lock().started);
        self.lane.job_started(info, self, calls);
    }

    fn back(&self, _: &Info, item: &Item) {
        let Some(entry) = self.me.upgrade() else {
            return;
        };
        let held = Held {
            item: item.clone(),
            entry,
        };
        // Before it waits: it may be drawn at once, and then has another slot.
        let running = self.hold.lock().running();
        atomically(|tx| {
            if let Place::Drawn(number) = Place::of(self.place.read(tx)?) {
                self.place.write(tx, waits(number))?;
                self.lane.take_back(tx, &held, number)?;
            }
            Ok(())
        });
        self.lane.end_run(running);
        self.lane.pump();
    }

    fn left(&self, _: &Info, ending: Ending, _: Option<&WorkError>) {
        let begun = self.has_begun();
        let was = atomically(|tx| {
            let was = self.place.replace(tx, GONE)?;
            match Place::of(was) {
                Place::Nowhere => {}
                Place::Drawn(_) => self.lane.retire(tx, begun)?,
                Place::Waits(number) => {
                    self.lane.withdraw(tx, self, number)?;
                    self.lane.drawer.root().forget(tx, self)?;
                }
            }
            Ok(was)
        });
        let fate = match was {
            _ if ending == Ending::RolledBack => ROLLED_BACK,
            OUT => NEVER,
            _ => MEMBER,
        };
        // Ordering: Relaxed; read by this thread in `over`.
        self.fate.store(fate, Ordering::Relaxed);
        let (running, told) = {
            let mut hold = self.hold.lock();
            hold.gone = Some(JobEnd::of(ending));
            (hold.running(), hold.told.take())
        };
        self.lane.end_run(running);
        self.lane.strike_off(None, told);
        if matches!(Place::of(was), Place::Drawn(_)) {
            self.lane.pump();
        }
    }

    fn over(&self, info: &Info) {
        // Ordering: as in `left`.
        let fate = self.fate.load(Ordering::Relaxed);
        let hooks = mem::take(&mut *self.hooks.lock());
        if fate != ROLLED_BACK {
            let end = self.hold.lock().gone.unwrap_or(JobEnd::Error);
            self.lane.job_over(info, self, hooks, end);
        }
        if fate == MEMBER {
            self.lane.leave_for_good();
        }
    }

    fn slot(&self) -> Option<Arc<Slot>> {
        self.hold.lock().slot.clone()
    }
}
