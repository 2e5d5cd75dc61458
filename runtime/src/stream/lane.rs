//! A stream as its scheduler sees it.
//!
//! # Its state
//!
//! | variable | what it says |
//! |---|---|
//! | `active` | may jobs be drawn from it? |
//! | `waiting`, `riders` | how many jobs wait for a slot, and for nothing but that the stream is active |
//! | `running` | how many were drawn and have not [left](crate::work::attendant) |
//! | `members` | how many have entered, and are not over, those of a subordinate's streams included; and whether one has run since the stream was last emptied |
//! | `full` | its own slots are all taken, and word was left to be told of one |
//! | `place`, `rides` | whether and where it lies in its scheduler's index, and among those with riders |
//!
//! Whatever changes what these say of one another ends with [`settle`](Lane::settle), in the same transaction: a stream
//! lies in the index if and only if it is active and not full and a job waits for a slot in it or below it; and
//! among those with riders if it is active and one waits. If that changes anything, the stream above is
//! settled.
//!
//! # Who keeps it
//!
//! A stream is kept by its handles, by the jobs in it, which it keeps in turn, and by the index, while it is
//! there. So one whose handles have gone runs its jobs, and goes with the last of them. One that is paused
//! then would never run them: they answer `Stopped`. The scheduler's [rooms](crate::rooms) know it
//! weakly, and answer its jobs when the scheduler ends.

mod tell;

use std::collections::BTreeMap;
use std::time::Instant;

use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use hivework_stm::{StmResult, TVar, Transaction, atomically};
use stm_ports::TOrderedMap;

use super::drawer::Drawer;
use super::entry::{Entry, Run};
use super::handle::Owner;
use super::hooks::StreamHooks;
use super::index::{self, Class, Place};
use super::order::Next;
use super::pending::{self, Held, Pending};
use super::view::{StreamId, StreamView};
use crate::rooms::Room;
use crate::shared::Shared;
use crate::slots::{Draws, Slots};
use crate::supervisor::timers::nanos;
use crate::work::error::WorkError;

/// See the [module](self).
pub(crate) struct Lane {
    pub(super) me: Weak<Lane>,
    pub(super) id: StreamId,
    pub(super) priority: i32,
    pub(super) weight: u32,
    pub(super) next: Next,
    pub(super) drawer: Arc<Drawer>,
    pub(super) slots: Slots,
    pub(super) owner: Mutex<Weak<Owner>>,
    pub(super) active: TVar<bool>,
    full: TVar<bool>,
    waiting: TVar<u64>,
    riders: TVar<u64>,
    running: TVar<u64>,
    /// The lowest bit: has one run?
    members: TVar<u64>,
    /// How many have ever entered.
    entered: TVar<u64>,
    pub(super) pending: Pending,
    riding: TOrderedMap<u64, Held>,
    /// Those that it takes turns with.
    pub(super) class: Arc<Class>,
    place: TVar<Option<Place>>,
    rides: TVar<bool>,
    /// The virtual time at which its next job would begin ([`index`]).
    pub(super) start: TVar<u128>,
    /// The scheduler that is subordinate to it.
    pub(super) inner: TVar<Weak<Drawer>>,
    hooks: StreamHooks,
    /// Jobs that are told of what becomes of the stream, in the order in which they entered.
    told: Mutex<Told>,
    base: Instant,
}

#[derive(Default)]
struct Told {
    jobs: BTreeMap<u64, Held>,
    last: u64,
}

/// What a stream is made of.
pub(super) struct Plan {
    pub(super) id: StreamId,
    pub(super) priority: i32,
    pub(super) weight: u32,
    pub(super) next: Next,
    pub(super) active: bool,
    pub(super) slots: Slots,
    pub(super) hooks: StreamHooks,
}

impl Lane {
    pub(super) fn new(drawer: &Arc<Drawer>, plan: Plan) -> Arc<Lane> {
        Arc::new_cyclic(|me| Lane {
            me: Weak::clone(me),
            id: plan.id,
            priority: plan.priority,
            weight: plan.weight,
            drawer: Arc::clone(drawer),
            slots: plan.slots,
            owner: Mutex::new(Weak::new()),
            active: TVar::new(plan.active),
            full: TVar::new(false),
            waiting: TVar::new(0),
            riders: TVar::new(0),
            running: TVar::new(0),
            members: TVar::new(0),
            entered: TVar::new(0),
            pending: Pending::new(&plan.next),
            next: plan.next,
            riding: TOrderedMap::new(),
            class: drawer.index.class(plan.priority),
            place: TVar::new(None),
            rides: TVar::new(false),
            start: TVar::new(0),
            inner: TVar::new(Weak::new()),
            hooks: plan.hooks,
            told: Mutex::default(),
            base: Instant::now(),
        })
    }

    /// This stream and those that it is below, from the inside out.
    fn upwards(&self) -> impl Iterator<Item = &Lane> {
        std::iter::successors(Some(self), |&lane| lane.drawer.outer.as_deref())
    }

