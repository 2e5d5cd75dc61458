//! How work gets in.
//!
//! # Steps of a put from outside
//!
//! 1. *Bind*: the item gets its number, its owner, its deadline; the books
//!    count it. That comes before anybody can see the item, so that a drain
//!    never finds nothing live while something is on its way in.
//! 2. In one transaction: read the gate, look at the capacity, put the item into
//!    the injector. It is the caller's own transaction in `put_work_in`.
//! 3. Once that has committed, *announce*: mark the item QUEUED, add its deadline
//!    to the timers, notify (`idle.rs`). A worker may have taken it before
//!    that; the state word takes either order.
//! 4. Where the gate or the capacity said no, or the transaction was rolled back:
//!    *withdraw*, which answers the handle and counts the item as over.
//!
//! # Steps of a put from inside
//!
//! As above, with a push to the worker's own deque in place of step 2: neither
//! the gate nor the capacity holds up what running work puts.

use std::fmt;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically, in_transaction, retry};
use stm_ports::WorkItem;

use crate::gate::Gate;
use crate::handle::WorkHandle;
use crate::injector::Put;
use crate::local;
use crate::shared::Shared;
use crate::time::after;
use crate::work::Work;
use crate::work::error::WorkError;
use crate::work::task::Core;

/// How many works `put_all` puts at a time.
const CHUNK: usize = 64;

/// A put that did not happen, with the work to try again.
#[must_use = "the work is in it"]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// The queue is full.
    Full(Work<T>),
    /// The scheduler is draining.
    Stopped(Work<T>),
}

impl<T> TryPutError<T> {
    /// The work.
    pub fn into_work(self) -> Work<T> {
        match self {
            TryPutError::Full(work) | TryPutError::Stopped(work) => work,
        }
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, work) = match self {
            TryPutError::Full(work) => ("Full", work),
            TryPutError::Stopped(work) => ("Stopped", work),
        };
        f.debug_tuple(name).field(work).finish()
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "the queue is full",
            TryPutError::Stopped(_) => "the scheduler is draining and takes no work from outside",
        })
    }
}

impl<T> std::error::Error for TryPutError<T> {}

/// What the gate and the capacity say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admission {
    Admitted,
    /// Full, and there is a run that makes room.
    Wait,
    Refused(Refused),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    Full,
    Draining,
    Unconnected,
}

impl Refused {
    fn why(self) -> WorkError {
        match self {
            Refused::Full => WorkError::Full,
            Refused::Draining => WorkError::Stopped,
            Refused::Unconnected => WorkError::Lost("the transport is gone"),
        }
    }
}

/// An item that has its number and its owner.
struct Bound<T>(Arc<dyn Core<T>>);

impl<T: Send + 'static> Bound<T> {
    /// Step 1.
    fn new(shared: &Arc<Shared>, work: Work<T>) -> Self {
        let Work {
            mut core,
            name,
            deadline,
        } = work;
        let owned =
            Arc::get_mut(&mut core).expect("work that is not put is held by its Work alone");
        let info = owned.info_mut();
        info.id = shared.books.accept();
        info.name = name;
        info.due = deadline.and_then(after);
        info.owner = Some(Arc::clone(shared));
        Bound(core)
    }

    fn item(&self) -> Arc<dyn WorkItem> {
        Arc::clone(&self.0).item()
    }

    /// Step 3, up to the notification.
    fn queued(core: &Arc<dyn Core<T>>, shared: &Shared) {
        core.completion().state.commit();
        if let Some(due) = core.info().due {
            if shared.supervisor.timers.add(due, Arc::clone(core).due()) {
                shared.supervisor.ring();
            }
        }
    }

    fn into_handle(self) -> WorkHandle<T> {
        WorkHandle::new(self.0)
    }
}

/// Step 2, without the put.
fn ask(shared: &Shared, tx: &mut Transaction<'_>, inside: bool) -> StmResult<Admission> {
    if inside {
        return Ok(Admission::Admitted);
    }
    let gate = Gate::read(&shared.gate, tx)?;
    if matches!(gate, Gate::Draining | Gate::Gone) {
        return Ok(Admission::Refused(Refused::Draining));
    }
    if !shared.injector.is_full(tx)? {
        return Ok(Admission::Admitted);
    }
    Ok(when_full(gate))
}

/// Step 2, for one item; `wait` says whether to retry while it is full.
fn admit(
    shared: &Arc<Shared>,
    tx: &mut Transaction<'_>,
    item: Arc<dyn WorkItem>,
    wait: bool,
) -> StmResult<Admission> {
    let inside = local::worker_of(shared).is_some();
    match ask(shared, tx, inside)? {
        Admission::Wait if wait => retry(),
        Admission::Admitted => {
            let put = if inside {
                shared.injector.put_anyway(tx, item)?
            } else {
                shared.injector.put(tx, item)?
            };
            match outcome(shared, tx, put)? {
                Admission::Wait if wait => retry(),
                admission => Ok(admission),
            }
        }
        refused => Ok(refused),
    }
}

/// What a put says to whoever asked for it.
fn outcome(shared: &Shared, tx: &mut Transaction<'_>, put: Put) -> StmResult<Admission> {
    match put {
        Put::Done => Ok(Admission::Admitted),
        Put::Full => Gate::read(&shared.gate, tx).map(when_full),
        Put::Gone => Ok(Admission::Refused(Refused::Unconnected)),
    }
}

/// Is there a run that makes room?
fn when_full(gate: Gate) -> Admission {
    match gate {
        Gate::Open => Admission::Wait,
        Gate::Closed | Gate::Draining | Gate::Gone => Admission::Refused(Refused::Full),
    }
}

