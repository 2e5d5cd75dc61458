//! The streams that a job can be drawn from, in the order in which they come.
//!
//! An ordered map, by *rank* and, among equals, by the number of the stream.
//!
//! | strategy | rank |
//! |---|---|
//! | strict priority | the priority, turned round |
//! | round robin, the user's own | 0 for all |
//! | weighted fair | below |
//!
//! Streams of equal priority are a *class*, and take turns: a variable of the class says whose turn
//! was the last, and the next is the first one after that, or the first of all. So nothing moves in the map when a stream
//! has had its turn.
//!
//! # Weighted fair
//!
//! Worst-case fair queueing (Bennett and Zhang, 1996), with a job as the unit. There is a *virtual time*,
//! and each stream has a *start*: the virtual time at which its next job would begin if all streams that are
//! here had their shares without end and at once. A job of a stream of weight w takes 1/w of that time.
//!
//! 1. A stream enters with its start, or the time, if that is later: who was away has saved nothing.
//! 2. Those whose start has come lie in one map, by the time at which their next job would end; those who are
//!    ahead of their share in another, by start. The first of the former comes next. Where there is
//!    none, the time moves on to the earliest start.
//! 3. A stream that has had its turn starts the length of its job later. The time moves on by 1/W, for W the weights of
//!    all that are here.
//!
//! So no stream is a job or more ahead of its exact share, because it would not have started; and none a job
//! or more behind, because what ends first comes first.
//!
//! Times are whole numbers of 2^-64. A start is rounded down and the time up, so that who has come to
//! its start to the dot has.

use std::collections::BTreeMap;

use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use hivework_stm::{StmResult, TVar, Transaction};
use stm_ports::TOrderedMap;

use super::lane::Lane;
use super::order::Draw;

/// Rank, and the number of the stream.
type Rank = (u128, u64);

/// The virtual time that a job takes whose stream is alone and has the weight 1.
const UNIT: u128 = 1 << 64;

/// See the [module](self).
pub(super) struct Index {
    ready: TOrderedMap<Rank, Arc<Lane>>,
    fair: Option<Fair>,
    /// By priority; one for all where that has no say.
    classes: Mutex<BTreeMap<i32, Weak<Class>>>,
    /// Do streams of a higher priority come first?
    strict: bool,
}

/// Streams that take turns.
pub(super) struct Class {
    /// The number of the stream whose turn was the last.
    last: TVar<u64>,
}

struct Fair {
    /// Streams that are ahead of their share, by start.
    ahead: TOrderedMap<Rank, Arc<Lane>>,
    time: TVar<u128>,
    /// Of all that are here.
    weight: TVar<u64>,
}

/// Where a stream lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    rank: Rank,
    ahead: bool,
}

impl Index {
    pub(super) fn new(draw: &Draw) -> Index {
        Index {
            ready: TOrderedMap::new(),
            fair: matches!(draw, Draw::WeightedFair).then(|| Fair {
                ahead: TOrderedMap::new(),
                time: TVar::new(0),
                weight: TVar::new(0),
            }),
            classes: Mutex::default(),
            strict: matches!(draw, Draw::StrictPriority),
        }
    }

    /// The class of streams of this priority.
    pub(super) fn class(&self, priority: i32) -> Arc<Class> {
        let priority = if self.strict { priority } else { 0 };
        let mut classes = self.classes.lock();
        if let Some(class) = classes.get(&priority).and_then(Weak::upgrade) {
            return class;
        }
        classes.retain(|_, class| class.strong_count() > 0);
        let class = Arc::new(Class { last: TVar::new(0) });
        classes.insert(priority, Arc::downgrade(&class));
        class
    }

    /// A stream enters.
    pub(super) fn enter(&self, tx: &mut Transaction<'_>, lane: &Arc<Lane>) -> StmResult<Place> {
        let Some(fair) = &self.fair else {
            let rank = if self.strict {
                u128::from(lane.priority.abs_diff(i32::MAX))
            } else {
                0
            };
            let rank = (rank, lane.id.id);
            self.ready.insert(tx, rank, Arc::clone(lane))?;
            return Ok(Place { rank, ahead: false });
        };
        let weight = u64::from(lane.weight);
        fair.weight.modify(tx, |weights| weights + weight)?;
        // Step 1.
        let time = fair.time.read(tx)?;
        let start = lane.start.read(tx)?;
        if start < time {
            lane.start.write(tx, time)?;
        }
        self.stand(tx, fair, lane, start.max(time))
    }

