//! How work gets in.
//!
//! # Steps of a put from outside
//!
//! 1. *Bind*: the item gets its scheduler's home and its deadline; the books
//!    count it. That comes before anybody can see the item, so that a drain
//!    never finds nothing live while something is on its way in.
//! 2. In one transaction: read the gate, look at the capacity, put the item into
//!    the injector, and tell who listens of it. It is the caller's own transaction in
//!    `put_work_in`.
//! 3. Once that has committed, *announce*: add its deadline
//!    to the timers, notify (`idle.rs`); where the transaction was the caller's, mark the item
//!    QUEUED, which it is from the start otherwise. A worker may have taken it before
//!    that; the state word takes either order.
//! 4. Where the gate or the capacity said no, or the transaction was rolled back:
//!    *withdraw*, which answers the handle and counts the item as over. Unless it was
//!    rolled back, it has been put for who listens as well.
//!
//! # Steps of a put from inside
//!
//! As above, with a push to the worker's own deque in place of step 2, or, with a
//! priority of its own, a put into its band: neither the gate nor the capacity holds up what
//! running work puts.
//!
//! # Work with a delay
//!
//! From either side it goes into the timers in place of step 2 ([later]); where the transaction
//! is the caller's, in step 3.

mod admission;
pub(crate) mod error;
pub(crate) mod held;
mod later;

use std::slice;
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, in_transaction, retry};

use crate::handle::WorkHandle;
use crate::injector::Item;
use crate::local::{self, Local};
use crate::outlet::{self, trace};
use crate::shared::Shared;
use crate::work::Work;
use crate::work::ends::{Fresh, HandleEnd};
use crate::work::parcel::Parcel;
use crate::work::priority::Priority;
use admission::{
    Admission, Refused, ask, put_beside_now, put_now, refuse, send, send_all, send_now,
};
use error::TryPutError;
use later::put_later;

/// How many works `put_all` puts at a time.
const CHUNK: usize = 64;

/// Step 1.
#[inline]
fn bind<T: Send + 'static>(shared: &Shared, work: Work<T>) -> Fresh<T> {
    let Work {
        mut fresh,
        deadline,
    } = work;
    let info = fresh.info_mut();
    info.set_home(Some(shared.home()));
    let due = deadline.and_then(|limit| shared.now().checked_add(limit));
    if due.is_some() || info.rare().is_some() {
        info.put_rare(due, &shared.books.names, || shared.now());
    }
    outlet::put(shared, info);
    fresh
}

/// Undoes step 1, for work that goes back to who wanted to put it.
fn unbind<T: Send + 'static>(mut fresh: Fresh<T>, deadline: Option<Duration>) -> Work<T> {
    let info = fresh.info_mut();
    info.clear_due();
    info.set_home(None);
    Work { fresh, deadline }
}

/// The two ends, for a put that nobody else's transaction decides about.
fn split<T: Send + 'static>(fresh: Fresh<T>) -> (HandleEnd<T>, Item) {
    let (handle, item) = fresh.split();
    item.head().state.set_queued();
    (handle, item)
}

/// Step 3, up to the notification.
#[inline]
fn set_timer<T: Send + 'static>(handle: &HandleEnd<T>, shared: &Shared) {
    if handle.info().rare().is_none() {
        return;
    }
    if let Some(due) = handle.head().due() {
        add_timer(shared, due, handle.item());
    }
}

#[cold]
fn add_timer(shared: &Shared, due: Instant, item: Item) {
    if shared.supervisor.timers.add_deadline(due, item) {
        shared.supervisor.ring();
    }
}

#[inline]
fn outside_transactions(what: &str) {
    assert!(
        !in_transaction(),
        "{what} inside a transaction: use `put_work_in(tx, …)`, \
         which puts the work when the transaction commits"
    );
}

/// A put with a delay, from either side.
#[cold]
fn put_delayed<T: Send + 'static>(shared: &Arc<Shared>, handle: &HandleEnd<T>, item: Item) {
    shared.tell_put(handle.info());
    match put_later(shared, item) {
        Ok(()) => set_timer(handle, shared),
        Err(item) => item.withdraw(Refused::Draining.why()),
    }
}

