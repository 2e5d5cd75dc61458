//! When jobs may start: "do not start a job unless …".
//!
//! A criterion is a list of conditions, each of which is a closure or a transaction; it holds
//! where all do. Who asks, when, and what happens meanwhile is the [porter]'s part.
//!
//! A closure is asked outside of transactions and locks, and says in words what it has found; a
//! transaction is a part of the one that starts the job. So what a closure has seen may be otherwise
//! when the job starts, and what a transaction has seen, or written, is so at that very instant.

pub(crate) mod measure;
pub(crate) mod porter;

use std::fmt;
use std::time::Duration;

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, abort};

use crate::work::unwind::{contain, drop_contained, message};
use measure::CriterionError;

/// How often a closure that does not say is asked again.
const INTERVAL: Duration = Duration::from_millis(100);

/// No closure is asked again sooner than that.
const SHORTEST: Duration = Duration::from_millis(1);

/// What must hold for a job to start; see
/// [`StreamSchedulerBuilder::admit`](crate::StreamSchedulerBuilder::admit). Cloned, it is the same criterion.
///
/// While it does not hold, jobs stay pending, and no thread waits: a
/// [closure](Criterion::when) is asked again on a schedule, and a
/// [transaction](Criterion::transaction) when something that it has read changes, both by a worker
/// that is free. (The work that does so is named `criterion` in [`Stats`](crate::Stats).) A job that waits
/// too long can [answer](crate::Work::start_within) [`Blocked`](crate::WorkError::Blocked).
///
/// A criterion that panics does not hold: [`Event::CriterionFailed`](crate::Event::CriterionFailed)
/// says so, and it is asked again later, each time in a row after twice as long, up to a minute.
///
/// The sleep function of the system *Jobserver*, which answers nothing for "go" or how long to
/// sleep, is a closure here as it is.
///
/// ```
/// use hivework::{Criterion, TVar};
///
/// let quota = TVar::new(3_u32);
/// // Each job that starts takes one of the quota with it; at none the next waits until there is more.
/// let reserve = Criterion::transaction(move |tx| {
///     let left = quota.read(tx)?;
///     quota.write(tx, left.saturating_sub(1))?;
///     Ok(left > 0)
/// });
/// let by_day = Criterion::when(|| true);
/// let both = by_day.and(reserve);
/// # drop(both);
/// ```
#[derive(Clone)]
pub struct Criterion(Arc<[Condition]>);

/// A closure, or what it could not measure.
type Measure = dyn Fn() -> Result<Admit, String> + Send + Sync;

/// A transaction.
type Check = dyn Fn(&mut Transaction<'_>) -> StmResult<bool> + Send + Sync;

#[derive(Clone)]
enum Condition {
    Closure {
        check: Arc<Measure>,
        every: Duration,
    },
    Transaction(Arc<Check>),
}

/// What a closure says of whether a job may start; made of a `bool`, or of an
/// `Option<Duration>`, which is none for "now".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admit {
    /// It may.
    Now,
    /// It may not; to be asked again in [the usual time](Criterion::every).
    NotNow,
    /// It may not; to be asked again after so long.
    After(Duration),
}

impl From<bool> for Admit {
    fn from(may: bool) -> Admit {
        if may { Admit::Now } else { Admit::NotNow }
    }
}

impl From<Option<Duration>> for Admit {
    fn from(wait: Option<Duration>) -> Admit {
        wait.map_or(Admit::Now, Admit::After)
    }
}

/// What the closures of a criterion come to.
#[derive(Debug)]
pub(crate) enum Found {
    Holds,
    /// Not now; to be asked again after so long.
    Not(Duration),
    /// One has panicked, or could not measure what it is about.
    Failed(String),
}

impl Criterion {
    /// Holds while `check` says so. It is asked before each start, on the thread that starts the job,
    /// should be quick, and is never asked by two threads for the same start.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework::Criterion;
    ///
    /// let calm = Criterion::when(|| true).every(Duration::from_secs(1));
    /// let in_a_while = Criterion::when(|| Some(Duration::from_millis(20)));
    /// # drop((calm, in_a_while));
    /// ```
    pub fn when<A: Into<Admit>>(check: impl Fn() -> A + Send + Sync + 'static) -> Criterion {
        Criterion::closure(move || Ok(check().into()))
    }

