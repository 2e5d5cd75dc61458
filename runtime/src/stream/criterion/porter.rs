//! Who asks a criterion before each start, and has jobs drawn again when it may hold.
//!
//! # Steps
//!
//! 1. A drawing that has found a job to start and a slot for it *asks* the closures, outside of its
//!    transaction. If they hold that is good for one start.
//! 2. It asks the transactions inside its own, the one that takes the slot and the job.
//! 3. Where a closure does not hold, the porter *closes* until it is to be asked again, and sets an
//!    *alarm*: a delayed work of the scheduler's own, which draws. Until then no closure is asked,
//!    however many jobs are put.
//! 4. Where a transaction does not hold, the porter *watches*: a work that is a transaction of its
//!    own, which waits until all of them hold, writes nothing of what they would write, and
//!    draws.
//!
//! Both are works of high priority, and so wait for no more than a worker that is free.
//!
//! Nobody asks while nothing waits to be started, so an alarm or a watch is set by a job that
//! waits, and there is one of either at most. Neither keeps what it draws for alive.
//!
//! # Races
//!
//! *A change between step 2 and step 4.* The watch looks for itself before it waits, so it finds what
//! has changed since the drawing looked.
//!
//! *Two that close at the same time.* The variable decides which of them sets the alarm.
//!
//! *An alarm or a watch that is refused, or answered unrun*, because the scheduler drains or ends: the
//! porter is open again, for who draws next, and nobody is called. A drain answers what waits when
//! nothing else is left.
//!
//! # Why nothing spins
//!
//! A closure is not asked again before its time, which is a millisecond at least; one that
//! fails not before a time that doubles with each failure in a row. A transaction is asked again when
//! something that it has read has changed; one that panics, as a closure that fails.

use std::time::{Duration, Instant};

use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{StmResult, TVar, Transaction, atomically, retry};

use super::{Criterion, Found, INTERVAL};
use crate::event::Event;
use crate::scheduler::put::put_beside;
use crate::shared::Shared;
use crate::slots::Draws;
use crate::spawn::make_transaction;
use crate::work::error::WorkError;
use crate::work::priority::Priority;
use crate::work::unwind::{Payload, drop_contained, message, shield};
use crate::work::{Work, make_work};

/// The longest that one that fails is not asked again.
const LONGEST: Duration = Duration::from_secs(60);

/// See the [module](self).
pub(crate) struct Porter {
    criterion: Criterion,
    /// Until when no closure is to be asked, if it is closed.
    closed: TVar<Option<Instant>>,
    watches: TVar<bool>,
    /// How often in a row it has failed.
    failures: TVar<u32>,
}

impl Porter {
    pub(crate) fn new(criterion: Criterion) -> Arc<Porter> {
        Arc::new(Porter {
            criterion,
            closed: TVar::new(None),
            watches: TVar::new(false),
            failures: TVar::new(0),
        })
    }

    /// Step 1; where it answers false, `drawer` draws again in time. Not inside a transaction.
    pub(crate) fn ask(self: &Arc<Self>, shared: &Arc<Shared>, drawer: &Weak<dyn Draws>) -> bool {
        let now = shared.now();
        if self.closed.load().is_some_and(|until| now < until) {
            return false;
        }
        match self.criterion.ask() {
            Found::Holds => return true,
            Found::Not(pause) => self.close(shared, drawer, pause),
            Found::Failed(why) => self.fail(shared, drawer, why),
        }
        false
    }

    /// Is there anything to be asked in step 1, or to be waited for?
    pub(crate) fn is_to_be_asked(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        Ok(self.criterion.has_closures() || self.closed.read_with(tx, Option::is_some)?)
    }

    /// A job starts: all has been found to hold.
    pub(crate) fn has_held(&self) {
        if self.failures.load() != 0 {
            self.failures.store(0);
        }
    }

    /// Step 2; what is written stands only if a job `starts`.
    pub(crate) fn ask_in(&self, tx: &mut Transaction<'_>, starts: bool) -> StmResult<bool> {
        if starts {
            self.criterion.holds_in(tx)
        } else {
            self.criterion.would_hold_in(tx)
        }
    }

    /// A transaction has panicked.
    pub(crate) fn panicked(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        drawer: &Weak<dyn Draws>,
        payload: Payload,
    ) {
        let why = message(&*payload);
        drop_contained(payload);
        self.fail(shared, drawer, why);
    }

    fn fail(self: &Arc<Self>, shared: &Arc<Shared>, drawer: &Weak<dyn Draws>, why: String) {
        let before = atomically(|tx| {
            let before = self.failures.read(tx)?;
            self.failures.write(tx, before.saturating_add(1))?;
            Ok(before)
        });
        let doubled = INTERVAL.checked_mul(1 << before.min(16));
        self.close(shared, drawer, doubled.unwrap_or(LONGEST).min(LONGEST));
        shared.announce(|| {
            Some(Event::CriterionFailed {
                message: why.into(),
            })
        });
    }

    /// Step 3.
    fn close(self: &Arc<Self>, shared: &Arc<Shared>, drawer: &Weak<dyn Draws>, pause: Duration) {
        let now = shared.now();
        let closes = atomically(|tx| {
            if self.closed.read(tx)?.is_some_and(|until| now < until) {
                return Ok(false);
            }
            // Beyond what the clock can say is never.
            let until = now.checked_add(pause);
            self.closed.write(tx, until)?;
            Ok(until.is_some())
        });
        if !closes {
            return;
        }
        let (me, drawer) = (Arc::downgrade(self), Weak::clone(drawer));
        let alarm = make_work(|| ()).delay(pause).on_done(move |rung| {
            let Some(me) = me.upgrade() else { return };
            me.closed.store(None);
            draw_again(rung, &drawer);
        });
        put(shared, alarm);
    }

    /// Step 4. Not inside a transaction.
    pub(crate) fn watch(self: &Arc<Self>, shared: &Arc<Shared>, drawer: &Weak<dyn Draws>) {
        let watches = atomically(|tx| self.watches.replace(tx, true));
        if watches {
            return;
        }
        let (me, watched) = (Arc::downgrade(self), Arc::downgrade(self));
        let (drawer, home) = (Weak::clone(drawer), shared.home());
        let watch = make_transaction(move |tx| {
            let Some(me) = watched.upgrade() else {
                return Ok(());
            };
            if me.criterion.would_hold_in(tx)? {
                Ok(())
            } else {
                retry()
            }
        });
        let watch = watch.on_done(move |seen| {
            let Some(me) = me.upgrade() else { return };
            me.watches.store(false);
            match (seen, home.shared()) {
                (Err(WorkError::Panicked(report)), Some(shared)) => {
                    me.fail(&shared, &drawer, report.message().to_owned());
                }
                _ => draw_again(seen, &drawer),
            }
        });
        put(shared, watch);
    }
}

/// Draws, if it came to its end and was not answered unrun.
fn draw_again(seen: &Result<(), WorkError>, drawer: &Weak<dyn Draws>) {
    if seen.is_ok() {
        if let Some(drawer) = drawer.upgrade() {
            shield(|| drawer.draw());
        }
    }
}

/// Puts a work of the scheduler's own, which no filter is to hear of.
fn put(shared: &Arc<Shared>, work: Work<()>) {
    let work = work.name("criterion").priority(Priority::High);
    work.fresh.info().mark();
    drop(put_beside(shared, work));
}
