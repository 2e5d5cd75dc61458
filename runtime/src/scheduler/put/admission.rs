//! Step 2 of a [put](super): what the gate and the capacity say to it, and the way into the
//! injector, in one transaction.

use std::mem;
use std::slice;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically, retry};

use crate::gate::Gate;
use crate::injector::{Item, Put};
use crate::local;
use crate::shared::Shared;
use crate::work::ends::HandleEnd;
use crate::work::error::WorkError;
use crate::work::parcel::Parcel;

/// What the gate and the capacity say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Admitted,
    /// Full, and there is a run that makes room.
    Wait,
    Refused(Refused),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Draining,
    Unconnected,
}

impl Refused {
    pub(super) fn why(self) -> WorkError {
        match self {
            Refused::Full => WorkError::Full,
            Refused::Draining => WorkError::Stopped,
            Refused::Unconnected => WorkError::Lost("the transport is gone"),
        }
    }
}

/// Step 2, without the put.
#[inline]
pub(super) fn ask(shared: &Shared, tx: &mut Transaction<'_>, inside: bool) -> StmResult<Admission> {
    if inside {
        return Ok(Admission::Admitted);
    }
    let gate = Gate::read(&shared.gate, tx)?;
    if is_shut(gate) {
        return Ok(Admission::Refused(Refused::Draining));
    }
    if !shared.injector.is_full(tx)? {
        return Ok(Admission::Admitted);
    }
    Ok(when_full(gate))
}

fn is_shut(gate: Gate) -> bool {
    matches!(gate, Gate::Draining | Gate::Gone)
}

/// Step 2, for one item that is carried; `wait` says whether to retry while it is full.
pub(super) fn send(
    shared: &Arc<Shared>,
    tx: &mut Transaction<'_>,
    parcel: &Arc<Parcel>,
    wait: bool,
) -> StmResult<Admission> {
    let inside = local::worker_of(shared).is_some();
    match ask(shared, tx, inside)? {
        Admission::Wait if wait => retry(),
        Admission::Admitted => {
            let put = if inside {
                shared.injector.send_anyway(tx, parcel)?
            } else {
                shared.injector.send(tx, parcel)?
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
struct Unput<'a, T: Send + 'static>(&'a Shared, &'a [HandleEnd<T>]);

impl<T: Send + 'static> Unput<'_, T> {
    fn disarm(mut self) {
        self.1 = &[];
    }
}

impl<T: Send + 'static> Drop for Unput<'_, T> {
    fn drop(&mut self) {
        for handle in self.1 {
            refuse(self.0, handle, WorkError::Lost("its put panicked"));
        }
    }
}

/// Answers an item that was not let in. It counts as put.
pub(super) fn refuse<T: Send + 'static>(shared: &Shared, handle: &HandleEnd<T>, why: WorkError) {
    shared.tell_put(handle.info());
    handle.core().withdraw(why);
}

/// Step 2, what is told: in the transaction of the put, on a thread that is no worker.
struct News<'a, T>(Option<(&'a Shared, &'a [HandleEnd<T>])>);

impl<'a, T: Send + 'static> News<'a, T> {
    /// None, unless somebody listens.
    #[inline]
    fn of(shared: &'a Shared, handles: &'a [HandleEnd<T>]) -> Self {
        News(shared.is_heard().then_some((shared, handles)))
    }

    #[inline]
    fn tell(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        let Some((shared, handles)) = self.0 else {
            return Ok(());
        };
        // What is to wait goes another way, and is told of there.
        let now = handles.iter().filter(|handle| !handle.info().is_delayed());
        for handle in now {
            shared.tell_put_outside(tx, handle.info())?;
        }
        Ok(())
    }

    /// After the commit: brings it to the subscribers.
    #[inline]
    fn forward(self) {
        if let Some((shared, _)) = self.0 {
            shared.forward();
        }
    }
}

/// Step 2, in a transaction of its own. What is not admitted comes back.
pub(super) fn put_now<T, I>(
    shared: &Arc<Shared>,
    handles: &[HandleEnd<T>],
    items: I,
    wait: bool,
) -> Result<(), (I, Admission)>
where
    T: Send + 'static,
    I: AsRef<[Item]> + IntoIterator<Item = Item>,
{
    let unput = Unput(shared, handles);
    let news = News::of(shared, handles);
    let admission = shared
        .injector
        .put_now(items, |tx| match ask(shared, tx, false)? {
            Admission::Admitted => news.tell(tx).map(Ok),
            Admission::Wait if wait => retry(),
            refused => Ok(Err(refused)),
        });
    unput.disarm();
    news.forward();
    admission
}

/// As `put_now`, where only the gate is asked.
pub(super) fn put_beside_now<T: Send + 'static>(
    shared: &Arc<Shared>,
    handle: &HandleEnd<T>,
    item: Item,
) -> Result<(), Refused> {
    let news = News::of(shared, slice::from_ref(handle));
    let put = shared.injector.put_now([item], |tx| {
        if is_shut(Gate::read(&shared.gate, tx)?) {
            return Ok(Err(Refused::Draining));
        }
        news.tell(tx).map(Ok)
    });
    news.forward();
    put.map_err(|(_, refused)| refused)
}

/// As `put_now`, for what is carried.
pub(super) fn send_now<T: Send + 'static>(
    shared: &Arc<Shared>,
    handle: &HandleEnd<T>,
    item: Item,
    wait: bool,
) -> Result<(), (Option<Item>, Admission)> {
    let handles = slice::from_ref(handle);
    let unput = Unput(shared, handles);
    let news = News::of(shared, handles);
    let parcel = Parcel::new(item);
    let admission = atomically(|tx| {
        let admission = send(shared, tx, &parcel, wait)?;
        if admission == Admission::Admitted {
            news.tell(tx)?;
        }
        Ok(admission)
    });
    unput.disarm();
    news.forward();
    match admission {
        Admission::Admitted => Ok(()),
        // A transport that has declined it may have kept a parcel, which is empty now.
        refused => Err((parcel.open(), refused)),
    }
}

/// Step 2 for a batch that is carried. It counts as one put: the first waits for room, and the
/// rest goes along.
pub(super) fn send_all<T: Send + 'static>(
    shared: &Arc<Shared>,
    handles: &[HandleEnd<T>],
    items: Vec<Item>,
) -> Result<(), Admission> {
    let unput = Unput(shared, handles);
    let news = News::of(shared, handles);
    let parcels: Vec<_> = items.into_iter().map(Parcel::new).collect();
    let admission = atomically(|tx| {
        match ask(shared, tx, false)? {
            Admission::Wait => return retry(),
            Admission::Admitted => {}
            refused => return Ok(refused),
        }
        let mut first = true;
        for parcel in &parcels {
            let put = if mem::take(&mut first) {
                shared.injector.send(tx, parcel)?
            } else {
                shared.injector.send_anyway(tx, parcel)?
            };
            match outcome(shared, tx, put)? {
                Admission::Admitted => {}
                Admission::Wait => return retry(),
                refused => return Ok(refused),
            }
        }
        news.tell(tx)?;
        Ok(Admission::Admitted)
    });
    unput.disarm();
    news.forward();
    match admission {
        Admission::Admitted => Ok(()),
        refused => Err(refused),
    }
}
