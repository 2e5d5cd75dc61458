//! The streams that a job can be drawn from, in the order in which they come.
//!
//! An ordered map, by *rank* and *turn*: the least comes first. A stream that enters, or has had its turn, takes
//! the turn after all others', so that equals take turns.
//!
//! | strategy | rank |
//! |---|---|
//! | strict priority | the priority, turned round |
//! | round robin, the user's own | 0 for all |
//! | weighted fair | below |
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

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction};
use stm_ports::TOrderedMap;

use super::lane::Lane;
use super::order::Draw;

/// Rank and turn.
type Rank = (u128, u64);

/// The virtual time that a job takes whose stream is alone and has the weight 1.
const UNIT: u128 = 1 << 64;

/// See the [module](self).
pub(super) struct Index {
    ready: TOrderedMap<Rank, Arc<Lane>>,
    turns: TVar<u64>,
    fair: Option<Fair>,
    /// Do streams of a higher priority come first?
    strict: bool,
}

struct Fair {
    /// Streams that are ahead of their share, by start.
    ahead: TOrderedMap<Rank, Arc<Lane>>,
    time: TVar<u128>,
    /// Of all that are here.
    weight: TVar<u64>,
}

/// Where a stream lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    rank: Rank,
    ahead: bool,
}

impl Index {
    pub(super) fn new(draw: &Draw) -> Index {
        Index {
            ready: TOrderedMap::new(),
            turns: TVar::new(0),
            fair: matches!(draw, Draw::WeightedFair).then(|| Fair {
                ahead: TOrderedMap::new(),
                time: TVar::new(0),
                weight: TVar::new(0),
            }),
            strict: matches!(draw, Draw::StrictPriority),
        }
    }

    /// A stream enters, behind its equals.
    pub(super) fn enter(&self, tx: &mut Transaction<'_>, lane: &Arc<Lane>) -> StmResult<Place> {
        if let Some(fair) = &self.fair {
            // Step 1.
            let time = fair.time.read(tx)?;
            let start = lane.start.read(tx)?;
            if start < time {
                lane.start.write(tx, time)?;
            }
        }
        self.stay(tx, lane)
    }

    /// A stream that has had its turn enters again, behind its equals.
    pub(super) fn stay(&self, tx: &mut Transaction<'_>, lane: &Arc<Lane>) -> StmResult<Place> {
        let turn = self.turns.read(tx)? + 1;
        self.turns.write(tx, turn)?;
        let Some(fair) = &self.fair else {
            let rank = if self.strict {
                u128::from(lane.priority.abs_diff(i32::MAX))
            } else {
                0
            };
            let rank = (rank, turn);
            self.ready.insert(tx, rank, Arc::clone(lane))?;
            return Ok(Place { rank, ahead: false });
        };
        let weight = u64::from(lane.weight);
        fair.weight.modify(tx, |weights| weights + weight)?;
        let start = lane.start.read(tx)?;
        if start > fair.time.read(tx)? {
            let rank = (start, turn);
            fair.ahead.insert(tx, rank, Arc::clone(lane))?;
            return Ok(Place { rank, ahead: true });
        }
        self.admit(tx, lane, start, turn)
    }

    /// Step 2: its start has come.
    fn admit(
        &self,
        tx: &mut Transaction<'_>,
        lane: &Arc<Lane>,
        start: u128,
        turn: u64,
    ) -> StmResult<Place> {
        let rank = (start + lane.stride(), turn);
        self.ready.insert(tx, rank, Arc::clone(lane))?;
        Ok(Place { rank, ahead: false })
    }

    /// A stream leaves.
    pub(super) fn leave(
        &self,
        tx: &mut Transaction<'_>,
        lane: &Lane,
        place: Place,
    ) -> StmResult<()> {
        match &self.fair {
            Some(fair) if place.ahead => fair.ahead.remove(tx, &place.rank)?,
            _ => self.ready.remove(tx, &place.rank)?,
        };
        if let Some(fair) = &self.fair {
            let weight = u64::from(lane.weight);
            fair.weight.modify(tx, |weights| weights - weight)?;
        }
        Ok(())
    }

    /// A stream has its turn, and is about to leave.
    pub(super) fn served(&self, tx: &mut Transaction<'_>, lane: &Lane) -> StmResult<()> {
        let Some(fair) = &self.fair else {
            return Ok(());
        };
        let weights = u128::from(fair.weight.read(tx)?.max(1));
        fair.time.modify(tx, |time| time + UNIT.div_ceil(weights))?;
        let stride = lane.stride();
        lane.start.modify(tx, |start| start + stride)
    }

    /// The one that comes next; it stays.
    pub(super) fn first(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Arc<Lane>>> {
        if let Some(fair) = &self.fair {
            self.bring_up(tx, fair)?;
        }
        Ok(self.ready.first(tx)?.map(|(_, lane)| lane))
    }

    /// Step 2: those whose start has come.
    fn bring_up(&self, tx: &mut Transaction<'_>, fair: &Fair) -> StmResult<()> {
        let mut is_empty = self.ready.is_empty(tx)?;
        while let Some((rank, lane)) = fair.ahead.first(tx)? {
            let (start, turn) = rank;
            if start > fair.time.read(tx)? {
                if !is_empty {
                    break;
                }
                fair.time.write(tx, start)?;
            }
            is_empty = false;
            fair.ahead.remove(tx, &rank)?;
            let place = self.admit(tx, &lane, start, turn)?;
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

    /// All of them. For strategies of the user's own: those that have waited for the longest first.
    pub(super) fn all(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<Arc<Lane>>> {
        self.ready.values(tx)
    }
}

/// How much later a stream of this weight starts after a job.
pub(super) fn stride(weight: u32) -> u128 {
    UNIT / u128::from(weight.max(1))
}
