//! Slots: how many may be at work at once.
//!
//! # Protocol
//!
//! A *budget* is a number of free slots, a variable ([`level`]), and may be a part of another: its
//! *parent*.
//!
//! 1. To *take* a slot is to take one of every budget from this one up to the root, in one
//!    transaction, if all of them have one that is free. So a part of k never has more than k, and
//!    all parts together never more than the whole.
//! 2. To *give* it back is to add one to each, in one transaction. Who gives, and that it is done once,
//!    is told in [`slot`].
//! 3. Who cannot take one retries, or leaves word with the lowest budget that had none: then it is
//!    told of the next that is given there.
//!
//! **Why the lowest.** Whoever waits for a part that is used up has no business with the whole: what
//! becomes free there is for others. When the part has one again, it looks at the whole anew.
//!
//! **Why it ends.** A transaction takes from the part and from the whole at once, so nobody holds one
//! while it waits for the other. Who takes a second slot while it holds one can wait for ever;
//! that is for the program to see to, as with any lock.
//!
//! With the feature `jobserver` the root's slots may be tokens of a pipe that processes share
//! (`slots/jobserver.rs`): then more may come from there, and what is given goes back there.

pub(crate) mod alone;
pub(crate) mod error;
#[cfg(feature = "jobserver")]
pub(crate) mod jobserver;
pub(crate) mod level;
pub(crate) mod slot;
mod source;

use std::borrow::Cow;
use std::fmt;
use std::iter;
use std::sync::OnceLock;
use std::time::Duration;

use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{StmResult, Transaction, atomically, atomically_timeout, retry};

use error::SlotsError;
pub(crate) use level::Draws;
use level::{Level, MOST};
use slot::Slot;
use source::Source;

/// How many may be at work at once: a budget of slots, which is taken from and given back to in
/// transactions, and which may be a part of a larger one.
///
/// A handle: clones share the budget.
///
/// ```
/// use hivework::Slots;
///
/// let machine = Slots::new(4)?;
/// let downloads = machine.narrow(1)?; // no more than one of the four
///
/// let slot = downloads.take(); // one of both
/// assert_eq!((downloads.free(), machine.free()), (0, 3));
/// assert!(downloads.try_take().is_none());
/// drop(slot); // goes home, whatever happens
/// assert_eq!((downloads.free(), machine.free()), (1, 4));
/// # Ok::<(), hivework::SlotsError>(())
/// ```
///
/// # In transactions
///
/// [`take_in`](Slots::take_in) takes a slot with the transaction, and waits as all transactions
/// wait: by a retry. So it composes.
///
/// ```
/// use hivework::{Slots, TVar, atomically};
///
/// let (fast, slow) = (Slots::new(1)?, Slots::new(1)?);
/// let started = TVar::new(0);
/// let _busy = fast.take();
/// // Of whichever there is one, and counted in the same step.
/// let slot = atomically(|tx| {
///     started.modify(tx, |started| started + 1)?;
///     tx.or_else(|tx| fast.take_in(tx), |tx| slow.take_in(tx))
/// });
/// assert!(slow.holds(&slot));
/// # Ok::<(), hivework::SlotsError>(())
/// ```
///
/// A task that must not block its thread awaits it: `atomically_async(|tx| slots.take_in(tx)).await`.
///
/// # Order
///
/// Which of several who wait gets a slot is not defined, and all that wait for the same budget wake
/// when one is given back. To have many wait in an order of their own, or to start works as there are
/// slots for them, use streams.
///
/// # Cost
///
/// Taking and giving take a constant number of steps for each budget up to the root. All who take or give
/// the same budget conflict with each other.
///
/// Follows the slots of Jobserver, which are tokens in a pipe, and the narrower schedulers of the
/// Emacs job scheduler.
pub struct Slots(Arc<Budget>);

struct Budget {
    size: usize,
    name: OnceLock<Cow<'static, str>>,
    level: Level,
    /// What this is a part of, from the parent up to the root.
    above: Vec<Slots>,
    source: Source,
}

