//! How a scheduler is set up, and what can be wrong with that.

mod staffing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use stm_ports::{ConnectError, LocalTransport, Transport};

use crate::Scheduler;
use crate::clock::Clock;
use crate::injector::Injector;
#[cfg(feature = "trace")]
use crate::outlet::trace::{Trace, file::TraceFile};
use crate::shared::Shared;
use crate::staff::Plan;
use crate::stop::error::StartError;
use staffing::{Cores, MOST_WORKERS, Workers, count};

/// Called on a worker's thread with the worker's number.
pub(crate) type ThreadHook = Arc<dyn Fn(usize) + Send + Sync>;

/// What a scheduler is set up with.
pub(crate) struct Config {
    pub(crate) name: String,
    /// How many workers it begins with.
    pub(crate) workers: usize,
    /// Who says how many there are to be then.
    pub(crate) plan: Plan,
    cores: Option<Cores>,
    /// The most workers that it can be told to have; spares have the numbers from there on.
    pub(crate) most_workers: usize,
    pub(crate) clock: Clock,
    pub(crate) max_spares: usize,
    pub(crate) run_interval: Duration,
    pub(crate) time_slice: Duration,
    pub(crate) on_overrun: OverrunPolicy,
    pub(crate) stack_size: Option<usize>,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) on_thread_start: Option<ThreadHook>,
    pub(crate) on_thread_stop: Option<ThreadHook>,
    #[cfg(feature = "trace")]
    pub(crate) trace: Option<Trace>,
}

impl Config {
    /// How many cores there are to use at this moment.
    pub(crate) fn cores(&self) -> usize {
        count(self.cores.as_ref())
    }
}

/// Sets up a [`Scheduler`]; see [`Scheduler::builder`].
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    name: String,
    workers: Workers,
    max_workers: Option<usize>,
    cores: Option<Cores>,
    max_spares: usize,
    run_interval: Duration,
    time_slice: Duration,
    on_overrun: OverrunPolicy,
    queue_capacity: Option<usize>,
    stack_size: Option<usize>,
    clock: Clock,
    transport: Box<dyn Transport>,
    on_thread_start: Option<ThreadHook>,
    on_thread_stop: Option<ThreadHook>,
    #[cfg(feature = "trace")]
    trace: Option<TraceFile>,
}

/// What becomes of a work that runs for longer than its time slices; see
/// [`Builder::on_overrun`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OverrunPolicy {
    /// It is reported, and runs on.
    #[default]
    Report,
    /// It is reported, and asked to stop, as [`cancel`](crate::WorkHandle::cancel) asks. Not so members of
    /// [teams](crate::Scheduler::put_team) and [subscriptions](crate::Scheduler::on): those are reported
    /// and go on.
    Cancel,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            name: "hivework".to_owned(),
            workers: Workers::Cores,
            max_workers: None,
            cores: None,
            max_spares: 256,
            run_interval: Duration::from_millis(1),
            time_slice: Duration::from_millis(1),
            on_overrun: OverrunPolicy::Report,
            queue_capacity: None,
            stack_size: None,
            clock: Clock::system(),
            transport: Box::new(LocalTransport),
            on_thread_start: None,
            on_thread_stop: None,
            #[cfg(feature = "trace")]
            trace: None,
        }
    }
}

impl Builder {
    /// How often the supervisor looks while there is work; 1 ms unless set.
    /// A zero interval is an error of [`build`](Builder::build).
    pub fn run_interval(mut self, interval: Duration) -> Self {
        self.run_interval = interval;
        self
    }

    /// How long a time slice is; 1 ms unless set. A work that runs for longer than its time
    /// slices ([`Work::time_slices`](crate::Work::time_slices), 10 unless set) is reported by
    /// [`Event::WorkOverran`](crate::Event::WorkOverran), within two ticks of the supervisor (see
    /// [`run_interval`](Builder::run_interval)). Nothing takes its worker from it. A slice of zero is
    /// an error of [`build`](Builder::build).
    pub fn time_slice(mut self, slice: Duration) -> Self {
        self.time_slice = slice;
        self
    }

