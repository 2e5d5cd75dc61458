//! How a berth is filled, kept and emptied.
//!
//! # Purpose
//!
//! A backend is called with nothing held: outside of transactions and locks, so that it can call
//! back, and wait. All the same the calls about one berth come one at a time and in an order that makes
//! sense. So there is one thread at a time that *tends* a berth, and everybody else asks that one.
//!
//! # Steps
//!
//! Asking, in one transaction ([`Sheet::ask`]):
//!
//! 1. Change what anybody may change (the time at which the task was kept alive) and say what is wanted:
//!    that it is looked at, that its backend hears that it is alive, that it is stopped.
//! 2. If nobody tends the berth: tend it. Otherwise that is all: who tends does what is asked
//!    before it leaves.
//!
//! Tending, until there is nothing to do:
//!
//! 3. In one transaction, see what is next, most urgent first ([`Sheet::next`]): to stop, to tell
//!    that it is alive, to save, to look. If there is nothing leave, in the same transaction.
//! 4. Do it, outside of the transaction. Write down in another what came of it. Go on with 3.
//!
//! To *look* at a berth (a pass asks it of each):
//!
//! 5. See what the store has. If that is a record that was not written here, it is the truth: take it over.
//! 6. A task is late once more than the time-out has passed since it was kept alive. Enter, in the
//!    transaction that finds it late, that it is ending: whoever keeps it alive later is told that it is
//!    too late, whoever did so before makes it not late. Tell the backend; have it stop the task,
//!    whatever came of the telling; the berth is free, which is written down. Go on with 7.
//! 7. A berth that is free: take a slot, if slots have been given; without one leave word that there is a
//!    pass to be made once one is free. Poll the backends in order. The first task that one offers is *entered*:
//!    it is at the berth, and no other berth takes the same id. Save that. Start it. If it cannot be started the berth
//!    is free again, and the next backend is polled.
//!
//! # The store
//!
//! What is in the variables counts; the store follows, written by who tends, after the commit. So of one
//! berth nothing is written in the wrong order, and what was not written shows as a revision above the
//! saved one, which whoever tends next writes. Where a crash comes between the two:
//!
//! | crash | a restart sees |
//! |---|---|
//! | a task was polled, and not saved | an empty berth; the backend has not been told to start |
//! | it was saved, and not started | a task that nobody keeps alive: it is late in time, and is stopped |
//! | it was stopped, and that not saved | the same: `stop` comes a second time |
//! | it was kept alive, and that not saved | the time before that one |
//!
//! A start that cannot be saved does not happen. Of everything else, what was done holds, the caller is
//! told, and saving is tried again.
//!
//! A save says which revision it follows, and is refused if that is not what the store has. Then somebody else
//! writes to it, and step 5 is done. A save that has failed and was written all the same is
//! told by its looks: what is in the store is what was last tried.
//!
//! # Races
//!
//! *Somebody asks while who tends leaves.* Leaving and asking are transactions on one variable: either the
//! asking comes first, and there is something left to do, or it finds that nobody tends.
//!
//! *A call asks for itself.* `kept_alive` may keep its own task alive, and `poll` have a pass made. A thread
//! knows which calls it is inside of, and there these are not asked for: the time is set, and the look goes on as it
//! is. So this ends, whatever a backend calls; what other threads ask for is done once for each time
//! that they ask.
//!
//! *A backend stops its task from inside `start`, or another thread does.* It is asked for, and done when
//! `start` has returned.
//!
//! *A thread ends in the middle of a call, unwinding.* It leaves the berth to be tended, with its task
//! running: nobody keeps that alive unless it lives.

use std::error::Error;

use hivework_stm::atomically;
use hivework_stm::facade::sync::{Arc, Weak};

use super::call::{BackendCall, CallError, CallFailed, Duty, Inside, OnFailure, attempt, panicked};
use super::core::{Core, Site};
use super::pass::{BerthEvent, Report};
use super::sheet::{Act, Occupant, Phase, Sheet};
use super::task::{RunningTask, TaskId};
use super::{Backend, BackendError};
use crate::slots::Draws;
use crate::slots::slot::Slot;
use crate::work::unwind::{contain, drop_contained};

/// Who tends a berth, for as long as this lives.
struct Tending<'a> {
    site: &'a Site,
    left: bool,
}

impl Drop for Tending<'_> {
    fn drop(&mut self) {
        if !self.left {
            atomically(|tx| self.site.change(tx, Sheet::abandon));
        }
    }
}

