//! Making room: how a drawing that finds no slot finds one who is to leave his.

use hivework_stm::facade::sync::Arc;
use hivework_stm::{Abort, StmResult, TVar, Transaction, abort, atomically};

use super::{Evict, Fate, Running, Seat};
use crate::event::Event;
use crate::stream::drawer::{Chosen, Drawer, Drawn};
use crate::stream::entry::Entry;
use crate::stream::lane::Lane;
use crate::stream::pending::Held;
use crate::stream::strategy::Answers;
use crate::work::asked::{self, Asked};
use crate::work::unwind::shield;

/// Who runs, and what becomes of those that have to leave.
pub(in crate::stream) struct Room {
    running: Running<Held>,
    /// Jobs for which somebody was asked to leave, and which wait.
    expected: TVar<Vec<Held>>,
    fate: Fate,
}

impl Room {
    /// None where nobody has to leave.
    pub(in crate::stream) fn of(evict: Evict) -> Option<Room> {
        match evict {
            Evict::Never => None,
            Evict::StrictlyWorst(fate) => Some(Room {
                running: Running::new(),
                expected: TVar::new(Vec::new()),
                fate,
            }),
        }
    }
}

impl Room {
    fn forget(&self, tx: &mut Transaction<'_>, entry: &Entry) -> StmResult<()> {
        let is = |held: &Held| std::ptr::eq(&*held.entry, entry);
        if self.expected.read_with(tx, |expected| expected.iter().any(is))? {
            self.expected.modify(tx, |mut expected| {
                expected.retain(|held| !is(held));
                expected
            })?;
        }
        Ok(())
    }
}

impl Drawer {
    /// Step 1, for a job that is drawn with a slot of its own.
    pub(in crate::stream) fn seat(
        &self,
        tx: &mut Transaction<'_>,
        held: &Held,
    ) -> StmResult<Option<Seat>> {
        let Some(room) = &self.room else {
            return Ok(None);
        };
        room.forget(tx, &held.entry)?;
        let seat = room.running.enter(tx, held.entry.priority, held.clone())?;
        Ok(Some(seat))
    }

    /// The job that comes next. It is the one that is chosen, unless that is less urgent than one for
    /// which somebody was asked to leave.
    pub(in crate::stream) fn pick(
        &self,
        tx: &mut Transaction<'_>,
        answers: &Answers,
    ) -> StmResult<Chosen> {
        let chosen = self.choose(tx, answers)?;
        let (Some(room), Chosen::Job(held, _)) = (&self.room, &chosen) else {
            return Ok(chosen);
        };
        let mut best: Option<(Held, Vec<Arc<Lane>>)> = None;
        let mut least = held.entry.priority;
        for other in room.expected.read(tx)? {
            if other.entry.priority <= least || other.entry.waits(tx)?.is_none() {
                continue;
            }
            if let Some(way) = way_to(tx, &other)? {
                least = other.entry.priority;
                best = Some((other, way));
            }
        }
        Ok(match best {
            Some((held, way)) => Chosen::Job(held, way),
            None => chosen,
        })
    }

    /// Step 2: `held` would be drawn if there was a slot.
    pub(in crate::stream) fn make_room(
        &self,
        tx: &mut Transaction<'_>,
        answers: &Answers,
        held: &Held,
        is_asked: bool,
    ) -> Result<Drawn, Abort<Drawn>> {
        let Some(room) = &self.room else {
            return Ok(Drawn::Nothing);
        };
        let Some(worst) = room.running.worst(tx)? else {
            return Ok(Drawn::Nothing);
        };
        let rival = match room.running.leaving(tx)? {
            0 => Some(held.clone()),
            leaving => self.look_ahead(tx, answers, leaving)?,
        };
        let Some(rival) = rival.filter(|rival| rival.entry.priority > worst) else {
            return Ok(Drawn::Nothing);
        };
        // In vain where the other could not start in his place.
        self.admit(tx, is_asked, false)?;
        let Some(victim) = room.running.victim(tx)? else {
            return Ok(Drawn::Nothing);
        };
        room.expected.modify(tx, |mut expected| {
            expected.push(rival);
            expected
        })?;
        Ok(Drawn::Victim(victim))
    }

    /// The job that would be drawn after so many others, as far as that can be told.
    fn look_ahead(
        &self,
        tx: &mut Transaction<'_>,
        answers: &Answers,
        others: usize,
    ) -> StmResult<Option<Held>> {
        let found = tx.nested(|tx| {
            for _ in 0..others {
                let Chosen::Job(held, way) = self.pick(tx, answers)? else {
                    return abort::<(), _>(None);
                };
                held.entry.lane().hand_out(tx, &held.entry)?;
                for lane in way.iter().rev() {
                    lane.serve(tx)?;
                    lane.settle(tx)?;
                }
            }
            abort(match self.pick(tx, answers)? {
                Chosen::Job(held, _) => Some(held),
                Chosen::Nothing | Chosen::Ask(_) => None,
            })
        })?;
        Ok(found.err().flatten())
    }

    /// Step 2, after the commit.
    pub(in crate::stream) fn put_out(&self, victim: &Held) {
        let fate = self.room.as_ref().map_or(Fate::Dropped, |room| room.fate);
        let info = &victim.item.head().info;
        if let Some(shared) = self.shared() {
            shared.announce(|| {
                Some(Event::JobEvicted {
                    work: victim.entry.view(info).work,
                    stream: victim.entry.lane().id.clone(),
                })
            });
        }
        let what = match fate {
            Fate::Dropped => Asked::Leave,
            Fate::QueuedAgain => Asked::Return,
            Fate::Checkpointed => Asked::Pause,
        };
        shield(|| _ = asked::ask(&victim.item, what));
    }

    /// Step 3, once its slot is home, or goes home with the last that shares it.
    pub(in crate::stream) fn unseat(&self, seat: Option<Seat>) {
        if let (Some(seat), Some(room)) = (seat, &self.room) {
            let left = atomically(|tx| room.running.leave(tx, seat));
            drop(left);
        }
    }

    /// A job that waits no more: nobody expects it.
    pub(in crate::stream) fn forget(
        &self,
        tx: &mut Transaction<'_>,
        entry: &Entry,
    ) -> StmResult<()> {
        match &self.room {
            Some(room) => room.forget(tx, entry),
            None => Ok(()),
        }
    }
}

/// The streams that a job that waits comes through, from the outside in, if it can be drawn.
fn way_to(tx: &mut Transaction<'_>, held: &Held) -> StmResult<Option<Vec<Arc<Lane>>>> {
    let mut way = vec![Arc::clone(held.entry.lane())];
    while let Some(lane) = way.last() {
        if !lane.is_ready(tx)? {
            return Ok(None);
        }
        match &lane.drawer.outer {
            Some(outer) => way.push(Arc::clone(outer)),
            None => break,
        }
    }
    way.reverse();
    Ok(Some(way))
}
