//! The queue beneath the queues: values in rows of variables.
//!
//! ```text
//!         taken                                  added
//!           v                                      v
//!  [ · · c d ] ─> [ e f g h i j k l ] ─> [ m n o p · · · · ]
//!    ^ first                               ^ last
//! ```
//!
//! A *segment* is a row of slots and the way to the next segment. Values are numbered as they
//! are added, and a segment knows the number of its first, its *base*. Takers share `first` and
//! `taken`, putters `last` and `added`.
//!
//! 1. A put sets the slot of the last segment that is `added`'s, and moves `added`. If the
//!    segment has no such slot, it appends a new segment, twice as large up to a bound.
//! 2. A take reads the slot of the first segment that is `taken`'s, and moves `taken`. If it has
//!    to be, the slot is unset, so that the value goes.
//! 3. If that slot is not set, or there is none, the segment may have been left early: a batch
//!    comes as a segment of its own, filled before anybody sees it. If there is a next
//!    segment, a take moves `first` there and *cuts* the way. If there is none, the queue is
//!    empty.
//!
//! **Who conflicts.** Puts meet at `added` and takes at `taken`. A put and a take touch the same
//! variable only where the one fills the slot, or appends the segment, that the other has found
//! missing.
//!
//! **Why a put only peeks at `last`**, which makes it no part of what it has read. `last` changes
//! only together with `added`, which the put has read, and which its commit checks. What is
//! peeked at is as new as `added` or newer; in the second case the commit fails. A put answers nothing of what it has seen there, so nobody learns of
//! the newer state either. A take does answer: it reads all that it goes by.
//!
//! **Why the way is cut.** A segment that is passed while it keeps the next one alive could only
//! go before it, one grace period of the engine after the other, slower than segments are made.
//! Cut, all that was passed together goes together.
//!
//! **Cost.** A put is two writes, a take one, and one more if the value has something to drop;
//! there is one allocation for so many values. No step depends on how many values there are. What
//! has nothing to drop but lies in a box of its own, a pair of numbers say, goes with its segment.

use hivework_stm::facade::MODELLED;
use hivework_stm::internals::{Slots, peek_ref};
use hivework_stm::{Ref, StmResult, TVar, Transaction, after_transaction, atomically};

/// The size of the first segment.
const SMALLEST: usize = if MODELLED { 1 } else { 8 };

/// The size up to which segments grow.
const LARGEST: usize = if MODELLED { 2 } else { 1024 };

/// So many values are worth a segment of their own.
const BATCH: usize = if MODELLED { 2 } else { 8 };

/// How many ways one transaction of [`cut`] cuts.
const CUT_AT_ONCE: usize = 64;

/// A first-in, first-out queue.
#[derive(Debug)]
pub(crate) struct Segments<T: Send + Sync + 'static> {
    /// The segment of the value that is taken next.
    first: TVar<Segment<T>>,
    taken: TVar<u64>,
    /// The segment of the value that was added last.
    last: TVar<Segment<T>>,
    added: TVar<u64>,
}

/// Some values that follow each other.
#[derive(Debug)]
struct Segment<T> {
    base: u64,
    values: Slots<T>,
    next: Slots<Segment<T>>,
}

impl<T> Clone for Segment<T> {
    fn clone(&self) -> Self {
        Segment {
            base: self.base,
            values: self.values.clone(),
            next: self.next.clone(),
        }
    }
}

impl<T: Send + Sync + 'static> Segment<T> {
    fn new(base: u64, values: Slots<T>) -> Self {
        Segment {
            base,
            values,
            next: Slots::new(1),
        }
    }

    fn empty(base: u64, size: usize) -> Self {
        Segment::new(base, Slots::new(size))
    }

    /// Where in the segment the value of this number is, or would be. `None` if it came
    /// before the segment.
    #[inline]
    fn position(&self, number: u64) -> Option<usize> {
        number
            .checked_sub(self.base)
            .map(|position| usize::try_from(position).unwrap_or(usize::MAX))
    }

    fn next<'t>(&self, tx: &mut Transaction<'t>) -> StmResult<Option<&'t Segment<T>>> {
        Ok(self.next.get(tx, 0)?.map(Ref::into_ref))
    }
}