impl Core {
    /// Steps 3 and 4, for who is to tend.
    pub(super) fn tend(&self, at: usize, report: &mut Report) {
        let site = &self.sites[at];
        let mut tending = Tending { site, left: false };
        let mut vain = None;
        loop {
            match atomically(|tx| site.change(tx, |sheet| sheet.next(vain))) {
                Act::Load => self.refresh(at, report),
                Act::Stop(occupant) => self.stop_asked(at, &occupant, report),
                Act::Keep(occupant) => self.kept_alive(at, &occupant, report),
                Act::Save => vain = self.save(at, report).err().map(|vain| vain.revision),
                Act::Look => self.look(at, report),
                Act::Leave => break,
            }
        }
        tending.left = true;
    }

    fn inside(site: &Site, duty: Duty) -> super::call::Leave {
        let berth = site.address();
        Inside { berth, duty }.enter()
    }

    fn stop_asked(&self, at: usize, occupant: &Occupant, report: &mut Report) {
        let site = &self.sites[at];
        let _inside = Self::inside(site, Duty::Stop);
        self.refresh(at, report);
        if self.is_still(site, occupant) {
            self.stop(at, occupant, report);
            self.tell(report, BerthEvent::Stopped(site.task(&occupant.task)));
        }
    }

    fn kept_alive(&self, at: usize, occupant: &Occupant, report: &mut Report) {
        let site = &self.sites[at];
        let _inside = Self::inside(site, Duty::Keep);
        self.refresh(at, report);
        if !self.is_still(site, occupant) {
            return;
        }
        let told = self.call(site, occupant, BackendCall::KeptAlive, report);
        if told == Err(OnFailure::Free) {
            self.vacate(at, &occupant.task, report);
            self.tell(report, BerthEvent::Freed(site.task(&occupant.task)));
        }
    }

    /// Is it still there, after a look at the store?
    fn is_still(&self, site: &Site, occupant: &Occupant) -> bool {
        atomically(|tx| {
            let id = &occupant.task.id;
            site.sheet.read_with(tx, |sheet| sheet.id() == Some(id))
        })
    }

    /// Steps 5 to 7.
    fn look(&self, at: usize, report: &mut Report) {
        let site = &self.sites[at];
        let _inside = Self::inside(site, Duty::Look);
        self.refresh(at, report);
        let now = self.now();
        let (late, is_free) = atomically(|tx| {
            site.change(tx, |sheet| {
                let Some(occupant) = &mut sheet.task else {
                    return (None, true);
                };
                if !occupant.task.is_late(now, site.timeout) {
                    return (None, false);
                }
                occupant.phase = Phase::Ending;
                sheet.asked.keep = false;
                sheet.asked.stop = false;
                (Some(occupant.clone()), false)
            })
        });
        if let Some(late) = &late {
            // Whatever comes of that, it is stopped.
            let _ = self.call(site, late, BackendCall::TimedOut, report);
            self.stop(at, late, report);
            self.tell(report, BerthEvent::TimedOut(site.task(&late.task)));
            let _ = self.save(at, report);
        }
        if late.is_some() || is_free {
            self.fill(at, report);
        } else {
            self.find_slot(site, report);
        }
    }

    /// Step 7.
    fn fill(&self, at: usize, report: &mut Report) {
        let site = &self.sites[at];
        if self.slots.is_some() && report.spare.is_none() {
            report.spare = self.take_slot();
            if report.spare.is_none() {
                report.pass.without_slot += 1;
                return;
            }
        }
        for (number, backend) in site.backends.iter().enumerate() {
            let offered = match attempt(|| backend.backend.poll()) {
                Ok(None) => continue,
                Ok(Some(offered)) => offered,
                Err(error) => {
                    self.failed(site, number, BackendCall::Poll, None, error, report);
                    continue;
                }
            };
            match self.enter(at, number, &offered) {
                Ok(entered) => {
                    if self.start(at, &entered, report) {
                        return;
                    }
                }
                Err(refusal) => {
                    let error = Arc::new(refusal);
                    self.failed(
                        site,
                        number,
                        BackendCall::Poll,
                        Some(&offered),
                        error,
                        report,
                    );
                }
            }
        }
    }

    fn enter(&self, at: usize, number: usize, id: &TaskId) -> Result<Occupant, CallError> {
        if id.is_empty() {
            return Err(CallError::EmptyId);
        }
        let site = &self.sites[at];
        let now = self.now();
        let name = Arc::clone(&site.backends[number].name);
        let task = RunningTask::new(id.clone(), name, now, now);
        let entered = atomically(|tx| {
            if !self.list(tx, id, at)? {
                return Ok(false);
            }
            site.change(tx, |sheet| sheet.enter(task.clone(), number))?;
            Ok(true)
        });
        if !entered {
            return Err(CallError::AlreadyThere(id.clone()));
        }
        Ok(Occupant {
            task,
            backend: Some(number),
            phase: Phase::Entered,
        })
    }

