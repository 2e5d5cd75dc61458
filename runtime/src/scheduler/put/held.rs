//! Putting work that is [attended](crate::work::attendant) to: it is held until its attendant lets
//! it in. Step 2 of a [put](super) is its attendant's: in place of the queue the item goes where
//! that keeps it.

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically};

use super::admission::Refused;
use super::{bind, outside_transactions, set_timer};
use crate::gate::Gate;
use crate::handle::WorkHandle;
use crate::injector::Item;
use crate::local;
use crate::shared::Shared;
use crate::work::Work;
use crate::work::attendant::Attendant;

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
    outside_transactions("putting work");
    let mut fresh = bind(shared, work);
    fresh.info_mut().attend(attendant);
    let inside = accept(shared);
    let (handle, item) = super::split(fresh);
    shared.tell_put(handle.info());
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
    let (handle, item) = fresh.split();
    // First of all the way back, for whatever ends this attempt.
    let put = item.clone();
    tx.on_abort(move || put.roll_back());
    let entered = (|| {
        if !inside && is_shut(shared, tx)? {
            return Ok(false);
        }
        enter(tx, &item)?;
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
        if !entered {
            shared.tell_put(&item.head().info);
            return item.withdraw(Refused::Draining.why());
        }
        item.head().state.commit();
        if let Some(due) = item.head().due() {
            super::add_timer(&shared, due, item);
        }
    });
    Ok(WorkHandle::new(handle))
}

/// Lets an item in that was held, or has come back: queues it. Not inside a transaction.
pub(crate) fn let_in(shared: &Arc<Shared>, item: Item) {
    if item.head().info.let_in_again() {
        return item.woken();
    }
    if item.head().info.let_in() {
        shared.books.elsewhere.taken_up.add(1);
    }
    shared.requeue(item);
}

/// Counts it; says whether running work puts it.
fn accept(shared: &Arc<Shared>) -> bool {
    let worker = local::worker_of(shared);
    match &worker {
        Some(worker) => worker.seat.books.accept(1),
        None => shared.books.accept(1),
    }
    shared.books.elsewhere.aside.add(1);
    worker.is_some()
}

fn is_shut(shared: &Shared, tx: &mut Transaction<'_>) -> StmResult<bool> {
    let gate = Gate::read(&shared.gate, tx)?;
    Ok(matches!(gate, Gate::Draining | Gate::Gone))
}
