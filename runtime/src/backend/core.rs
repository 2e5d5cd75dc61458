//! What all handles of berths share.

use std::time::{Duration, SystemTime};

use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use hivework_stm::{StmResult, TVar, Transaction, atomically};
use stm_ports::THashMap;

use super::Backend;
use super::pass::{BerthEvent, BerthTask, Report};
use super::sheet::{Asked, Sheet};
use super::store::{Record, Store};
use super::task::{Calendar, RunningTask, TaskId};
use crate::event::tell::user_event;
use crate::shared::Shared;
use crate::slots::slot::Slot;
use crate::slots::{Draws, Slots};
use crate::work::make_work;
use crate::work::unwind::{drop_contained, shield};

/// See the [module](self).
pub(super) struct Core {
    pub(super) shared: Arc<Shared>,
    pub(super) calendar: Calendar,
    pub(super) sites: Vec<Site>,
    /// At which of them a task is.
    pub(super) index: THashMap<TaskId, usize>,
    pub(super) slots: Option<Slots>,
    pub(super) store: Box<dyn Store>,
    /// Itself, by whom it is told that a slot may be free.
    pub(super) word: Weak<Core>,
}

/// One berth.
pub(super) struct Site {
    pub(super) name: Arc<str>,
    pub(super) backends: Vec<Named>,
    pub(super) timeout: Duration,
    pub(super) sheet: TVar<Sheet>,
    /// The slot that its task holds. For who tends; never locked for longer than to take it or to put it
    /// there.
    pub(super) slot: Mutex<Option<Slot>>,
    /// The records that were tried to be saved since the last one that was, in vain as it seems. For who
    /// tends.
    pub(super) tried: Mutex<Vec<Record>>,
}

/// A backend under the name that it gave.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) name: Arc<str>,
    pub(super) backend: Arc<dyn Backend>,
}

impl Site {
    /// The number of the backend of this name.
    pub(super) fn find(&self, backend: &str) -> Option<usize> {
        self.backends
            .iter()
            .position(|known| *known.name == *backend)
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let names = self.backends.iter().map(|backend| &backend.name);
        names.map(Arc::clone).collect()
    }

    /// By what a thread remembers that it is inside of a call about this berth.
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    pub(super) fn task(&self, task: &RunningTask) -> BerthTask {
        BerthTask {
            berth: Arc::clone(&self.name),
            task: task.id.clone(),
            backend: Arc::clone(&task.backend),
        }
    }

    /// Changes the sheet, as a part of a transaction.
    pub(super) fn change<R>(
        &self,
        tx: &mut Transaction<'_>,
        change: impl FnOnce(&mut Sheet) -> R,
    ) -> StmResult<R> {
        let mut sheet = self.sheet.read(tx)?;
        let answer = change(&mut sheet);
        self.sheet.write(tx, sheet)?;
        Ok(answer)
    }
}

impl Core {
    pub(super) fn now(&self) -> SystemTime {
        self.calendar.now()
    }

    /// Asks for something at one berth, and tends it unless somebody does. Says whether it was done here.
    pub(super) fn ask(&self, at: usize, report: &mut Report, ask: fn(&mut Asked)) -> bool {
        let site = &self.sites[at];
        let mine = atomically(|tx| site.change(tx, |sheet| sheet.ask(ask)));
        if mine {
            self.tend(at, report);
        }
        mine
    }

    /// A task is at a berth from now on.
    pub(super) fn list(&self, tx: &mut Transaction<'_>, id: &TaskId, at: usize) -> StmResult<bool> {
        if self.index.contains(tx, id)? {
            return Ok(false);
        }
        self.index.insert(tx, id.clone(), at)?;
        Ok(true)
    }

    /// A task is not at this berth any more.
    pub(super) fn strike(&self, tx: &mut Transaction<'_>, id: &TaskId, at: usize) -> StmResult<()> {
        if self.index.get(tx, id)? == Some(at) {
            self.index.remove(tx, id)?;
        }
        Ok(())
    }

    /// Something happened.
    pub(super) fn tell(&self, report: &mut Report, event: BerthEvent) {
        if self.shared.is_heard() {
            shield(|| self.shared.tell(user_event(event.clone())));
        }
        report.pass.events.push(event);
    }
}

/// A slot may be free for a task: a pass, by a worker, because whoever gave the slot may hold a lock that
/// a backend takes as well.
impl Draws for Core {
    fn draw(self: Arc<Self>) {
        let Some(scheduler) = self.shared.scheduler() else {
            return;
        };
        let word = Weak::clone(&self.word);
        let pass = make_work(move || {
            if let Some(core) = word.upgrade() {
                drop_contained(core.pass());
            }
        });
        if let Err(refused) = scheduler.try_put_work(pass.name("berths")) {
            // A queue that is full holds up nobody here: what is delayed lies beside it.
            let pass = refused.into_work().delay(Duration::from_millis(1));
            drop(scheduler.try_put_work(pass));
        }
    }
}