/// Answers items whose put panics, in a transport say, on the way out: nobody
/// else has them, and a drain would wait for them.
struct Unput<'a, T: Send + 'static>(&'a [Bound<T>]);

impl<T: Send + 'static> Unput<'_, T> {
    fn disarm(mut self) {
        self.0 = &[];
    }
}

impl<T: Send + 'static> Drop for Unput<'_, T> {
    fn drop(&mut self) {
        for bound in self.0 {
            bound.0.withdraw(WorkError::Lost("its put panicked"));
        }
    }
}

/// The transaction of a put from outside.
fn transact<T: Send + 'static>(
    bound: &[Bound<T>],
    put: impl FnMut(&mut Transaction<'_>) -> StmResult<Admission>,
) -> Admission {
    let unput = Unput(bound);
    let admission = atomically(put);
    unput.disarm();
    admission
}

fn outside_transactions(what: &str) {
    assert!(
        !in_transaction(),
        "{what} inside a transaction: use `put_work_in(tx, …)`, \
         which puts the work when the transaction commits"
    );
}

pub(super) fn put<T: Send + 'static>(shared: &Arc<Shared>, work: Work<T>) -> WorkHandle<T> {
    outside_transactions("put_work");
    let bound = Bound::new(shared, work);
    if let Some(worker) = local::worker_of(shared) {
        Bound::queued(&bound.0, shared);
        worker.deque.push(bound.item());
        shared.notify();
        return bound.into_handle();
    }
    let admission = transact(std::slice::from_ref(&bound), |tx| {
        admit(shared, tx, bound.item(), true)
    });
    match admission {
        Admission::Refused(why) => {
            bound.0.withdraw(why.why());
        }
        Admission::Admitted | Admission::Wait => {
            Bound::queued(&bound.0, shared);
            shared.notify();
        }
    }
    bound.into_handle()
}

pub(super) fn try_put<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: Work<T>,
) -> Result<WorkHandle<T>, TryPutError<T>> {
    outside_transactions("try_put_work");
    if local::worker_of(shared).is_some() {
        return Ok(put(shared, work));
    }
    let deadline = work.deadline;
    let bound = Bound::new(shared, work);
    let admission = transact(std::slice::from_ref(&bound), |tx| {
        admit(shared, tx, bound.item(), false)
    });
    let full = match admission {
        Admission::Admitted => {
            Bound::queued(&bound.0, shared);
            shared.notify();
            return Ok(bound.into_handle());
        }
        Admission::Refused(Refused::Unconnected) => {
            bound.0.withdraw(Refused::Unconnected.why());
            return Ok(bound.into_handle());
        }
        Admission::Wait | Admission::Refused(Refused::Full) => true,
        Admission::Refused(Refused::Draining) => false,
    };
    // Nobody has seen the item: it goes back as it came.
    shared.books.never_put();
    shared.work_ended_elsewhere();
    let mut core = bound.0;
    let name = Arc::get_mut(&mut core).and_then(|core| {
        core.info_mut().owner = None;
        core.info_mut().name.take()
    });
    let work = Work {
        core,
        name,
        deadline,
    };
    Err(if full {
        TryPutError::Full(work)
    } else {
        TryPutError::Stopped(work)
    })
}

pub(super) fn put_in<T: Send + 'static>(
    shared: &Arc<Shared>,
    tx: &mut Transaction<'_>,
    work: Work<T>,
) -> StmResult<WorkHandle<T>> {
    let bound = Bound::new(shared, work);
    bound.0.info().hold(local::thread_number());
    // First of all the way back, for whatever ends this attempt.
    let core = Arc::clone(&bound.0);
    tx.on_abort(move || core.roll_back());
    let admission = admit(shared, tx, bound.item(), true)?;
    let (core, shared) = (Arc::clone(&bound.0), Arc::clone(shared));
    tx.on_commit(move || match admission {
        Admission::Refused(why) => {
            core.withdraw(why.why());
        }
        Admission::Admitted | Admission::Wait => {
            Bound::queued(&core, &shared);
            shared.notify();
        }
    });
    Ok(bound.into_handle())
}

pub(super) fn put_batch<T: Send + 'static>(
    shared: &Arc<Shared>,
    works: Vec<Work<T>>,
) -> Vec<WorkHandle<T>> {
    outside_transactions("put_batch");
    if works.is_empty() {
        return Vec::new();
    }
    let batch: Vec<_> = works
        .into_iter()
        .map(|work| Bound::new(shared, work))
        .collect();
    if let Some(worker) = local::worker_of(shared) {
        for bound in &batch {
            Bound::queued(&bound.0, shared);
            worker.deque.push(bound.item());
        }
        shared.notify();
        return batch.into_iter().map(Bound::into_handle).collect();
    }
    let admission = transact(&batch, |tx| {
        match ask(shared, tx, false)? {
            Admission::Wait => return retry(),
            Admission::Admitted => {}
            refused => return Ok(refused),
        }
        // It counts as one put: the first waits for room, and the rest goes along.
        let mut first = true;
        for bound in &batch {
            let put = if std::mem::take(&mut first) {
                shared.injector.put(tx, bound.item())?
            } else {
                shared.injector.put_anyway(tx, bound.item())?
            };
            match outcome(shared, tx, put)? {
                Admission::Admitted => {}
                Admission::Wait => return retry(),
                refused => return Ok(refused),
            }
        }
        Ok(Admission::Admitted)
    });
    for bound in &batch {
        match admission {
            Admission::Refused(why) => {
                bound.0.withdraw(why.why());
            }
            Admission::Admitted | Admission::Wait => Bound::queued(&bound.0, shared),
        }
    }
    shared.notify();
    batch.into_iter().map(Bound::into_handle).collect()
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
