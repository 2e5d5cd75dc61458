//! What is known of one berth, in one variable, and which changes there are to it.
//!
//! The *sheet* says what is at the berth, whether somebody tends it and what that one is asked for
//! ([`tend`](super::tend) has the protocol). A task at it is
//!
//! | phase | meaning |
//! |---|---|
//! | Entered | it is about to be started: nobody else can have it |
//! | Running | it was started, or was found in the store |
//! | Ending | it is being stopped |
//!
//! Only who tends changes the task and its phase. Anybody may ask, and set the time at which it was last
//! kept alive, which never goes back.

use std::sync::Arc;
use std::time::SystemTime;

use super::store::Record;
use super::task::{RunningTask, TaskId};

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub(super) task: Option<Occupant>,
    /// Raised with each change that is to be written down.
    pub(super) revision: u64,
    /// The revision that the store has, 0 for none.
    pub(super) saved: u64,
    pub(super) tended: bool,
    pub(super) asked: Asked,
}

/// What who tends is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// Look whether the task is late, and whether there is one for an empty berth.
    pub(super) look: bool,
    /// Tell the backend that the task was kept alive.
    pub(super) keep: bool,
    /// Stop the task.
    pub(super) stop: bool,
    /// Look what the store has.
    pub(super) load: bool,
}

/// A task at a berth.
#[derive(Clone, Debug)]
pub(super) struct Occupant {
    pub(super) task: RunningTask,
    /// The number of its backend at the berth; none when that has gone from there.
    pub(super) backend: Option<usize>,
    pub(super) phase: Phase,
}

/// See the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Entered,
    Running,
    Ending,
}

/// What is to be done next at a berth.
#[derive(Debug)]
pub(super) enum Act {
    Load,
    Stop(Occupant),
    Keep(Occupant),
    Save,
    Look,
    /// Nothing: nobody tends it any more.
    Leave,
}

impl Sheet {
    /// Asks for something; true where who asks is to tend from now on.
    pub(super) fn ask(&mut self, ask: impl FnOnce(&mut Asked)) -> bool {
        ask(&mut self.asked);
        !std::mem::replace(&mut self.tended, true)
    }

    /// For who tends: what is next. `vain` is the revision that could not be saved.
    pub(super) fn next(&mut self, vain: Option<u64>) -> Act {
        if std::mem::take(&mut self.asked.load) {
            return Act::Load;
        }
        let running = self
            .task
            .as_mut()
            .filter(|task| task.phase == Phase::Running);
        if let Some(task) = running {
            if std::mem::take(&mut self.asked.stop) {
                self.asked.keep = false;
                task.phase = Phase::Ending;
                return Act::Stop(task.clone());
            }
            if std::mem::take(&mut self.asked.keep) {
                return Act::Keep(task.clone());
            }
        }
        if self.is_unsaved() && vain != Some(self.revision) {
            return Act::Save;
        }
        if std::mem::take(&mut self.asked.look) {
            return Act::Look;
        }
        self.tended = false;
        Act::Leave
    }

    pub(super) fn is_unsaved(&self) -> bool {
        self.revision != self.saved
    }

    /// A task comes in.
    pub(super) fn enter(&mut self, task: RunningTask, backend: usize) {
        self.task = Some(Occupant {
            task,
            backend: Some(backend),
            phase: Phase::Entered,
        });
        self.revision += 1;
    }

    /// The task has been started.
    pub(super) fn started(&mut self) {
        if let Some(task) = &mut self.task {
            task.phase = Phase::Running;
        }
    }

    /// The task is alive at this time; it is not for who is being stopped.
    pub(super) fn keep(&mut self, now: SystemTime) {
        if let Some(task) = &mut self.task {
            let kept = &mut task.task.kept_alive_at;
            *kept = now.max(*kept);
            self.revision += 1;
        }
    }

    /// The task goes.
    pub(super) fn vacate(&mut self) {
        self.task = None;
        self.asked.stop = false;
        self.asked.keep = false;
        self.revision += 1;
    }

    /// What the store has is taken over.
    pub(super) fn adopt(&mut self, record: &Record, backend: Option<usize>, now: SystemTime) {
        self.revision = record.revision;
        self.saved = record.revision;
        let before = self.task.take();
        let Some(mut task) = record.task.clone() else {
            self.asked.stop = false;
            self.asked.keep = false;
            return;
        };
        // What comes from a calendar that goes ahead counts from now.
        task.kept_alive_at = task.kept_alive_at.min(now);
        let mut phase = Phase::Running;
        match before {
            Some(before) if before.task.id == task.id => {
                phase = before.phase;
                if before.task.kept_alive_at > task.kept_alive_at {
                    task.kept_alive_at = before.task.kept_alive_at;
                    self.revision += 1;
                }
            }
            _ => {
                self.asked.stop = false;
                self.asked.keep = false;
            }
        }
        self.task = Some(Occupant {
            task,
            backend,
            phase,
        });
    }

    /// Who tended is gone in the middle of it.
    pub(super) fn abandon(&mut self) {
        self.tended = false;
        self.started();
    }

    pub(super) fn id(&self) -> Option<&TaskId> {
        self.task.as_ref().map(|task| &task.task.id)
    }

    /// As it is to be written down.
    pub(super) fn record(&self, backends: Vec<Arc<str>>) -> Record {
        Record::new(
            self.revision,
            self.task.as_ref().map(|task| task.task.clone()),
            backends,
        )
    }
}
