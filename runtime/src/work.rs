//! A work item before it is put: a closure and its options.

pub(crate) mod alone;
pub(crate) mod asked;
pub(crate) mod attendant;
pub(crate) mod completion;
pub(crate) mod context;
pub(crate) mod ends;
pub(crate) mod error;
mod foreign;
pub(crate) mod info;
pub(crate) mod item;
pub(crate) mod limits;
pub(crate) mod memory;
pub(crate) mod once_box;
pub(crate) mod own;
pub(crate) mod parcel;
pub(crate) mod periodic;
pub(crate) mod priority;
pub(crate) mod restart;
pub(crate) mod settle;
pub(crate) mod state;
pub(crate) mod task;
pub(crate) mod unwind;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use context::WorkContext;
use ends::Fresh;
use error::WorkError;
use priority::Priority;
use task::Body;

/// A piece of work with its options, ready to be put. Made by [`make_work`].
#[must_use = "work does nothing until it is put"]
pub struct Work<T> {
    pub(crate) fresh: Fresh<T>,
    pub(crate) deadline: Option<Duration>,
}

/// Makes work out of a closure, to give it a name, a deadline or a callback
/// before it is put. A closure that needs none of them can be put as it is.
///
/// The closure takes nothing, or its own [`WorkContext`]; the context's type
/// has to be written down: `|work: &WorkContext| …`.
///
/// ```
/// use std::time::Duration;
/// use hivework::{make_scheduler, make_work, WorkContext};
///
/// let scheduler = make_scheduler();
/// let plain = make_work(|| 6 * 7).name("answer").deadline(Duration::from_secs(5));
/// let named = make_work(|work: &WorkContext| work.name().map(str::to_owned)).name("me");
/// assert_eq!(scheduler.put_work(plain).join().unwrap(), 42);
/// assert_eq!(scheduler.put_work(named).join().unwrap().as_deref(), Some("me"));
/// ```
pub fn make_work<T, Kind>(closure: impl IntoWork<T, Kind>) -> Work<T> {
    closure.into_work()
}

