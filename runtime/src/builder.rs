//! How a scheduler is set up, and what can be wrong with that.

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
use crate::stop::StartError;

/// Called on a worker's thread with the worker's number.
pub(crate) type ThreadHook = Arc<dyn Fn(usize) + Send + Sync>;

/// What a scheduler is set up with.
pub(crate) struct Config {
    pub(crate) name: String,
    /// How many workers it begins with.
    pub(crate) workers: usize,
    /// The most workers that it can be told to have; spares have the numbers from there on.
    pub(crate) most_workers: usize,
    pub(crate) clock: Clock,
    pub(crate) max_spares: usize,
    pub(crate) run_interval: Duration,
    pub(crate) stack_size: Option<usize>,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) on_thread_start: Option<ThreadHook>,
    pub(crate) on_thread_stop: Option<ThreadHook>,
    #[cfg(feature = "trace")]
    pub(crate) trace: Option<Trace>,
}

/// Sets up a [`Scheduler`]; see [`Scheduler::builder`].
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    name: String,
    workers: Option<usize>,
    max_spares: usize,
    run_interval: Duration,
    queue_capacity: Option<usize>,
    stack_size: Option<usize>,
    transport: Box<dyn Transport>,
    on_thread_start: Option<ThreadHook>,
    on_thread_stop: Option<ThreadHook>,
    #[cfg(feature = "trace")]
    trace: Option<TraceFile>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            name: "hivework".to_owned(),
            workers: None,
            max_spares: 256,
            run_interval: Duration::from_millis(1),
            queue_capacity: None,
            stack_size: None,
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

    /// How many workers; unless set, one for each core that this process may
    /// use (affinity and CPU quota considered). None at all is an error of
    /// [`build`](Builder::build).
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
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
        let workers = self.workers.unwrap_or_else(num_cpus::get);
        if workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        if workers > MOST_WORKERS {
            return Err(BuildError::TooManyWorkers { most: MOST_WORKERS });
        }
        if self.run_interval.is_zero() {
            return Err(BuildError::ZeroInterval);
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
            most_workers: workers,
            clock: Clock,
            max_spares: self.max_spares.min(MOST_WORKERS),
            run_interval: self.run_interval,
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

/// The idle protocol counts searchers and sleepers, spares included, in 16 bits.
const MOST_WORKERS: usize = 0x7FFF;

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("workers", &self.workers)
            .field("max_spares", &self.max_spares)
            .field("run_interval", &self.run_interval)
            .field("queue_capacity", &self.queue_capacity)
            .field("stack_size", &self.stack_size)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// What was set wrongly.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// `workers(0)`: nobody would run anything.
    NoWorkers,
    /// More workers than the idle protocol can count.
    TooManyWorkers {
        /// How many there can be.
        most: usize,
    },
    /// A run interval of zero: the supervisor would never rest.
    ZeroInterval,
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
            BuildError::TooManyWorkers { most } => {
                write!(f, "a scheduler has at most {most} workers")
            }
            BuildError::ZeroInterval => f.write_str("the run interval must be longer than zero"),
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