    pub(super) fn shared(&self) -> Option<Arc<Shared>> {
        self.drawer.shared()
    }

    pub(super) fn rank(&self, priority: i32, due: Option<Instant>) -> u64 {
        let due = due.map_or(u64::MAX, |due| {
            nanos(due.saturating_duration_since(self.base))
        });
        pending::rank(&self.next, priority, due)
    }

    /// What decides among jobs of equal rank.
    pub(super) fn count_by(&self, number: u64) -> u64 {
        match self.next {
            Next::Lifo => u64::MAX - number,
            _ => number,
        }
    }

    pub(super) fn stride(&self) -> u128 {
        index::stride(self.weight)
    }

    pub(super) fn set_place(&self, tx: &mut Transaction<'_>, place: Place) -> StmResult<()> {
        self.place.write(tx, Some(place))
    }

    pub(super) fn is_ready(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.place.read_with(tx, Option::is_some)
    }

    /// Has anybody a handle?
    pub(super) fn is_held(&self) -> bool {
        self.owner.lock().strong_count() > 0
    }

    pub(super) fn pump(&self) {
        self.drawer.pump();
    }

    /// A job enters, unless it has left before.
    pub(super) fn enter(&self, tx: &mut Transaction<'_>, held: &Held) -> StmResult<()> {
        let number = self.entered.read(tx)? + 1;
        if !held.entry.enter(tx, number)? {
            return Ok(());
        }
        self.entered.write(tx, number)?;
        for lane in self.upwards() {
            lane.members.modify(tx, |members| members + 2)?;
        }
        self.line_up(tx, held, number)
    }

    /// A job that was drawn, and has run, is back, and waits in its old place.
    pub(super) fn take_back(
        &self,
        tx: &mut Transaction<'_>,
        held: &Held,
        number: u64,
    ) -> StmResult<()> {
        self.retire(tx, true)?;
        self.line_up(tx, held, number)
    }

    fn line_up(&self, tx: &mut Transaction<'_>, held: &Held, number: u64) -> StmResult<()> {
        if held.entry.rides {
            self.riding.insert(tx, number, held.clone())?;
            self.riders.modify(tx, |riders| riders + 1)?;
        } else {
            self.pending.put(tx, number, held.clone())?;
            self.waiting.modify(tx, |waiting| waiting + 1)?;
        }
        self.settle(tx)
    }

    /// A job no longer has what it had while it ran. Its slot comes home first, so that nobody is put
    /// out in its place.
    pub(super) fn end_run(&self, run: Run) {
        self.strike_off(run.number, None);
        drop(run.slot);
        self.drawer.root().unseat(run.seat);
    }

    /// It has entered: enrolls it, if it is to be told of what becomes of the stream.
    pub(super) fn note(&self, held: &Held) {
        held.entry.note(|| {
            let mut told = self.told.lock();
            told.last += 1;
            let number = told.last;
            told.jobs.insert(number, held.clone());
            number
        });
    }

    /// A job that waits leaves.
    pub(super) fn withdraw(
        &self,
        tx: &mut Transaction<'_>,
        entry: &Entry,
        number: u64,
    ) -> StmResult<()> {
        self.take_out(tx, entry, number, false)?;
        self.settle(tx)
    }

    fn take_out(
        &self,
        tx: &mut Transaction<'_>,
        entry: &Entry,
        number: u64,
        drawn: bool,
    ) -> StmResult<()> {
        if entry.rides {
            self.riding.remove(tx, &number)?;
            self.riders.modify(tx, |riders| riders - 1)
        } else {
            self.pending.remove(tx, entry, number, drawn)?;
            self.waiting.modify(tx, |waiting| waiting - 1)
        }
    }

    /// A job that waits is drawn. The caller settles, or [serves](Lane::serve).
    pub(super) fn hand_out(&self, tx: &mut Transaction<'_>, entry: &Entry) -> StmResult<()> {
        if let Some(number) = entry.waits(tx)? {
            self.take_out(tx, entry, number, true)?;
        }
        entry.draw(tx)?;
        self.running.modify(tx, |running| running + 1)
    }

    /// A job that was drawn leaves; `begun` says whether it has run.
    pub(super) fn retire(&self, tx: &mut Transaction<'_>, begun: bool) -> StmResult<()> {
        self.running.modify(tx, |running| running - 1)?;
        if begun {
            for lane in self.upwards() {
                let members = lane.members.read(tx)?;
                if members & 1 == 0 {
                    lane.members.write(tx, members | 1)?;
                }
            }
        }
        Ok(())
    }

    /// A job is no longer among those that run, and those that are told of the stream.
    pub(super) fn strike_off(&self, number: Option<u64>, told: Option<u64>) {
        if let Some(number) = number {
            self.drawer.root().strike_off(number);
        }
        if let Some(told) = told {
            let held = self.told.lock().jobs.remove(&told);
            drop(held);
        }
    }