impl<T: Send + Sync + 'static> Segments<T> {
    pub(crate) fn new() -> Self {
        let segment = Segment::empty(0, SMALLEST);
        Segments {
            first: TVar::new(segment.clone()),
            taken: TVar::new(0),
            last: TVar::new(segment),
            added: TVar::new(0),
        }
    }

    /// Adds a value at the end.
    #[inline]
    pub(crate) fn put(&self, tx: &mut Transaction<'_>, value: T) -> StmResult<()> {
        let mut number = 0;
        self.added.modify(tx, |added| {
            number = added;
            added + 1
        })?;
        let last = peek_ref(&self.last, tx).into_ref();
        match last.position(number) {
            Some(position) if position < last.values.len() => last.values.set(tx, position, value),
            Some(_) => {
                let segment = Segment::empty(number, larger(last.values.len()));
                segment.values.set(tx, 0, value)?;
                self.append(tx, last, segment)
            }
            None => self.overtaken(tx),
        }
    }

    /// Adds values at the end, in their order.
    pub(crate) fn put_batch(&self, tx: &mut Transaction<'_>, values: Vec<T>) -> StmResult<()> {
        if values.len() < BATCH {
            return values.into_iter().try_for_each(|value| self.put(tx, value));
        }
        let number = self.added.read(tx)?;
        self.added.write(tx, number + values.len() as u64)?;
        let last = peek_ref(&self.last, tx).into_ref();
        if last.position(number).is_none() {
            return self.overtaken(tx);
        }
        self.append(tx, last, Segment::new(number, Slots::filled(values)))
    }

    fn append(
        &self,
        tx: &mut Transaction<'_>,
        last: &Segment<T>,
        segment: Segment<T>,
    ) -> StmResult<()> {
        last.next.set(tx, 0, segment.clone())?;
        self.last.write(tx, segment)
    }

    /// Has the transaction fail that has peeked at a newer last segment than its snapshot has.
    #[cold]
    fn overtaken(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        // Whoever wrote it wrote `added` as well, so this read does not fit what has been read.
        self.last.read_ref(tx)?;
        unreachable!("a last segment that begins behind its end")
    }

    /// Removes the first value, if there is one.
    #[inline]
    pub(crate) fn take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>>
    where
        T: Clone,
    {
        // A guess, to be confirmed by a read right before the write: those two are one step
        // of the commit then.
        let mut number = *peek_ref(&self.taken, tx);
        let mut segment = self.first.read_ref(tx)?.into_ref();
        loop {
            let position = segment.position(number);
            let found = match position {
                Some(position) => segment.values.get(tx, position)?,
                None => None,
            };
            let taken = self.taken.read(tx)?;
            if taken != number {
                number = taken;
                continue;
            }
            if let (Some(value), Some(position)) = (found, position) {
                // Before anything is written: its panic may be caught inside the transaction.
                let value = T::clone(&value);
                self.taken.write(tx, number + 1)?;
                segment.values.let_go(tx, position)?;
                return Ok(Some(value));
            }
            let Some(next) = segment.next(tx)? else {
                return Ok(None);
            };
            self.pass(tx, segment, next)?;
            segment = next;
        }
    }

    /// Removes up to `max` values from the front, in their order.
    pub(crate) fn take_batch(&self, tx: &mut Transaction<'_>, max: usize) -> StmResult<Vec<T>>
    where
        T: Clone,
    {
        // Room for all, where the guess is right and they are not very many. A model has enough to
        // explore without it.
        let likely = if MODELLED { 0 } else { self.len_now() };
        let likely = usize::try_from(likely).unwrap_or(usize::MAX);
        let mut values = Vec::with_capacity(likely.min(max).min(LARGEST));
        let mut passed = Vec::new();
        let mut segment = self.first.read_ref(tx)?.into_ref();
        let mut number = self.taken.read(tx)?;
        let mut begin = position(segment, number);
        let mut end = begin;
        while values.len() < max {
            if let Some(value) = segment.values.get(tx, end)? {
                values.push(T::clone(&value));
                end += 1;
                continue;
            }
            let Some(next) = segment.next(tx)? else {
                break;
            };
            // What was taken of this segment goes with it.
            passed.push(segment);
            segment = next;
            (begin, end) = (0, 0);
        }
        // Nothing is written before all are cloned, as in `take`.
        if !passed.is_empty() {
            self.first.write(tx, segment.clone())?;
            for passed in passed {
                passed.next.unset(tx, 0)?;
            }
        }
        if !values.is_empty() {
            for position in begin..end {
                segment.values.let_go(tx, position)?;
            }
            number += values.len() as u64;
            self.taken.write(tx, number)?;
        }
        Ok(values)
    }

    /// Leaves a segment for the next one.
    fn pass(
        &self,
        tx: &mut Transaction<'_>,
        segment: &Segment<T>,
        next: &Segment<T>,
    ) -> StmResult<()> {
        self.first.write(tx, next.clone())?;
        segment.next.unset(tx, 0)
    }

    /// The first value, if there is one.
    pub(crate) fn peek<'t>(&self, tx: &mut Transaction<'t>) -> StmResult<Option<Ref<'t, T>>> {
        let mut segment = self.first.read_ref(tx)?.into_ref();
        let number = self.taken.read(tx)?;
        loop {
            if let Some(value) = segment.values.get(tx, position(segment, number))? {
                return Ok(Some(value));
            }
            match segment.next(tx)? {
                Some(next) => segment = next,
                None => return Ok(None),
            }
        }
    }

    /// How many values have been added.
    pub(crate) fn added(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        self.added.read(tx)
    }

    /// How many values have been taken.
    pub(crate) fn taken(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        self.taken.read(tx)
    }

    /// About how many values there are: the ends are looked at one after the other.
    ///
    /// A zero was true at the first look. What has been added by then is not less than
    /// what has been taken, nor more than at the second look; where the looks
    /// agree, all four are one.
    pub(crate) fn len_now(&self) -> u64 {
        let (taken, added) = self.counts_now();
        added.saturating_sub(taken)
    }

    /// How many values have been taken, and how many added, looked at later.
    pub(crate) fn counts_now(&self) -> (u64, u64) {
        let taken = self.taken.load();
        (taken, self.added.load())
    }

    /// Removes every value; they go after the commit.
    pub(crate) fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let added = self.added.read(tx)?;
        if self.taken.read(tx)? == added {
            return Ok(());
        }
        let passed = self.first.read_ref(tx)?.into_ref().clone();
        let segment = Segment::empty(added, SMALLEST);
        self.first.write(tx, segment.clone())?;
        self.taken.write(tx, added)?;
        // The last one is not read; but it is written, as `added` is, so that whoever puts
        // meanwhile conflicts.
        self.last.write(tx, segment)?;
        self.added.write(tx, added)?;
        tx.on_commit(move || cut(passed));
        Ok(())
    }
}

impl<T: Send + Sync + 'static> Drop for Segments<T> {
    fn drop(&mut self) {
        // Inside a transaction that may have put what is still to be committed: after it.
        let first = self.first.clone();
        after_transaction(move || cut(first.load()));
    }
}

/// Where in the first segment the value that is taken next is, or would be.
fn position<T: Send + Sync + 'static>(segment: &Segment<T>, taken: u64) -> usize {
    match segment.position(taken) {
        Some(position) => position,
        None => unreachable!("a first segment that begins behind what was taken"),
    }
}

/// How large a segment is that follows one of this size.
fn larger(size: usize) -> usize {
    (size * 2).clamp(SMALLEST, LARGEST)
}

/// Cuts the ways between segments that nobody can reach any more.
fn cut<T: Send + Sync + 'static>(first: Segment<T>) {
    let mut rest = Some(first);
    while let Some(first) = rest {
        rest = atomically(|tx| {
            let mut segment = first.clone();
            for _ in 0..CUT_AT_ONCE {
                let Some(next) = segment.next(tx)? else {
                    return Ok(None);
                };
                segment.next.unset(tx, 0)?;
                segment = next.clone();
            }
            Ok(Some(segment))
        });
    }
}