    /// Holds while `check` answers true. It runs as a part of the transaction that starts the
    /// job: it holds at the instant of the start, and what it writes is written with
    /// that, and only then. It is undone where it answers false or retries, which is the same here.
    ///
    /// It should read little and wait for nothing else: a transaction that is started inside it panics.
    pub fn transaction(
        check: impl Fn(&mut Transaction<'_>) -> StmResult<bool> + Send + Sync + 'static,
    ) -> Criterion {
        Criterion(Arc::new([Condition::Transaction(Arc::new(check))]))
    }

    /// Holds while this machine has so many bytes of memory available, as Linux estimates it
    /// (`MemAvailable`). Of the limits of a container it knows nothing.
    ///
    /// # Errors
    ///
    /// [`CriterionError::Unsupported`] where the system does not say.
    ///
    /// ```
    /// use hivework::Criterion;
    ///
    /// match Criterion::memory_available(64 << 20) {
    ///     Ok(roomy) => drop(roomy),
    ///     Err(why) => eprintln!("{why}"),
    /// }
    /// ```
    pub fn memory_available(bytes: u64) -> Result<Criterion, CriterionError> {
        measure::memory()?;
        Ok(Criterion::closure(move || {
            let available = measure::memory().map_err(|why| why.to_string())?;
            Ok((available >= bytes).into())
        }))
    }

    /// Holds while fewer than so many threads of this machine run or want to, on average over the last
    /// minute, as Linux counts them (the first figure of its load average).
    ///
    /// # Errors
    ///
    /// [`CriterionError::Unsupported`] where the system does not say,
    /// [`CriterionError::Senseless`] for a load that no machine is below, or that is no number.
    ///
    /// ```
    /// use hivework::Criterion;
    ///
    /// assert!(Criterion::load_below(0.0).is_err());
    /// ```
    pub fn load_below(load: f64) -> Result<Criterion, CriterionError> {
        if load.is_nan() || load <= 0.0 {
            return Err(CriterionError::Senseless { load });
        }
        measure::load()?;
        Ok(Criterion::closure(move || {
            let now = measure::load().map_err(|why| why.to_string())?;
            Ok((now < load).into())
        }))
    }

    /// After how long its closures are asked again that have said [`NotNow`](Admit::NotNow): after a
    /// tenth of a second unless set, and no sooner than after a millisecond whatever is set.
    /// It goes by the scheduler's clock. Transactions have no use for it.
    pub fn every(self, interval: Duration) -> Criterion {
        let set = |condition: &Condition| match condition {
            Condition::Closure { check, .. } => Condition::Closure {
                check: Arc::clone(check),
                every: interval,
            },
            transaction => transaction.clone(),
        };
        Criterion(self.0.iter().map(set).collect())
    }

    /// Holds where both do. They are asked in this order, closures before transactions, and no
    /// further than to the first that does not hold.
    pub fn and(self, other: Criterion) -> Criterion {
        Criterion(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    fn closure(check: impl Fn() -> Result<Admit, String> + Send + Sync + 'static) -> Criterion {
        Criterion(Arc::new([Condition::Closure {
            check: Arc::new(check),
            every: INTERVAL,
        }]))
    }

    /// Asks the closures, outside of transactions.
    pub(crate) fn ask(&self) -> Found {
        for condition in self.0.iter() {
            let Condition::Closure { check, every } = condition else {
                continue;
            };
            let pause = match contain(|| check()) {
                Ok(Ok(Admit::Now)) => continue,
                Ok(Ok(Admit::NotNow)) => *every,
                Ok(Ok(Admit::After(pause))) => pause,
                Ok(Err(why)) => return Found::Failed(why),
                Err(payload) => {
                    let why = message(&*payload);
                    drop_contained(payload);
                    return Found::Failed(why);
                }
            };
            return Found::Not(pause.max(SHORTEST));
        }
        Found::Holds
    }

    /// Asks the transactions. What they write stands where all hold.
    pub(crate) fn holds_in(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        if !self.has_transactions() {
            return Ok(true);
        }
        let held = tx.nested(|tx| {
            for condition in self.0.iter() {
                let Condition::Transaction(check) = condition else {
                    continue;
                };
                // To retry is to say no.
                if !tx.or_else(|tx| check(tx), |_| Ok(false))? {
                    return abort(());
                }
            }
            Ok(())
        })?;
        Ok(held.is_ok())
    }

    /// As [`holds_in`](Criterion::holds_in), but nothing of what they write stands.
    pub(crate) fn would_hold_in(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let held = tx.nested(|tx| {
            let holds = self.holds_in(tx)?;
            abort::<(), bool>(holds)
        })?;
        Ok(held == Err(true))
    }

    pub(crate) fn has_closures(&self) -> bool {
        let is_closure = |condition: &Condition| matches!(condition, Condition::Closure { .. });
        self.0.iter().any(is_closure)
    }

    fn has_transactions(&self) -> bool {
        let is_transaction = |condition: &Condition| matches!(condition, Condition::Transaction(_));
        self.0.iter().any(is_transaction)
    }
}

impl fmt::Debug for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for condition in self.0.iter() {
            match condition {
                Condition::Closure { every, .. } => {
                    list.entry(&format_args!("closure, every {every:?}"))
                }
                Condition::Transaction(_) => list.entry(&format_args!("transaction")),
            };
        }
        list.finish()
    }
}
