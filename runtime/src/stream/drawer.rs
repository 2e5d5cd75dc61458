//! A scheduler of streams: how jobs come from streams to slots.
//!
//! # Drawing
//!
//! Whoever may have made it possible that a job starts *pumps* ([`Drawer::pump`]): after a put, when a job has left, when a
//! stream is activated, when word comes that a slot is free. It draws one job after the other, until there is
//! none, or no slot for it. One drawing is one transaction:
//!
//! 1. A job that needs no slot of its own comes first: it is taken out of its stream, and that is all.
//! 2. The stream is chosen ([index](super::index)), and in it the job ([pending](super::pending)); in a stream
//!    that has none of its own, what its subordinate scheduler chooses in the same way.
//! 3. A slot is taken of the stream's budget, and so of every budget that it is a part of. Where there
//!    is none, word is left with the lowest budget that has none. If that is this scheduler's own or one above, it
//!    is the end of the drawing. If it is that of the stream, or of the subordinate, that one is *full*: it leaves
//!    the index until word comes, and 2 is done again.
//!    At the end of the drawing somebody less urgent may have to [make room](super::evict), if that
//!    is the policy.
//! 4. The [criterion](super::criterion::porter), if there is one, is asked. If it does not hold the drawing
//!    is undone, and that is its end.
//! 5. The job is taken out of its stream, counted as running, and the streams that it came through
//!    have had their turn.
//!
//! After the commit the job gets its slot, and its item is [let in](crate::scheduler::put::held).
//!
//! **Nothing is lost.** Whatever makes a drawing possible commits before its pump begins. Two pumps
//! that meet conflict, and the second draws what the first has left. Who finds no slot has left word in the
//! transaction that found none ([`slots`](crate::slots)).
//!
//! **It ends.** Each drawing takes a job out of a stream, or ends the pump; within one, each round of 2 and 3
//! makes something full.
//!
//! A pump in the middle of another on the same thread, by a strategy that puts a job say, is put off
//! until that one has ended; one inside a transaction until the end of that.
//!
//! # Strategies of the user's own
//!
//! They are no part of a transaction, which might run them often. A drawing that comes to one ends without
//! having done anything, and says what it *asks*. The strategy is then called with what there is to choose
//! from, and the drawing begun again with its answer. Where what it has chosen has gone meanwhile it is
//! asked again; after some times the first takes the turn.
//!
//! # Who runs
//!
//! The scheduler on the outside knows the jobs that have a slot, to cancel them with their stream, say.

use std::collections::BTreeMap;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::global;
use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use hivework_stm::{
    Abort, StmResult, TVar, Transaction, after_transaction, atomically, atomically_or,
    in_transaction,
};
use stm_ports::TOrderedMap;

use super::criterion::porter::Porter;
use super::evict::Seat;
use super::evict::room::Room;
use super::index::Index;
use super::lane::Lane;
use super::order::{Draw, Next};
use super::pending::Held;
use super::pump::Turn;
use super::strategy::{Answers, Question};
use super::terms::Terms;
use crate::home::Home;
use crate::scheduler::put::held;
use crate::shared::Shared;
use crate::slots::{Draws, Slots};
use crate::work::error::WorkError;
use crate::work::unwind::contain;

/// See the [module](self).
pub(crate) struct Drawer {
    me: Weak<Drawer>,
    pub(super) id: u64,
    home: Home,
    pub(super) slots: Slots,
    pub(super) draw: Draw,
    pub(super) index: Index,
    /// Streams with jobs that need no slot of their own, by their number.
    riding: TOrderedMap<u64, Arc<Lane>>,
    /// The stream that it is subordinate to.
    pub(super) outer: Option<Arc<Lane>>,
    /// Are its slots all taken, so that the stream above has nothing from it?
    full: TVar<bool>,
    pub(super) porter: Option<Arc<Porter>>,
    pub(super) room: Option<Room>,
    /// The jobs that run, on the outside only.
    started: Mutex<Started>,
    lanes: Mutex<Vec<Weak<Lane>>>,
}

#[derive(Default)]
struct Started {
    jobs: BTreeMap<u64, Held>,
    last: u64,
}

/// What comes of a drawing.
pub(super) enum Drawn {
    /// A job; whose slot it has taken, if one of its own; and its seat among those that run.
    Job(Held, Option<Slots>, Option<Seat>),
    Nothing,
    Ask(Question),
    /// The closures of the criterion are to be asked.
    AskPorter,
    /// The transactions of the criterion do not hold.
    Shut,
    /// Somebody is to leave.
    Victim(Held),
}

/// What comes of a choice.
pub(super) enum Chosen {
    /// The job, and the streams that it comes through, from the outside in.
    Job(Held, Vec<Arc<Lane>>),
    Nothing,
    Ask(Question),
}

global! {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
}