    /// What was entered is saved and started; true where no other backend is to be asked.
    fn start(&self, at: usize, entered: &Occupant, report: &mut Report) -> bool {
        let site = &self.sites[at];
        *site.slot.lock() = report.spare.take();
        if let Err(vain) = self.save(at, report) {
            let refusal = if vain.is_newer {
                // If it is the very same task, somebody else has started it.
                atomically(|tx| site.change(tx, Sheet::started));
                CallError::Taken
            } else {
                self.vacate(at, &entered.task, report);
                CallError::NotSaved(vain.why)
            };
            let (number, id) = (entered.backend.unwrap_or_default(), &entered.task.id);
            let error = Arc::new(refusal);
            self.failed(site, number, BackendCall::Start, Some(id), error, report);
            return true;
        }
        if self
            .call(site, entered, BackendCall::Start, report)
            .is_err()
        {
            self.vacate(at, &entered.task, report);
            let _ = self.save(at, report);
            return false;
        }
        atomically(|tx| site.change(tx, Sheet::started));
        self.tell(report, BerthEvent::Started(site.task(&entered.task)));
        true
    }

    /// The backend stops it, and the berth is free.
    fn stop(&self, at: usize, occupant: &Occupant, report: &mut Report) {
        let _ = self.call(&self.sites[at], occupant, BackendCall::Stop, report);
        self.vacate(at, &occupant.task, report);
    }

    pub(super) fn vacate(&self, at: usize, task: &RunningTask, report: &mut Report) {
        let site = &self.sites[at];
        atomically(|tx| {
            self.strike(tx, &task.id, at)?;
            site.change(tx, Sheet::vacate)
        });
        self.spare_slot(site, report);
    }

    /// The slot of a task that is gone is for the next one.
    pub(super) fn spare_slot(&self, site: &Site, report: &mut Report) {
        let slot = site.slot.lock().take();
        if report.spare.is_none() {
            report.spare = slot;
        }
    }

    /// A task that was found running has its slot as soon as there is one.
    fn find_slot(&self, site: &Site, report: &mut Report) {
        let Some(slots) = &self.slots else { return };
        if site.slot.lock().is_some() {
            return;
        }
        let found = report.spare.take().or_else(|| slots.try_take());
        *site.slot.lock() = found;
    }

    fn take_slot(&self) -> Option<Slot> {
        let slots = self.slots.as_ref()?;
        let taken = atomically(|tx| match slots.take_one(tx)? {
            Ok(()) => Ok(true),
            Err(none) => {
                let word: Weak<dyn Draws> = self.word.clone();
                none.leave_word(tx, &word)?;
                Ok(false)
            }
        });
        taken.then(|| slots.taken())
    }

    /// A call about a task, and what follows if it fails.
    fn call(
        &self,
        site: &Site,
        occupant: &Occupant,
        call: BackendCall,
        report: &mut Report,
    ) -> Result<(), OnFailure> {
        let id = &occupant.task.id;
        let Some(number) = occupant.backend else {
            let failure = CallFailed {
                berth: Arc::clone(&site.name),
                backend: Arc::clone(&occupant.task.backend),
                call,
                task: Some(id.clone()),
                error: Arc::new(CallError::NoSuchBackend),
            };
            self.tell(report, BerthEvent::Failed(failure));
            return Err(OnFailure::Keep);
        };
        let backend = &*site.backends[number].backend;
        let called = attempt(|| make_call(backend, call, id));
        called.map_err(|error| self.failed(site, number, call, Some(id), error, report))
    }

    /// A call has failed: its backend says what is to follow.
    fn failed(
        &self,
        site: &Site,
        number: usize,
        call: BackendCall,
        task: Option<&TaskId>,
        error: Arc<dyn Error + Send + Sync>,
        report: &mut Report,
    ) -> OnFailure {
        let backend = &site.backends[number];
        let mut failure = CallFailed {
            berth: Arc::clone(&site.name),
            backend: Arc::clone(&backend.name),
            call,
            task: task.cloned(),
            error,
        };
        let verdict = contain(|| backend.backend.failed(&failure));
        self.tell(report, BerthEvent::Failed(failure.clone()));
        verdict.unwrap_or_else(|payload| {
            failure.call = BackendCall::Failed;
            let error: Arc<dyn Error + Send + Sync> = Arc::new(panicked(payload));
            drop_contained(std::mem::replace(&mut failure.error, error));
            self.tell(report, BerthEvent::Failed(failure));
            OnFailure::Free
        })
    }
}

fn make_call(backend: &dyn Backend, call: BackendCall, task: &TaskId) -> Result<(), BackendError> {
    match call {
        BackendCall::Start => backend.start(task),
        BackendCall::Stop => backend.stop(task),
        BackendCall::KeptAlive => backend.kept_alive(task),
        BackendCall::TimedOut => backend.timed_out(task),
        BackendCall::Poll | BackendCall::Failed => Ok(()),
    }
}
