//! What is at the berths, for who wants to see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hivework_stm::atomically;

use super::Backend;
use super::call::panicked;
use super::core::{Core, Site};
use super::saving::guarded;
use super::sheet::{Phase, Sheet};
use super::store::StoreError;
use super::task::RunningTask;
use crate::work::unwind::contain;

/// What is at the berths; see [`Berths::inspect`](crate::Berths::inspect).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The berths, in the order in which they were given.
    pub berths: Vec<BerthView>,
    /// Tasks that the store has at berths that there are not (any more), by berth; or why it does not tell.
    pub elsewhere: Result<Vec<(String, RunningTask)>, StoreError>,
}

/// A berth, as [`Berths::inspect`](crate::Berths::inspect) shows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BerthView {
    /// Its name.
    pub name: Arc<str>,
    /// What is at it.
    pub task: Option<RunningTask>,
    /// How far that has come.
    pub state: BerthState,
    /// After how long a task is late that nobody has kept alive.
    pub timeout: Duration,
    /// Is all that written down?
    pub saved: bool,
    /// Its backends, the most important one first.
    pub backends: Vec<BackendView>,
}

/// What goes on at a berth.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum BerthState {
    /// Nothing is there.
    Free,
    /// A task is about to be started.
    Starting,
    /// A task runs.
    Running,
    /// A task is being stopped.
    Ending,
}

/// A backend, as [`Berths::inspect`](crate::Berths::inspect) shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BackendView {
    /// Its name.
    pub name: Arc<str>,
    /// What it [says of itself](Backend::inspect); or, if it panicked over that, what the panic said.
    pub says: Result<BTreeMap<String, String>, String>,
}

impl Core {
    /// See [`Berths::inspect`](crate::Berths::inspect).
    pub(super) fn inspect(&self) -> Inspection {
        let sheets = atomically(|tx| {
            let sheets = self.sites.iter().map(|site| site.sheet.read(tx));
            sheets.collect::<Result<Vec<_>, _>>()
        });
        let views = self.sites.iter().zip(sheets);
        Inspection {
            berths: views.map(|(site, sheet)| view(site, sheet)).collect(),
            elsewhere: self.elsewhere(),
        }
    }

    fn elsewhere(&self) -> Result<Vec<(String, RunningTask)>, StoreError> {
        let mut elsewhere = Vec::new();
        for berth in guarded(|| self.store.berths())? {
            if self.sites.iter().any(|site| *site.name == *berth) {
                continue;
            }
            let record = guarded(|| self.store.load(&berth))?;
            let task = record.and_then(|record| record.task);
            elsewhere.extend(task.map(|task| (berth, task)));
        }
        Ok(elsewhere)
    }
}

fn view(site: &Site, sheet: Sheet) -> BerthView {
    let backends = site.backends.iter().map(|named| BackendView {
        name: Arc::clone(&named.name),
        says: contain(|| named.backend.inspect()).map_err(|payload| panicked(payload).to_string()),
    });
    BerthView {
        name: Arc::clone(&site.name),
        state: match &sheet.task {
            None => BerthState::Free,
            Some(task) => match task.phase {
                Phase::Entered => BerthState::Starting,
                Phase::Running => BerthState::Running,
                Phase::Ending => BerthState::Ending,
            },
        },
        timeout: site.timeout,
        saved: !sheet.is_unsaved(),
        backends: backends.collect(),
        task: sheet.task.map(|occupant| occupant.task),
    }
}