    /// Step 2, for one.
    fn stand(
        &self,
        tx: &mut Transaction<'_>,
        fair: &Fair,
        lane: &Arc<Lane>,
        start: u128,
    ) -> StmResult<Place> {
        let ahead = start > fair.time.read(tx)?;
        let (map, at) = if ahead {
            (&fair.ahead, start)
        } else {
            (&self.ready, start + lane.stride())
        };
        let rank = (at, lane.id.id);
        map.insert(tx, rank, Arc::clone(lane))?;
        Ok(Place { rank, ahead })
    }

    /// A stream leaves.
    pub(super) fn leave(
        &self,
        tx: &mut Transaction<'_>,
        lane: &Lane,
        place: Place,
    ) -> StmResult<()> {
        let Some(fair) = &self.fair else {
            self.ready.remove(tx, &place.rank)?;
            return Ok(());
        };
        let map = if place.ahead {
            &fair.ahead
        } else {
            &self.ready
        };
        map.remove(tx, &place.rank)?;
        let weight = u64::from(lane.weight);
        fair.weight.modify(tx, |weights| weights - weight)
    }

    /// A stream has had its turn; says where it lies now.
    pub(super) fn serve(
        &self,
        tx: &mut Transaction<'_>,
        lane: &Arc<Lane>,
        place: Place,
    ) -> StmResult<Place> {
        let Some(fair) = &self.fair else {
            lane.class.last.write(tx, lane.id.id)?;
            return Ok(place);
        };
        // Step 3.
        let weights = u128::from(fair.weight.read(tx)?.max(1));
        fair.time.modify(tx, |time| time + UNIT.div_ceil(weights))?;
        let start = lane.start.read(tx)? + lane.stride();
        lane.start.write(tx, start)?;
        let map = if place.ahead {
            &fair.ahead
        } else {
            &self.ready
        };
        map.remove(tx, &place.rank)?;
        self.stand(tx, fair, lane, start)
    }

    /// The one that comes next; it stays.
    pub(super) fn first(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Arc<Lane>>> {
        if let Some(fair) = &self.fair {
            self.bring_up(tx, fair)?;
            return Ok(self.ready.first(tx)?.map(|(_, lane)| lane));
        }
        let Some(((rank, number), first)) = self.ready.first(tx)? else {
            return Ok(None);
        };
        let last = first.class.last.read(tx)?;
        if number > last {
            return Ok(Some(first));
        }
        match self.ready.after(tx, &(rank, last))? {
            Some(((other, _), next)) if other == rank => Ok(Some(next)),
            _ => Ok(Some(first)),
        }
    }

    /// Step 2: those whose start has come.
    fn bring_up(&self, tx: &mut Transaction<'_>, fair: &Fair) -> StmResult<()> {
        let mut is_empty = self.ready.is_empty(tx)?;
        while let Some((rank, lane)) = fair.ahead.first(tx)? {
            let start = rank.0;
            if start > fair.time.read(tx)? {
                if !is_empty {
                    break;
                }
                fair.time.write(tx, start)?;
            }
            is_empty = false;
            fair.ahead.remove(tx, &rank)?;
            let place = self.stand(tx, fair, &lane, start)?;
            lane.set_place(tx, place)?;
        }
        Ok(())
    }

    pub(super) fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.ready.is_empty(tx)?
            && match &self.fair {
                Some(fair) => fair.ahead.is_empty(tx)?,
                None => true,
            })
    }

    /// All of them, for strategies of the user's own: in the order of their numbers.
    pub(super) fn all(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<Arc<Lane>>> {
        self.ready.values(tx)
    }
}

/// How much later a stream of this weight starts after a job.
pub(super) fn stride(weight: u32) -> u128 {
    UNIT / u128::from(weight.max(1))
}
