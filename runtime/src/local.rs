//! What a thread knows of itself: whose worker it is, and which work it runs.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::{global, local};

use crate::crew::Seat;
use crate::fork::latents::Latents;
use crate::home::Home;
use crate::injector::Item;
use crate::shared::Shared;
use crate::slots::slot::Slot;
use crate::work::attendant::Attendant;
use crate::work::info::{Info, Rare};
use crate::worker::deque::Deque;

/// A worker as its own thread sees it.
pub(crate) struct Local {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) deque: Deque<Item>,
    /// What it forks.
    pub(crate) latents: Latents,
    /// Does it count as searching?
    pub(crate) searches: Cell<bool>,
    /// Is what runs on it something else than an item of its scheduler's that its loop has taken:
    /// somebody's half, a ticket, mail, a hook?
    pub(crate) runs_other: Cell<bool>,
}

impl Local {
    /// Runs something else than an item.
    pub(crate) fn run_other<R>(&self, run: impl FnOnce() -> R) -> R {
        self.runs_other.set(true);
        let answer = run();
        self.runs_other.set(false);
        answer
    }
}

local! {
    static WORKER: RefCell<Option<Rc<Local>>> = RefCell::new(None);
}

local! {
    /// The items that run on this thread, the innermost last, by address, and whether each is
    /// marked (`event/on.rs`), in the lowest bit.
    static RUNNING: RefCell<Vec<usize>> = RefCell::new(Vec::new());
}

/// See [`RUNNING`]; an address has none there.
const MARK: usize = 1;

/// The second lowest bit: somebody attends to the item, who is in [`ATTENDANTS`].
const ATTENDED: usize = 2;

const _: () = assert!(align_of::<Info>() > MARK | ATTENDED);

local! {
    /// Who attends to those of [`RUNNING`] that somebody attends to, in the same order.
    static ATTENDANTS: RefCell<Vec<Arc<dyn Attendant>>> = RefCell::new(Vec::new());
}

local! {
    /// The scheduler whose worker or supervisor this thread is, by address.
    static SERVES: Cell<usize> = const { Cell::new(0) };
}

local! {
    static NUMBER: Cell<u64> = Cell::new(0);
}

global! {
    static NEXT: AtomicU64 = AtomicU64::new(1);
}

/// This thread's number, unique in the process and never 0.
pub(crate) fn thread_number() -> u64 {
    NUMBER
        .try_with(|number| {
            if number.get() == 0 {
                // Ordering: Relaxed; only uniqueness counts.
                number.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            number.get()
        })
        .unwrap_or(0)
}

/// The worker that this thread is, if it is one.
#[inline]
pub(crate) fn worker() -> Option<Rc<Local>> {
    WORKER
        .try_with(|worker| worker.borrow().clone())
        .ok()
        .flatten()
}

/// The worker of `shared` that this thread is, if it is one.
#[inline]
pub(crate) fn worker_of(shared: &Arc<Shared>) -> Option<Rc<Local>> {
    worker().filter(|worker| Arc::ptr_eq(&worker.shared, shared))
}

/// The worker of the scheduler of this home that this thread is, if it is one.
#[inline]
pub(crate) fn worker_at(home: Home) -> Option<Rc<Local>> {
    worker().filter(|worker| worker.shared.home() == home)
}

/// Makes this thread a worker, or takes that from it.
pub(crate) fn become_worker(local: Option<Rc<Local>>) {
    let old = WORKER.try_with(|worker| worker.replace(local));
    drop(old);
}

/// Makes this thread one of the scheduler's own, to its very end: its
/// thread-local destructors may still drop the last handle.
pub(crate) fn serve(shared: &Arc<Shared>) {
    let _ = SERVES.try_with(|serves| serves.set(Arc::as_ptr(shared) as usize));
}

/// Is this thread one of the scheduler's own, a worker or the supervisor?
pub(crate) fn is_inside(shared: &Arc<Shared>) -> bool {
    SERVES.try_with(Cell::get).unwrap_or(0) == Arc::as_ptr(shared) as usize
}

/// Does somebody wait for this thread of a scheduler's own who cannot be stood in for: is it a
/// supervisor, or a worker that has left its seat?
pub(crate) fn is_attending() -> bool {
    SERVES.try_with(Cell::get).unwrap_or(0) != 0 && worker().is_none()
}

/// An item that runs on this thread, for as long as this lives.
#[must_use]
pub(crate) struct Running(());

impl Running {
    /// The item runs, or is answered without running.
    #[inline]
    pub(crate) fn enter(info: &Info) -> Running {
        let entry = match info.rare() {
            None => address(info),
            Some(rare) => enter_rare(info, rare),
        };
        let _ = RUNNING.try_with(|running| running.borrow_mut().push(entry));
        Running(())
    }
}

impl Drop for Running {
    #[inline]
    fn drop(&mut self) {
        let left = RUNNING.try_with(|running| running.borrow_mut().pop());
        if matches!(left, Ok(Some(entry)) if entry & ATTENDED != 0) {
            leave_attendants(1);
        }
    }
}

/// What stands for an item in [`RUNNING`]; enters who attends to it.
#[cold]
fn enter_rare(info: &Info, rare: &Rare) -> usize {
    let mut entry = address(info) | usize::from(info.is_marked());
    if let Some(attendant) = rare.attendant() {
        let attendant = Arc::clone(attendant);
        let entered = ATTENDANTS.try_with(|all| all.borrow_mut().push(attendant));
        if entered.is_ok() {
            entry |= ATTENDED;
        }
    }
    entry
}

/// The last of them leave.
#[cold]
fn leave_attendants(count: usize) {
    let left = ATTENDANTS.try_with(|all| {
        let mut all = all.borrow_mut();
        let keep = all.len().saturating_sub(count);
        all.split_off(keep)
    });
    // Past the borrow: it may be the last of what is a user's.
    drop(left);
}

/// The slot of the innermost of the items that run on this thread, if it has one.
pub(crate) fn slot() -> Option<Arc<Slot>> {
    let last = RUNNING.try_with(|running| running.borrow().last().copied());
    if last.ok().flatten()? & ATTENDED == 0 {
        return None;
    }
    let attendant = ATTENDANTS.try_with(|all| all.borrow().last().cloned());
    attendant.ok().flatten()?.slot()
}

/// The items on whose behalf a thread runs something, for a thread that helps it.
pub(crate) struct Items {
    /// Apart from the others, because mostly there is one at most.
    first: Option<usize>,
    others: Vec<usize>,
    attendants: Vec<Arc<dyn Attendant>>,
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.first)
            .entries(&self.others)
            .finish()
    }
}

