//! A job before it is put: work, and what its [stream](crate::Stream) is to know of it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use hivework_stm::facade::sync::Arc;

use crate::stream::hooks::{JobEnd, JobHooks};
use crate::stream::view::JobView;
use crate::work::{IntoWork, Work};

/// Work that is to be put into a [`Stream`](crate::Stream), with what that is to know of it. Made by
/// [`make_job`].
#[must_use = "a job does nothing until it is put"]
pub struct Job<T> {
    pub(crate) work: Work<T>,
    pub(crate) facts: Facts,
}

/// What a stream knows of a job.
pub(crate) struct Facts {
    pub(crate) priority: i32,
    pub(crate) key: Option<Cow<'static, str>>,
    pub(crate) consume: Consume,
    pub(crate) hooks: JobHooks,
}

/// Whose slot a job takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Consume {
    /// One of its own.
    #[default]
    Own,
    /// That of the job that puts it, which comes home when the last of those that share it has ended. So it
    /// starts without waiting for a slot, ahead of what waits for one.
    ///
    /// Where there is nothing to share it takes one of its own: put from outside of any job, or by a
    /// job whose slot belongs to another budget.
    Shared,
}

/// Makes a job out of a closure or work, to give it a priority, a callback and the like. A closure or work that
/// needs none of them can be put into a stream as it is.
///
/// ```
/// use hivework::{Scheduler, Slots, StreamScheduler, make_job};
///
/// let scheduler = Scheduler::builder().workers(1).start()?;
/// let streams = StreamScheduler::new(&scheduler, &Slots::new(1)?);
/// let mails = streams.stream("mails").open()?;
/// let mail = make_job(|| "sent").name("welcome").priority(3);
/// assert_eq!(mails.put(mail).join()?, "sent");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn make_job<T: Send + 'static, Kind>(work: impl IntoWork<T, Kind>) -> Job<T> {
    Job {
        work: work.into_work(),
        facts: Facts {
            priority: 0,
            key: None,
            consume: Consume::Own,
            hooks: JobHooks::default(),
        },
    }
}

impl<T: Send + 'static> Job<T> {
    /// How urgent it is among the jobs of its stream, where that goes by priority
    /// ([`Next::Priority`](crate::Next::Priority)); higher comes first, and 0 unless set. Every number is one.
    ///
    /// When it has started, workers go by the [`Priority`](crate::Priority) of the work.
    pub fn priority(mut self, priority: i32) -> Self {
        self.facts.priority = priority;
        self
    }

    /// What it belongs to, where its stream takes turns ([`Next::RoundRobin`](crate::Next::RoundRobin)): a
    /// customer, a file. Those without a key are one group.
    pub fn key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.facts.key = Some(key.into());
        self
    }

    /// Whose slot it takes; its [own](Consume::Own) unless set.
    pub fn consume(mut self, consume: Consume) -> Self {
        self.facts.consume = consume;
        self
    }

    /// As [`Work::name`].
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.work = self.work.name(name);
        self
    }

    /// As [`Work::deadline`]: from the put on. It is what
    /// [`Next::EarliestDeadline`](crate::Next::EarliestDeadline) goes by.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.work = self.work.deadline(limit);
        self
    }

    /// As [`Work::start_within`]: where it has not begun so long after its put, because it found no slot say,
    /// it never does, and answers [`Blocked`](crate::WorkError::Blocked) at once.
    pub fn start_within(mut self, limit: Duration) -> Self {
        self.work = self.work.start_within(limit);
        self
    }

    /// As [`Work::timeout`]: from its beginning on. It is asked to stop, and its handle answered at
    /// once; its slot is home only when it has ended.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.work = self.work.timeout(limit);
        self
    }

    /// As [`Work::delay`]: it enters its stream when that is over.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.work = self.work.delay(delay);
        self
    }

    /// Called once when it starts, before anything of it runs, on the thread that runs it.
    pub fn on_start(mut self, call: impl FnOnce(&JobView) + Send + 'static) -> Self {
        self.facts.hooks.started.push(Box::new(call));
        self
    }

    /// Called once when it has ended, after it started; its handle has been answered by then.
    pub fn on_end(mut self, call: impl FnOnce(&JobView, JobEnd) + Send + 'static) -> Self {
        self.facts.hooks.ended.push(Box::new(call));
        self
    }

    /// Called once when it is over and has never started: cancelled before, say, or too late.
    pub fn on_abort(mut self, call: impl FnOnce(&JobView, JobEnd) + Send + 'static) -> Self {
        self.facts.hooks.aborted.push(Box::new(call));
        self
    }

    /// Called whenever its stream is activated while the job waits in it or runs.
    pub fn on_activate(mut self, call: impl Fn(&JobView) + Send + Sync + 'static) -> Self {
        self.facts.hooks.activated.push(Arc::new(call));
        self
    }

    /// Called whenever its stream is paused while the job waits in it or runs.
    pub fn on_pause(mut self, call: impl Fn(&JobView) + Send + Sync + 'static) -> Self {
        self.facts.hooks.paused.push(Arc::new(call));
        self
    }
}

impl<T: Send + 'static> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("work", &self.work)
            .field("priority", &self.facts.priority)
            .field("key", &self.facts.key)
            .field("consume", &self.facts.consume)
            .finish_non_exhaustive()
    }
}

/// What can be put into a [`Stream`](crate::Stream): a [`Job`], or whatever can be [put](IntoWork)
/// otherwise, as a job without options.
///
/// `Kind` tells them apart and is always inferred.
pub trait IntoJob<T, Kind> {
    /// The job.
    fn into_job(self) -> Job<T>;
}

/// The kind of [`IntoJob`] that is a [`Job`] already.
#[derive(Debug)]
pub enum IsJob {}

/// The kind of [`IntoJob`] that is work of some kind.
#[derive(Debug)]
pub struct OfWork<Kind>(std::marker::PhantomData<Kind>);

impl<T> IntoJob<T, IsJob> for Job<T> {
    fn into_job(self) -> Job<T> {
        self
    }
}

impl<T: Send + 'static, Kind, W: IntoWork<T, Kind>> IntoJob<T, OfWork<Kind>> for W {
    fn into_job(self) -> Job<T> {
        make_job(self)
    }
}
