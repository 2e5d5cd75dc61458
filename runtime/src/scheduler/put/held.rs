//! Putting work that is [attended](crate::work::attendant) to: it is held until its attendant lets
//! it in. Step 2 of a [put](super) is its attendant's: in place of the queue the item goes where
//! that keeps it. What is delayed goes into the timers first, as any work, and to its attendant
//! when its time has come.
//!
//! # Letting in, and the end of the scheduler
//!
//! Whoever lets an item in may be outside, and the last handle of the scheduler may go at that
//! moment. So it looks at the gate after it has queued the item; whoever ends the scheduler shuts the gate
//! for good before it answers what is queued. If the shutting comes first, it is seen here, and what is
//! queued is answered here; if the queueing comes first, the item is found there.

use std::iter;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically};

use super::admission::Refused;
use super::{bind, outside_transactions, put_delayed, put_later, set_timer};
use crate::gate::Gate;
use crate::handle::WorkHandle;
use crate::injector::Item;
use crate::local;
use crate::shared::Shared;
use crate::stop;
use crate::work::Work;
use crate::work::attendant::Attendant;
use crate::work::info::Info;
use crate::work::priority::Priority;

/// Puts `work`, held; `enter` is called in a transaction with the item, to keep it.
///
/// # Panics
///
/// Inside a transaction.
pub(crate) fn hold<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: Work<T>,
    attendant: Arc<dyn Attendant>,
    enter: impl Fn(&mut Transaction<'_>, &Item) -> StmResult<()>,
) -> WorkHandle<T> {
    outside_transactions("putting a job");
    let mut fresh = bind(shared, work);
    fresh.info_mut().attend(attendant);
    let inside = accept(shared);
    let (handle, item) = super::split(fresh);
    if handle.info().is_delayed() {
        put_delayed(shared, &handle, item);
        return WorkHandle::new(handle);
    }
    shared.tell_put(handle.info());
    keep(shared, handle.info());
    let is_in = atomically(|tx| {
        if !inside && is_shut(shared, tx)? {
            return Ok(false);
        }
        enter(tx, &item)?;
        Ok(true)
    });
    if is_in {
        set_timer(&handle, shared);
    } else {
        item.withdraw(Refused::Draining.why());
    }
    WorkHandle::new(handle)
}

/// As [`hold`], when `tx` commits.
pub(crate) fn hold_in<T: Send + 'static>(
    shared: &Arc<Shared>,
    tx: &mut Transaction<'_>,
    work: Work<T>,
    attendant: Arc<dyn Attendant>,
    enter: impl Fn(&mut Transaction<'_>, &Item) -> StmResult<()>,
) -> StmResult<WorkHandle<T>> {
    let mut fresh = bind(shared, work);
    let info = fresh.info_mut();
    info.hold(local::thread_number());
    info.attend(attendant);
    let inside = accept(shared);
    let delayed = fresh.info().is_delayed();
    let (handle, item) = fresh.split();
    // First of all the way back, for whatever ends this attempt.
    let put = item.clone();
    tx.on_abort(move || put.roll_back());
    if !delayed {
        keep(shared, handle.info());
    }
    let entered = (|| {
        if !delayed {
            if !inside && is_shut(shared, tx)? {
                return Ok(false);
            }
            enter(tx, &item)?;
        }
        shared.tell_put_in(tx, handle.info())?;
        Ok(true)
    })();
    let entered = match entered {
        Ok(entered) => entered,
        Err(error) => {
            // A caller that does not pass it on may commit without the work.
            tx.on_commit(move || item.roll_back());
            return Err(error);
        }
    };
    let shared = Arc::clone(shared);
    tx.on_commit(move || {
        let info = &item.head().info;
        if !entered {
            shared.tell_put(info);
            return item.withdraw(Refused::Draining.why());
        }
        item.head().state.commit();
        if delayed {
            if let Err(item) = put_later(&shared, item.clone()) {
                return item.withdraw(Refused::Draining.why());
            }
        }
        if let Some(due) = item.head().due() {
            super::add_timer(&shared, due, item);
        }
    });
    Ok(WorkHandle::new(handle))
}

/// Answers work that is put to a scheduler that has gone.
pub(crate) fn refuse<T: Send + 'static>(work: Work<T>) -> WorkHandle<T> {
    let (handle, item) = super::split(work.fresh);
    item.withdraw(Refused::Draining.why());
    WorkHandle::new(handle)
}

/// As [`refuse`], when `tx` commits.
pub(crate) fn refuse_in<T: Send + 'static>(
    tx: &mut Transaction<'_>,
    work: Work<T>,
) -> WorkHandle<T> {
    let (handle, item) = work.fresh.split();
    let put = item.clone();
    tx.on_abort(move || put.roll_back());
    tx.on_commit(move || item.withdraw(Refused::Draining.why()));
    WorkHandle::new(handle)
}

/// Its attendant keeps the item from now on; false where it is over, or kept already.
pub(crate) fn keep(shared: &Shared, info: &Info) -> bool {
    let books = &shared.books.elsewhere;
    // Before it is: whoever lets it in counts that after.
    books.held.add(1);
    let kept = info.keep();
    if !kept {
        books.let_in.add(1);
    }
    kept
}

/// Lets an item in that was held, or has come back: queues it. Not inside a transaction.
pub(crate) fn let_in(shared: &Arc<Shared>, item: Item) {
    if item.head().info.let_in_again() {
        return item.woken();
    }
    if item.head().info.let_in() {
        shared.books.elsewhere.let_in.add(1);
    }
    if item.head().priority() == Priority::Normal {
        shared.requeue(item);
    } else {
        _ = shared.put_back(iter::once(item));
    }
    if shared.is_halting() {
        // No worker will take it, and who joins it is to run it (`handle.rs`).
        shared.deep.nudge();
        if Gate::load(&shared.gate) == Gate::Gone {
            stop::answer_queued(shared);
        }
    }
}

/// Counts it; says whether running work puts it.
fn accept(shared: &Arc<Shared>) -> bool {
    let worker = local::worker_of(shared);
    match &worker {
        Some(worker) => worker.seat.books.accept(1),
        None => shared.books.accept(1),
    }
    worker.is_some()
}

fn is_shut(shared: &Shared, tx: &mut Transaction<'_>) -> StmResult<bool> {
    let gate = Gate::read(&shared.gate, tx)?;
    Ok(matches!(gate, Gate::Draining | Gate::Gone))
}
