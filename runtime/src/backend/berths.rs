//! The public handle of berths: passes over them, keeping tasks alive, stopping them.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically, in_transaction};

use super::builder::BerthsBuilder;
use super::call::{Duty, Inside};
use super::core::Core;
use super::error::{BerthsError, TaskError};
use super::inspect::Inspection;
use super::pass::{BerthEvent, Pass, Report, gone};
use super::sheet::Phase;
use super::task::{RunningTask, TaskId};
use crate::Scheduler;
use crate::handle::WorkHandle;
use crate::work::Work;
use crate::work::unwind::drop_contained;

/// Named places for one task each, which their [backends](crate::Backend) fill, in the order of their
/// importance, and watch over: whatever is not [kept alive](Berths::keepalive) is stopped after a while.
///
/// A model of the scheduler of task_semaphore. What goes on at a berth goes on elsewhere; here it is an id and two
/// times. All of it is in variables, so any thread may do anything at any time, and so may a backend, from inside
/// any of its calls.
///
/// Not to be confused with [`Slots`](crate::Slots), which are a number of equal permits. Berths can
/// [draw on](BerthsBuilder::slots) some, so that what is at them shares a budget with everything else.
///
/// A handle: clones share the berths. When the last one goes nothing is stopped: what runs elsewhere runs on, and
/// who is given the same [store](BerthsBuilder::store) finds it.
///
/// ```
/// use std::time::Duration;
/// use hivework::{
///     Backend, BackendError, Berth, Berths, ManualClock, Scheduler, TaskError, TaskId,
/// };
///
/// struct Builds;
///
/// impl Backend for Builds {
///     fn name(&self) -> &str {
///         "builds"
///     }
///     fn poll(&self) -> Result<Option<TaskId>, BackendError> {
///         Ok(Some("release".into()))
///     }
///     fn start(&self, _: &TaskId) -> Result<(), BackendError> {
///         Ok(())
///     }
/// }
///
/// let clock = ManualClock::new();
/// let scheduler = Scheduler::builder().clock(&clock).start()?;
/// let berths = Berths::builder(&scheduler)
///     .berth(Berth::new("builds").timeout(Duration::from_secs(60)).backend(Builds))
///     .build()?;
///
/// assert_eq!(berths.schedule().started().count(), 1);
/// clock.advance(Duration::from_secs(59));
/// berths.keepalive("release")?;
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(berths.schedule().timed_out().count(), 0);
/// clock.advance(Duration::from_nanos(1));
/// assert_eq!(berths.schedule().timed_out().count(), 1);
/// assert!(matches!(berths.stop("merge"), Err(TaskError::Unknown { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "TaskSlots")]
#[doc(alias = "task_semaphore")]
#[derive(Clone)]
pub struct Berths(pub(super) Arc<Core>);

/// What came of keeping a task alive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Kept {
    /// It is alive. If somebody else was at its berth, that one tells the backend.
    Alive,
    /// Its backend was told, failed over it, and has given it up.
    Freed,
}

/// What came of stopping a task.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TaskEnd {
    /// It is over: its backend was told, and its berth is free.
    Stopped,
    /// Somebody else is at its berth, perhaps the very call that this one was made from, and stops it when
    /// that is done.
    Underway,
}

/// What became of a wish that a task be kept alive or stopped.
enum Asked {
    Nowhere,
    Ending,
    /// It is at this berth, and who asks is to tend it or not.
    There(usize, bool),
}

impl Berths {
    /// Sets up berths, whose time is that of the scheduler.
    pub fn builder(scheduler: &Scheduler) -> BerthsBuilder {
        BerthsBuilder::new(scheduler)
    }