/// What running work puts: on the worker's own deque, unless its priority is its own.
fn put_inside<T: Send + 'static>(
    shared: &Arc<Shared>,
    worker: &Local,
    work: Work<T>,
) -> HandleEnd<T> {
    let fresh = bind(shared, work);
    let priority = fresh.core().head().priority();
    worker.seat.books.accept(1);
    let (handle, item) = split(fresh);
    if handle.info().is_delayed() {
        put_delayed(shared, &handle, item);
        return handle;
    }
    // Before its deadline can pass.
    shared.tell_put(handle.info());
    set_timer(&handle, shared);
    if priority == Priority::Normal {
        worker.deque.push(item);
    } else {
        shared.injector.put_back(item);
    }
    handle
}

pub(crate) fn put<T: Send + 'static>(shared: &Arc<Shared>, work: Work<T>) -> WorkHandle<T> {
    outside_transactions("put_work");
    let _seen = trace::puts(shared);
    if let Some(worker) = local::worker_of(shared) {
        let handle = put_inside(shared, &worker, work);
        shared.notify();
        return WorkHandle::new(handle);
    }
    let fresh = bind(shared, work);
    shared.books.accept(1);
    let (handle, item) = split(fresh);
    if handle.info().is_delayed() {
        put_delayed(shared, &handle, item);
        return WorkHandle::new(handle);
    }
    let put = if shared.injector.is_local() {
        put_now(shared, slice::from_ref(&handle), [item], true).map_err(|(_, refused)| refused)
    } else {
        send_now(shared, &handle, item, true).map_err(|(_, refused)| refused)
    };
    match put {
        Err(Admission::Refused(why)) => refuse(shared, &handle, why.why()),
        _ => {
            set_timer(&handle, shared);
            shared.notify();
        }
    }
    WorkHandle::new(handle)
}

/// For works of the scheduler's own: as `put`, whatever the capacity, and without a way
/// through the transport.
pub(crate) fn put_beside<T: Send + 'static>(shared: &Arc<Shared>, work: Work<T>) -> WorkHandle<T> {
    if local::worker_of(shared).is_some() {
        return put(shared, work);
    }
    let fresh = bind(shared, work);
    shared.books.accept(1);
    let (handle, item) = split(fresh);
    if handle.info().is_delayed() {
        put_delayed(shared, &handle, item);
        return WorkHandle::new(handle);
    }
    match put_beside_now(shared, &handle, item) {
        Ok(()) => shared.notify(),
        Err(why) => refuse(shared, &handle, why.why()),
    }
    WorkHandle::new(handle)
}

pub(super) fn try_put<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: Work<T>,
) -> Result<WorkHandle<T>, TryPutError<T>> {
    outside_transactions("try_put_work");
    if local::worker_of(shared).is_some() {
        return Ok(put(shared, work));
    }
    let _seen = trace::puts(shared);
    let deadline = work.deadline;
    let fresh = bind(shared, work);
    shared.books.accept(1);
    let (handle, item) = split(fresh);
    let put = if handle.info().is_delayed() {
        let refused = Admission::Refused(Refused::Draining);
        shared
            .tell_put_if(handle.info(), || put_later(shared, item))
            .map_err(|item| (Some(item), refused))
    } else if shared.injector.is_local() {
        put_now(shared, slice::from_ref(&handle), [item], false)
            .map_err(|([item], refused)| (Some(item), refused))
    } else {
        send_now(shared, &handle, item, false)
    };
    let (item, full) = match put {
        Ok(()) => {
            set_timer(&handle, shared);
            shared.notify();
            return Ok(WorkHandle::new(handle));
        }
        Err((_, Admission::Refused(Refused::Unconnected))) => {
            refuse(shared, &handle, Refused::Unconnected.why());
            return Ok(WorkHandle::new(handle));
        }
        Err((item, Admission::Refused(Refused::Draining))) => (item, false),
        Err((item, _)) => (item, true),
    };
    // Without the item, a transport has delivered what it had declined.
    let Some(item) = item else {
        return Ok(WorkHandle::new(handle));
    };
    match Fresh::rejoin(handle, item) {
        Ok(fresh) => {
            // Nobody has seen the item: it goes back as it came.
            shared.books.never_put(fresh.info().books());
            shared.work_ended_elsewhere();
            let work = unbind(fresh, deadline);
            Err(if full {
                TryPutError::Full(work)
            } else {
                TryPutError::Stopped(work)
            })
        }
        Err(handle) => Ok(WorkHandle::new(handle)),
    }
}

