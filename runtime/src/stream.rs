//! Streams: named sets of jobs, from which a scheduler of their own draws into a bounded number of slots.
//!
//! | part | what it tells |
//! |---|---|
//! | [`drawer`] | how jobs come from streams to slots |
//! | [`lane`] | a stream as its scheduler sees it |
//! | [`entry`] | a job as its stream sees it |
//! | [`index`], [`pending`] | the order of streams, and of jobs |
//! | [`criterion`], [`terms`] | when jobs may start |
//! | [`evict`] | who has to leave a slot to something more urgent |
//! | [`strategy`] | strategies of the user's own |
//! | [`alone`] | choosing without starting anything |
//! | [`handle`], [`builder`], [`order`], [`view`], [`hooks`] | what a program sees of it |

pub(crate) mod alone;
pub(crate) mod builder;
pub(crate) mod criterion;
pub(crate) mod drawer;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod evict;
pub(crate) mod handle;
pub(crate) mod hooks;
mod index;
pub(crate) mod lane;
pub(crate) mod order;
pub(crate) mod pending;
mod pump;
mod strategy;
pub(crate) mod terms;
pub(crate) mod view;

use std::fmt;

use hivework_stm::facade::sync::Arc;

use crate::Scheduler;
use crate::slots::Slots;
use builder::{StreamBuilder, StreamSchedulerBuilder};
use drawer::Drawer;
use error::StreamError;
use handle::Stream;
use order::Draw;
use terms::Terms;

/// Draws jobs from streams into slots: no more of them run at a time than there are slots, and which comes next is
/// for its strategy and theirs to say.
///
/// A handle: clones are the same scheduler. It runs its jobs on a [`Scheduler`], which it does not keep alive:
/// what is put when that has gone answers [`WorkError::Stopped`](crate::WorkError::Stopped). Its
/// streams outlive it, for as long as anybody has them or they have jobs.
///
/// A stop of the scheduler leaves its jobs where they are. A drain runs what can run; what waits for
/// something else that does not come, in a paused stream say, answers `Stopped` when nothing else is left.
///
/// (After `emacs-async-scheduler`, whose workstreams these are.)
///
/// ```
/// use hivework::{Draw, Scheduler, Slots, StreamScheduler};
///
/// let scheduler = Scheduler::builder().workers(2).start()?;
/// let streams = StreamScheduler::builder(&scheduler, &Slots::new(2)?)
///     .draw(Draw::WeightedFair)
///     .build()?;
/// let orders = streams.stream("orders").weight(3).open()?;
/// let reports = streams.stream("reports").weight(1).slots(1).open()?;
/// let order = orders.put(|| "shipped");
/// let report = reports.put(|| "printed");
/// assert_eq!((order.join()?, report.join()?), ("shipped", "printed"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct StreamScheduler {
    drawer: Arc<Drawer>,
    /// The stream that it is subordinate to.
    outer: Option<Stream>,
}

impl StreamScheduler {
    /// Sets up one that runs its jobs on `scheduler`, and takes a slot of `slots` for each.
    pub fn builder(scheduler: &Scheduler, slots: &Slots) -> StreamSchedulerBuilder {
        StreamSchedulerBuilder {
            home: scheduler.shared().home(),
            slots: slots.clone(),
            draw: Draw::default(),
            terms: Terms::default(),
        }
    }

    /// One that draws by strict priority, and otherwise as [`builder`](StreamScheduler::builder) sets it up.
    #[must_use]
    pub fn new(scheduler: &Scheduler, slots: &Slots) -> StreamScheduler {
        let home = scheduler.shared().home();
        let drawer = Drawer::new(home, slots.clone(), Draw::default(), None, Terms::default());
        StreamScheduler {
            drawer,
            outer: None,
        }
    }

    /// A scheduler that is subordinate to a stream: whenever a job is to be drawn from that stream, and it
    /// has none of its own, it is drawn from the streams of this one. Each job takes a slot of
    /// both: `most` is how many run at a time. With one slot and one stream, jobs run one after the other.
    ///
    /// The stream is emptied when it has no job and its subordinate has none; while it is paused
    /// none is drawn from there.
    ///
    /// ```
    /// use hivework::{Draw, Scheduler, Slots, StreamScheduler};
    ///
    /// let scheduler = Scheduler::builder().workers(2).start()?;
    /// let streams = StreamScheduler::new(&scheduler, &Slots::new(8)?);
    /// let disk = streams.stream("disk").open()?;
    /// let disk = StreamScheduler::subordinate(&disk, 1, Draw::RoundRobin)?;
    /// let (logs, backups) = (disk.stream("logs").open()?, disk.stream("backups").open()?);
    /// assert_eq!(logs.put(|| 1).join()? + backups.put(|| 2).join()?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StreamError::Slots`] for no slots, or more than the stream has; [`StreamError::HasSubordinate`] if it has
    /// another that is still there.
    pub fn subordinate(
        outer: &Stream,
        most: usize,
        draw: Draw,
    ) -> Result<StreamScheduler, StreamError> {
        builder::subordinate(outer, most, draw)
    }

    /// Sets up a stream. Names are for events and for people: two streams may have the same.
    pub fn stream(&self, name: impl AsRef<str>) -> StreamBuilder {
        StreamBuilder::new(&self.drawer, name.as_ref())
    }

    /// Its streams that somebody still has, or that have jobs, in the order in which they were opened.
    #[must_use]
    pub fn streams(&self) -> Vec<Stream> {
        self.drawer.lanes().iter().map(Stream::of).collect()
    }

    /// The stream that it is [subordinate](StreamScheduler::subordinate) to, if it is.
    #[must_use]
    pub fn outer(&self) -> Option<&Stream> {
        self.outer.as_ref()
    }

    /// The slots that its jobs take.
    #[must_use]
    pub fn slots(&self) -> &Slots {
        &self.drawer.slots
    }
}

impl fmt::Debug for StreamScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamScheduler")
            .field("slots", &self.drawer.slots)
            .field("draw", &self.drawer.draw)
            .finish_non_exhaustive()
    }
}