    /// One pass over all berths, in the order in which they were given: what is late is stopped, and each
    /// berth that is free is filled by the first of its backends that offers a task which can be started.
    ///
    /// Returns when all that is done, but for berths at which another thread is: that one looks at
    /// them once more. From inside a call of a backend that was made by a pass, the berth that the call is about
    /// is left out.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn schedule(&self) -> Pass {
        outside_transactions("schedule");
        self.0.pass()
    }

    /// Has the scheduler make a pass at once, and then one every `period`, by its clock: a
    /// periodic work, which can be cancelled by its handle, and which ends by itself when the last of these
    /// berths is gone.
    ///
    /// # Errors
    ///
    /// [`BerthsError::ZeroPeriod`] for no period, [`BerthsError::NoScheduler`] when the scheduler is gone.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn schedule_every(&self, period: Duration) -> Result<WorkHandle<()>, BerthsError> {
        outside_transactions("schedule_every");
        if period.is_zero() {
            return Err(BerthsError::ZeroPeriod);
        }
        let scheduler = self.0.shared.scheduler().ok_or(BerthsError::NoScheduler)?;
        let berths = Arc::downgrade(&self.0);
        let passes = Work::every(period, move || match berths.upgrade() {
            Some(core) => {
                drop_contained(core.pass());
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        });
        Ok(scheduler.put_work(passes.name("berths")))
    }

    /// Says that a task is alive: its time-out counts from now, and its backend is told. Where another thread is at
    /// the berth, that one tells it.
    ///
    /// # Errors
    ///
    /// [`TaskError::Unknown`] for a task that is at none of the berths, [`TaskError::Ending`] for
    /// one that is just being stopped; and [`TaskError::NotSaved`].
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn keepalive(&self, task: impl Into<TaskId>) -> Result<Kept, TaskError> {
        outside_transactions("keepalive");
        let (task, mut report) = (task.into(), Report::default());
        let tended = self.there(&task, &mut report, |core, task| core.ask_to_keep(task))?;
        if !tended {
            return Ok(Kept::Alive);
        }
        self.check(&task, &report)?;
        let freed = report.tells(&task, |event| match event {
            BerthEvent::Freed(task) => Some(task),
            _ => None,
        });
        Ok(if freed { Kept::Freed } else { Kept::Alive })
    }

    /// Stops a task: its backend is told, and then its berth is free. The next pass fills it.
    ///
    /// # Errors
    ///
    /// [`TaskError::Unknown`] for a task that is at none of the berths; and [`TaskError::NotSaved`].
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn stop(&self, task: impl Into<TaskId>) -> Result<TaskEnd, TaskError> {
        outside_transactions("stop");
        let (task, mut report) = (task.into(), Report::default());
        let tended = self.there(&task, &mut report, Core::ask_to_stop);
        match tended {
            Ok(true) => {
                self.check(&task, &report)?;
                Ok(TaskEnd::Stopped)
            }
            Ok(false) | Err(TaskError::Ending { .. }) => Ok(TaskEnd::Underway),
            Err(error) => Err(error),
        }
    }

    /// What is at the berths, and what their backends have to say. The former is of one instant.
    ///
    /// # Panics
    ///
    /// Inside a transaction: use [`running_in`](Berths::running_in) there.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        outside_transactions("inspect");
        self.0.inspect()
    }

    /// The tasks that are at berths, as the transaction sees them, in the order of the berths. So a work can
    /// wait for a task to be over, or for there to be none.
    ///
    /// ```
    /// # use hivework::{Backend, BackendError, Berth, Berths, TaskId, atomically, check, make_scheduler};
    /// # struct Idle;
    /// # impl Backend for Idle {
    /// #     fn name(&self) -> &str { "idle" }
    /// #     fn poll(&self) -> Result<Option<TaskId>, BackendError> { Ok(None) }
    /// #     fn start(&self, _: &TaskId) -> Result<(), BackendError> { Ok(()) }
    /// # }
    /// let scheduler = make_scheduler();
    /// let berths = Berths::builder(&scheduler).berth(Berth::new("one").backend(Idle)).build()?;
    /// let theirs = berths.clone();
    /// let quiet = scheduler.put_transaction(move |tx| check(theirs.running_in(tx)?.is_empty()));
    /// quiet.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn running_in(&self, tx: &mut Transaction<'_>) -> StmResult<Vec<(Arc<str>, RunningTask)>> {
        let mut running = Vec::new();
        for site in &self.0.sites {
            let task = site.sheet.read_with(tx, |sheet| {
                sheet.task.as_ref().map(|occupant| occupant.task.clone())
            })?;
            running.extend(task.map(|task| (Arc::clone(&site.name), task)));
        }
        Ok(running)
    }

    /// Asks for something to be done with a task, and tends its berth if nobody does. Says whether it was done
    /// here.
    fn there(
        &self,
        task: &TaskId,
        report: &mut Report,
        ask: impl Fn(&Core, &TaskId) -> Asked,
    ) -> Result<bool, TaskError> {
        let core = &self.0;
        let mut asked = ask(core, task);
        if matches!(asked, Asked::Nowhere) {
            // Somebody else may have started it, who writes to the same store.
            for at in 0..core.sites.len() {
                core.ask(at, report, |asked| asked.load = true);
            }
            asked = ask(core, task);
        }
        match asked {
            Asked::Nowhere => Err(TaskError::Unknown { task: task.clone() }),
            Asked::Ending => Err(TaskError::Ending { task: task.clone() }),
            Asked::There(_, false) => Ok(false),
            Asked::There(at, true) => {
                // What was told before is not about this.
                report.pass = Pass::default();
                report.vain = None;
                core.tend(at, report);
                Ok(true)
            }
        }
    }

    /// Was it there after all, and is it written down?
    fn check(&self, task: &TaskId, report: &Report) -> Result<(), TaskError> {
        let task = task.clone();
        if report.tells(&task, gone) {
            return Err(TaskError::Unknown { task });
        }
        match &report.vain {
            Some(error) => Err(TaskError::NotSaved {
                task,
                error: error.clone(),
            }),
            None => Ok(()),
        }
    }
}