    /// What becomes of works that run for longer than their time slices; they are reported unless
    /// set. One work alone is told by
    /// [`Work::cancel_on_overrun`](crate::Work::cancel_on_overrun).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework::{OverrunPolicy, Scheduler, WorkContext, WorkError};
    ///
    /// let scheduler = Scheduler::builder()
    ///     .workers(1)
    ///     .time_slice(Duration::from_micros(100))
    ///     .on_overrun(OverrunPolicy::Cancel)
    ///     .start()?;
    /// let hog = scheduler.put_work(|work: &WorkContext| -> Result<(), WorkError> {
    ///     loop {
    ///         work.checkpoint()?;
    ///     }
    /// });
    /// assert!(matches!(hog.join(), Err(WorkError::Cancelled)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_overrun(mut self, policy: OverrunPolicy) -> Self {
        self.on_overrun = policy;
        self
    }

    /// How many workers. Unless set, one for each core that this process may
    /// use (affinity and the CPU quota of every control group that it is in considered), and
    /// when that changes while work is done their number follows within about a second. None at all is an error of
    /// [`build`](Builder::build).
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Workers::Fixed(workers);
        self
    }

    /// The load says how many workers, between these two. It begins with `min`.
    ///
    /// Where work waits for some milliseconds because all workers are busy, more are made, but no
    /// more than there are cores to use (unless `min` is more): beyond that they would take turns on the
    /// cores. Works that block are no reason for more workers: spares stand in for those that wait in a transaction, in
    /// `join` or in [`blocking`](crate::blocking). Where some workers have had nothing to do for a
    /// second or more, fewer remain. [`Event::Scaled`](crate::Event::Scaled) tells of each change.
    ///
    /// ```
    /// use hivework::Scheduler;
    ///
    /// let scheduler = Scheduler::builder().workers_between(1, 16).start().unwrap();
    /// assert_eq!(scheduler.put_work(|| 6 * 7).join().unwrap(), 42);
    /// ```
    ///
    /// No workers at least, or more at least than at most, are errors of
    /// [`build`](Builder::build).
    pub fn workers_between(mut self, min: usize, max: usize) -> Self {
        self.workers = Workers::Between(min, max);
        self
    }

    /// The most workers that this scheduler can be told to have; see
    /// [`Scheduler::set_workers`]. Unless set, four for each core, 16, or as many as it is built
    /// with, whichever is most. One for each core is at most so many. Fewer than it is built with otherwise is an
    /// error of [`build`](Builder::build).
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = Some(workers);
        self
    }

    /// How many cores there are to use, for a program that knows better than the system does (a
    /// share of the machine that was agreed upon, say). Asked when the scheduler is built, and, where
    /// the number of workers follows, about once a second while work is done, on the supervisor's
    /// thread: it should be quick. 0 counts as 1. Where it panics, and unless set, the system says so: affinity, and
    /// the CPU quota of every control group that the process is in.
    pub fn cores(mut self, cores: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.cores = Some(Arc::new(cores));
        self
    }

    /// How many spare workers may stand in for blocked ones at a time; 256
    /// unless set. With none, works that wait for queued work can wait forever
    /// once they have taken every worker.
    pub fn max_spares(mut self, spares: usize) -> Self {
        self.max_spares = spares;
        self
    }

    /// What carries work into the queue and events out of the workers;
    /// [`LocalTransport`] unless set.
    ///
    /// It may bring messages late. Where its channels have a bound, a put from
    /// outside that finds no room waits, as it does for the queue's capacity.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use hivework::{BoundedTransport, Scheduler};
    ///
    /// let few = NonZeroUsize::new(8).unwrap();
    /// let scheduler = Scheduler::builder()
    ///     .workers(1)
    ///     .transport(BoundedTransport::new(few))
    ///     .start()?;
    /// assert_eq!(scheduler.put_work(|| 6 * 7).join()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Box::new(transport);
        self
    }

    /// What time it is for the scheduler: [`Clock::system`] unless set, or a
    /// [`ManualClock`](crate::ManualClock), which a test turns by hand.
    ///
    /// By a clock that is turned by hand the supervisor does not tick: between two turns it looks
    /// after what it is called for, and no more.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// How many works may lie in the queue. A put from outside waits while it
    /// is full, or answers so (see [`Scheduler::put_work`]); what running work
    /// puts is never held up. Unbounded unless set; a capacity of 0 is an error
    /// of [`build`](Builder::build).
    pub fn queue_capacity(mut self, capacity: usize) -> Self {
        self.queue_capacity = Some(capacity);
        self
    }

    /// What threads are called: `name-0`, `name-1`, `name-supervisor`.
    /// `hivework` unless set. A zero byte is an error of
    /// [`build`](Builder::build).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Called on each worker's thread, with the worker's number, before its
    /// first item. A panic in it is contained.
    pub fn on_thread_start(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.on_thread_start = Some(Arc::new(hook));
        self
    }

    /// Called on each worker's thread, with the worker's number, after its last
    /// item. A panic in it is contained. Not called for a worker that crashed.
    pub fn on_thread_stop(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.on_thread_stop = Some(Arc::new(hook));
        self
    }

    /// Where to write a trace of what goes on; nowhere unless set. See [`TraceFile`]. Needs the
    /// feature `trace`.
    ///
    /// Should the file cease to take anything, the trace ends there, and
    /// [`Event::SupervisorTroubled`](crate::Event::SupervisorTroubled) says so.
    #[cfg(feature = "trace")]
    pub fn trace(mut self, file: TraceFile) -> Self {
        self.trace = Some(file);
        self
    }

    /// The workers' stack size in bytes; the platform's default unless set.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Builds the scheduler, not started: work that is put waits for
    /// [`start`](Scheduler::start).
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that says what was set wrongly.
    pub fn build(self) -> Result<Scheduler, BuildError> {
        let (plan, workers, most_workers) =
            self.workers.plan(self.max_workers, self.cores.as_ref())?;
        if self.run_interval.is_zero() {
            return Err(BuildError::ZeroInterval);
        }
        if self.time_slice.is_zero() {
            return Err(BuildError::ZeroTimeSlice);
        }
        if self.queue_capacity == Some(0) {
            return Err(BuildError::ZeroCapacity);
        }
        if self.name.contains('\0') {
            return Err(BuildError::BadName(self.name));
        }
        let injector =
            Injector::new(&*self.transport, self.queue_capacity).map_err(BuildError::Transport)?;
        let config = Config {
            name: self.name,
            workers,
            plan,
            cores: self.cores,
            most_workers,
            clock: self.clock,
            max_spares: self.max_spares.min(MOST_WORKERS),
            run_interval: self.run_interval,
            time_slice: self.time_slice,
            on_overrun: self.on_overrun,
            stack_size: self.stack_size,
            transport: self.transport,
            on_thread_start: self.on_thread_start,
            on_thread_stop: self.on_thread_stop,
            #[cfg(feature = "trace")]
            trace: self.trace.map(Trace::new),
        };
        Ok(Scheduler::of(Shared::new(config, injector)))
    }

    /// Builds the scheduler and starts it.
    ///
    /// # Errors
    ///
    /// As [`build`](Builder::build); [`BuildError::Start`] when threads could not
    /// be made.
    pub fn start(self) -> Result<Scheduler, BuildError> {
        let scheduler = self.build()?;
        scheduler.start().map_err(BuildError::Start)?;
        Ok(scheduler)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("workers", &self.workers)
            .field("max_workers", &self.max_workers)
            .field("max_spares", &self.max_spares)
            .field("run_interval", &self.run_interval)
            .field("time_slice", &self.time_slice)
            .field("on_overrun", &self.on_overrun)
            .field("queue_capacity", &self.queue_capacity)
            .field("stack_size", &self.stack_size)
            .field("clock", &self.clock)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// What was set wrongly.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// No workers, or none at least or at most: nobody would run anything.
    NoWorkers,
    /// More workers at least than at most.
    MinAboveMax {
        /// How many there were to be at least.
        min: usize,
        /// How many at most.
        max: usize,
    },
    /// More workers than [`max_workers`](Builder::max_workers), or that set beyond 32767.
    TooManyWorkers {
        /// How many there can be.
        most: usize,
    },
    /// A run interval of zero: the supervisor would never rest.
    ZeroInterval,
    /// A time slice of zero: every work would overrun.
    ZeroTimeSlice,
    /// A queue capacity of 0: no work could ever be put.
    ZeroCapacity,
    /// The name holds a zero byte, which no thread's name can.
    BadName(String),
    /// The transport did not connect the two ends of its work channel.
    Transport(ConnectError),
    /// It was built but could not be started.
    Start(StartError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::NoWorkers => f.write_str(
                "a scheduler needs at least one worker; leave `workers` unset for one per core",
            ),
            BuildError::MinAboveMax { min, max } => write!(
                f,
                "at least {min} workers and at most {max} is nothing; give the smaller number first"
            ),
            BuildError::TooManyWorkers { most } => write!(
                f,
                "this scheduler has at most {most} workers; ask for fewer, or set `max_workers`, \
                 which is at most {MOST_WORKERS}"
            ),
            BuildError::ZeroInterval => f.write_str("the run interval must be longer than zero"),
            BuildError::ZeroTimeSlice => f.write_str(
                "a time slice must be longer than zero; a work is given more by `time_slices`",
            ),
            BuildError::ZeroCapacity => f.write_str(
                "a queue of capacity 0 takes no work; leave `queue_capacity` unset for no bound",
            ),
            BuildError::BadName(name) => write!(f, "the name {name:?} holds a zero byte"),
            BuildError::Transport(error) => {
                write!(f, "the transport did not connect its work channel: {error}")
            }
            BuildError::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BuildError::Start(error) => Some(error),
            BuildError::Transport(error) => Some(error),
            _ => None,
        }
    }
}
