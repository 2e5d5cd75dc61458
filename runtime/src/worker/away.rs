//! Who stands in for a worker that is blocked inside its work.
//!
//! # Purpose
//!
//! A work item may wait: in a transaction that retries, in `join` on an item that
//! another worker runs, in [`blocking`]. Its thread keeps its stack and can run
//! nothing else meanwhile; running other work on top of a half-done item is
//! how a lock's holder comes to wait for itself. So the worker counts as
//! *away*, and while work is queued a *spare* takes its place: at most one for
//! each that is away, and no more than the scheduler's bound.
//!
//! # State
//!
//! `away`, a count; and behind a lock how many spares are *in service*, and the
//! parkers of the spares that *rest*. The lock orders everything but `away`.
//!
//! # Steps
//!
//! Going away ([`Away::leave`], on the worker's thread, before it sleeps):
//! - A0 Hand over what is private: its latent forks go where others can steal them,
//!   as what it has put can already.
//! - A1 Add one to `away`. A2 Heavy barrier. A3 If work is queued, its own included:
//!   notify, as after a put (and so, perhaps, B1).
//!
//! Putting work (after [`Idle::notify`](crate::idle::Idle::notify) said `Nobody`;
//! its barrier lies between the publication and what follows):
//! - B1 If `away` is not 0: call.
//!
//! Calling ([`Away::call`]):
//! - C1 Lock. If as many are in service as are away: done.
//! - C2 A spare rests: count it in service and wake it. Otherwise ring the
//!   supervisor, which looks whether the bound allows another, and makes it.
//!
//! A spare, whenever it is between two items ([`Away::rest`]):
//! - D1 Lock. If no more are in service than are away: go on.
//! - D2 Otherwise leave service, go on the list of those who rest, unlock.
//! - D3 Heavy barrier. If somebody is away and work is queued: call (and
//!   perhaps be called).
//! - D4 Sleep until called, for a while at most; nobody called: retire.
//!
//! # Races
//!
//! *Work is put while the last worker goes away.* Of A2 and the notification's
//! light barrier one comes first. If it is the notification's, A3 sees the item; if
//! it is A2, B1 sees the worker away. One of them calls; if both do, C1 stops
//! the second.
//!
//! *What is queued when a worker goes away lies in its own deque*, announced when it was
//! put and relied upon by nobody since: all were at work. A3 sees it, as it sees
//! what A0 has handed over. It notifies rather than calls, because another
//! worker may have gone to sleep in between.
//!
//! *A worker comes back while a spare is called.* One spare too many serves until
//! it is next between two items (D1), which is within one item.
//!
//! *A spare goes to rest while work is put and a worker goes away.* D3 looks
//! again after D2, as A3 does after A1.
//!
//! *A spare is called at the end of its rest.* It leaves the list under the
//! lock, or finds that it has been taken off: then it takes its permit and
//! serves.

use std::cell::Cell;
use std::time::{Duration, Instant};

use hivework_stm::BlockHook;
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::{barrier, local};

use crate::event::Wait;
use crate::fork;
use crate::idle::Parker;
use crate::local;
use crate::outlet::trace;
use crate::shared::Shared;

/// How long a spare rests before it retires.
const REST: Duration = Duration::from_millis(500);

/// What the protocol needs to know of the rest of the scheduler.
pub trait Around {
    /// Is anything queued?
    fn has_work(&self) -> bool;
    /// Wakes the supervisor.
    fn ring(&self);
    /// As after a put: wakes a sleeper or, where all are at work and somebody is
    /// away, [calls](Away::call).
    fn notify(&self);
    /// Is the run ending?
    fn is_halting(&self) -> bool;
    /// A worker is about to sleep, past a SeqCst fence.
    fn tell_drain(&self);
}

/// Who is away and who stands in; see the [module](self).
#[derive(Debug, Default)]
pub struct Away {
    away: AtomicUsize,
    spares: Mutex<Spares>,
}

#[derive(Debug, Default)]
struct Spares {
    in_service: usize,
    resting: Vec<Arc<Parker>>,
}

/// What became of a spare that looked whether it is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Rest {
    /// It is: go on.
    Serve,
    /// It is not, and has not been for a while.
    Retire,
}

impl Away {
    /// How many spares rest.
    #[must_use]
    pub fn resting(&self) -> usize {
        self.spares.lock().resting.len()
    }

    /// How many are away.
    #[must_use]
    pub fn count(&self) -> usize {
        // Ordering: ordered by the fences of the steps above where it decides,
        // a figure for the eye elsewhere.
        self.away.load(Ordering::Relaxed)
    }

    /// A1 to A3.
    pub fn leave(&self, around: &impl Around) {
        // Ordering: ordered by the fence below.
        self.away.fetch_add(1, Ordering::Relaxed);
        // Ordering: heavy barrier between "I am away" and the look at the
        // queues; partner: the light one in `Idle::notify`. Without it the look
        // would prove nothing.
        let ordered = barrier::heavy();
        if !ordered || around.has_work() {
            around.notify();
        }
    }

    /// It is back.
    pub fn come_back(&self) {
        // Ordering: Relaxed; a spare that sees it late serves one item longer.
        self.away.fetch_sub(1, Ordering::Relaxed);
    }

    /// C1 and C2.
    pub fn call(&self, around: &impl Around) {
        let mut spares = self.spares.lock();
        if spares.in_service >= self.count() {
            return;
        }
        if let Some(parker) = spares.resting.pop() {
            spares.in_service += 1;
            drop(spares);
            parker.unpark();
        } else {
            drop(spares);
            around.ring();
        }
    }