impl<T: Send + 'static> Work<T> {
    fn of(body: impl Body<T>) -> Self {
        Work::fresh(Fresh::new(body))
    }

    pub(crate) fn fresh(fresh: Fresh<T>) -> Self {
        Work {
            fresh,
            deadline: None,
        }
    }

    /// What it is called in events and books.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.fresh.info_mut().set_name(name.into());
        self
    }

    /// How urgent it is. Work that is put by other work without a priority of its own goes to
    /// the worker's own deque; any other goes where its kind is queued.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.fresh.set_priority(priority);
        self
    }

    /// How long it may take from the put on. When that has passed, the handle
    /// answers [`WorkError::DeadlineExceeded`] at once: work that has not begun
    /// never does, and work that is running reads
    /// [`cancelled`](WorkContext::cancelled) and has its late result dropped.
    ///
    /// A scheduler that is stopped watches no clock: then a thread in `join`
    /// does so for itself, and a future is answered after the next start.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// How long it may wait from the put on until it begins. When it has not begun by then it never
    /// does, and the handle answers [`WorkError::Blocked`] at once; once it has begun this limit
    /// is over. The earlier of this and the [`deadline`](Work::deadline) counts, and of two that
    /// pass at the same moment this one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework::{make_work, ManualClock, Scheduler, WorkError};
    ///
    /// let clock = ManualClock::new();
    /// let scheduler = Scheduler::builder().workers(1).clock(&clock).build()?;
    /// let work = scheduler.put_work(make_work(|| ()).start_within(Duration::from_secs(3)));
    /// clock.advance(Duration::from_secs(3));
    /// assert!(matches!(work.join(), Err(WorkError::Blocked)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_within(mut self, limit: Duration) -> Self {
        self.fresh.info_mut().set_start_within(limit);
        self
    }

    /// How long it may take from its beginning on. When that has passed the handle answers
    /// [`WorkError::DeadlineExceeded`] at once, and the work can read that it should
    /// [stop](WorkContext::cancelled); its late result is dropped. So it is with its
    /// [`deadline`](Work::deadline), which counts from the put; it can have both. For a work that
    /// runs in turns it counts from the beginning of the first, whatever it waits for.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework::{make_scheduler, make_work, WorkContext, WorkError};
    ///
    /// let scheduler = make_scheduler();
    /// let endless = make_work(|work: &WorkContext| {
    ///     while !work.cancelled() {
    ///         std::thread::yield_now();
    ///     }
    /// });
    /// let endless = scheduler.put_work(endless.timeout(Duration::from_millis(2)));
    /// assert!(matches!(endless.join(), Err(WorkError::DeadlineExceeded)));
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.fresh.info_mut().set_timeout(limit);
        self
    }

    /// How long it waits after the put before it can be run. Until then it lies beside the
    /// queue, counts as [`Queued`](crate::Status::Queued), and does not count against the
    /// queue's capacity; then it goes into the queue, which it may find full. Put in a
    /// transaction, it waits from the commit on. No delay at all is the same as a delay of zero.
    ///
    /// It can be cancelled meanwhile, and its [`deadline`](Work::deadline) passes meanwhile. A
    /// work that joins it waits until it is due, and is away. After a
    /// [`stop`](crate::Scheduler::stop) it waits on, for its time and the next start. A
    /// [`drain`](crate::Scheduler::drain) does not wait for it: it answers
    /// [`WorkError::Stopped`], and so does what is put with a delay while the scheduler drains.
    ///
    /// A delay is exact, and not rounded to the supervisor's ticks. Some hundred years are for ever.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use hivework::{make_scheduler, make_work};
    ///
    /// let scheduler = make_scheduler();
    /// let put = Instant::now();
    /// let work = make_work(Instant::now).delay(Duration::from_millis(2));
    /// let began = scheduler.put_work(work).join().unwrap();
    /// assert!(began - put >= Duration::from_millis(2));
    /// ```
    pub fn delay(mut self, delay: Duration) -> Self {
        self.fresh.info_mut().set_delay(delay);
        self
    }

    /// For how many [time slices](crate::Builder::time_slice) it may run before it is reported as
    /// [overrun](crate::Event::WorkOverran); 10 unless set, and none at all counts as one. What it
    /// waits for in a transaction, in a join or in [`blocking`](crate::blocking()) does not count;
    /// what it runs inside itself does. A future and a transaction have as many in each turn, from one
    /// suspension to the next.
    ///
    /// ```
    /// use hivework::{make_scheduler, make_work};
    ///
    /// let scheduler = make_scheduler();
    /// let patient = make_work(|| (1..=1000).sum::<u32>()).time_slices(1000);
    /// assert_eq!(scheduler.put_work(patient).join().unwrap(), 500_500);
    /// ```
    pub fn time_slices(mut self, slices: u32) -> Self {
        self.fresh.info_mut().set_slices(slices);
        self
    }

    /// When it runs for longer than its time slices it is not only reported but also asked to stop,
    /// as by [`cancel`](crate::WorkHandle::cancel): it ends at its next
    /// [`checkpoint`](WorkContext::checkpoint), a future at its next suspension.
    ///
    /// ```
    /// use hivework::{make_scheduler, make_work, WorkContext, WorkError};
    ///
    /// let scheduler = make_scheduler();
    /// let hog = make_work(|work: &WorkContext| -> Result<(), WorkError> {
    ///     loop {
    ///         work.checkpoint()?;
    ///     }
    /// });
    /// let hog = scheduler.put_work(hog.time_slices(1).cancel_on_overrun());
    /// assert!(matches!(hog.join(), Err(WorkError::Cancelled)));
    /// ```
    pub fn cancel_on_overrun(mut self) -> Self {
        self.fresh.info_mut().set_cancel_on_overrun(true);
        self
    }

    /// Called once with the outcome before the handle is answered, on the
    /// thread that ran or cancelled the work. A deadline that passes answers
    /// the handle first, and the callback follows on a worker. A panic in it
    /// is contained. Where the put's transaction is rolled back the callback is
    /// dropped uncalled.
    pub fn on_done(self, callback: impl FnOnce(&Result<T, WorkError>) + Send + 'static) -> Self {
        let completion = self.fresh.core().completion();
        // It is not published: the callback stays.
        let _ = completion.add_callback(Box::new(callback));
        self
    }
}

impl<T: Send + 'static> fmt::Debug for Work<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("name", &self.fresh.info().name())
            .field("priority", &self.fresh.core().head().priority())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What can be put: a closure `FnOnce() -> T`, a closure
/// `FnOnce(&WorkContext) -> T`, or a [`Work<T>`].
///
/// `Kind` tells the three apart and is always inferred.
pub trait IntoWork<T, Kind> {
    /// The work.
    fn into_work(self) -> Work<T>;
}

/// The kinds of [`IntoWork`].
pub mod kind {
    /// A closure without parameters.
    #[derive(Debug)]
    pub enum Plain {}
    /// A closure that takes its [`WorkContext`](crate::WorkContext).
    #[derive(Debug)]
    pub enum Contextual {}
    /// [`Work`](crate::Work) itself.
    #[derive(Debug)]
    pub enum Made {}
}

impl<T> IntoWork<T, kind::Made> for Work<T> {
    fn into_work(self) -> Work<T> {
        self
    }
}

impl<T, F> IntoWork<T, kind::Plain> for F
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn into_work(self) -> Work<T> {
        Work::of(Plain(self))
    }
}

impl<T, F> IntoWork<T, kind::Contextual> for F
where
    F: FnOnce(&WorkContext) -> T + Send + 'static,
    T: Send + 'static,
{
    fn into_work(self) -> Work<T> {
        Work::of(Contextual(self))
    }
}

struct Plain<F>(F);

impl<T, F: FnOnce() -> T + Send + 'static> Body<T> for Plain<F> {
    fn call(self, _: &dyn Fn() -> WorkContext) -> T {
        (self.0)()
    }
}

struct Contextual<F>(F);

impl<T, F: FnOnce(&WorkContext) -> T + Send + 'static> Body<T> for Contextual<F> {
    fn call(self, context: &dyn Fn() -> WorkContext) -> T {
        (self.0)(&context())
    }
}