/// Those that run on this thread.
pub(crate) fn items() -> Items {
    let items = RUNNING.try_with(|running| {
        let running = running.borrow();
        Items {
            first: running.first().copied(),
            others: running.get(1..).unwrap_or_default().to_vec(),
            attendants: Vec::new(),
        }
    });
    let mut items = items.unwrap_or_else(|_| Items {
        first: None,
        others: Vec::new(),
        attendants: Vec::new(),
    });
    if let Ok(attendants) = ATTENDANTS.try_with(|all| all.borrow().clone()) {
        items.attendants = attendants;
    }
    items
}

impl Items {
    /// They run on this thread as well, for as long as the answer lives.
    pub(crate) fn enter(&self) -> Helping {
        let items = self.first.iter().chain(&self.others);
        let count = items.clone().count();
        let _ = RUNNING.try_with(|running| running.borrow_mut().extend(items));
        if !self.attendants.is_empty() {
            let attendants = self.attendants.iter().cloned();
            let _ = ATTENDANTS.try_with(|all| all.borrow_mut().extend(attendants));
        }
        Helping(count, self.attendants.len())
    }
}

/// See [`Items::enter`].
#[must_use]
pub(crate) struct Helping(usize, usize);

impl Drop for Helping {
    fn drop(&mut self) {
        let _ = RUNNING.try_with(|running| {
            let mut running = running.borrow_mut();
            let left = running.len().saturating_sub(self.0);
            running.truncate(left);
        });
        if self.1 > 0 {
            leave_attendants(self.1);
        }
    }
}

/// Does the item run on this thread, under whatever runs on top of it?
pub(crate) fn is_running_here(info: &Info) -> bool {
    RUNNING
        .try_with(|running| {
            let running = running.borrow();
            running
                .iter()
                .any(|entry| entry & !(MARK | ATTENDED) == address(info))
        })
        .unwrap_or(false)
}

/// Is the innermost of the items that run on this thread a marked one?
pub(crate) fn runs_marked() -> bool {
    RUNNING
        .try_with(|running| {
            running
                .borrow()
                .last()
                .is_some_and(|entry| entry & MARK != 0)
        })
        .unwrap_or(false)
}

/// The items that run on this thread, the innermost last, by address.
pub(crate) fn running() -> Vec<usize> {
    RUNNING
        .try_with(|running| {
            let running = running.borrow();
            let address = |entry| entry & !(MARK | ATTENDED);
            running.iter().map(address).collect()
        })
        .unwrap_or_default()
}

/// How many items run on this thread, one inside the other.
pub(crate) fn depth() -> usize {
    RUNNING
        .try_with(|running| running.borrow().len())
        .unwrap_or(0)
}

pub(crate) fn address(info: &Info) -> usize {
    std::ptr::from_ref(info) as usize
}