pub(super) fn put_in<T: Send + 'static>(
    shared: &Arc<Shared>,
    tx: &mut Transaction<'_>,
    work: Work<T>,
) -> StmResult<WorkHandle<T>> {
    let _seen = trace::puts(shared);
    let mut fresh = bind(shared, work);
    fresh.info_mut().hold(local::thread_number());
    let inside = local::worker_of(shared);
    match &inside {
        Some(worker) => worker.seat.books.accept(1),
        None => shared.books.accept(1),
    }
    let (handle, item) = fresh.split();
    // First of all the way back, for whatever ends this attempt.
    let put = item.clone();
    tx.on_abort(move || put.roll_back());
    let delayed = handle.info().is_delayed();
    let admission = if delayed {
        Ok(Admission::Admitted)
    } else if shared.injector.is_local() {
        match ask(shared, tx, inside.is_some())? {
            Admission::Wait => retry(),
            Admission::Admitted => {
                shared.injector.put_in(tx, item)?;
                Ok(Admission::Admitted)
            }
            refused => Ok(refused),
        }
    } else {
        send(shared, tx, &Parcel::new(item), true)
    };
    let admission = match admission {
        Ok(admission) => admission,
        Err(error) => {
            // A caller that does not pass a retry on may commit without the work.
            let put = handle.item();
            tx.on_commit(move || put.roll_back());
            return Err(error);
        }
    };
    if let Err(error) = shared.tell_put_in(tx, handle.info()) {
        let put = handle.item();
        tx.on_commit(move || put.roll_back());
        return Err(error);
    }
    let (put, shared) = (handle.item(), Arc::clone(shared));
    tx.on_commit(move || match admission {
        Admission::Refused(why) => put.withdraw(why.why()),
        Admission::Admitted | Admission::Wait => {
            let head = put.head();
            head.state.commit();
            if delayed {
                if let Err(put) = put_later(&shared, put.clone()) {
                    return put.withdraw(Refused::Draining.why());
                }
            }
            if let Some(due) = head.due() {
                add_timer(&shared, due, put.clone());
            }
            shared.notify();
        }
    });
    Ok(WorkHandle::new(handle))
}

pub(super) fn put_batch<T: Send + 'static>(
    shared: &Arc<Shared>,
    works: Vec<Work<T>>,
) -> Vec<WorkHandle<T>> {
    outside_transactions("put_batch");
    if works.is_empty() {
        return Vec::new();
    }
    let _seen = trace::puts(shared);
    if let Some(worker) = local::worker_of(shared) {
        let put = |work| WorkHandle::new(put_inside(shared, &worker, work));
        let handles = works.into_iter().map(put).collect();
        shared.notify();
        return handles;
    }
    shared.books.accept(works.len() as u64);
    let (handles, items): (Vec<_>, Vec<_>) = works
        .into_iter()
        .map(|work| split(bind(shared, work)))
        .unzip();
    let (items, later) = divide(items);
    let put = if items.is_empty() {
        Ok(())
    } else if shared.injector.is_local() {
        put_now(shared, &handles, items, true).map_err(|(_, refused)| refused)
    } else {
        send_all(shared, &handles, items)
    };
    if put.is_ok() {
        for item in later {
            shared.tell_put(&item.head().info);
            if let Err(item) = put_later(shared, item) {
                item.withdraw(Refused::Draining.why());
            }
        }
    }
    for handle in &handles {
        match put {
            Err(Admission::Refused(why)) => refuse(shared, handle, why.why()),
            _ => set_timer(handle, shared),
        }
    }
    shared.notify();
    handles.into_iter().map(WorkHandle::new).collect()
}

/// What goes into the queue, and what waits for its time.
fn divide(items: Vec<Item>) -> (Vec<Item>, Vec<Item>) {
    let waits = |item: &Item| item.head().info.is_delayed();
    if items.iter().any(waits) {
        items.into_iter().partition(|item| !waits(item))
    } else {
        (items, Vec::new())
    }
}

pub(super) fn put_all<T: Send + 'static>(
    shared: &Arc<Shared>,
    mut works: impl Iterator<Item = Work<T>>,
) -> Vec<WorkHandle<T>> {
    outside_transactions("put_all");
    let mut handles = Vec::with_capacity(works.size_hint().0);
    loop {
        let chunk: Vec<_> = works.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return handles;
        }
        handles.extend(put_batch(shared, chunk));
    }
}
