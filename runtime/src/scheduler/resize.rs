//! Saying how many workers there are to be.

use std::fmt;

use hivework_stm::in_transaction;

use crate::event::{Event, Scale};
use crate::scheduler::Scheduler;
use crate::staff::Plan;

impl Scheduler {
    /// From now on it has so many workers, whatever the load and the cores: more are
    /// made, or some end, each after the item that it runs. Nothing that is queued is lost by it, nor
    /// anything that is addressed to a worker. At once for a scheduler that runs; otherwise from the
    /// next start on.
    ///
    /// It does not wait for the threads to come or go, and can be called from
    /// anywhere but inside a transaction, from a work item too.
    /// [`set_workers_between`](Scheduler::set_workers_between) leaves the number to the load again.
    ///
    /// ```
    /// use hivework::Scheduler;
    ///
    /// let scheduler = Scheduler::builder().workers(1).max_workers(4).start().unwrap();
    /// scheduler.set_workers(3).unwrap();
    /// assert_eq!(scheduler.broadcast(|worker| worker).unwrap(), [0, 1, 2]);
    /// assert!(scheduler.set_workers(5).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`SetWorkersError`], and nothing has changed: 0 workers, or more than
    /// [`max_workers`](crate::Builder::max_workers).
    ///
    /// # Panics
    ///
    /// Inside a transaction: set the number before or after it.
    pub fn set_workers(&self, workers: usize) -> Result<(), SetWorkersError> {
        self.check(workers, workers)?;
        self.replan(Plan::Fixed, |_| workers);
        Ok(())
    }

    /// From now on the load says how many workers it has, between these two; see
    /// [`Builder::workers_between`](crate::Builder::workers_between). It begins
    /// with as many as it has, or the nearest number between the two.
    ///
    /// ```
    /// use hivework::Scheduler;
    ///
    /// let scheduler = Scheduler::builder().workers(1).max_workers(8).start().unwrap();
    /// scheduler.set_workers_between(2, 8).unwrap();
    /// assert_eq!(scheduler.workers(), 2);
    /// ```
    ///
    /// # Errors
    ///
    /// [`SetWorkersError`], and nothing has changed: no workers at least, more at least than at
    /// most, or more than [`max_workers`](crate::Builder::max_workers).
    ///
    /// # Panics
    ///
    /// Inside a transaction: set the numbers before or after it.
    pub fn set_workers_between(&self, min: usize, max: usize) -> Result<(), SetWorkersError> {
        self.check(min, max)?;
        self.replan(Plan::Between { min, max }, |workers| {
            workers.clamp(min, max)
        });
        Ok(())
    }

    fn check(&self, min: usize, max: usize) -> Result<(), SetWorkersError> {
        assert!(
            !in_transaction(),
            "set_workers inside a transaction, which may run again: \
             set the number before or after it"
        );
        let most = self.shared().config.most_workers;
        if min == 0 {
            Err(SetWorkersError::NoWorkers)
        } else if min > max {
            Err(SetWorkersError::MinAboveMax { min, max })
        } else if max > most {
            Err(SetWorkersError::TooManyWorkers { most })
        } else {
            Ok(())
        }
    }

    fn replan(&self, plan: Plan, target: impl FnOnce(usize) -> usize) {
        let shared = self.shared();
        let (from, to) = shared
            .staff
            .replan((&shared.idle, &shared.teams), plan, target);
        shared.supervisor.ring();
        if from != to {
            let why = Scale::Asked;
            shared.announce(|| Some(Event::Scaled { from, to, why }));
        }
    }
}

/// Why a scheduler goes on with the number of workers that it had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetWorkersError {
    /// No workers, or none at least: nobody would run anything.
    NoWorkers,
    /// More at least than at most.
    MinAboveMax {
        /// How many there were to be at least.
        min: usize,
        /// How many at most.
        max: usize,
    },
    /// More than [`max_workers`](crate::Builder::max_workers).
    TooManyWorkers {
        /// How many there can be.
        most: usize,
    },
}

impl fmt::Display for SetWorkersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetWorkersError::NoWorkers => {
                f.write_str("a scheduler needs at least one worker; to have nothing run, stop it")
            }
            SetWorkersError::MinAboveMax { min, max } => write!(
                f,
                "at least {min} workers and at most {max} is nothing; give the smaller number first"
            ),
            SetWorkersError::TooManyWorkers { most } => write!(
                f,
                "this scheduler has at most {most} workers; build it with more `max_workers`"
            ),
        }
    }
}

impl std::error::Error for SetWorkersError {}
