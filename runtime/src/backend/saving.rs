//! How what is at a berth gets into the store, and back; [tend](super::tend) tells when.

use std::sync::Arc as Shareable;

use hivework_stm::atomically;

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

impl Core {
    /// Writes down what is at a berth, for who tends it.
    pub(super) fn save(&self, at: usize, report: &mut Report) -> Result<(), Vain> {
        let site = &self.sites[at];
        let sheet = site.sheet.load();
        if !sheet.is_unsaved() {
            return Ok(());
        }
        let record = sheet.record(site.names());
        *site.tried.lock() = Some(record.clone());
        let error = match guarded(|| self.store.save(&site.name, sheet.saved, &record)) {
            Ok(()) => {
                self.saved(at, &record);
                report.vain = None;
                return Ok(());
            }
            Err(error) => error,
        };
        let vain = Vain {
            revision: record.revision,
            is_newer: matches!(error, StoreError::Newer { .. }),
            why: told(&error),
        };
        if vain.is_newer {
            self.load(at, report);
        } else {
            report.vain = Some(error.clone());
            self.store_failed(at, error, report);
        }
        Err(vain)
    }

    fn saved(&self, at: usize, record: &Record) {
        let site = &self.sites[at];
        *site.tried.lock() = None;
        atomically(|tx| site.change(tx, |sheet| sheet.saved = record.revision));
    }

    /// Sees what the store has, for who tends: what was written there by somebody else counts.
    pub(super) fn load(&self, at: usize, report: &mut Report) {
        let site = &self.sites[at];
        let saved = atomically(|tx| site.sheet.read_with(tx, |sheet| sheet.saved));
        match guarded(|| self.store.load(&site.name)) {
            Ok(Some(record)) if record.revision == saved => {}
            Ok(Some(record)) if site.tried.lock().as_ref() == Some(&record) => {
                self.saved(at, &record);
            }
            Ok(Some(record)) => self.adopt(at, &record, report),
            Ok(None) if saved == 0 => {}
            // What it has lost is written down anew.
            Ok(None) => atomically(|tx| site.change(tx, |sheet| sheet.saved = 0)),
            Err(error) => self.store_failed(at, error, report),
        }
    }

    fn adopt(&self, at: usize, record: &Record, report: &mut Report) {
        let site = &self.sites[at];
        let backend = record.task.as_ref().and_then(|task| site.find(&task.backend));
        let now = self.now();
        *site.tried.lock() = None;
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
        let berth = Shareable::clone(&self.sites[at].name);
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