/// A number for a stream or a scheduler of streams.
pub(super) fn next_number() -> u64 {
    // Ordering: Relaxed; only uniqueness counts.
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl Drawer {
    pub(super) fn new(
        home: Home,
        slots: Slots,
        draw: Draw,
        outer: Option<Arc<Lane>>,
        terms: Terms,
    ) -> Arc<Drawer> {
        let Terms { evict, criterion } = terms;
        Arc::new_cyclic(|me| Drawer {
            me: Weak::clone(me),
            id: next_number(),
            home,
            slots,
            index: Index::new(&draw),
            draw,
            riding: TOrderedMap::new(),
            outer,
            full: TVar::new(false),
            porter: criterion.map(Porter::new),
            room: Room::of(evict),
            started: Mutex::default(),
            lanes: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn home(&self) -> Home {
        self.home
    }

    pub(super) fn shared(&self) -> Option<Arc<Shared>> {
        match crate::local::worker_at(self.home) {
            Some(worker) => Some(Arc::clone(&worker.shared)),
            None => self.home.shared(),
        }
    }

    /// The one on the outside.
    pub(super) fn root(&self) -> &Drawer {
        let mut root = self;
        while let Some(outer) = &root.outer {
            root = &outer.drawer;
        }
        root
    }

    pub(super) fn add(&self, lane: &Arc<Lane>) {
        let mut lanes = self.lanes.lock();
        if lanes.len() == lanes.capacity() {
            lanes.retain(|lane| lane.strong_count() > 0);
        }
        lanes.push(Arc::downgrade(lane));
    }

    /// Its streams, in the order in which they were opened.
    pub(super) fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lanes.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// The jobs that have a slot, in the order of their start. For the one on the outside.
    pub(super) fn started(&self) -> Vec<Held> {
        self.started.lock().jobs.values().cloned().collect()
    }

    pub(super) fn strike_off(&self, number: u64) {
        let held = self.started.lock().jobs.remove(&number);
        drop(held);
    }

    pub(super) fn set_rides(
        &self,
        tx: &mut Transaction<'_>,
        lane: &Lane,
        rides: bool,
    ) -> StmResult<()> {
        if !rides {
            self.riding.remove(tx, &lane.id.id)?;
        } else if let Some(lane) = lane.me.upgrade() {
            self.riding.insert(tx, lane.id.id, lane)?;
        }
        Ok(())
    }

    pub(super) fn has_riders(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(!self.riding.is_empty(tx)?)
    }

    /// Can a job be drawn that needs a slot?
    pub(super) fn is_ready(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(!self.full.read(tx)? && !self.index.is_empty(tx)?)
    }

    /// Draws what there is to be drawn, from the outside in.
    pub(super) fn pump(&self) {
        let Some(root) = self.root().me.upgrade() else {
            return;
        };
        if in_transaction() {
            return after_transaction(move || root.pump());
        }
        let Some(turn) = Turn::begin(&root) else {
            return;
        };
        let mut next = Some(root);
        while let Some(drawer) = next {
            while drawer.draw_one() {}
            next = turn.next();
        }
    }

    /// One drawing; false where there was nothing to be drawn.
    fn draw_one(&self) -> bool {
        let mut answers = Answers::default();
        let mut is_asked = false;
        loop {
            match self.attempt(&answers, is_asked) {
                Drawn::Nothing => return false,
                Drawn::Job(held, slots, seat) => {
                    if let Some(porter) = &self.porter {
                        porter.has_held();
                    }
                    self.start(held, slots, seat);
                    return true;
                }
                Drawn::Ask(question) => answers.ask(question),
                Drawn::AskPorter => {
                    let admitted =
                        self.with_porter(|porter, shared, word| porter.ask(shared, word));
                    if admitted != Some(true) {
                        return false;
                    }
                    is_asked = true;
                }
                Drawn::Shut => {
                    self.with_porter(|porter, shared, word| porter.watch(shared, word));
                    return false;
                }
                Drawn::Victim(victim) => {
                    self.put_out(&victim);
                    return true;
                }
            }
        }
    }

    fn attempt(&self, answers: &Answers, is_asked: bool) -> Drawn {
        let draw = || match atomically_or(|tx| self.draw(tx, answers, is_asked)) {
            Ok(drawn) | Err(drawn) => drawn,
        };
        if self.porter.is_none() {
            return draw();
        }
        // What a user has given to be a part of it may panic.
        contain(draw).unwrap_or_else(|payload| {
            self.with_porter(|porter, shared, word| porter.panicked(shared, word, payload));
            Drawn::Nothing
        })
    }

    /// After the commit.
    fn start(&self, held: Held, slots: Option<Slots>, seat: Option<Seat>) {
        let slot = slots.as_ref().map(Slots::taken);
        let enroll = || {
            let mut started = self.started.lock();
            started.last += 1;
            let number = started.last;
            started.jobs.insert(number, held.clone());
            number
        };
        if !held.entry.start(slot, seat, enroll) {
            return self.unseat(seat);
        }
        match self.shared() {
            Some(shared) => held::let_in(&shared, held.item),
            None => held.item.withdraw(WorkError::Stopped),
        }
    }

    fn draw(
        &self,
        tx: &mut Transaction<'_>,
        answers: &Answers,
        is_asked: bool,
    ) -> Result<Drawn, Abort<Drawn>> {
        if let Some((lane, held)) = self.first_rider(tx)? {
            self.admit(tx, is_asked, true)?;
            lane.hand_out(tx, &held.entry)?;
            lane.settle(tx)?;
            return Ok(Drawn::Job(held, None, None));
        }
        loop {
            let (held, way) = match self.pick(tx, answers)? {
                Chosen::Job(held, way) => (held, way),
                Chosen::Nothing => return Ok(Drawn::Nothing),
                Chosen::Ask(question) => return Ok(Drawn::Ask(question)),
            };
            let lane = held.entry.lane();
            if let Err(level) = lane.slots.take_one(tx)? {
                if self.fill(tx, &way, &level)? {
                    continue;
                }
                return self.make_room(tx, answers, &held, is_asked);
            }
            self.admit(tx, is_asked, true)?;
            lane.hand_out(tx, &held.entry)?;
            for lane in way.iter().rev() {
                lane.serve(tx)?;
            }
            let seat = self.seat(tx, &held)?;
            let slots = lane.slots.clone();
            return Ok(Drawn::Job(held, Some(slots), seat));
        }
    }

    /// Step 1.
    fn first_rider(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(Arc<Lane>, Held)>> {
        let Some((_, lane)) = self.riding.first(tx)? else {
            return Ok(None);
        };
        if let Some(held) = lane.first_rider(tx)? {
            return Ok(Some((lane, held)));
        }
        match lane.inner.read_with(tx, Weak::upgrade)? {
            Some(inner) => inner.first_rider(tx),
            None => Ok(None),
        }
    }

    /// Step 2.
    pub(super) fn choose(&self, tx: &mut Transaction<'_>, answers: &Answers) -> StmResult<Chosen> {
        let lane = match &self.draw {
            Draw::Own(_) => match answers.lane(tx, self)? {
                Some(lane) => Some(lane),
                None if answers.is_at_an_end() => self.index.first(tx)?,
                None if self.index.is_empty(tx)? => None,
                None => match self.me.upgrade() {
                    Some(me) => return Ok(Chosen::Ask(Question::Lane(me))),
                    None => None,
                },
            },
            _ => self.index.first(tx)?,
        };
        let Some(lane) = lane else {
            return Ok(Chosen::Nothing);
        };
        if !lane.has_waiting(tx)? {
            let Some(inner) = lane.inner.read_with(tx, Weak::upgrade)? else {
                return Ok(Chosen::Nothing);
            };
            let mut chosen = inner.choose(tx, answers)?;
            if let Chosen::Job(_, way) = &mut chosen {
                way.insert(0, lane);
            }
            return Ok(chosen);
        }
        let held = match &lane.next {
            Next::Own(_) => match answers.job(tx, &lane)? {
                Some(held) => Some(held),
                None if answers.is_at_an_end() => lane.pending.first(tx)?,
                None => return Ok(Chosen::Ask(Question::Job(lane))),
            },
            _ => lane.pending.first(tx)?,
        };
        Ok(match held {
            Some(held) => Chosen::Job(held, vec![lane]),
            None => Chosen::Nothing,
        })
    }

    /// Step 3, where there is no slot at `level`; false where that is the end.
    fn fill(&self, tx: &mut Transaction<'_>, way: &[Arc<Lane>], level: &Slots) -> StmResult<bool> {
        if is_within(&self.slots, level) {
            level.leave_word(tx, &self.word())?;
            return Ok(false);
        }
        for lane in way {
            if is_within(&lane.slots, level) {
                lane.fill(tx, level)?;
                return Ok(true);
            }
            if let Some(inner) = lane.inner.read_with(tx, Weak::upgrade)? {
                if is_within(&inner.slots, level) {
                    level.leave_word(tx, &inner.word())?;
                    inner.full.write(tx, true)?;
                    lane.settle(tx)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    pub(super) fn word(&self) -> Weak<dyn Draws> {
        self.me.clone()
    }
}

impl Draws for Drawer {
    fn draw(self: Arc<Self>) {
        if let Some(outer) = &self.outer {
            atomically(|tx| {
                self.full.write(tx, false)?;
                outer.settle(tx)
            });
        }
        self.pump();
    }
}

/// Are these slots `whole`, or a part of it?
pub(super) fn is_within(slots: &Slots, whole: &Slots) -> bool {
    let mut level = Some(slots);
    while let Some(slots) = level {
        if slots.ptr_eq(whole) {
            return true;
        }
        level = slots.parent();
    }
    false
}
