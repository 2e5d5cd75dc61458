//! Where the jobs of a stream wait that are to have a slot, in the order in which they come.
//!
//! For most orders that is one ordered map, by a job's *rank*, which is fixed when it is put, and its
//! number in its stream, which decides among equals. For turns it is two: the jobs by key and number, and the
//! keys that have some by *turn*. A key enters at the back with its first job, goes to the back when one of its jobs
//! has been taken, and leaves with its last.

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, TVar, Transaction};
use stm_ports::TOrderedMap;

use super::entry::Entry;
use super::order::Next;
use crate::work::item::Item;

/// A job that waits, or runs: the item, and what its stream knows of it.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) item: Item,
    pub(crate) entry: Arc<Entry>,
}

/// See the [module](self).
pub(super) enum Pending {
    Ranked(TOrderedMap<(u64, u64), Held>),
    Turns(Turns),
}

type Key = std::sync::Arc<str>;

pub(super) struct Turns {
    jobs: TOrderedMap<(Key, u64), Held>,
    /// The keys in their order, and the place of each.
    order: TOrderedMap<u64, Key>,
    places: TOrderedMap<Key, u64>,
    last: TVar<u64>,
}

/// The rank of a job by which it comes: the least first.
pub(super) fn rank(next: &Next, priority: i32, due: u64) -> u64 {
    match next {
        Next::Priority => u64::from(priority.abs_diff(i32::MAX)),
        Next::EarliestDeadline => due,
        Next::Fifo | Next::Lifo | Next::RoundRobin | Next::Own(_) => 0,
    }
}

impl Pending {
    pub(super) fn new(next: &Next) -> Pending {
        match next {
            Next::RoundRobin => Pending::Turns(Turns {
                jobs: TOrderedMap::new(),
                order: TOrderedMap::new(),
                places: TOrderedMap::new(),
                last: TVar::new(0),
            }),
            _ => Pending::Ranked(TOrderedMap::new()),
        }
    }

    pub(super) fn put(&self, tx: &mut Transaction<'_>, number: u64, held: Held) -> StmResult<()> {
        match self {
            Pending::Ranked(jobs) => {
                jobs.insert(tx, held.entry.place_of(number), held)?;
            }
            Pending::Turns(turns) => {
                let key = held.entry.key();
                if !turns.places.contains(tx, &key)? {
                    turns.enter(tx, key.clone())?;
                }
                turns.jobs.insert(tx, (key, number), held)?;
            }
        }
        Ok(())
    }

    /// The one that comes next; it stays.
    pub(super) fn first(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Held>> {
        match self {
            Pending::Ranked(jobs) => Ok(jobs.first(tx)?.map(|(_, held)| held)),
            Pending::Turns(turns) => {
                let Some((_, key)) = turns.order.first(tx)? else {
                    return Ok(None);
                };
                let first = turns.jobs.after(tx, &(key, 0))?;
                Ok(first.map(|(_, held)| held))
            }
        }
    }

    /// Takes a job out that has this number; `drawn` says whether because its turn has come.
    pub(super) fn remove(
        &self,
        tx: &mut Transaction<'_>,
        entry: &Entry,
        number: u64,
        drawn: bool,
    ) -> StmResult<()> {
        match self {
            Pending::Ranked(jobs) => {
                let removed = jobs.remove(tx, &entry.place_of(number))?;
                debug_assert!(removed.is_some(), "a job is where its number says");
            }
            Pending::Turns(turns) => {
                let key = entry.key();
                let removed = turns.jobs.remove(tx, &(key.clone(), number))?;
                debug_assert!(removed.is_some(), "a job is where its number says");
                let next = turns.jobs.after(tx, &(key.clone(), 0))?;
                let is_left = next.is_some_and(|((other, _), _)| other == key);
                if !is_left || drawn {
                    turns.leave(tx, &key)?;
                }
                if is_left && drawn {
                    turns.enter(tx, key)?;
                }
            }
        }
        Ok(())
    }

    /// All of them, in their order, but for turns: by key there.
    pub(super) fn all(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<Held>> {
        match self {
            Pending::Ranked(jobs) => jobs.values(tx),
            Pending::Turns(turns) => turns.jobs.values(tx),
        }
    }
}

impl Turns {
    /// The key comes after all others.
    fn enter(&self, tx: &mut Transaction<'_>, key: Key) -> StmResult<()> {
        let turn = self.last.read(tx)? + 1;
        self.last.write(tx, turn)?;
        self.order.insert(tx, turn, key.clone())?;
        self.places.insert(tx, key, turn)?;
        Ok(())
    }

    fn leave(&self, tx: &mut Transaction<'_>, key: &Key) -> StmResult<()> {
        if let Some(turn) = self.places.remove(tx, key)? {
            self.order.remove(tx, &turn)?;
        }
        Ok(())
    }
}