    /// The first of those that need no slot.
    pub(super) fn first_rider(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Held>> {
        if self.riders.read(tx)? == 0 {
            return Ok(None);
        }
        Ok(self.riding.first(tx)?.map(|(_, held)| held))
    }

    /// Does any job of its own wait for a slot?
    pub(super) fn has_waiting(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.waiting.read(tx)? > 0)
    }

    /// See the [module](self).
    pub(super) fn settle(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let (ready, rides) = self.look(tx)?;
        let moved = self.set_rides(tx, rides)? | self.set_ready(tx, ready)?;
        match &self.drawer.outer {
            Some(outer) if moved => outer.settle(tx),
            _ => Ok(()),
        }
    }

    /// As [`settle`](Lane::settle), when a job of it, or below it, has been drawn: it has had its
    /// turn. The caller does the same with the stream above.
    pub(super) fn serve(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let (ready, rides) = self.look(tx)?;
        self.set_rides(tx, rides)?;
        let Some(place) = self.place.read(tx)? else {
            return Ok(());
        };
        let Some(me) = self.me.upgrade() else {
            return Ok(());
        };
        let now = self.drawer.index.serve(tx, &me, place)?;
        if !ready {
            self.drawer.index.leave(tx, self, now)?;
            return self.place.write(tx, None);
        }
        if now == place {
            return Ok(());
        }
        self.place.write(tx, Some(now))
    }

    /// Can a job be drawn from it that needs a slot, and one that does not?
    fn look(&self, tx: &mut Transaction<'_>) -> StmResult<(bool, bool)> {
        let (mut ready, mut rides) = (false, false);
        if self.active.read(tx)? {
            let full = self.full.read(tx)?;
            rides = self.riders.read(tx)? > 0;
            ready = !full && self.waiting.read(tx)? > 0;
            if !(ready && rides) {
                if let Some(inner) = self.inner.read_with(tx, Weak::upgrade)? {
                    rides = rides || inner.has_riders(tx)?;
                    ready = ready || !full && inner.is_ready(tx)?;
                }
            }
        }
        Ok((ready, rides))
    }

    fn set_rides(&self, tx: &mut Transaction<'_>, rides: bool) -> StmResult<bool> {
        if self.rides.read(tx)? == rides {
            return Ok(false);
        }
        self.rides.write(tx, rides)?;
        self.drawer.set_rides(tx, self, rides)?;
        Ok(true)
    }

    fn set_ready(&self, tx: &mut Transaction<'_>, ready: bool) -> StmResult<bool> {
        let place = self.place.read(tx)?;
        match place {
            None if ready => {
                let Some(me) = self.me.upgrade() else {
                    return Ok(false);
                };
                let place = self.drawer.index.enter(tx, &me)?;
                self.place.write(tx, Some(place))?;
            }
            Some(place) if !ready => {
                self.drawer.index.leave(tx, self, place)?;
                self.place.write(tx, None)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Its own slots are all taken: word was left with `level`.
    pub(super) fn fill(&self, tx: &mut Transaction<'_>, level: &Slots) -> StmResult<()> {
        let me: Weak<dyn Draws> = self.me.clone();
        level.leave_word(tx, &me)?;
        self.full.write(tx, true)?;
        self.settle(tx)
    }

    /// Activates or pauses it; says whether that is news.
    pub(super) fn set_active(&self, tx: &mut Transaction<'_>, active: bool) -> StmResult<bool> {
        if self.active.read(tx)? == active {
            return Ok(false);
        }
        self.active.write(tx, active)?;
        self.settle(tx)?;
        Ok(true)
    }

    /// How many jobs wait in it.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.waiting.load() + self.riders.load()).unwrap_or(usize::MAX)
    }

    pub(super) fn running(&self) -> usize {
        usize::try_from(self.running.load()).unwrap_or(usize::MAX)
    }

    /// The jobs that wait in it.
    pub(super) fn all(&self) -> Vec<Held> {
        atomically(|tx| {
            let mut all = self.pending.all(tx)?;
            all.extend(self.riding.values(tx)?);
            Ok(all)
        })
    }

    pub(super) fn view(&self) -> StreamView {
        StreamView {
            stream: self.id.clone(),
            priority: self.priority,
            weight: self.weight,
            pending: self.len(),
            running: self.running(),
        }
    }
}

impl Draws for Lane {
    fn draw(self: Arc<Self>) {
        atomically(|tx| {
            self.full.write(tx, false)?;
            self.settle(tx)
        });
        self.pump();
    }
}

impl Room for Lane {
    fn has_waiting(&self) -> bool {
        self.len() > 0
    }

    fn give_up(&self) {
        for job in self.all() {
            if job.entry.has_begun() {
                // It is back.
                job.item.stop();
            } else {
                job.item.withdraw(WorkError::Stopped);
            }
        }
    }
}