impl Core {
    /// See [`Berths::schedule`].
    pub(super) fn pass(&self) -> Pass {
        let mut report = Report::default();
        for (at, site) in self.sites.iter().enumerate() {
            let looking = Inside {
                berth: site.address(),
                duty: Duty::Look,
            };
            if looking.is_here() || !self.ask(at, &mut report, |asked| asked.look = true) {
                report.pass.left += 1;
            }
        }
        report.pass
    }

    fn ask_to_keep(&self, task: &TaskId) -> Asked {
        let now = self.now();
        self.ask_about(task, |core, at, phase, tx| {
            if phase == Phase::Ending {
                return Ok(Asked::Ending);
            }
            let site = &core.sites[at];
            let telling = Inside {
                berth: site.address(),
                duty: Duty::Keep,
            };
            let tell = !telling.is_here();
            let mine = site.change(tx, |sheet| {
                sheet.keep(now);
                sheet.ask(|asked| asked.keep |= tell)
            })?;
            Ok(Asked::There(at, mine))
        })
    }

    fn ask_to_stop(&self, task: &TaskId) -> Asked {
        self.ask_about(task, |core, at, phase, tx| {
            if phase == Phase::Ending {
                return Ok(Asked::Ending);
            }
            let mine = core.sites[at].change(tx, |sheet| sheet.ask(|asked| asked.stop = true))?;
            Ok(Asked::There(at, mine))
        })
    }

    fn ask_about(
        &self,
        task: &TaskId,
        ask: impl Fn(&Core, usize, Phase, &mut Transaction<'_>) -> StmResult<Asked>,
    ) -> Asked {
        atomically(|tx| {
            let Some(at) = self.index.get(tx, task)? else {
                return Ok(Asked::Nowhere);
            };
            let phase = self.sites[at].sheet.read_with(tx, |sheet| {
                let occupant = sheet.task.as_ref().filter(|there| there.task.id == *task);
                occupant.map(|occupant| occupant.phase)
            })?;
            match phase {
                Some(phase) => ask(self, at, phase, tx),
                None => Ok(Asked::Nowhere),
            }
        })
    }
}

impl fmt::Debug for Berths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.sites.iter().map(|site| &site.name);
        f.debug_tuple("Berths")
            .field(&names.collect::<Vec<_>>())
            .finish()
    }
}

fn outside_transactions(what: &str) {
    assert!(
        !in_transaction(),
        "{what} inside a transaction, which must not call a backend: do it before or after, \
         or leave it to `on_commit`"
    );
}