    /// Counts a spare in that is about to be made, if one is needed.
    #[must_use]
    pub fn enlist(&self) -> bool {
        let mut spares = self.spares.lock();
        let needed = spares.in_service < self.count() && spares.resting.is_empty();
        if needed {
            spares.in_service += 1;
        }
        needed
    }

    /// A spare that was counted in is gone, or was never made.
    pub fn discharge(&self) {
        let mut spares = self.spares.lock();
        spares.in_service = spares.in_service.saturating_sub(1);
    }

    /// Is a spare needed that does not rest somewhere?
    #[must_use]
    pub fn is_short(&self) -> bool {
        let spares = self.spares.lock();
        spares.in_service < self.count()
    }

    /// D1, as a look.
    #[must_use]
    pub fn has_surplus(&self) -> bool {
        let spares = self.spares.lock();
        spares.in_service > self.count()
    }

    /// D1 to D4. A spare that retires is no longer counted.
    pub fn rest(&self, around: &impl Around, me: &Arc<Parker>) -> Rest {
        {
            let mut spares = self.spares.lock();
            if spares.in_service <= self.count() {
                return Rest::Serve;
            }
            spares.in_service -= 1;
            spares.resting.push(Arc::clone(me));
        }
        // Ordering: heavy barrier between the rest and the look at who is away;
        // partner: that in `leave`, which is a SeqCst fence as well, and the light
        // one in `Idle::notify`. Without it the look would prove nothing.
        let ordered = barrier::heavy();
        around.tell_drain();
        if self.count() > 0 && (!ordered || around.has_work()) {
            self.call(around);
        }
        if !around.is_halting() && me.park(Some(Instant::now() + REST)) {
            return Rest::Serve;
        }
        let mut spares = self.spares.lock();
        let place = spares
            .resting
            .iter()
            .position(|other| Arc::ptr_eq(other, me));
        if let Some(place) = place {
            spares.resting.remove(place);
            return Rest::Retire;
        }
        drop(spares);
        me.park(None);
        Rest::Serve
    }

    /// Wakes every spare that rests, for the end of a run.
    pub fn wake_all(&self) {
        let mut spares = self.spares.lock();
        let resting = std::mem::take(&mut spares.resting);
        spares.in_service += resting.len();
        drop(spares);
        for parker in resting {
            parker.unpark();
        }
    }
}

/// This thread is away, for as long as this lives.
pub(crate) struct Absence(Option<Arc<Shared>>);

local! {
    /// How many waits this worker is in, one inside the other: it is away once.
    static WAITS: Cell<u32> = const { Cell::new(0) };
}

/// The calling worker begins to wait (A0 to A3).
fn begin_wait(shared: &Arc<Shared>, wait: Wait) {
    fork::hand_over();
    let before = WAITS.try_with(|waits| waits.replace(waits.get() + 1));
    if before.unwrap_or(1) == 0 {
        if let Some(worker) = local::worker() {
            worker.seat.books.times.go_away();
            worker.seat.current.begin_wait(wait, shared.now());
        }
        trace::block(shared);
        shared.away.leave(&**shared);
    }
}

/// The calling worker has waited, and goes on with its item: a supervisor that dozes hears of it
/// (`supervisor.rs`).
fn end_wait(shared: &Arc<Shared>) {
    let before = WAITS.try_with(|waits| waits.replace(waits.get() - 1));
    if before.unwrap_or(0) == 1 {
        if let Some(worker) = local::worker() {
            worker.seat.current.end_wait(shared.now());
        }
        shared.away.come_back();
        trace::unblock(shared);
        if let Some(worker) = local::worker() {
            worker.seat.books.times.come_back();
        }
        shared.supervisor.rise();
    }
}

impl Absence {
    /// For what others do. A thread that is nobody's worker hands over what it has forked, and that
    /// is all.
    pub(crate) fn begin() -> Absence {
        Absence::begin_for(Wait::Join)
    }

    fn begin_for(wait: Wait) -> Absence {
        let shared = local::worker().map(|worker| Arc::clone(&worker.shared));
        match &shared {
            Some(shared) => begin_wait(shared, wait),
            // A guest.
            None => fork::hand_over(),
        }
        Absence(shared)
    }
}

impl Drop for Absence {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            end_wait(shared);
        }
    }
}

/// What the transactional memory tells when a worker waits in a transaction.
#[derive(Debug)]
pub(crate) struct InTransaction(pub(crate) Arc<Shared>);

impl BlockHook for InTransaction {
    fn block(&self) {
        begin_wait(&self.0, Wait::Transaction);
    }

    fn unblock(&self) {
        end_wait(&self.0);
    }
}

/// Runs `wait`, which is about to block the thread: on a lock, a socket, a
/// sleep. Called from inside a work item it lets a spare worker run what is
/// queued meanwhile; anywhere else it just calls `wait`.
///
/// Waiting in a transaction and in [`join`](crate::WorkHandle::join) needs no
/// such wrapping.
///
/// ```
/// use hivework::{blocking, make_scheduler};
/// use std::sync::mpsc;
///
/// let scheduler = make_scheduler();
/// let (sender, receiver) = mpsc::channel();
/// let waiting = scheduler.put_work(move || blocking(|| receiver.recv()));
/// scheduler.put_work(move || sender.send("hello"));
/// assert_eq!(waiting.join().unwrap(), Ok("hello"));
/// ```
///
/// # Panics
///
/// Inside a transaction, which must not block; wait with
/// [`retry`](crate::retry) there. A panic of `wait` passes through.
pub fn blocking<R>(wait: impl FnOnce() -> R) -> R {
    assert!(
        !hivework_stm::in_transaction(),
        "blocking inside a transaction: a transaction must not block, it waits with `retry`"
    );
    let _absence = Absence::begin_for(Wait::Blocking);
    wait()
}
