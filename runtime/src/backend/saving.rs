//! How what is at a berth gets into the store, and back; [tend](super::tend) tells when.

use hivework_stm::atomically;
use hivework_stm::facade::sync::Arc;

use super::call::panicked;
use super::core::Core;
use super::pass::{BerthEvent, Report};
use super::store::{Record, StoreError};
use crate::work::unwind::contain;
use crate::worker::away::blocking;

/// A save that was in vain.
pub(super) struct Vain {
    /// Of this revision.
    pub(super) revision: u64,
    /// Because somebody else has written?
    pub(super) is_newer: bool,
    pub(super) why: String,
}

/// What the store had.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loaded {
    /// What was last saved, or nothing.
    Known,
    /// What was tried to be saved, in vain as it seemed.
    Tried,
    /// What somebody else has written.
    Others,
    /// It did not say.
    Nothing,
}

/// How many records that seem not to have been saved are remembered.
const TRIES: usize = 16;

impl Core {
    /// Writes down what is at a berth, for who tends it.
    pub(super) fn save(&self, at: usize, report: &mut Report) -> Result<(), Vain> {
        let site = &self.sites[at];
        let mut again = true;
        loop {
            let sheet = site.sheet.load();
            if !sheet.is_unsaved() {
                return Ok(());
            }
            let record = sheet.record(site.names());
            let error = match guarded(|| self.store.save(&site.name, sheet.saved, &record)) {
                Ok(()) => {
                    self.saved(at, &record);
                    report.vain = None;
                    return Ok(());
                }
                Err(error) => error,
            };
            let is_refused = matches!(error, StoreError::Newer { .. });
            let loaded = is_refused.then(|| self.load(at, report));
            if std::mem::take(&mut again) && loaded == Some(Loaded::Tried) {
                continue;
            }
            let vain = Vain {
                revision: record.revision,
                is_newer: loaded == Some(Loaded::Others),
                why: told(&error),
            };
            if !vain.is_newer {
                self.tried(at, record);
                report.vain = Some(error.clone());
                self.store_failed(at, error, report);
            }
            return Err(vain);
        }
    }

    /// Perhaps it was written all the same.
    fn tried(&self, at: usize, record: Record) {
        let mut tried = self.sites[at].tried.lock();
        if tried.len() == TRIES {
            tried.remove(0);
        }
        tried.push(record);
    }

    fn saved(&self, at: usize, record: &Record) {
        let site = &self.sites[at];
        site.tried.lock().clear();
        atomically(|tx| site.change(tx, |sheet| sheet.saved = record.revision));
    }

    /// Sees what the store has, for who tends: what was written there by somebody else counts.
    pub(super) fn refresh(&self, at: usize, report: &mut Report) {
        let _ = self.load(at, report);
    }

    fn load(&self, at: usize, report: &mut Report) -> Loaded {
        let site = &self.sites[at];
        let saved = atomically(|tx| site.sheet.read_with(tx, |sheet| sheet.saved));
        match guarded(|| self.store.load(&site.name)) {
            Ok(Some(record)) if record.revision == saved => {
                site.tried.lock().clear();
                Loaded::Known
            }
            Ok(Some(record)) if site.tried.lock().contains(&record) => {
                self.saved(at, &record);
                Loaded::Tried
            }
            Ok(Some(record)) => {
                self.adopt(at, &record, report);
                Loaded::Others
            }
            Ok(None) if saved == 0 => Loaded::Known,
            Ok(None) => {
                // What it has lost is written down anew.
                atomically(|tx| site.change(tx, |sheet| sheet.saved = 0));
                Loaded::Known
            }
            Err(error) => {
                self.store_failed(at, error, report);
                Loaded::Nothing
            }
        }
    }

    fn adopt(&self, at: usize, record: &Record, report: &mut Report) {
        let site = &self.sites[at];
        let backend = record
            .task
            .as_ref()
            .and_then(|task| site.find(&task.backend));
        let now = self.now();
        site.tried.lock().clear();
        let (before, after) = atomically(|tx| {
            let before = site.sheet.read(tx)?.task.map(|before| before.task);
            if let Some(before) = &before {
                self.strike(tx, &before.id, at)?;
            }
            if let Some(task) = &record.task {
                self.list(tx, &task.id, at)?;
            }
            site.change(tx, |sheet| sheet.adopt(record, backend, now))?;
            Ok((before, record.task.clone()))
        });
        let same = match (&before, &after) {
            (Some(before), Some(after)) => before.id == after.id,
            (None, None) => true,
            _ => false,
        };
        if same {
            return;
        }
        if let Some(before) = &before {
            self.tell(report, BerthEvent::Gone(site.task(before)));
        }
        match &after {
            Some(after) => self.tell(report, BerthEvent::Found(site.task(after))),
            None => self.spare_slot(site, report),
        }
    }

    fn store_failed(&self, at: usize, error: StoreError, report: &mut Report) {
        let berth = Arc::clone(&self.sites[at].name);
        self.tell(report, BerthEvent::Store { berth, error });
    }
}

/// Calls a store: as a worker that is away, and a panic is contained.
pub(super) fn guarded<R>(call: impl FnOnce() -> Result<R, StoreError>) -> Result<R, StoreError> {
    contain(|| blocking(call)).unwrap_or_else(|payload| Err(StoreError::failed(panicked(payload))))
}

/// What an error says, whoever made it.
fn told(error: &StoreError) -> String {
    contain(|| error.to_string()).unwrap_or_else(|payload| panicked(payload).to_string())
}