impl Slots {
    /// So many slots.
    ///
    /// # Errors
    ///
    /// [`SlotsError::Zero`] for none, [`SlotsError::TooMany`] for more than half of what a `usize` can count.
    pub fn new(size: usize) -> Result<Slots, SlotsError> {
        if size == 0 {
            return Err(SlotsError::Zero);
        }
        if size > MOST {
            let (asked, most) = (size, MOST);
            return Err(SlotsError::TooMany { asked, most });
        }
        let own = Source::default();
        Ok(Slots::of(size, Level::new(size), Vec::new(), own))
    }

    /// A part of these: `size` of them at most. Whoever takes one of the part takes one of these as well,
    /// so parts may overlap: two of three slots each, of four, are three each, and four together.
    ///
    /// ```
    /// use hivework::{Slots, SlotsError};
    ///
    /// let whole = Slots::new(4)?;
    /// let (left, right) = (whole.narrow(3)?, whole.narrow(3)?);
    /// let held: Vec<_> = (0..3).map(|_| left.take()).collect();
    /// let one = right.take();
    /// assert!(right.try_take().is_none()); // free of the part, but not of the whole
    /// assert_eq!(right.free(), 2);
    /// # drop((held, one));
    /// assert_eq!(
    ///     whole.narrow(5).unwrap_err(),
    ///     SlotsError::LargerThanParent { asked: 5, parent: 4 },
    /// );
    /// # Ok::<(), SlotsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SlotsError::Zero`] for none, [`SlotsError::LargerThanParent`] for more than there are.
    pub fn narrow(&self, size: usize) -> Result<Slots, SlotsError> {
        if size == 0 {
            return Err(SlotsError::Zero);
        }
        if size > self.size() {
            let (asked, parent) = (size, self.size());
            return Err(SlotsError::LargerThanParent { asked, parent });
        }
        let above = self.levels().cloned().collect();
        Ok(Slots::of(size, Level::new(size), above, Source::default()))
    }

    fn of(size: usize, level: Level, above: Vec<Slots>, source: Source) -> Slots {
        Slots(Arc::new(Budget {
            size,
            name: OnceLock::new(),
            level,
            above,
            source,
        }))
    }

    /// What they are called, in `Debug` output. The first name that a budget is given stays.
    ///
    /// ```
    /// use hivework::Slots;
    ///
    /// let slots = Slots::new(2)?.named("downloads");
    /// assert_eq!(slots.name(), Some("downloads"));
    /// # Ok::<(), hivework::SlotsError>(())
    /// ```
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Slots {
        let _ = self.0.name.set(name.into());
        self
    }

    /// What they are called, if anything.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.get().map(|name| &**name)
    }

    /// How many there are. Of slots that come from a pool of other processes: how many
    /// are taken from there at most.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// What they are a part of.
    #[must_use]
    pub fn parent(&self) -> Option<&Slots> {
        self.0.above.first()
    }

    /// How many of them are free. Of a part: as far as the part goes, whatever is free of the whole. Of
    /// slots that come from a pool: those that are here.
    ///
    /// Inside a transaction, use [`free_in`](Slots::free_in).
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.level.load()
    }

    /// As [`free`](Slots::free), as the transaction sees it.
    ///
    /// ```
    /// use hivework::{Slots, atomically, check};
    ///
    /// let slots = Slots::new(3)?;
    /// // Waits until nobody is at work, and keeps it so.
    /// let all = atomically(|tx| {
    ///     check(slots.free_in(tx)? == slots.size())?;
    ///     (0..slots.size()).map(|_| slots.take_in(tx)).collect::<Result<Vec<_>, _>>()
    /// });
    /// assert_eq!(all.len(), 3);
    /// # Ok::<(), hivework::SlotsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn free_in(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.level.free(tx)
    }

    /// How many of them are not free.
    #[must_use]
    pub fn used(&self) -> usize {
        self.size().saturating_sub(self.free())
    }

    /// Is this slot one of these, or of a part of these?
    #[must_use]
    pub fn holds(&self, slot: &Slot) -> bool {
        slot.slots().levels().any(|level| level.ptr_eq(self))
    }

    /// Are these handles of the same budget?
    #[must_use]
    pub fn ptr_eq(&self, other: &Slots) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Takes one; waits until there is one.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`take_in`](Slots::take_in) there.
    pub fn take(&self) -> Slot {
        atomically(|tx| self.take_waiting(tx));
        self.taken()
    }

    /// As [`take`](Slots::take), but waits no longer than `limit`. With a limit of zero this is
    /// [`try_take`](Slots::try_take).
    ///
    /// # Panics
    ///
    /// As [`take`](Slots::take).
    #[must_use = "None says that there was none"]
    pub fn take_timeout(&self, limit: Duration) -> Option<Slot> {
        if limit.is_zero() {
            return self.try_take();
        }
        atomically_timeout(limit, |tx| self.take_waiting(tx))?;
        Some(self.taken())
    }

    /// Takes one if there is one.
    ///
    /// # Panics
    ///
    /// As [`take`](Slots::take).
    #[must_use = "None says that there was none"]
    pub fn try_take(&self) -> Option<Slot> {
        let without = || atomically(|tx| Ok(self.take_one(tx)?.err()));
        let taken = match without() {
            None => true,
            Some(Slots(lowest)) => lowest.source.fetch() && without().is_none(),
        };
        taken.then(|| self.taken())
    }

    /// Takes one with the transaction: if that is rolled back, none was taken.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while there is none.
    pub fn take_in(&self, tx: &mut Transaction<'_>) -> StmResult<Slot> {
        self.take_waiting(tx)?;
        Slot::taken_in(self.clone(), tx)
    }

    /// Step 1, or a retry.
    fn take_waiting(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        match self.take_one(tx)? {
            Ok(()) => Ok(()),
            Err(without) => {
                without.0.source.want(tx);
                retry()
            }
        }
    }

    /// Step 1; answers the lowest budget that has none where it is in vain, and then has written
    /// nothing.
    pub(crate) fn take_one(&self, tx: &mut Transaction<'_>) -> StmResult<Result<(), Slots>> {
        if self.0.above.is_empty() {
            let taken = self.0.level.take(tx)?;
            return Ok(taken.then_some(()).ok_or_else(|| self.clone()));
        }
        for level in self.levels() {
            if level.free_in(tx)? == 0 {
                return Ok(Err(level.clone()));
            }
        }
        for level in self.levels() {
            level.0.level.take(tx)?;
        }
        Ok(Ok(()))
    }

    /// What [`take_one`](Slots::take_one) has taken in a transaction that has committed.
    pub(crate) fn taken(&self) -> Slot {
        Slot::held(self.clone())
    }

    /// Step 2.
    fn give_one(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        for Slots(budget) in self.levels() {
            if !budget.source.takes_back(tx)? {
                budget.level.give(tx)?;
            }
        }
        Ok(())
    }

    /// Step 3: `drawer` is told, once, when one of these is given.
    pub(crate) fn leave_word(
        &self,
        tx: &mut Transaction<'_>,
        drawer: &Weak<dyn Draws>,
    ) -> StmResult<()> {
        self.0.source.want_in(tx)?;
        self.0.level.leave_word(tx, drawer)
    }

    /// From this budget up to the root.
    fn levels(&self) -> impl Iterator<Item = &Slots> {
        iter::once(self).chain(&self.0.above)
    }
}

impl Clone for Slots {
    /// Another handle of the same budget.
    fn clone(&self) -> Self {
        Slots(Arc::clone(&self.0))
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Slots");
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        shown
            .field("size", &self.size())
            .field("free", &self.free())
            .field("parent", &self.parent().map(Slots::size))
            .finish_non_exhaustive()
    }
}
